//! The worker that computes with mistral.rs, held against the contract: with the small model in a GGUF file, and in a folder.

// Helpers of tests fail on the spot as tests do. The contract is there twice: for a file and for a folder.
#![allow(clippy::unwrap_used, clippy::duplicate_mod)]

// The tests of the client use the rest of it.
#[allow(dead_code)]
#[path = "../../molt-engine-client/tests/bad_files/mod.rs"]
mod bad_files;
#[path = "../../molt-engine-client/tests/contract/mod.rs"]
mod contract;
mod embedder;
mod folder;
mod templates;

fn model() -> std::path::PathBuf {
    contract::small_model()
}

const WORKER: &str = env!("CARGO_BIN_EXE_molt-engine");
