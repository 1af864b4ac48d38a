//! The use cases, one async function each, and what travels over the wire.
pub mod dto;
pub use dto::*;
