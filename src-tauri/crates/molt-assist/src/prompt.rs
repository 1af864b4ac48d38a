//! The layout of a prompt: what never changes first (so that an engine can reuse it), passages and the question last.

use futures::StreamExt;
use molt_core::{Engine, EngineError, GenerateRequest, Message, MessageState, ModelId, Passage, PromptMessage, Role};

use crate::{calls::TOOLS, conversation::ChatModel};

/// The system text. It is constant: the small model was trained with exactly these words.
pub const SYSTEM: &str = "You are Moltworker, a private assistant on the user's computer. Answer from the numbered passages and cite them \
                          like [1]. If they do not contain the answer, say so.";

/// Tokens a chat template adds around one message, with room to spare.
const PER_MESSAGE: u32 = 10;
/// Share of the context kept for the answer, and the most that is kept.
const ANSWER_SHARE: u32 = 4;
const ANSWER_MAX: u32 = 1024;
/// History may take this share of the context.
const HISTORY_SHARE: u32 = 4;
/// Passages shown to a model: few to one with a small context, which is also a small model.
const PASSAGES_SMALL: usize = 4;
const PASSAGES_LARGE: usize = 8;
const SMALL_CONTEXT: u32 = 4096;

/// A prompt that fits the model's context.
pub(crate) struct Prompt {
    pub messages: Vec<PromptMessage>,
    /// How many of the passages, from the first, are in the prompt.
    pub passages: usize,
    /// More passages would fit, but reading them would take too long.
    pub hurried: bool,
    pub max_tokens: u32,
}

fn system(tools: bool) -> String {
    if tools { format!("{SYSTEM}{TOOLS}") } else { SYSTEM.to_owned() }
}

/// What every prompt begins with, to be read ahead.
pub(crate) fn opening(model: ModelId, tools: bool) -> GenerateRequest {
    let message = |role, text: &str| PromptMessage { role, text: text.to_owned() };
    GenerateRequest {
        model,
        // Some templates refuse a system text without a question behind it.
        messages: vec![message(Role::System, &system(tools)), message(Role::User, "Hello")],
        max_tokens: 0,
        temperature: 0.0,
        top_p: 1.0,
        stop: Vec::new(),
        think: false,
        constraint: None,
        recall_only: false,
    }
}

/// Has the engine take up what it keeps of a conversation, before its next question comes.
pub(crate) async fn recall(engine: &dyn Engine, model: &ChatModel, history: &[Message]) -> Result<(), EngineError> {
    let prompt = layout(engine, model, history, &[], "").await?;
    let request = GenerateRequest { messages: prompt.messages, recall_only: true, ..opening(model.id.clone(), false) };
    let mut events = engine.generate(request);
    while let Some(event) = events.next().await {
        event?;
    }
    Ok(())
}

/// The user's message as the model reads it: each passage under its number and source, then the question.
pub fn user_text(passages: &[Passage], question: &str) -> String {
    let mut text = String::new();
    for (passage, number) in passages.iter().zip(1..) {
        text.push_str(&passage_text(passage, number));
    }
    text.push_str(question);
    text
}

fn passage_text(passage: &Passage, number: usize) -> String {
    let mut source = passage.document_name.clone();
    if let Some(page) = passage.position.page {
        source.push_str(&format!(" · p. {page}"));
    } else if let Some(heading) = passage.position.headings.last() {
        source.push_str(" · ");
        source.push_str(heading);
    }
    format!("[{number}] {source}\n{}\n\n", passage.text.trim())
}

/// Lays out a prompt within the model's context. Oldest turns are dropped first, then the least relevant passages; of these also what
/// cannot be read in time, but for the first.
pub(crate) async fn layout(
    engine: &dyn Engine,
    model: &ChatModel,
    history: &[Message],
    passages: &[Passage],
    question: &str,
) -> Result<Prompt, EngineError> {
    let context = model.context_length;
    let history: Vec<&Message> = history
        .iter()
        .filter(|message| message.state != MessageState::Failed && !message.text.trim().is_empty())
        .collect();
    let most = if context <= SMALL_CONTEXT { PASSAGES_SMALL } else { PASSAGES_LARGE };
    let passages = &passages[..passages.len().min(most)];

    let mut texts = vec![system(model.tools), question.to_owned()];
    texts.extend(history.iter().map(|message| message.text.clone()));
    texts.extend(passages.iter().zip(1..).map(|(passage, number)| passage_text(passage, number)));
    let counts = engine.count_tokens(&model.id, texts).await?;
    let [system_tokens, question_tokens, rest @ ..] = counts.as_slice() else {
        return Err(EngineError::Failed("the model could not count the question's length".into()));
    };
    let (history_tokens, passage_tokens) = rest.split_at(history.len().min(rest.len()));

    let max_tokens = (context / ANSWER_SHARE).min(ANSWER_MAX);
    let fixed = system_tokens + question_tokens + 3 * PER_MESSAGE;
    let Some(mut free) = context.checked_sub(max_tokens + fixed) else {
        return Err(EngineError::ContextOverflow { tokens: fixed, limit: context.saturating_sub(max_tokens) });
    };

    let mut history_free = free.min(context / HISTORY_SHARE);
    let mut first = history.len();
    while first > 0 && history_tokens[first - 1] + PER_MESSAGE <= history_free {
        first -= 1;
        history_free -= history_tokens[first] + PER_MESSAGE;
        free -= history_tokens[first] + PER_MESSAGE;
    }
    // A history that starts with an answer confuses templates that want turns to alternate.
    while history.get(first).is_some_and(|message| message.role == Role::Assistant) {
        first += 1;
    }
    // The system text has been read ahead.
    let turns: u32 = history_tokens[first..].iter().map(|tokens| tokens + PER_MESSAGE).sum();
    let mut readable = model.reads.map(|reads| reads.saturating_sub(question_tokens + turns + 2 * PER_MESSAGE));
    let mut taken = 0;
    let mut hurried = false;
    for tokens in passage_tokens {
        if *tokens > free {
            break;
        }
        hurried = taken > 0 && readable.is_some_and(|readable| *tokens > readable);
        if hurried {
            break;
        }
        free -= tokens;
        readable = readable.map(|readable| readable.saturating_sub(*tokens));
        taken += 1;
    }

    let mut messages = vec![PromptMessage { role: Role::System, text: system(model.tools) }];
    messages.extend(
        history[first..].iter().map(|message| PromptMessage { role: message.role, text: message.text.clone() }),
    );
    messages.push(PromptMessage { role: Role::User, text: user_text(&passages[..taken], question) });
    Ok(Prompt { messages, passages: taken, hurried, max_tokens })
}
