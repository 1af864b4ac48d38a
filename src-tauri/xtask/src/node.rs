//! The JavaScript side: npm packages, the UI's build, and scripts under Node.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{run, workspace};

/// What the UI is made of; a change in any of these means building it again.
const UI_SOURCES: [&str; 3] = ["ui", "package.json", "package-lock.json"];

/// `node` in the checkout, told where the built programs and the outputs are.
pub fn node() -> Command {
    let mut node = Command::new("node");
    node.current_dir(workspace::root())
        .env("MOLTWORKER_BIN", workspace::target_dir().join("debug"))
        .env("MOLTWORKER_OUTPUT", workspace::output_dir())
        .env("MOLTWORKER_TEST_MODELS", workspace::test_models_dir())
        // Tests must not write into the keyring of whoever runs them.
        .env("MOLTWORKER_KEYRING", "off");
    node
}

/// `npm run SCRIPT` of the root package.
pub fn script(name: &str) -> Command {
    let mut npm = npm();
    npm.args(["run", "--silent", name]);
    npm
}

fn npm() -> Command {
    let mut npm = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
    npm.current_dir(workspace::root());
    npm
}

/// Installs the npm packages exactly as locked, when the lock file is not the one that was installed last.
pub fn install() -> Result<()> {
    let version = run::output(Command::new("node").arg("--version"))
        .context("Node.js is needed, version 20.19 or later: https://nodejs.org")?;
    let mut numbers = version.trim().trim_start_matches('v').split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let (major, minor) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if (major, minor) < (20, 19) {
        bail!("Node.js 20.19 or later is needed, and this is {}", version.trim());
    }
    let root = workspace::root();
    let stamp = root.join("node_modules/.moltworker-lock");
    let lock = fs::read(root.join("package-lock.json")).context("package-lock.json cannot be read")?;
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    run::run(npm().args(["ci", "--no-audit", "--no-fund"]))?;
    fs::write(stamp, lock).context("the state of node_modules cannot be written")
}

/// Builds the UI into `ui/dist` unless it is already built from these very sources: the shell and the gateway embed
/// the folder, and a needless build would have both compiled again.
pub fn build_ui() -> Result<()> {
    let root = workspace::root();
    let mut hasher = DefaultHasher::new();
    for source in UI_SOURCES {
        hash_tree(&root.join(source), &mut hasher)?;
    }
    let wanted = format!("{:016x}", hasher.finish());
    let stamp = workspace::output_dir().join("ui-built-from");
    let built = root.join("ui/dist/index.html").is_file();
    if built && fs::read_to_string(&stamp).is_ok_and(|from| from == wanted) {
        return Ok(());
    }
    run::run(&mut script("build"))?;
    fs::create_dir_all(workspace::output_dir())?;
    fs::write(stamp, wanted).context("the state of the UI's build cannot be written")
}

fn hash_tree(path: &Path, hasher: &mut DefaultHasher) -> Result<()> {
    if path.is_dir() {
        let mut entries: Vec<PathBuf> = fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
        entries.sort();
        for entry in entries {
            if !matches!(entry.file_name().and_then(|name| name.to_str()), Some("dist" | "node_modules")) {
                hash_tree(&entry, hasher)?;
            }
        }
    } else {
        path.strip_prefix(workspace::root()).unwrap_or(path).hash(hasher);
        fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?.hash(hasher);
    }
    Ok(())
}
