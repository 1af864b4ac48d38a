//! The worker that computes with mistral.rs and candle, held against the contracts: with the small model in a GGUF file, and in a folder.

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
#[path = "../../molt-engine-client/tests/vectors/mod.rs"]
mod vectors;

use vectors::published as embedder;

fn model() -> std::path::PathBuf {
    contract::small_model()
}

const WORKER: &str = env!("CARGO_BIN_EXE_molt-engine");
/// As its `sentence_bert_config.json` says.
const READS: u32 = 256;
