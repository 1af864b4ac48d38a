//! Carries one answer from the engine to the client: text, progress, the end.
//!
//! It owns the engine's responses until the engine has let go of the sequence, whatever the client does: a request without a receiver
//! makes the engine's thread panic.

use std::{
    process::exit,
    sync::Arc,
    time::{Duration, Instant},
};

use mistralrs::Response;
use molt_core::{FinishReason, GenerateEvent, GenerateRequest};
use molt_engine_client::{
    protocol::{Event, WireError},
    worker::{Said, StopFilter, Thoughts, Voice, form},
};
use tokio::sync::mpsc;

use crate::{chat::ChatModel, sampling::Watch};

/// How often the client is told that an answer without visible text goes on.
const PROGRESS: Duration = Duration::from_secs(5);
/// What the engine says before the reason when it cannot keep to a form.
const NO_FORM: &str = "Invalid grammar. ";
/// The exit code of a worker whose engine has failed beyond repair.
const BROKEN: i32 = 70;

/// Runs one request to its end. Says everything, `Idle` last.
pub async fn run(model: Arc<ChatModel>, id: u64, request: GenerateRequest, watch: Arc<Watch>, voice: Voice) {
    if let Err(error) = answer(&model, id, request, &watch, &voice).await {
        voice.say(Event::Failed { id, error });
    }
    if !model.is_sound() {
        tracing::error!("the engine is broken; the worker ends");
        voice.finish();
        exit(BROKEN);
    }
    voice.say(Event::Idle { id });
}

/// What the engine's next words mean.
enum Word {
    /// More text, perhaps none.
    Text(String),
    /// The last text, and why it ended.
    Last(String, FinishReason),
    Error(String),
    /// The answer cannot have the form that was asked for.
    Refused(String),
}

async fn answer(
    model: &Arc<ChatModel>,
    id: u64,
    request: GenerateRequest,
    watch: &Arc<Watch>,
    voice: &Voice,
) -> Result<(), WireError> {
    let started = Instant::now();
    let mut filter = StopFilter::new(&request.stop);
    let is_formed = request.constraint.is_some();
    let preparing = model.clone();
    let prompt = tokio::task::spawn_blocking(move || preparing.prepare(&request)).await;
    let prompt =
        prompt.map_err(|error| WireError::Failed { text: format!("The prompt could not be laid out: {error}.") })??;
    let prompt_tokens = prompt.tokens;
    let mut thoughts = if is_formed { Thoughts::none() } else { Thoughts::new(&prompt.text) };
    let tell = |event| voice.say(Event::Generation { id, event });
    tell(GenerateEvent::Started { prompt_tokens });

    if watch.is_ended() {
        // Once the engine reads a prompt, it reads all of it.
        tell(GenerateEvent::Done {
            finish: FinishReason::Cancelled,
            prompt_tokens,
            cached_tokens: 0,
            completion_tokens: 0,
            prompt_ms: 0,
            decode_ms: 0,
        });
        return Ok(());
    }
    let mut responses = model.start(prompt, watch.clone()).await?;
    let show = |text: String| {
        if !text.is_empty() {
            tell(GenerateEvent::Delta { text });
        }
    };
    // Returns whether a stop string was met.
    let say = |said: Said, filter: &mut StopFilter| {
        if !said.thought.is_empty() {
            tell(GenerateEvent::Thought { text: said.thought });
        }
        let (text, stopped) = filter.push(&said.answer);
        show(text);
        stopped
    };
    let mut seen = 0;
    let mut progress = tokio::time::interval(PROGRESS);
    let end = loop {
        tokio::select! {
            biased;
            () = watch.cancelled() => break Ok(FinishReason::Cancelled),
            response = responses.recv() => match response.map(read) {
                Some(Word::Text(text)) => {
                    if say(thoughts.push(&text), &mut filter) {
                        break Ok(FinishReason::Stop);
                    }
                }
                Some(Word::Last(text, finish)) => {
                    if say(thoughts.push(&text), &mut filter) || say(thoughts.finish(), &mut filter) {
                        break Ok(FinishReason::Stop);
                    }
                    show(filter.finish());
                    break Ok(finish);
                }
                Some(Word::Refused(reason)) => break Err(form::refused(&reason)),
                Some(Word::Error(text)) => break Err(WireError::Failed { text: format!("The model could not go on with its answer: {text}.") }),
                // The engine sends nothing at the end when the last token is a part of a character.
                None if model.is_sound() => {
                    say(thoughts.finish(), &mut filter);
                    show(filter.finish());
                    break Ok(FinishReason::Length);
                }
                None => break Err(WireError::Crashed { text: "the engine has failed".into() }),
            },
            _ = progress.tick() => {
                if watch.chosen() > seen {
                    seen = watch.chosen();
                    voice.say(Event::Progress { id });
                }
            }
        }
    };
    watch.end();
    let result = end.map(|finish| {
        let read = watch.first().unwrap_or_else(Instant::now);
        let (prompt_ms, decode_ms) = (milliseconds(read - started), milliseconds(read.elapsed()));
        let completion_tokens = watch.chosen();
        tell(GenerateEvent::Done { finish, prompt_tokens, cached_tokens: 0, completion_tokens, prompt_ms, decode_ms });
    });
    drain(responses).await;
    result
}

/// Waits until the engine has let go of the sequence: then it has dropped its end of the channel.
async fn drain(mut responses: mpsc::Receiver<Response>) {
    while responses.recv().await.is_some() {}
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn read(response: Response) -> Word {
    match response {
        Response::CompletionChunk(mut chunk) => match chunk.choices.pop() {
            None => Word::Text(String::new()),
            Some(choice) => match choice.finish_reason.as_deref() {
                None => Word::Text(choice.text),
                Some("length") => Word::Last(choice.text, FinishReason::Length),
                Some(_) => Word::Last(choice.text, FinishReason::Stop),
            },
        },
        Response::ValidationError(error) if error.to_string().starts_with(NO_FORM) => {
            Word::Refused(error.to_string()[NO_FORM.len()..].to_owned())
        }
        Response::InternalError(error) | Response::ValidationError(error) => Word::Error(short(&error.to_string())),
        Response::ModelError(error, _) | Response::CompletionModelError(error, _) => Word::Error(short(&error)),
        // Not sent to a streaming request of tokens.
        _ => Word::Text(String::new()),
    }
}

/// The first line of a library's error; the rest may be a backtrace.
fn short(error: &str) -> String {
    tracing::warn!(%error, "the engine reports an error");
    error.lines().next().unwrap_or_default().chars().take(300).collect::<String>().trim_end_matches('.').to_owned()
}
