//! Measuring: a table for people, the figures as JSON for scripts.
//!
//! The measuring itself is done by scripts and by the programs; this module starts them and shows what they found.

mod engine;
mod forms;

use std::{fs, process::Command};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::{check, node, run, setup, workspace};

const CHROMADB: [&str; 1] = ["chromadb==1.5.9"];

/// One measured number, with the same number of another program beside it where there is one.
#[derive(Clone)]
struct Figure {
    name: String,
    value: f64,
    unit: String,
    peer: Option<String>,
    peer_value: Option<f64>,
}

pub fn run(arguments: &[&str]) -> Result<()> {
    let (area, json_file) = match arguments {
        [area] => (*area, None),
        [area, "--json", file] => (*area, Some(*file)),
        _ => bail!("usage: cargo xtask bench engine|forms|app|tasks|folders|knowledge [--json FILE]"),
    };
    let measure = match area {
        "engine" => engine::measure,
        "forms" => forms::measure,
        "app" => app,
        "tasks" => tasks,
        "folders" => folders,
        "knowledge" => knowledge,
        other => bail!("there is no benchmark `{other}`; there are engine, forms, app, tasks, folders and knowledge"),
    };
    setup::everything()?;
    node::build_ui()?;
    check::build()?;
    let figures = measure()?;
    print!("{}", table(&figures));
    if let Some(file) = json_file {
        let figures: Vec<Value> = figures.iter().map(Figure::json).collect();
        fs::write(file, serde_json::to_string_pretty(&json!({ "figures": figures }))? + "\n")
            .with_context(|| format!("the figures cannot be written to {file}"))?;
    }
    Ok(())
}

/// Start, memory and idle load of the desktop program in a display of its own.
fn app() -> Result<Vec<Figure>> {
    figures(&run::output(node::node().arg("tests/bench/app.mjs"))?)
}

/// Ten thousand tasks: the program's answers, and the page in a browser.
fn tasks() -> Result<Vec<Figure>> {
    figures(&run::output(node::node().arg("tests/bench/tasks.mjs"))?)
}

/// Ten thousand watched files: reading them, following them, and doing nothing.
fn folders() -> Result<Vec<Figure>> {
    figures(&run::output(node::node().arg("tests/bench/folders.mjs"))?)
}

/// The index beside chromadb, which is installed for it.
fn knowledge() -> Result<Vec<Figure>> {
    let mut stores = Command::new(setup::python_with_pip()?);
    stores
        .env("PYTHONPATH", setup::python_packages(&CHROMADB)?)
        .arg("tests/bench/knowledge/stores.py")
        .arg(workspace::binary("molt-lance-bench"));
    figures(&run::output(&mut stores)?)
}

/// Reads the list of figures from the last line that is JSON; what comes before is progress for people.
fn figures(said: &str) -> Result<Vec<Figure>> {
    let found = said.lines().rev().find_map(|line| serde_json::from_str::<Vec<Value>>(line).ok());
    found.context("the benchmark printed no figures")?.iter().map(Figure::read).collect()
}

impl Figure {
    fn read(value: &Value) -> Result<Self> {
        let text = |key: &str| value[key].as_str().map(str::to_owned);
        Ok(Self {
            name: text("name").context("a figure has no name")?,
            value: value["value"].as_f64().context("a figure has no value")?,
            unit: text("unit").unwrap_or_default(),
            peer: text("peer"),
            peer_value: value["peer_value"].as_f64(),
        })
    }

    fn ratio(&self) -> Option<f64> {
        self.peer_value.filter(|peer| *peer != 0.0).map(|peer| self.value / peer)
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "peer": self.peer,
            "peer_value": self.peer_value,
            "ratio": self.ratio(),
        })
    }
}

fn table(figures: &[Figure]) -> String {
    let width = figures.iter().map(|figure| figure.name.chars().count()).max().unwrap_or(0);
    figures
        .iter()
        .map(|figure| {
            let beside = match (&figure.peer, figure.peer_value, figure.ratio()) {
                (Some(peer), Some(value), Some(ratio)) => format!("   {peer} {value:.2} ({ratio:.2}×)"),
                _ => String::new(),
            };
            format!("{:<width$}  {:>10.2} {}{beside}\n", figure.name, figure.value, figure.unit)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_figures_after_progress_and_shows_the_peer() {
        let said =
            "loading\n[{\"name\":\"decode\",\"value\":20,\"unit\":\"token/s\",\"peer\":\"other\",\"peer_value\":10}]\n";
        let found = figures(said).expect("figures");
        assert_eq!(found[0].json()["ratio"], json!(2.0));
        assert_eq!(table(&found), "decode       20.00 token/s   other 10.00 (2.00×)\n");
    }

    #[test]
    fn refuses_output_without_figures() {
        assert!(figures("done\n").is_err());
        assert!(figures("[{\"name\":\"decode\"}]").is_err());
    }
}
