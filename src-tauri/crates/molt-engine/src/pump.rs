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
    worker::{StopFilter, Voice},
};
use tokio::sync::mpsc;

use crate::{chat::ChatModel, sampling::Watch};

/// How often the client is told that an answer without visible text goes on.
const PROGRESS: Duration = Duration::from_secs(5);
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
    let preparing = model.clone();
    let prompt = tokio::task::spawn_blocking(move || preparing.prepare(&request)).await;
    let prompt =
        prompt.map_err(|error| WireError::Failed { text: format!("The prompt could not be laid out: {error}.") })??;
    let prompt_tokens = prompt.tokens;
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
    let mut seen = 0;
    let mut progress = tokio::time::interval(PROGRESS);
    let end = loop {
        tokio::select! {
            biased;
            () = watch.cancelled() => break Ok(FinishReason::Cancelled),
            response = responses.recv() => match response.map(read) {
                Some(Word::Text(text)) => {
                    let (text, stopped) = filter.push(&text);
                    show(text);
                    if stopped {
                        break Ok(FinishReason::Stop);
                    }
                }
                Some(Word::Last(text, finish)) => {
                    let (text, stopped) = filter.push(&text);
                    show(text);
                    if stopped {
                        break Ok(FinishReason::Stop);
                    }
                    show(filter.finish());
                    break Ok(finish);
                }
                Some(Word::Error(text)) => break Err(WireError::Failed { text: format!("The model could not go on with its answer: {text}.") }),
                // The engine sends nothing at the end when the last token is a part of a character.
                None if model.is_sound() => {
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
        Response::Chunk(mut chunk) => {
            let Some(choice) = chunk.choices.pop() else { return Word::Text(String::new()) };
            // What a model thinks before it answers is not shown; the progress is.
            let text = choice.delta.content.unwrap_or_default();
            match choice.finish_reason.as_deref() {
                None => Word::Text(text),
                Some("length") => Word::Last(text, FinishReason::Length),
                Some(_) => Word::Last(text, FinishReason::Stop),
            }
        }
        Response::InternalError(error) | Response::ValidationError(error) => Word::Error(short(&error.to_string())),
        Response::ModelError(error, _) | Response::CompletionModelError(error, _) => Word::Error(short(&error)),
        // Not sent to a streaming chat request.
        _ => Word::Text(String::new()),
    }
}

/// The first line of a library's error; the rest may be a backtrace.
fn short(error: &str) -> String {
    tracing::warn!(%error, "the engine reports an error");
    error.lines().next().unwrap_or_default().chars().take(300).collect::<String>().trim_end_matches('.').to_owned()
}
