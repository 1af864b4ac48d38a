//! Release binaries and the installers that this system can make.

use std::fs;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

use crate::{node, run, setup, workspace};

/// The programs that stand beside the desktop program in its folder.
const COMPANIONS: [&str; 4] = ["moltworker", "molt-engine", "molt-llama", "molt-extract"];
/// One more, where processors may have AVX-512.
const AVX512: &str = "molt-llama-avx512";
const SMALL_MODEL: &str = "models/moltworker-small.gguf";

pub fn run() -> Result<()> {
    setup::to_run()?;
    node::build_ui()?;
    run::run(workspace::plain_cargo("build").args(["--release", "--workspace", "--bins"]))?;
    let release = workspace::target_dir().join("release");
    let mut companions = COMPANIONS.to_vec();
    if workspace::BUILDS_AVX512 {
        run::run(workspace::avx512_cargo("build").args(["--release", "--bins"]))?;
        let file = |name: &str| format!("{name}{}", std::env::consts::EXE_SUFFIX);
        fs::copy(workspace::avx512_dir().join("release").join(file("molt-llama")), release.join(file(AVX512)))?;
        companions.push(AVX512);
    }
    if !cfg!(target_os = "linux") {
        println!("The release binaries are in {}", release.display());
        return Ok(());
    }
    let model = workspace::root().join(SMALL_MODEL);
    if !model.is_file() {
        bail!("{SMALL_MODEL} is missing; models/README.md says how it is made");
    }
    let mut files: Map<String, Value> =
        companions.iter().map(|name| (format!("/usr/bin/{name}"), json!(release.join(name)))).collect();
    files.insert("/usr/share/moltworker/moltworker-small.gguf".to_owned(), json!(model));
    let config = json!({ "build": { "beforeBuildCommand": "" }, "bundle": { "linux": { "deb": { "files": files } } } });
    run::run(
        node::script("tauri")
            .args(["--", "build", "--bundles", "deb", "--config", &config.to_string()])
            .env("CARGO_TARGET_DIR", workspace::target_dir()),
    )
    .context("the installer could not be made")?;
    println!("The installer is in {}", release.join("bundle/deb").display());
    Ok(())
}
