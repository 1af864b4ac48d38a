//! How fast a worker runs a model on this machine: `molt-engine-bench WORKER MODEL`. With `turns` behind it, how soon a conversation goes
//! on; with `CASES ROUNDS`, how well the worker keeps to the forms of a file of cases.
//!
//! Everything goes through the client and the worker's process, as in the program. Prints the figures as JSON, or the answers.

mod forms;
mod turns;

use std::{path::PathBuf, time::Instant};

use futures::StreamExt;
use molt_core::{Engine, EngineError, GenerateEvent, GenerateRequest, ModelId, ModelInspector, PromptMessage, Role};
use molt_engine_client::{EngineClient, EngineConfig, ModelFiles, gguf};
use serde::Serialize;

const USAGE: &str = "usage: molt-engine-bench WORKER MODEL [turns | CASES ROUNDS]";
/// Tokens of the long prompt.
const PROMPT: u32 = 512;
/// Tokens of an answer.
const ANSWER: u32 = 64;
/// Bytes that a worker may take beside the weights and what it remembers of a conversation.
const MEMORY_BESIDE: u64 = 100 << 20;
const SENTENCE: &str = "The meeting is at three. 会议三点开始。 Bring the report and the plan. ";

#[derive(Serialize)]
struct Figure {
    name: &'static str,
    value: f64,
    unit: &'static str,
    /// What the value is held against, and how much that is.
    #[serde(flatten)]
    beside: Option<Beside>,
}

#[derive(Serialize)]
struct Beside {
    peer: &'static str,
    peer_value: f64,
}

struct Timing {
    prompt_tokens: u32,
    tokens: u32,
    prompt_seconds: f64,
    decode_seconds: f64,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [worker, model, forms @ ..] = &arguments[..] else { return Err(USAGE.into()) };
    let cache = std::env::temp_dir().join(format!("molt-engine-bench-{}", std::process::id()));
    let client = EngineClient::new(EngineConfig::new(worker.clone(), cache.clone()));
    let done = match forms {
        [] => measure(&client, model).await.map_err(Into::into).and_then(|figures| {
            println!("{}", serde_json::to_string(&figures)?);
            Ok(())
        }),
        [turns] if turns.as_os_str() == "turns" => {
            let folder = cache.join("turns");
            turns::measure(worker.clone(), model, &folder).await.map_err(Into::into).and_then(|figures| {
                println!("{}", serde_json::to_string(&figures)?);
                Ok(())
            })
        }
        [cases, rounds] => {
            let rounds = rounds.to_str().and_then(|rounds| rounds.parse().ok()).ok_or(USAGE)?;
            forms::answer_all(&client, model, cases, rounds).await
        }
        _ => Err(USAGE.into()),
    };
    std::fs::remove_dir_all(cache)?;
    done
}

async fn measure(client: &EngineClient, path: &std::path::Path) -> Result<Vec<Figure>, EngineError> {
    let spec = ModelFiles.inspect(path).map_err(EngineError::BadModel)?;
    let started = Instant::now();
    client.load(&spec).await?;
    let load = started.elapsed().as_secs_f64();
    let loaded_memory = memory(client).await;

    // The first answer after loading touches pages for the first time.
    let greeting = answer(client, &spec.id, "Hello", 1).await?;
    let ready = started.elapsed().as_secs_f64();
    let short = answer(client, &spec.id, "Good morning", 8).await?;
    let each = client.count_tokens(&spec.id, vec![SENTENCE.repeat(8)]).await?[0] / 8;
    let text = SENTENCE.repeat((PROMPT / each.max(1)) as usize);
    let long = answer(client, &spec.id, &text, ANSWER).await?;
    let run_memory = memory(client).await;
    client.unload(&spec.id).await;

    let megabytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let figure = |name, value, unit| Figure { name, value, unit, beside: None };
    // Keys and values as 16-bit floats.
    let allowed = gguf::inspect(path).ok().map(|info| {
        let conversation = u64::from(long.prompt_tokens + long.tokens) * info.kv_bytes_per_token / 2;
        let peer_value = megabytes(info.file_size + conversation + MEMORY_BESIDE);
        Beside { peer: "file, conversation and 100 MB", peer_value }
    });
    Ok(vec![
        figure("load", load, "s"),
        figure("load and first token", ready, "s"),
        figure("prompt of that token", f64::from(greeting.prompt_tokens), "tokens"),
        figure("prompt", f64::from(long.prompt_tokens) / long.prompt_seconds, "tokens/s"),
        figure("decode", f64::from(long.tokens.saturating_sub(1)) / long.decode_seconds, "tokens/s"),
        figure("first token, short prompt", short.prompt_seconds * 1000.0, "ms"),
        figure("first token, 512 tokens", long.prompt_seconds * 1000.0, "ms"),
        figure("memory when loaded", megabytes(loaded_memory), "MB PSS"),
        Figure { beside: allowed, ..figure("memory after an answer", megabytes(run_memory), "MB PSS") },
    ])
}

async fn memory(client: &EngineClient) -> u64 {
    client.stats().await.first().map_or(0, |stats| stats.memory)
}

/// One greedy answer.
async fn answer(client: &EngineClient, model: &ModelId, text: &str, tokens: u32) -> Result<Timing, EngineError> {
    let mut events = client.generate(GenerateRequest {
        model: model.clone(),
        messages: vec![PromptMessage { role: Role::User, text: text.to_owned() }],
        max_tokens: tokens,
        temperature: 0.0,
        top_p: 1.0,
        stop: Vec::new(),
        think: false,
        constraint: None,
        recall_only: false,
    });
    while let Some(event) = events.next().await {
        if let GenerateEvent::Done { prompt_tokens, cached_tokens, completion_tokens, prompt_ms, decode_ms, .. } =
            event?
        {
            let seconds = |ms: u64| ms.max(1) as f64 / 1000.0;
            return Ok(Timing {
                prompt_tokens: prompt_tokens - cached_tokens,
                tokens: completion_tokens,
                prompt_seconds: seconds(prompt_ms),
                decode_seconds: seconds(decode_ms),
            });
        }
    }
    Err(EngineError::Failed("the answer has no end".into()))
}
