//! The worker that computes with mistral.rs, held against the contract.

// Helpers of tests fail on the spot as tests do.
#![allow(clippy::unwrap_used)]

#[path = "../../molt-engine-client/tests/contract/mod.rs"]
mod contract;
mod embedder;

const WORKER: &str = env!("CARGO_BIN_EXE_molt-engine");
