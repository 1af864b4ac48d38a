//! Fakes of every port, a clock that is moved by hand, and the contract suites that fakes and real adapters both pass.
//!
//! Owns test doubles only. It is a dev-dependency everywhere and must never be a normal one. It knows no runtime, disk or network.

// Test code states its expectations by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod clock;
pub mod contract;
mod download;
mod engine;
mod extract;
mod index;
mod rng;
pub mod sample;
mod servers;
mod store;
mod watch;
mod words;

pub use clock::ManualClock;
pub use download::{MemoryFolders, ScriptedDownloads, ScriptedHub};
pub use engine::{Reply, Reranking, ScriptedEngine};
pub use extract::{ScriptedExtractor, text_document};
pub use index::MemoryIndex;
pub use rng::Rng;
pub use servers::ScriptedServers;
pub use store::MemoryStore;
pub use watch::MemoryWatcher;
pub use words::{embed_words, words};
