//! How well the engines keep to forms: answers of trained and of random weights, judged by a validator that the engines know nothing of.

use std::{
    env,
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{Figure, engine::random_model};
use crate::{run, setup, workspace};

const SMALL_MODEL: &str = "models/moltworker-small.gguf";
const SCHEMAS: &str = "tests/bench/forms/schemas.jsonl";
/// Names a file of function-calling cases (`messages` and `tools` as the OpenAI API has them) to be answered as well.
const CALLS_VARIABLE: &str = "MOLTWORKER_TOOL_CASES";
/// With its checks of formats.
const VALIDATOR: [&str; 2] = ["jsonschema==4.26.0", "rfc3339-validator==0.1.4"];

pub fn measure() -> Result<Vec<Figure>> {
    let small = workspace::root().join(SMALL_MODEL);
    let noise = random_model("tiny", "q8_0")?;
    let schemas = workspace::root().join(SCHEMAS);
    // The worker, the model, the rounds: 1,000 answers in all.
    let runs =
        [("molt-llama", &small, 7), ("molt-llama", &noise, 6), ("molt-engine", &small, 4), ("molt-engine", &noise, 3)];
    let mut figures = Vec::new();
    for (worker, model, rounds) in runs {
        figures.extend(judged(worker, model, &schemas, rounds)?);
    }
    if let Some(cases) = env::var_os(CALLS_VARIABLE) {
        let calls = workspace::output_dir().join("tool-cases.jsonl");
        let mut convert = Command::new("python3");
        convert.arg(workspace::root().join("tests/bench/forms/calls.py")).arg(cases).arg(&calls);
        run::run(&mut convert)?;
        for model in [&small, &noise] {
            figures.extend(judged("molt-llama", model, &calls, 1)?);
        }
    }
    Ok(figures)
}

/// Lets a worker answer all cases and counts what is valid.
fn judged(worker: &str, model: &Path, cases: &Path, rounds: u32) -> Result<[Figure; 2]> {
    let name = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let about = format!("{worker}, {}, {}", name(model), name(cases));
    println!("{about}");
    let mut bench = Command::new(workspace::binary("molt-engine-bench"));
    bench.arg(workspace::binary(worker)).arg(model).arg(cases).arg(rounds.to_string());
    let answers = run::output(&mut bench)?;
    let mut validator = Command::new("python3")
        .arg(workspace::root().join("tests/bench/forms/valid.py"))
        .arg(cases)
        .env("PYTHONPATH", setup::python_packages(&VALIDATOR)?)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    validator.stdin.take().context("the validator takes no input")?.write_all(answers.as_bytes())?;
    let output = validator.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    print!("{said}");
    if !output.status.success() {
        bail!("the validator failed");
    }
    let counts: Value = serde_json::from_str(said.lines().last().unwrap_or_default()).context("no counts")?;
    let figure = |of: &str| -> Result<Figure> {
        let value = counts[of].as_f64().with_context(|| format!("{of} is not counted"))?;
        Ok(Figure { name: format!("{about}: {of}"), value, unit: "answers".into(), peer: None, peer_value: None })
    };
    Ok([figure("total")?, figure("valid")?])
}
