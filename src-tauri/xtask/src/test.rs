//! Running the tests, part by part, with a closing account of all of them.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::{check, node, run, setup, workspace};

/// A part of the tests: its name for the command line, and what it runs.
struct Part {
    name: &'static str,
    run: fn() -> Result<Outcome>,
}

const PARTS: [Part; 11] = [
    Part { name: "check", run: || check::run().map(|()| Outcome { succeeded: true, tally: Tally::default() }) },
    Part { name: "unit", run: unit },
    Part { name: "integration", run: integration },
    Part { name: "avx512", run: avx512 },
    Part { name: "ui", run: || watched(&mut node::script("test")) },
    Part { name: "cli", run: || end_to_end("cli.test.mjs") },
    Part { name: "keys", run: || end_to_end("keys.test.mjs") },
    Part { name: "web", run: || end_to_end("web.test.mjs") },
    Part { name: "e2e", run: || end_to_end("window.test.mjs") },
    Part { name: "tasks", run: || end_to_end("tasks.test.mjs") },
    Part { name: "kill", run: || end_to_end("kill.test.mjs") },
];

/// What the closing lines of the test runners say.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Tally {
    passed: u64,
    failed: u64,
    /// Left out; our tests leave nothing out, so any is a failure.
    skipped: u64,
}

struct Outcome {
    succeeded: bool,
    tally: Tally,
}

pub fn run(names: &[&str]) -> Result<()> {
    let wanted = |part: &&Part| names.is_empty() || names.contains(&part.name);
    if let Some(unknown) = names.iter().find(|name| !PARTS.iter().any(|part| part.name == **name)) {
        bail!("there is no part `{unknown}`; the parts are {}", PARTS.map(|part| part.name).join(", "));
    }
    let started = Instant::now();
    setup::everything()?;
    node::build_ui()?;
    let mut total = Tally::default();
    let mut report = vec![format!("{:<11} ok · {}", "setup", time(started.elapsed()))];
    let mut all_succeeded = true;
    for part in PARTS.iter().filter(wanted) {
        println!("\n=== {}", part.name);
        let part_started = Instant::now();
        // A part that fails does not keep the others from running: one look shows everything.
        let outcome = (part.run)().unwrap_or_else(|error| {
            eprintln!("{error:#}");
            Outcome { succeeded: false, tally: Tally::default() }
        });
        let tally = outcome.tally;
        let succeeded = outcome.succeeded && tally.failed == 0 && tally.skipped == 0;
        all_succeeded &= succeeded;
        total.passed += tally.passed;
        total.failed += tally.failed;
        total.skipped += tally.skipped;
        let verdict = if succeeded { "ok" } else { "FAILED" };
        report.push(format!("{:<11} {verdict} · {} · {}", part.name, words(tally), time(part_started.elapsed())));
    }
    println!("\n{}", report.join("\n"));
    println!("{:<11} {} · {}", "total", words(total), time(started.elapsed()));
    if !all_succeeded {
        bail!("the tests did not pass");
    }
    Ok(())
}

fn unit() -> Result<Outcome> {
    watched(workspace::cargo("test").args(["--workspace", "--lib", "--bins", "--no-fail-fast"]))
}

/// The tests of each crate over real files, processes, databases and models.
fn integration() -> Result<Outcome> {
    watched(workspace::cargo("test").args(["--workspace", "--test", "*", "--no-fail-fast"]))
}

/// What every worker must do, asked of the llama.cpp worker for new processors.
fn avx512() -> Result<Outcome> {
    if !workspace::runs_avx512() {
        println!("This processor cannot run the worker that is built for AVX-512; it is not tested here.");
        return Ok(Outcome { succeeded: true, tally: Tally::default() });
    }
    watched(workspace::avx512_cargo("test").args(["--bins", "--test", "engine", "--test", "states"]))
}

/// The flows drive the real programs, so these are built first (nothing is done when they are up to date).
fn end_to_end(file: &str) -> Result<Outcome> {
    check::build()?;
    let mut node = node::node();
    watched(node.args(["--test", "--test-reporter=spec"]).arg(format!("tests/e2e/{file}")))
}

fn watched(command: &mut std::process::Command) -> Result<Outcome> {
    let mut tally = Tally::default();
    let succeeded = run::watch(command.env("NO_COLOR", "1"), |line| tally.read(line))?;
    if succeeded && tally.passed == 0 {
        bail!("no test ran");
    }
    Ok(Outcome { succeeded, tally })
}

impl Tally {
    /// Takes in a line of output if it is one of the closing lines of cargo, Vitest or Node.
    fn read(&mut self, line: &str) {
        let line = line.trim();
        let (counts, separator) = if let Some(counts) = line.strip_prefix("test result:") {
            (counts, [';', '.'])
        } else if let Some(counts) = line.strip_prefix("Tests ") {
            (counts, ['|', '('])
        } else if let Some(count) = line.strip_prefix("ℹ ") {
            // Node puts the word first: `pass 12`.
            let mut words = count.split_whitespace();
            if let (Some(word), Some(Ok(number)), None) = (words.next(), words.next().map(str::parse), words.next()) {
                self.add(word, number);
            }
            return;
        } else {
            return;
        };
        for count in counts.split(separator) {
            let mut words = count.split_whitespace();
            if let (Some(Ok(number)), Some(word)) = (words.next().map(str::parse), words.next()) {
                self.add(word, number);
            }
        }
    }

    fn add(&mut self, word: &str, number: u64) {
        match word {
            "passed" | "pass" => self.passed += number,
            "failed" | "fail" | "cancelled" => self.failed += number,
            "ignored" | "skipped" | "todo" => self.skipped += number,
            _ => {}
        }
    }
}

fn words(tally: Tally) -> String {
    let Tally { passed, failed, skipped } = tally;
    format!("{passed} passed, {failed} failed, {skipped} left out")
}

fn time(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    if seconds < 60 {
        format!("{:.1} s", elapsed.as_secs_f32())
    } else {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(lines: &[&str]) -> Tally {
        let mut tally = Tally::default();
        lines.iter().for_each(|line| tally.read(line));
        tally
    }

    #[test]
    fn reads_the_closing_lines_of_cargo() {
        let found = tally(&[
            "running 3 tests",
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.10s",
            "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s",
        ]);
        assert_eq!(found, Tally { passed: 13, failed: 2, skipped: 1 });
    }

    #[test]
    fn reads_the_closing_lines_of_vitest_and_node() {
        let vitest =
            tally(&[" Test Files  1 failed | 3 passed (4)", "      Tests  1 failed | 40 passed | 2 skipped (43)"]);
        assert_eq!(vitest, Tally { passed: 40, failed: 1, skipped: 2 });
        let node = tally(&["ℹ tests 9", "ℹ pass 7", "ℹ fail 1", "ℹ cancelled 1", "ℹ skipped 0", "ℹ todo 0"]);
        assert_eq!(node, Tally { passed: 7, failed: 2, skipped: 0 });
    }
}
