//! Has documents read by the `molt-extract` worker.
//!
//! Owns the worker's life (start, limits, time-outs, restart, recycling), the frames that are spoken with it, the opening of the file
//! whose content the worker is given, and the list of file types it reads. It must not know how any format is read.

mod client;
mod input;
mod kind;
mod protocol;

pub use client::{ExtractClient, ExtractConfig};
pub use kind::{is_readable, kind_of};
pub use protocol::{Failure, Reader, Reply, Request};
