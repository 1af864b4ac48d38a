//! The engines, each through its worker, with models of published shapes and random weights; llama.cpp's own benchmark beside them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread::available_parallelism,
    time::Instant,
};

use anyhow::{Context, Result};
use serde_json::Value;

use super::{Figure, figures};
use crate::{run, setup, workspace};

/// What is measured: shape and type as `models/train/random_gguf.py` names them.
const MODELS: [(&str, &str); 6] = [
    ("smollm2-135m", "q4_k_m"),
    ("smollm2-135m", "q8_0"),
    ("qwen3-0.6b", "q4_k_m"),
    ("qwen3-0.6b", "q8_0"),
    ("qwen3-1.7b", "q4_k_m"),
    ("qwen3-1.7b", "q8_0"),
];
/// The model whose conversations go on.
const TURNS: (&str, &str) = ("qwen3-0.6b", "q4_k_m");
/// Machines are noisy: each program runs this often, by turns, and its best run counts.
const ROUNDS: usize = 3;
/// How many tokens our worker reads before the token that follows loading.
const GREETING: &str = "prompt of that token";
/// Carries llama.cpp's benchmark, which the crate that the worker is built of leaves out; its llama.cpp is as old as the crate's.
const TOOL: &str = "llama-cpp-python==0.3.36";

pub fn measure() -> Result<Vec<Figure>> {
    let llama_bench = build_llama_bench()?;
    let llama = build_worker()?;
    let mut all = Vec::new();
    for (shape, kind) in MODELS {
        let model = random_model(shape, kind)?;
        println!("measuring {shape} {kind}");
        let (mut ours, mut peer) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            keep_best(&mut ours, worker(&llama, &model)?);
            let greeting = ours.iter().find(|figure: &&Figure| figure.name == GREETING).context("no greeting")?.value;
            keep_best(&mut peer, peer_speed(&llama_bench, &model, greeting as u32)?);
        }
        // Its ratio is far from 1: once is enough.
        let mistral = worker(&workspace::binary("molt-engine"), &model)?;
        for figure in ours {
            let beside = |peers: &[Figure], name: &str| {
                let other = peers.iter().find(|other| other.name == figure.name)?;
                Some(Figure { peer: Some(name.to_owned()), peer_value: Some(other.value), ..figure.clone() })
            };
            let own = figure.peer.is_some().then(|| figure.clone());
            let found = [own, beside(&peer, "llama-bench"), beside(&mistral, "mistral.rs")].into_iter().flatten();
            all.extend(found.map(|found| Figure { name: format!("{shape} {kind} {}", found.name), ..found }));
        }
    }
    println!("measuring how soon a conversation goes on");
    let mut turns = Command::new(workspace::binary("molt-engine-bench"));
    turns.arg(llama).arg(random_model(TURNS.0, TURNS.1)?).arg("turns");
    let named = |figure: Figure| Figure { name: format!("{} {} {}", TURNS.0, TURNS.1, figure.name), ..figure };
    all.extend(figures(&run::output(&mut turns)?)?.into_iter().map(named));
    Ok(all)
}

/// Speeds are best when they are high, times and memory when they are low.
fn keep_best(best: &mut Vec<Figure>, new: Vec<Figure>) {
    if best.is_empty() {
        *best = new;
        return;
    }
    for (best, new) in best.iter_mut().zip(new) {
        let is_rate = best.unit == "tokens/s";
        if (new.value > best.value) == is_rate {
            *best = new;
        }
    }
}

/// Load time, speed and memory through a worker.
fn worker(program: &Path, model: &Path) -> Result<Vec<Figure>> {
    let mut bench = Command::new(workspace::binary("molt-engine-bench"));
    figures(&run::output(bench.arg(program).arg(model))?)
}

/// The llama.cpp worker that the program would choose on this machine.
fn build_worker() -> Result<PathBuf> {
    if !workspace::runs_avx512() {
        return Ok(workspace::binary("molt-llama"));
    }
    run::run(workspace::avx512_cargo("build").arg("--bins"))?;
    Ok(workspace::avx512_dir().join("debug/molt-llama"))
}

/// The same by llama.cpp itself: a prompt of 512 tokens, what follows it, and its whole life for a prompt of `greeting` tokens and one more.
fn peer_speed(llama_bench: &Path, model: &Path, greeting: u32) -> Result<Vec<Figure>> {
    let threads = available_parallelism()?.to_string();
    let rate = |arguments: &[&str]| -> Result<f64> {
        let mut bench = Command::new(llama_bench);
        bench.arg("-m").arg(model).args(["-o", "json", "-r", "1", "-t", &threads]).args(arguments);
        let said: Value = serde_json::from_str(&run::output(&mut bench)?).context("llama-bench printed no JSON")?;
        said[0]["avg_ts"].as_f64().context("llama-bench printed no speed")
    };
    let figure = |name: &str, value, unit: &str| Figure {
        name: name.to_owned(),
        value,
        unit: unit.to_owned(),
        peer: None,
        peer_value: None,
    };
    let started = Instant::now();
    rate(&["--no-warmup", "-p", "0", "-n", "0", "-pg", &format!("{greeting},1")])?;
    let ready = started.elapsed().as_secs_f64();
    Ok(vec![
        figure("load and first token", ready, "s"),
        figure("prompt", rate(&["-p", "512", "-n", "0", "-d", "0"])?, "tokens/s"),
        figure("decode", rate(&["-p", "0", "-n", "64", "-d", "512"])?, "tokens/s"),
    ])
}

/// A model of random weights; made once.
pub fn random_model(shape: &str, kind: &str) -> Result<PathBuf> {
    let folder = workspace::output_dir().join("bench-models");
    fs::create_dir_all(&folder)?;
    let model = folder.join(format!("{shape}-{kind}-random.gguf"));
    if !model.is_file() {
        let part = model.with_extension("part");
        let script = workspace::root().join("models/train/random_gguf.py");
        let mut write = Command::new("python3");
        write.arg(script).arg(&part).args(["--shape", shape, "--type", kind]);
        run::run(write.env("PYTHONPATH", setup::model_writer()?))?;
        fs::rename(part, &model)?;
    }
    Ok(model)
}

/// Builds llama.cpp's benchmark over the source of the crate that the worker is built of, for the same instructions; about ten processor
/// minutes, once.
fn build_llama_bench() -> Result<PathBuf> {
    let source = run::output(workspace::plain_cargo("metadata").args(["--format-version", "1"]))?;
    let source: Value = serde_json::from_str(&source).context("cargo metadata is no JSON")?;
    let package = source["packages"]
        .as_array()
        .and_then(|packages| packages.iter().find(|package| package["name"] == "llama-cpp-sys-2"))
        .context("llama-cpp-sys-2 is not among the packages")?;
    let text = |key: &str| package[key].as_str().with_context(|| format!("llama-cpp-sys-2 has no {key}"));
    let llama = Path::new(text("manifest_path")?).with_file_name("llama.cpp");
    let avx512 = workspace::runs_avx512();
    let build = if avx512 { "-avx512" } else { "" };
    let folder = workspace::cache_dir().join("bench").join(format!("llama-bench-{}{build}", text("version")?));
    let program = folder.join("llama-bench");
    if program.is_file() {
        return Ok(program);
    }
    fs::create_dir_all(&folder)?;
    let mut fetch = Command::new(setup::python_with_pip()?);
    fetch.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]);
    run::run(fetch.args(["--no-binary", "llama-cpp-python", TOOL, "-d"]).arg(&folder))?;
    let archive =
        folder.join(format!("{}.tar.gz", TOOL.replace("==", "-").replace("llama-cpp-python", "llama_cpp_python")));
    run::run(Command::new("tar").arg("xzf").arg(&archive).arg("-C").arg(&folder).args([
        "--strip-components=1",
        "--wildcards",
        "*/vendor/llama.cpp/tools/llama-bench/*",
    ]))?;
    fs::remove_file(archive)?;
    let defined = |name: &str, path: &Path| format!("-D{name}={}", path.display());
    run::run(
        Command::new("cmake")
            .arg("-S")
            .arg(workspace::root().join("tests/bench/llama-bench"))
            .arg("-B")
            .arg(&folder)
            .arg("-DCMAKE_BUILD_TYPE=Release")
            .arg(format!("-DAVX512={}", if avx512 { "ON" } else { "OFF" }))
            .arg(defined("LLAMA_SOURCE", &llama))
            .arg(defined("TOOL_SOURCE", &folder.join("vendor/llama.cpp/tools/llama-bench"))),
    )?;
    run::run(Command::new("cmake").arg("--build").arg(&folder).args(["--target", "llama-bench", "--parallel"]))?;
    Ok(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(value: f64, unit: &str) -> Figure {
        Figure { name: "n".into(), value, unit: unit.into(), peer: None, peer_value: None }
    }

    #[test]
    fn the_best_is_the_fastest_and_the_smallest() {
        let mut best = Vec::new();
        keep_best(&mut best, vec![figure(10.0, "tokens/s"), figure(3.0, "s")]);
        keep_best(&mut best, vec![figure(12.0, "tokens/s"), figure(4.0, "s")]);
        keep_best(&mut best, vec![figure(11.0, "tokens/s"), figure(2.0, "s")]);
        assert_eq!(best.iter().map(|figure| figure.value).collect::<Vec<_>>(), [12.0, 2.0]);
    }
}
