//! The engine as the backend sees it: models that run in worker processes, supervised.
//!
//! Owns the protocol with the worker, the checks that a model passes before any library reads it, one queue per model, and what
//! happens when a worker crashes or hangs. It must not link an inference library: the desktop program depends on this crate, and only
//! the worker `molt-engine` computes.

pub mod chat_folder;
pub mod embedder;
pub mod gguf;
pub mod memory;
pub mod protocol;
pub mod worker;

mod client;
mod config;
mod folder;
mod inspect;
mod link;
mod model;

pub use client::EngineClient;
pub use config::{EngineConfig, Timeouts, llama_workers};
pub use folder::FolderError;
pub use inspect::{ModelFiles, NO_TEMPLATE};
