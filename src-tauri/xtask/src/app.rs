//! From a fresh checkout to the running program.

use std::process::Command;

use anyhow::Result;

use crate::{check, node, run, setup, workspace};

/// `arguments` are passed on to the program.
pub fn run(arguments: &[&str]) -> Result<()> {
    setup::to_run()?;
    node::build_ui()?;
    check::build()?;
    if has_display() {
        run::run(Command::new(workspace::binary("moltworker-desktop")).args(arguments))
    } else {
        println!("There is no display here, so the same program is served to a browser; stop it with Ctrl+C.");
        run::run(Command::new(workspace::binary("moltworker")).args(["web", "--no-open"]).args(arguments))
    }
}

fn has_display() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(target_os = "linux") || set("DISPLAY") || set("WAYLAND_DISPLAY")
}
