//! Where things are, and how cargo is called so that nothing heavy is ever compiled twice.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use crate::run;

/// The root of the checkout.
pub fn root() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        // What cargo says now, before what it said when this was compiled: two checkouts share the output, and one may run what the other built.
        let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or(env!("CARGO_MANIFEST_DIR").into());
        let here = Path::new(&here);
        here.ancestors().nth(2).unwrap_or(here).to_owned()
    })
}

/// Moltworker's folder in the user's cache.
pub fn cache_dir() -> PathBuf {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    variable("XDG_CACHE_HOME")
        .or_else(|| variable("HOME").map(|home| home.join(".cache")))
        .unwrap_or_else(std::env::temp_dir)
        .join("moltworker")
}

/// The one target directory. It lies outside the checkout, so that a fresh clone on the same machine starts warm.
pub fn target_dir() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) if !dir.is_empty() => root().join(dir),
        _ => cache_dir().join("target"),
    }
}

/// Pictures, benchmark figures and test models for people to look at; ignored by git.
pub fn output_dir() -> PathBuf {
    root().join("target")
}

/// Where ts-rs writes the TypeScript types, in tests that it adds to the crates.
pub fn types_dir() -> PathBuf {
    target_dir().join("types")
}

/// Where `setup` puts the test models; tests find it in `MOLTWORKER_TEST_MODELS`.
pub fn test_models_dir() -> PathBuf {
    output_dir().join("test-models")
}

/// A program that `cargo build` has built.
pub fn binary(name: &str) -> PathBuf {
    target_dir().join("debug").join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

/// Cargo, in the workspace, with the one target directory.
///
/// Clippy stands in as the compiler of our own crates, exactly as `cargo clippy` arranges it, but for a full build:
/// one compile both lints and produces the code that is tested. `cargo clippy` beside `cargo build` would check every
/// dependency a second time, which costs as much as half a cold build. Lints only warn here; `check` refuses warnings. All invocations also name the whole workspace
/// and all targets: with one set of features the heavy dependencies are compiled once.
pub fn cargo(subcommand: &str) -> Command {
    let mut cargo = plain_cargo(subcommand);
    if clippy_is_installed() {
        cargo.env("RUSTC_WORKSPACE_WRAPPER", "clippy-driver");
    }
    cargo
}

/// Cargo without lints, for release builds and for questions.
pub fn plain_cargo(subcommand: &str) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .arg(subcommand)
        .current_dir(root())
        .env("CARGO_TARGET_DIR", target_dir())
        .env("MOLTWORKER_TEST_MODELS", test_models_dir())
        // Tests must not write into the keyring of whoever runs them.
        .env("MOLTWORKER_KEYRING", "off")
        // Tests write the types too, wherever they run; without this, beside the sources.
        .env("TS_RS_EXPORT_DIR", types_dir());
    // Cargo sets these for xtask itself. A build script that watches them (ring's does) would take a plain `cargo` and
    // one started here for different worlds, and everything above it would be compiled again at each change.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&name);
        }
    }
    cargo
}

/// Whether programs can be built here for processors with AVX-512.
pub const BUILDS_AVX512: bool = cfg!(target_arch = "x86_64");

/// Whether this machine runs them.
pub fn runs_avx512() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("avx512vnni") && is_x86_feature_detected!("avx512vl");
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

/// The folder of what [`avx512_cargo`] builds.
pub fn avx512_dir() -> PathBuf {
    target_dir().join("avx512")
}

/// Cargo for the llama.cpp worker that is built for processors with AVX-512 and its instructions for 8-bit numbers, which read a prompt a
/// third faster: the same crate, in a target directory of its own. The client's `config.rs` says which processors have all of it.
pub fn avx512_cargo(subcommand: &str) -> Command {
    let mut cargo = plain_cargo(subcommand);
    cargo
        .args(["--package", "molt-llama"])
        // In place of the flags in .cargo/config.toml.
        .env("RUSTFLAGS", "-C target-cpu=x86-64-v4 -C target-feature=+avx512vnni")
        .env("CARGO_TARGET_DIR", avx512_dir());
    cargo
}

pub fn clippy_is_installed() -> bool {
    static INSTALLED: OnceLock<bool> = OnceLock::new();
    *INSTALLED.get_or_init(|| run::succeeds(Command::new("clippy-driver").arg("--version")))
}
