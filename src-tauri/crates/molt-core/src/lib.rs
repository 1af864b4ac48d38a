//! The vocabulary of Moltworker and the ports between its rooms.
//!
//! Owns the plain types that every other crate speaks in, and the traits that adapters implement.
//! It must not know a runtime, a disk, a network, a clock or any other crate of ours.

pub mod changes;
pub mod chat;
pub mod download;
pub mod engine;
pub mod ids;
pub mod knowledge;
pub mod ports;
pub mod remote;
pub mod settings;
pub mod task;
pub mod thoughts;

pub use changes::*;
pub use chat::*;
pub use download::*;
pub use engine::*;
pub use ids::*;
pub use knowledge::*;
pub use ports::*;
pub use remote::*;
pub use settings::*;
pub use task::*;
pub use thoughts::*;
