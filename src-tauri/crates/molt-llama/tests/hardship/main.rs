//! The worker under everything that befalls it: files that lie, templates without end, a crowd, sudden death, being loaded again and
//! again. Whatever happens there, the client goes on.
//!
//! A program of its own beside the contract: it measures its own memory, where no other test may allocate.

// Helpers of tests fail on the spot as tests do.
#![allow(clippy::unwrap_used)]

// The tests of the client use the rest of it.
#[allow(dead_code)]
#[path = "../../../molt-engine-client/tests/bad_files/mod.rs"]
mod bad_files;
mod bench;
#[cfg(target_os = "linux")]
mod change;
mod crowd;
mod death;
mod lies;
mod reload;
mod templates;
