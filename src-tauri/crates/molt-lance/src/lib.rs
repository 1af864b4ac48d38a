//! The search index: [`molt_core::PassageIndex`] on LanceDB.
//!
//! It owns the table of chunks, its indexes, the vectors that are held in memory while people search, its upkeep, its
//! recovery after damage, and the object store below it (flushed to the disk, and sealed: the place where encryption
//! goes). It is a cache: it can be deleted and is rebuilt from the user's files. It must not know where chunks come
//! from, who asks, or any feature. No Arrow or Lance type leaves it.
//!
//! One process at a time may hold an index's folder; the owner of the data directory sees to that.

mod dot;
mod environment;
mod error;
mod held;
mod home;
mod index;
mod open;
mod purge;
mod rows;
#[cfg(test)]
mod scan_test;
mod store;
mod upkeep;
mod vectors;

pub use environment::ENVIRONMENT;
pub use index::LanceIndex;
pub use open::{Opened, VectorSpace};
pub use upkeep::Upkeep;
