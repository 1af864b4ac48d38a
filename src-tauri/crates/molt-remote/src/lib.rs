//! Chat models on other servers, with the interface of OpenAI.
//!
//! Owns the talk with such a server: its address, the stream of an answer, what its errors mean. It must not know which model is to be
//! asked or whether the user wants that. No connection is opened before an answer or a list is asked for, and a key goes to no other
//! server than the one it was given for: redirects are not followed.

mod address;
mod completion;
mod engine;
mod events;
mod servers;
mod trouble;

pub use engine::RemoteEngine;
pub use servers::{Patience, Servers};
