//! The worker that computes with llama.cpp, held against the contracts.

// Helpers of tests fail on the spot as tests do.
#![allow(clippy::unwrap_used)]

// The tests of the client use the rest of it.
#[allow(dead_code)]
#[path = "../../molt-engine-client/tests/bad_files/mod.rs"]
mod bad_files;
#[path = "../../molt-engine-client/tests/contract/mod.rs"]
mod contract;
mod embedders;
#[path = "../../molt-engine-client/tests/vectors/mod.rs"]
mod vectors;

use embedders::minilm as embedder;

fn model() -> std::path::PathBuf {
    contract::small_model()
}

const WORKER: &str = env!("CARGO_BIN_EXE_molt-llama");
/// As its `config.json` says, which is what converters write down.
const READS: u32 = 512;
