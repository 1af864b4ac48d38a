//! The layout of a prompt: what never changes first (so that an engine can reuse it), passages and the question last.

use molt_core::{Engine, EngineError, GenerateRequest, Message, MessageState, ModelId, Passage, PromptMessage, Role};

use crate::{ahead::Known, calls::TOOLS, continuation, conversation::ChatModel};

/// The system text. It is constant: the small model was trained with exactly these words.
pub const SYSTEM: &str = "You are Moltworker, a private assistant on the user's computer. Answer from the numbered passages and cite them \
                          like [1]. If they do not contain the answer, say so.";

/// Tokens a chat template adds around one message, with room to spare.
const PER_MESSAGE: u32 = 10;
/// Share of the context kept for the answer, and the most that is kept.
const ANSWER_SHARE: u32 = 4;
const ANSWER_MAX: u32 = 1024;
/// The same where the model thinks first, which may take much longer than the answer.
const THOUGHT_SHARE: u32 = 2;
const THOUGHT_MAX: u32 = 4096;
/// History may take this share of the context.
const HISTORY_SHARE: u32 = 4;
/// Old turns are dropped by this share of the room for history at a time: with every drop the whole history is read anew.
const DROP_SHARE: u32 = 4;
/// Passages shown to a model: few to one with a small context, which is also a small model.
const PASSAGES_SMALL: usize = 4;
const PASSAGES_LARGE: usize = 8;
const SMALL_CONTEXT: u32 = 4096;

/// A prompt that fits the model's context.
pub(crate) struct Prompt {
    pub messages: Vec<PromptMessage>,
    /// The most tokens that each of the messages may be.
    pub tokens: Vec<u32>,
    /// How many of the passages, from the first, are in the prompt.
    pub passages: usize,
    /// More passages would fit, but reading them would take too long.
    pub hurried: bool,
    /// Messages of the history that are not in the prompt.
    pub left_out: usize,
    pub max_tokens: u32,
}

fn system(tools: bool) -> String {
    if tools { format!("{SYSTEM}{TOOLS}") } else { SYSTEM.to_owned() }
}

/// What every prompt begins with, to be read ahead.
pub(crate) fn opening(model: ModelId, tools: bool) -> GenerateRequest {
    let message = |role, text: &str| PromptMessage { role, text: text.to_owned() };
    // Some templates refuse a system text without a question behind it.
    reading(model, vec![message(Role::System, &system(tools)), message(Role::User, "Hello")], false)
}

/// Reads a prompt and writes nothing.
pub(crate) fn reading(model: ModelId, messages: Vec<PromptMessage>, recall_only: bool) -> GenerateRequest {
    GenerateRequest {
        model,
        messages,
        max_tokens: 0,
        temperature: 0.0,
        top_p: 1.0,
        stop: Vec::new(),
        think: false,
        constraint: None,
        recall_only,
    }
}

/// The prompt of the question that comes next, as far as it is known before it comes: all but its last message.
pub(crate) async fn next_turn(
    engine: &dyn Engine,
    model: &ChatModel,
    history: &[Message],
) -> Result<Prompt, EngineError> {
    layout(engine, model, &Known::default(), Turn { history, passages: &[], question: "", so_far: "" }).await
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

/// What a prompt is made of.
pub(crate) struct Turn<'a> {
    pub history: &'a [Message],
    pub passages: &'a [Passage],
    pub question: &'a str,
    /// An answer that is to be gone on with; empty where it is to be begun.
    pub so_far: &'a str,
}

/// Lays out a prompt within the model's context. Oldest turns are dropped first, then the least relevant passages; of these also what
/// cannot be read in time, but for the first. What is dropped of the turns does not depend on the question, so that they can be read
/// before it comes.
pub(crate) async fn layout(
    engine: &dyn Engine,
    model: &ChatModel,
    known: &Known,
    Turn { history, passages, question, so_far }: Turn<'_>,
) -> Result<Prompt, EngineError> {
    let context = model.context_length;
    let history: Vec<&Message> = history
        .iter()
        .filter(|message| message.state != MessageState::Failed && !message.text.trim().is_empty())
        .collect();
    let most = if context <= SMALL_CONTEXT { PASSAGES_SMALL } else { PASSAGES_LARGE };
    let passages = &passages[..passages.len().min(most)];

    let go_on = if so_far.is_empty() { "" } else { continuation::request(question) };
    let mut texts = vec![system(model.tools), question.to_owned(), so_far.to_owned(), go_on.to_owned()];
    texts.extend(history.iter().map(|message| message.text.clone()));
    texts.extend(passages.iter().zip(1..).map(|(passage, number)| passage_text(passage, number)));
    let counts = engine.count_tokens(&model.id, texts).await?;
    let [system_tokens, question_tokens, so_far_tokens, go_on_tokens, rest @ ..] = counts.as_slice() else {
        return Err(EngineError::Failed("the model could not count the question's length".into()));
    };
    let (history_tokens, passage_tokens) = rest.split_at(history.len().min(rest.len()));

    let max_tokens = match model.think {
        true => (context / THOUGHT_SHARE).min(THOUGHT_MAX),
        false => (context / ANSWER_SHARE).min(ANSWER_MAX),
    };
    let behind = if so_far.is_empty() { 0 } else { so_far_tokens + go_on_tokens + 2 * PER_MESSAGE };
    let fixed = system_tokens + question_tokens + behind + 3 * PER_MESSAGE;
    let Some(mut free) = context.checked_sub(max_tokens + fixed) else {
        return Err(EngineError::ContextOverflow { tokens: fixed, limit: context.saturating_sub(max_tokens) });
    };

    let room = free.min(context / HISTORY_SHARE);
    let turn_tokens = |at: usize| history_tokens[at] + PER_MESSAGE;
    let all: u32 = (0..history.len()).map(turn_tokens).sum();
    let step = (room / DROP_SHARE).max(1);
    let to_drop = all.saturating_sub(room).div_ceil(step) * step;
    let (mut first, mut dropped) = (0, 0);
    while first < history.len() && dropped < to_drop {
        dropped += turn_tokens(first);
        first += 1;
    }
    // A history that starts with an answer confuses templates that want turns to alternate.
    while history.get(first).is_some_and(|message| message.role == Role::Assistant) {
        first += 1;
    }
    let mut messages = vec![PromptMessage { role: Role::System, text: system(model.tools) }];
    messages.extend(
        history[first..].iter().map(|message| PromptMessage { role: message.role, text: message.text.clone() }),
    );
    let mut tokens = vec![system_tokens + PER_MESSAGE];
    tokens.extend((first..history.len()).map(turn_tokens));
    free -= tokens[1..].iter().sum::<u32>();
    // The system text has been read ahead, and so may have been some of the turns.
    let unread: u32 = tokens[known.read(&model.id, &messages).max(1)..].iter().sum();
    let mut readable = model.reads.map(|reads| reads.saturating_sub(question_tokens + unread + 2 * PER_MESSAGE));
    let mut taken = 0;
    let mut hurried = false;
    for size in passage_tokens {
        if *size > free {
            break;
        }
        hurried = taken > 0 && readable.is_some_and(|readable| *size > readable);
        if hurried {
            break;
        }
        free -= size;
        readable = readable.map(|readable| readable.saturating_sub(*size));
        taken += 1;
    }

    messages.push(PromptMessage { role: Role::User, text: user_text(&passages[..taken], question) });
    tokens.push(question_tokens + passage_tokens[..taken].iter().sum::<u32>() + PER_MESSAGE);
    if !so_far.is_empty() {
        messages.push(PromptMessage { role: Role::Assistant, text: so_far.to_owned() });
        messages.push(PromptMessage { role: Role::User, text: go_on.to_owned() });
        tokens.extend([so_far_tokens + PER_MESSAGE, go_on_tokens + PER_MESSAGE]);
    }
    Ok(Prompt { messages, tokens, passages: taken, hurried, left_out: first, max_tokens })
}
