//! The store: one encrypted SQLite file behind every store port of `molt-core`.
//!
//! Owns the file, its key handling, its schema and migrations. What a call acknowledges is on the disk (WAL, `synchronous=FULL`).
//! It never deletes or re-creates a file that it cannot open. It must not know any feature, clock or key ring.

mod chat;
mod error;
mod library;
mod migrate;
mod open;
mod snapshot;
mod sql;
mod tasks;
mod values;

pub use error::OpenError;
pub use open::Store;
pub use snapshot::{Snapshot, restore, snapshots};
