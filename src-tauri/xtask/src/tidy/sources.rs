//! Rules for source files: sizes, module docs, nothing unfinished, lints switched on, the one door to Tauri.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result};

use crate::{run, workspace};

/// Lines over which a file must say why (a comment with `Size:`), and over which it must be split.
const LONG: usize = 500;
const TOO_LONG: usize = 800;
const MEASURED: [&str; 7] = ["rs", "ts", "svelte", "js", "mjs", "py", "css"];
const GENERATED: [&str; 2] = ["ui/src/api/types/", "models/train/data/"];
/// The only folder of the UI that may speak to Tauri.
const TAURI_DOOR: &str = "ui/src/api/";

pub fn check() -> Result<Vec<String>> {
    let root = workspace::root();
    let listed = run::output(Command::new("git").current_dir(root).args([
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
        "-z",
    ]))
    .context("the list of source files comes from git")?;
    let mut problems = Vec::new();
    for path in listed.split('\0').filter(|path| !path.is_empty()) {
        // A file that was deleted but is still in git's index.
        let Ok(bytes) = fs::read(root.join(path)) else { continue };
        if let Ok(text) = String::from_utf8(bytes) {
            problems.extend(file(path, &text));
        }
    }
    Ok(problems)
}

fn file(path: &str, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if GENERATED.iter().any(|folder| path.starts_with(folder)) {
        return problems;
    }
    let extension = Path::new(path).extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    if MEASURED.contains(&extension) {
        let lines = text.lines().count();
        if lines > TOO_LONG {
            problems.push(format!("{path} has {lines} lines; split it"));
        } else if lines > LONG && !text.contains("Size:") {
            problems.push(format!("{path} has {lines} lines; split it, or say why in a comment with `Size:`"));
        }
    }
    if extension == "rs"
        && !text.lines().find(|line| !line.starts_with("#!")).is_some_and(|line| line.starts_with("//!"))
    {
        problems.push(format!("{path} does not begin with `//!`: what it owns, and what it must not know"));
    }
    if path.ends_with("Cargo.toml") && text.contains("[package]") && !text.contains("[lints]\nworkspace = true") {
        problems.push(format!("{path} does not take the lints of the workspace"));
    }
    let imports_tauri = text.contains("@tauri-apps/") || text.contains("__TAURI");
    // Only the UI's own sources: its lint rules name the packages that they forbid.
    if path.starts_with("ui/src/")
        && matches!(extension, "ts" | "svelte" | "js")
        && !path.starts_with(TAURI_DOOR)
        && imports_tauri
    {
        problems.push(format!("{path} speaks to Tauri; only {TAURI_DOOR} may"));
    }
    for word in unfinished(extension) {
        if text.contains(word.as_str()) {
            problems.push(format!("{path} contains `{word}`: finish it or leave it out"));
        }
    }
    problems
}

/// Words of tests that do not run. They are put together here so that this file does not contain them.
fn unfinished(extension: &str) -> Vec<String> {
    match extension {
        "rs" => vec![["#[", "ignore"].concat()],
        "ts" | "js" | "mjs" => ["it", "test", "describe"]
            .iter()
            .flat_map(|word| [format!("{word}.only("), format!("{word}.skip(")])
            .collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_need_a_reason_and_have_an_end() {
        let module = |lines: usize, first: &str| format!("//! {first}\n{}", "\n".repeat(lines - 1));
        assert!(file("a.rs", &module(LONG, "Short.")).is_empty());
        assert_eq!(file("a.rs", &module(LONG + 1, "Long.")).len(), 1);
        assert!(file("a.rs", &module(LONG + 1, "Size: one table.")).is_empty());
        assert_eq!(file("a.rs", &module(TOO_LONG + 1, "Size: one table.")).len(), 1);
    }

    #[test]
    fn rules_of_rust_files() {
        assert_eq!(file("a.rs", "fn main() {}\n").len(), 1);
        assert_eq!(file("a.rs", &["//! A.\n#[", "ignore]\nfn a() {}\n"].concat()).len(), 1);
        assert_eq!(file("c/Cargo.toml", "[package]\nname = \"c\"\n").len(), 1);
        assert!(file("c/Cargo.toml", "[package]\nname = \"c\"\n[lints]\nworkspace = true\n").is_empty());
    }

    #[test]
    fn only_the_door_imports_tauri() {
        let text = "import { invoke } from '@tauri-apps/api/core';\n";
        assert_eq!(file("ui/src/views/Chat.svelte", text).len(), 1);
        assert!(file("ui/src/api/desktop.ts", text).is_empty());
        assert_eq!(file("ui/src/a.test.ts", &["test.", "only('a')"].concat()).len(), 1);
    }
}
