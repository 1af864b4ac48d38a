//! The use cases, one async function each, and what travels over the wire.
//!
//! Owns [`App`], the requests, views and events that the faces see, and the one error they are told. It must not know windows, HTTP or
//! any adapter.

mod app;
mod chat;
mod dispatch;
mod downloads;
mod dto;
mod endpoints;
mod error;
mod events;
mod keys;
mod knowledge;
mod models;
mod residents;
mod routing;
mod status;
mod talk;
mod tasks;

pub use app::{App, AppParts, IndexOpener};
pub use dispatch::{COMMANDS, dispatch};
pub use downloads::ModelSupply;
pub use dto::*;
pub use events::Bus;
pub use keys::*;
pub use tasks::TaskDesk;
