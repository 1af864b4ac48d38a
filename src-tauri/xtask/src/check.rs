//! What must be true of the sources before anything runs: formatting, lints, floors, sizes, types, the UI.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use crate::{node, run, tidy, workspace};

/// The generated TypeScript types.
const TYPES: &str = "ui/src/api/types";
/// Scripts of the root package that check the UI: types and lints. The translations have a unit test.
const UI_SCRIPTS: [&str; 1] = ["check"];

pub fn run() -> Result<()> {
    tidy::run()?;
    run::run(workspace::plain_cargo("fmt").args(["--all", "--check"]))?;
    if !workspace::clippy_is_installed() {
        bail!("clippy is not installed: rustup component add clippy");
    }
    node::build_ui()?;
    lint()?;
    types_in_step()?;
    for script in UI_SCRIPTS {
        run::run(&mut node::script(script))?;
    }
    println!("check: formatting, lints, floors, sizes and types are in order");
    Ok(())
}

/// Compiles everything that the tests and the program need, with lints (see [`workspace::cargo`]).
pub fn build() -> Result<()> {
    run::run(workspace::cargo("build").args(["--workspace", "--all-targets"]))
}

/// The same, refusing warnings. Cargo repeats the warnings of what it does not compile again.
fn lint() -> Result<()> {
    let mut warnings = 0;
    let built = run::watch(workspace::cargo("build").args(["--workspace", "--all-targets"]), |line| {
        warnings += usize::from(line.starts_with("warning: ") && !line.contains(" generated "));
    })?;
    if !built || warnings > 0 {
        bail!("the build gave {warnings} warnings");
    }
    Ok(())
}

pub fn write_types() -> Result<()> {
    let fresh = export_types()?;
    let folder = workspace::root().join(TYPES);
    if folder.is_dir() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    for (name, text) in &fresh {
        fs::write(folder.join(name), text)?;
    }
    println!("{} types written to {TYPES}", fresh.len());
    Ok(())
}

fn types_in_step() -> Result<()> {
    let fresh = export_types()?;
    let kept = read_types(&workspace::root().join(TYPES))?;
    let differing: Vec<&String> = fresh
        .keys()
        .chain(kept.keys().filter(|name| !fresh.contains_key(*name)))
        .filter(|name| fresh.get(*name) != kept.get(*name))
        .collect();
    if !differing.is_empty() {
        bail!("{TYPES} is not what the Rust types say ({differing:?}); run `cargo xtask types`");
    }
    println!("types: {} files in step", fresh.len());
    Ok(())
}

/// The types as ts-rs writes them now: it does so in tests that it adds to the crates.
fn export_types() -> Result<BTreeMap<String, String>> {
    let folder = workspace::types_dir();
    if folder.is_dir() {
        fs::remove_dir_all(&folder)?;
    }
    run::run(workspace::cargo("test").args(["--workspace", "--all-targets", "--quiet", "export_bindings"]))?;
    let types = read_types(&folder)?;
    if types.is_empty() {
        bail!("no types were generated");
    }
    Ok(types)
}

fn read_types(folder: &Path) -> Result<BTreeMap<String, String>> {
    let entries = fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    let paths: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    paths
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "ts"))
        .map(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            Ok((name, fs::read_to_string(&path)?))
        })
        .collect()
}
