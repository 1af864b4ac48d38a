//! What every worker that runs models is made of, whichever library computes in it.
//!
//! Owns the worker's end of the line, its place beside other programs, and what is done to text on its way to a model and back. It must not know an inference library.

pub mod form;
mod markers;
mod priority;
pub mod runaway;
mod stop;
mod template;
mod voice;

pub use markers::Markers;
pub use molt_core::{CLOSE_THOUGHTS, OPEN_THOUGHTS, Said, Thoughts};
pub use priority::yield_to_answers;
pub use stop::StopFilter;
pub use template::{Template, TemplateError, turns};
pub use voice::{Voice, connect};
