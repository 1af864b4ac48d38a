//! The assistant: a question becomes an answer with citations.
//!
//! Owns the order of a conversation, the layout of a prompt, the budget of a context and what is kept when an answer is stopped. It must
//! not know which engine runs the model or how passages are found.

mod ahead;
mod answer;
mod calls;
mod citations;
mod continuation;
mod conversation;
mod lease;
mod prompt;

pub use calls::TaskCall;
pub use conversation::{
    Accepted, Assist, AssistError, AssistEvent, AssistParts, ChatModel, DoCall, MakeTask, TaskReply,
};
pub use lease::Lease;
pub use prompt::{SYSTEM, user_text};
