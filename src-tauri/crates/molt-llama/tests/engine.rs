//! The worker that computes with llama.cpp, held against the contract.

// Helpers of tests fail on the spot as tests do.
#![allow(clippy::unwrap_used)]

#[path = "../../molt-engine-client/tests/contract/mod.rs"]
mod contract;

fn model() -> std::path::PathBuf {
    contract::small_model()
}

const WORKER: &str = env!("CARGO_BIN_EXE_molt-llama");
