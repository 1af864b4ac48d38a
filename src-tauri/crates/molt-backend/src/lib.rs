//! The composition root: builds the application from its adapters and runs its loops.
//!
//! Owns the order of starting and stopping, and the background loops. It must not know windows or any face.

mod adapters;
mod backend;
mod caches;
mod copies;
mod keeper;
mod loops;
mod supply;

pub use backend::{Backend, BackendConfig, StartError};
pub use molt_lance::ENVIRONMENT;
pub use supply::SupplyError;
