//! Typed frames over stdio, and worker processes under limits.
//!
//! A worker reads one large untrusted thing (a model file, a PDF) with libraries that may panic, abort or leak. This crate owns how
//! the backend starts such a process, talks to it and gets rid of it; it must not know what is said.
//!
//! A frame is a little-endian `u32` length followed by that many bytes of JSON.

mod frame;
mod worker;

pub mod process;

pub use frame::{FrameError, MAX_FRAME, read_content, read_frame, write_frame};
pub use process::{Limits, claim_stdio, enter};
pub use worker::{SendError, WorkerCommand, WorkerHandle, WorkerReader, WorkerWriter, spawn, worker_program};
