//! Conversations, messages and citations.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{ChunkId, ConversationId, DocumentId, MessageId, ModelId, Position, TaskId};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Conversation {
    pub id: ConversationId,
    pub title: String,
    /// True once the user named it; then it is never renamed automatically.
    pub named: bool,
    #[ts(type = "string")]
    pub created_at: Timestamp,
    #[ts(type = "string")]
    pub updated_at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum Role {
    System,
    User,
    Assistant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum MessageState {
    /// The answer is being written; after a restart such a message becomes `Stopped`.
    Streaming,
    Done,
    /// The user stopped it, or the program ended while it was written. What was written is kept.
    Stopped,
    /// It could not be answered; `error` says why.
    Failed,
}

/// How an assistant message came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum AnswerKind {
    /// Written by a model.
    Model,
    /// No chat model is loaded: the best passages themselves.
    Passages,
    /// A task was made from the message.
    Task,
    /// What was asked of the tasks, told or done without a model.
    Tasks,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Message {
    pub id: MessageId,
    pub conversation_id: ConversationId,
    pub role: Role,
    /// Markdown from an untrusted author: never treat it as HTML.
    pub text: String,
    /// What a model thought before it wrote the text; as untrusted as the text. Never shown to a model again.
    #[serde(default)]
    pub thoughts: Option<String>,
    pub state: MessageState,
    pub kind: Option<AnswerKind>,
    pub citations: Vec<Citation>,
    pub stats: Option<AnswerStats>,
    /// One plain sentence when `state` is `Failed`, or when an answer that was cut could not be gone on with.
    pub error: Option<String>,
    pub task_id: Option<TaskId>,
    /// The model that was asked; none where no model was.
    #[serde(default)]
    pub answerer: Option<Answerer>,
    #[ts(type = "string")]
    pub created_at: Timestamp,
}

/// Who was asked for an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Answerer {
    pub model: ModelId,
    pub name: String,
    /// The server that the question, the conversation so far and the passages were sent to; none: they stayed on this computer.
    pub host: Option<String>,
    /// Why this model, where the program chose it.
    pub reason: Option<RouteReason>,
}

/// Why the program chose a model for a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum RouteReason {
    /// It wrote the answer before in this conversation.
    Kept,
    /// There is no other one.
    Only,
    /// The question is simple, and this one is quick.
    Quick,
    /// The question is hard, and this one is able.
    Able,
    /// A better one does not have room for so much text.
    Length,
    /// A better one does not know the language.
    Language,
    /// A better one cannot read pictures or call tools.
    Ability,
    /// A better one failed a short time ago.
    Failing,
}

/// What is shown in small print under an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct AnswerStats {
    pub model: String,
    pub prompt_tokens: u32,
    pub completion_tokens: u32,
    /// Milliseconds from the question to the first token.
    #[ts(type = "number")]
    pub first_token_ms: u64,
    /// Milliseconds from the question to the last token.
    #[ts(type = "number")]
    pub total_ms: u64,
    pub tokens_per_second: f32,
    /// Passages that were found but left out because they did not fit the model's context.
    pub passages_left_out: u32,
    /// They were left out so that the first word comes in time, not for want of room.
    #[serde(default)]
    pub hurried: bool,
    /// It ended because it was as long as an answer may be, not because all was said.
    #[serde(default)]
    pub cut: bool,
    /// The oldest messages of the conversation that the model was not given, because they do not fit its context any more.
    #[serde(default)]
    pub messages_left_out: u32,
    /// Tokens that the model's context has room for; 0 where it was not noted.
    #[serde(default)]
    pub context_length: u32,
}

/// A numbered reference from an answer to a passage. It carries the passage's text as it was when the answer was written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Citation {
    /// The number in square brackets in the answer's text, from 1.
    pub number: u32,
    pub document_id: DocumentId,
    pub chunk_id: ChunkId,
    pub document_name: String,
    pub path: String,
    pub text: String,
    pub position: Position,
    /// True when the answer's text names this number.
    pub used: bool,
}
