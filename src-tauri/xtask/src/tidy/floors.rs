//! Which crate may use which.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{run, workspace};

/// Every crate with the crates of ours that it may use. A crate uses what stands below it, never beside or above.
const FLOORS: &[(&str, &[&str])] = &[
    // 0: the vocabulary, the frames between processes, and sealed files.
    ("molt-core", &[]),
    ("molt-wire", &[]),
    ("molt-seal", &[]),
    ("molt-testkit", &["molt-core"]),
    // 1: the features.
    ("molt-knowledge", &["molt-core"]),
    ("molt-tasks", &["molt-core"]),
    ("molt-assist", &["molt-core"]),
    ("molt-models", &["molt-core"]),
    // 1: the adapters. A worker's client holds the messages that the worker speaks.
    ("molt-store", &["molt-core"]),
    ("molt-lance", &["molt-core", "molt-seal"]),
    ("molt-watch", &["molt-core"]),
    ("molt-os", &["molt-core"]),
    ("molt-download", &["molt-core"]),
    ("molt-remote", &["molt-core"]),
    ("molt-engine-client", &["molt-core", "molt-wire"]),
    ("molt-engine", &["molt-core", "molt-wire", "molt-engine-client"]),
    ("molt-llama", &["molt-core", "molt-wire", "molt-seal", "molt-engine-client"]),
    ("molt-extract-client", &["molt-core", "molt-wire"]),
    ("molt-extract", &["molt-core", "molt-wire", "molt-extract-client"]),
    // 2: the use cases.
    ("molt-api", &["molt-core", "molt-knowledge", "molt-tasks", "molt-assist", "molt-models"]),
    // 3: putting it together.
    (
        "molt-backend",
        &[
            "molt-core",
            "molt-wire",
            "molt-seal",
            "molt-api",
            "molt-knowledge",
            "molt-tasks",
            "molt-assist",
            "molt-models",
            "molt-store",
            "molt-lance",
            "molt-watch",
            "molt-os",
            "molt-download",
            "molt-remote",
            "molt-engine-client",
            "molt-extract-client",
        ],
    ),
    ("molt-gateway", &["molt-core", "molt-api"]),
    ("molt-notify", &["molt-core", "molt-api", "molt-os"]),
    // 4: the faces.
    // `task parse` and `task expand` read a line without any data or backend, `model tokenize` a file with a worker of its own.
    (
        "moltworker",
        &["molt-core", "molt-wire", "molt-tasks", "molt-api", "molt-backend", "molt-gateway", "molt-notify", "molt-os"],
    ),
    ("moltworker-desktop", &["molt-core", "molt-api", "molt-backend", "molt-gateway", "molt-notify", "molt-os"]),
    ("xtask", &[]),
];

/// Libraries that have one home, and the crates that may use them. A name that ends with `*` is a prefix.
const HOMES: &[(&str, &[&str])] = &[
    ("mistralrs*", &["molt-engine"]),
    ("candle-*", &["molt-engine"]),
    ("tokenizers", &["molt-engine"]),
    ("llama-cpp-*", &["molt-llama"]),
    ("llguidance", &["molt-llama"]),
    ("lancedb", &["molt-lance"]),
    ("lance*", &["molt-lance"]),
    ("arrow*", &["molt-lance"]),
    ("object_store", &["molt-lance"]),
    ("rusqlite", &["molt-store"]),
    ("notify", &["molt-watch"]),
    ("ignore", &["molt-watch"]),
    ("pdf-extract", &["molt-extract"]),
    ("pdf_oxide", &["molt-extract"]),
    ("pulldown-cmark", &["molt-extract"]),
    ("quick-xml", &["molt-extract"]),
    ("zip", &["molt-extract"]),
    ("html5ever", &["molt-extract"]),
    ("mail-parser", &["molt-extract"]),
    ("csv", &["molt-extract", "molt-tasks"]),
    ("seccompiler", &["molt-extract"]),
    ("libc", &["molt-extract"]),
    ("tauri*", &["moltworker-desktop"]),
    ("notify-rust", &["molt-notify"]),
    ("axum", &["molt-gateway"]),
    ("clap", &["moltworker"]),
    ("reqwest", &["molt-download", "molt-remote", "moltworker"]),
    (
        "anyhow",
        &["molt-backend", "molt-engine", "molt-extract", "molt-llama", "moltworker", "moltworker-desktop", "xtask"],
    ),
    ("keyring", &["molt-os"]),
    ("argon2", &["molt-os"]),
    ("ed25519-dalek", &["molt-models"]),
    ("sha1", &["molt-download"]),
    ("sha2", &["molt-download"]),
];

/// Crates that must not know a runtime: they are told the time and handed their input.
const WITHOUT_RUNTIME: &[&str] = &["molt-core", "molt-tasks"];

pub fn check() -> Result<Vec<String>> {
    let metadata = run::output(workspace::plain_cargo("metadata").args(["--no-deps", "--format-version", "1"]))?;
    let metadata: Value = serde_json::from_str(&metadata).context("cargo metadata is no JSON")?;
    Ok(breaches(metadata["packages"].as_array().context("cargo metadata lists no packages")?))
}

fn breaches(packages: &[Value]) -> Vec<String> {
    let mut problems = Vec::new();
    for package in packages {
        let name = text(&package["name"]);
        let Some((_, allowed)) = FLOORS.iter().find(|(floor, _)| *floor == name) else {
            problems.push(format!("{name} has no place in the table of floors (xtask/src/tidy/floors.rs)"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let wanted = text(&dependency["name"]);
            let for_tests = dependency["kind"] == "dev";
            if FLOORS.iter().any(|(floor, _)| *floor == wanted) {
                let testkit = for_tests && wanted == "molt-testkit";
                if !testkit && !allowed.contains(&wanted) {
                    problems.push(format!("{name} must not use {wanted}: it does not stand below it"));
                }
            } else if let Some((library, homes)) = HOMES.iter().find(|(library, _)| matches(library, wanted)) {
                if !for_tests && dependency["kind"] != "build" && !homes.contains(&name) {
                    problems.push(format!("{name} must not use {wanted}: {library} lives in {}", homes.join(", ")));
                }
            } else if wanted == "tokio" && !for_tests && WITHOUT_RUNTIME.contains(&name) {
                problems.push(format!("{name} must not know a runtime, and it uses {wanted}"));
            }
        }
    }
    problems
}

fn matches(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |prefix| name.starts_with(prefix))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn package(name: &str, dependency: &str, kind: Option<&str>) -> Value {
        json!({ "name": name, "dependencies": [{ "name": dependency, "kind": kind }] })
    }

    #[test]
    fn an_edge_downwards_is_fine() {
        let downwards = [
            package("molt-api", "molt-tasks", None),
            package("molt-tasks", "molt-testkit", Some("dev")),
            package("molt-lance", "lance-io", None),
            package("moltworker-desktop", "tauri-build", Some("build")),
        ];
        assert_eq!(breaches(&downwards), Vec::<String>::new());
    }

    #[test]
    fn an_edge_sideways_upwards_or_unknown_is_a_breach() {
        let wrong = [
            package("molt-tasks", "molt-knowledge", None),
            package("molt-core", "molt-api", None),
            package("molt-tasks", "molt-testkit", None),
            package("molt-backend", "molt-engine", None),
            package("moltworker", "tauri", None),
            package("molt-knowledge", "lancedb", None),
            package("molt-core", "tokio", None),
            package("molt-newcomer", "serde", None),
        ];
        let found = breaches(&wrong);
        assert_eq!(found.len(), wrong.len(), "{found:#?}");
    }

    #[test]
    fn the_table_itself_only_looks_down() {
        for (place, (name, allowed)) in FLOORS.iter().enumerate() {
            for below in *allowed {
                let stands = FLOORS.iter().position(|(floor, _)| floor == below);
                assert!(
                    stands.is_some_and(|stands| stands < place),
                    "{name} uses {below}, which is not listed above it"
                );
            }
        }
    }
}
