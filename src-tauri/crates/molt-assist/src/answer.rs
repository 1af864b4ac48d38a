//! Writing one answer: find passages, lay out the prompt, stream, cite.

use std::time::{Duration, Instant};

use futures::StreamExt;
use molt_core::{
    AnswerKind, AnswerStats, Constraint, EngineError, FinishReason, Found, GenerateEvent, GenerateRequest, IndexFilter,
    Message, MessageState, PromptMessage, TaskId,
};
use tokio_util::sync::CancellationToken;

use crate::{
    calls::{self, Call},
    citations::{citations, mark_used},
    continuation::{self, is_chinese},
    conversation::{Assist, AssistEvent, ChatModel, tell},
    prompt::{Turn, layout},
};

/// Passages asked for. A model is shown as many of them as fit.
const PASSAGES: usize = 8;
/// What begins as a call and is longer than this is none.
const CALL_BYTES: usize = 4096;
/// Room for a call of one line.
const CALL_TOKENS: u32 = 400;
/// How often the answer so far is stored while it is written.
const STORE_EVERY: Duration = Duration::from_secs(1);
/// Below this many characters a question is likely a follow-up ("and in 2024?"), and is searched together with the one before.
const FOLLOW_UP_CHARACTERS: usize = 16;

/// An answer that has ended, and the model that was asked for it.
pub(crate) struct Ended {
    pub answer: Message,
    pub model: Option<ChatModel>,
}

/// Writes the answer to its end; never fails, a failure is an answer that says why.
pub(crate) async fn write(
    assist: &Assist,
    question: &Message,
    mut answer: Message,
    model: impl Future<Output = Option<ChatModel>>,
    cancel: CancellationToken,
) -> Ended {
    let history = history(assist, question);
    let prepared = async {
        let found = find(assist, &history, &question.text).await;
        (found, model.await)
    };
    let (found, model) = tokio::select! {
        prepared = prepared => prepared,
        () = cancel.cancelled() => {
            answer.state = MessageState::Stopped;
            return Ended { answer, model: None };
        }
    };
    let Some(model) = model else {
        return Ended { answer: passages_only(answer, found, &question.text), model: None };
    };
    answer.kind = Some(AnswerKind::Model);
    let turn = Turn { history: &history, passages: &found.passages, question: &question.text, so_far: "" };
    match stream(assist, turn, &mut answer, &model, &cancel).await {
        Ok(Written { state, messages }) => {
            answer.state = state;
            if calls::is_begun(&answer.text) {
                let call = std::mem::take(&mut answer.text);
                let call = match calls::read(&call) {
                    None if state == MessageState::Done => {
                        call_again(assist, &model, messages, question, &cancel).await
                    }
                    call => call,
                };
                let last = history.iter().rev().find_map(|message| message.task_id.clone());
                carry_out(assist, question, call, last, &mut answer);
                if let Some(stats) = &mut answer.stats {
                    // It is not the model's text that is shown.
                    stats.cut = false;
                }
                return Ended { answer, model: Some(model) };
            }
        }
        Err(error) => {
            answer.state = MessageState::Failed;
            answer.error = Some(error.to_string());
        }
    }
    mark_used(&mut answer.citations, &answer.text);
    Ended { answer, model: Some(model) }
}

/// Writes more of an answer that was cut; `before` is what it was, `answer` its whole sentences. What goes wrong leaves it as it was.
pub(crate) async fn go_on(
    assist: &Assist,
    question: &Message,
    before: Message,
    mut answer: Message,
    model: impl Future<Output = Option<ChatModel>>,
    cancel: CancellationToken,
) -> Ended {
    let model = cancel.run_until_cancelled(model).await;
    let Some(Some(model)) = model else {
        let error = model.is_some().then(|| "No chat model is loaded.".to_owned());
        return Ended { answer: Message { error, ..before }, model: None };
    };
    // What was read of the passages for the part before is likely known, and as much is to be read now.
    let model = ChatModel { reads: None, think: false, ..model };
    let (history, passages) = (history(assist, question), continuation::passages(&before.citations));
    let so_far = answer.text.clone();
    let turn = Turn { history: &history, passages: &passages, question: &question.text, so_far: &so_far };
    match stream(assist, turn, &mut answer, &model, &cancel).await {
        Ok(written) => answer.state = written.state,
        Err(error) => (answer.state, answer.error) = (MessageState::Done, Some(error.to_string())),
    }
    let is_complete = answer.state == MessageState::Done && answer.error.is_none();
    if !is_complete && answer.text.len() < before.text.len() {
        answer.text = before.text;
    }
    answer.citations.clone_from(&before.citations);
    mark_used(&mut answer.citations, &answer.text);
    if before.answerer.as_ref().is_some_and(|answerer| answerer.host.is_some()) {
        // The sign stays that it was sent elsewhere.
        answer.answerer = before.answerer;
    }
    // Of an answer that has not come to its end the figures are still those of the part before.
    if let (Some(before), Some(after)) = (before.stats, answer.stats.as_mut())
        && *after != before
    {
        // The prompt of this part held the part before.
        after.prompt_tokens = before.prompt_tokens;
        after.completion_tokens += before.completion_tokens;
        after.first_token_ms = before.first_token_ms;
        after.total_ms += before.total_ms;
        after.passages_left_out = before.passages_left_out;
        after.hurried = before.hurried;
    }
    Ended { answer, model: Some(model) }
}

/// Has the model write a call that it began and garbled anew, bound to the form of one. Most calls are right at once; an answer is not
/// bound from its beginning because most are no calls.
async fn call_again(
    assist: &Assist,
    model: &ChatModel,
    messages: Vec<PromptMessage>,
    question: &Message,
    cancel: &CancellationToken,
) -> Option<Call> {
    let request = GenerateRequest {
        model: model.id.clone(),
        messages,
        max_tokens: CALL_TOKENS,
        temperature: 0.0,
        top_p: 1.0,
        stop: Vec::new(),
        think: false,
        constraint: Some(Constraint::JsonSchema(calls::schema(&question.text))),
        recall_only: false,
    };
    let mut events = assist.parts().engine.generate(request);
    let mut call = String::new();
    loop {
        match cancel.run_until_cancelled(events.next()).await?? {
            Ok(GenerateEvent::Delta { text }) => call.push_str(&text),
            Ok(GenerateEvent::Done { .. }) => return calls::read(&call),
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "a call could not be written anew");
                return None;
            }
        }
    }
}

/// Does what the model calls for, if it is what the user asked for. `last` is the task that was spoken of last.
fn carry_out(assist: &Assist, question: &Message, call: Option<Call>, last: Option<TaskId>, answer: &mut Message) {
    answer.citations.clear();
    match call.filter(|call| call.is_asked_for(&question.text)) {
        Some(Call::TaskAdd { text }) => assist.make_task(question, &text, answer),
        Some(Call::OfTasks(call)) => tell(answer, (assist.parts().do_call)(&call, &question.text, last)),
        None => {
            tracing::warn!("the model called for something that was not asked for");
            answer.state = MessageState::Failed;
            answer.error =
                Some("The model called for an action that you did not ask for. Nothing was done.".to_owned());
        }
    }
}

/// The turns before the question.
fn history(assist: &Assist, question: &Message) -> Vec<Message> {
    let messages = assist.parts().conversations.messages(&question.conversation_id).unwrap_or_default();
    messages.into_iter().take_while(|message| message.id != question.id).collect()
}

async fn find(assist: &Assist, history: &[Message], question: &str) -> Found {
    let before = history.iter().rev().find(|message| message.role == molt_core::Role::User);
    let query = match before {
        Some(before) if question.chars().count() < FOLLOW_UP_CHARACTERS => format!("{} {question}", before.text),
        _ => question.to_owned(),
    };
    match assist.parts().finder.find(&query, &IndexFilter::default(), PASSAGES).await {
        Ok(found) => found,
        Err(error) => {
            tracing::warn!(%error, "answering without passages");
            Found::default()
        }
    }
}

fn passages_only(mut answer: Message, found: Found, question: &str) -> Message {
    let chinese = is_chinese(question);
    answer.kind = Some(AnswerKind::Passages);
    answer.state = MessageState::Done;
    answer.text = match (found.passages.is_empty(), chinese) {
        (true, false) => "No chat model is loaded, and nothing in your library matches.",
        (true, true) => "没有加载对话模型，资料库中也没有匹配的内容。",
        (false, false) => "No chat model is loaded. These passages match best:",
        (false, true) => "没有加载对话模型。以下是最匹配的段落：",
    }
    .to_owned();
    answer.citations = citations(&found.passages);
    answer
}

/// Stores the answer so far, if the last time is long enough ago.
fn store_now_and_then(assist: &Assist, answer: &Message, stored: &mut Instant) {
    if stored.elapsed() >= STORE_EVERY {
        // A failure here shows again, and is reported, when the ended answer is stored.
        let _ = assist.parts().conversations.put_message(answer);
        *stored = Instant::now();
    }
}

/// What came of an answer.
struct Written {
    state: MessageState,
    /// The prompt that it answers.
    messages: Vec<PromptMessage>,
}

async fn stream(
    assist: &Assist,
    turn: Turn<'_>,
    answer: &mut Message,
    model: &ChatModel,
    cancel: &CancellationToken,
) -> Result<Written, EngineError> {
    let started = Instant::now();
    let engine = &assist.parts().engine;
    let passages = turn.passages;
    // The first words behind a text that there is already.
    let mut is_joint = !turn.so_far.is_empty();
    let prompt = layout(engine.as_ref(), model, assist.known(), turn).await?;
    answer.citations = citations(&passages[..prompt.passages]);
    let left_out = (passages.len() - prompt.passages) as u32;
    answer.answerer = Some(model.answerer());
    assist.progress(answer);
    if model.host.is_some() {
        // What leaves this computer is written down before it does.
        assist.store(answer).map_err(|error| EngineError::Failed(format!("nothing was sent, because {error}")))?;
    }
    let note = assist.known().begin(model, &prompt);
    let mut events = engine.generate(GenerateRequest {
        model: model.id.clone(),
        messages: prompt.messages.clone(),
        max_tokens: prompt.max_tokens,
        temperature: model.sampling.temperature,
        top_p: model.sampling.top_p,
        stop: Vec::new(),
        think: model.think,
        constraint: None,
        recall_only: false,
    });

    let written = |state| Written { state, messages: prompt.messages.clone() };

    let mut first_token = None;
    let mut stored = Instant::now();
    let mut offset = answer.text.encode_utf16().count() as u32;
    loop {
        let event = tokio::select! {
            biased;
            // Dropping the stream cancels the generation.
            () = cancel.cancelled() => return Ok(written(MessageState::Stopped)),
            event = events.next() => event,
        };
        if let Some(event) = &event {
            note.hear(assist.known(), event);
        }
        let queued = |position| AssistEvent::Queued {
            conversation_id: answer.conversation_id.clone(),
            message_id: answer.id.clone(),
            position,
        };
        match event {
            None => return Err(EngineError::Crashed("the answer broke off".into())),
            Some(Err(error)) => return Err(error),
            Some(Ok(GenerateEvent::Queued { position })) => assist.emit(queued(position)),
            Some(Ok(GenerateEvent::Started { .. })) => assist.emit(queued(0)),
            Some(Ok(GenerateEvent::Reading { read, total })) => assist.emit(AssistEvent::Reading {
                conversation_id: answer.conversation_id.clone(),
                message_id: answer.id.clone(),
                read,
                total,
            }),
            Some(Ok(GenerateEvent::Thought { text })) => {
                let thoughts = answer.thoughts.get_or_insert_default();
                let offset = thoughts.encode_utf16().count() as u32;
                thoughts.push_str(&text);
                assist.progress(answer);
                assist.emit(AssistEvent::Thought {
                    conversation_id: answer.conversation_id.clone(),
                    message_id: answer.id.clone(),
                    offset,
                    text,
                });
                store_now_and_then(assist, answer, &mut stored);
            }
            Some(Ok(GenerateEvent::Delta { text })) => {
                first_token.get_or_insert_with(|| started.elapsed());
                let text = if is_joint { continuation::joint(&answer.text, &text) } else { text };
                if is_joint && text.is_empty() {
                    continue;
                }
                is_joint = false;
                answer.text.push_str(&text);
                if calls::is_begun(&answer.text) {
                    if answer.text.len() > CALL_BYTES {
                        return Ok(written(MessageState::Done));
                    }
                    continue;
                }
                assist.progress(answer);
                let length = text.encode_utf16().count() as u32;
                assist.emit(AssistEvent::Delta {
                    conversation_id: answer.conversation_id.clone(),
                    message_id: answer.id.clone(),
                    offset,
                    text,
                });
                offset += length;
                store_now_and_then(assist, answer, &mut stored);
            }
            Some(Ok(GenerateEvent::Done { finish, prompt_tokens, completion_tokens, decode_ms, .. })) => {
                let total = started.elapsed();
                answer.stats = Some(AnswerStats {
                    model: model.name.clone(),
                    prompt_tokens,
                    completion_tokens,
                    first_token_ms: first_token.unwrap_or(total).as_millis() as u64,
                    total_ms: total.as_millis() as u64,
                    tokens_per_second: if decode_ms == 0 {
                        0.0
                    } else {
                        completion_tokens as f32 * 1000.0 / decode_ms as f32
                    },
                    passages_left_out: left_out,
                    hurried: left_out > 0 && prompt.hurried,
                    cut: finish == FinishReason::Length,
                    messages_left_out: prompt.left_out as u32,
                    context_length: model.context_length,
                });
                let is_cancelled = finish == FinishReason::Cancelled;
                return Ok(written(if is_cancelled { MessageState::Stopped } else { MessageState::Done }));
            }
        }
    }
}
