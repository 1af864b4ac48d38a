//! `molt-engine bench --model PATH [--json]`: how fast a model is on this machine.
//!
//! Runs the same code as the worker does, in this process, and prints the figures to standard output.

use std::{io::Write, path::PathBuf, sync::Arc, time::Instant};

use anyhow::{Context, bail};
use molt_core::{GenerateEvent, GenerateRequest, ModelFormat, ModelRole, ModelSpec, PromptMessage, Role};
use molt_engine_client::{
    gguf, memory,
    protocol::{CACHE_VARIABLE, Event, WireError},
};
use serde::Serialize;
use tokio::runtime::Runtime;

use crate::{chat::ChatModel, pump, sampling::Watch, worker::Voice};

/// Tokens of the long prompt.
const PROMPT: usize = 512;
/// Tokens of an answer.
const ANSWER: u32 = 64;

#[derive(Serialize)]
struct Figure {
    name: &'static str,
    value: f64,
    unit: &'static str,
}

/// Parses the arguments behind `bench`, measures, prints.
pub fn run(runtime: &Runtime, arguments: &[String]) -> anyhow::Result<()> {
    let mut model = None;
    let mut json = false;
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--model" => model = arguments.next().map(PathBuf::from),
            "--json" => json = true,
            other => bail!("bench does not know {other:?}; use: bench --model PATH [--json]"),
        }
    }
    let path = std::path::absolute(model.context("bench needs --model PATH")?)?;
    if std::env::var_os(CACHE_VARIABLE).is_none() {
        bail!("set {CACHE_VARIABLE} to a folder that may be written to");
    }
    let figures = measure(runtime, &path)?;
    let mut output = std::io::stdout().lock();
    if json {
        writeln!(output, "{}", serde_json::to_string(&figures)?)?;
    } else {
        for Figure { name, value, unit } in figures {
            writeln!(output, "{name:<28} {value:>10.2} {unit}")?;
        }
    }
    Ok(())
}

fn measure(runtime: &Runtime, path: &std::path::Path) -> anyhow::Result<Vec<Figure>> {
    let info = gguf::inspect(path)?;
    let spec = ModelSpec {
        id: "bench".into(),
        name: info.name.clone().unwrap_or_default(),
        role: ModelRole::Chat,
        format: ModelFormat::Gguf,
        path: path.to_str().context("the path is not valid text")?.to_owned(),
        size: info.file_size,
        architecture: info.architecture.clone(),
        context_length: info.context_length,
        dimensions: 0,
        memory_needed: 0,
        licence: None,
        bundled: false,
    };
    let started = Instant::now();
    let (model, _loaded) = ChatModel::load(&spec, runtime).map_err(plain)?;
    let load = started.elapsed().as_secs_f64();
    let loaded_memory = memory::of_process(std::process::id());
    let model = Arc::new(model);

    // The first answer after loading touches pages for the first time; it is not measured.
    answer(runtime, &model, "Hello", 8)?;
    let short = answer(runtime, &model, "Hello", 8)?;
    let long_text = "The meeting is at three. 会议三点开始。 Bring the report and the plan. ".repeat(PROMPT);
    let long = answer(runtime, &model, &model.first_tokens(&long_text, PROMPT).map_err(plain)?, ANSWER)?;
    let run_memory = memory::of_process(std::process::id());

    let megabytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let figure = |name, value, unit| Figure { name, value, unit };
    Ok(vec![
        figure("load", load, "s"),
        figure("prompt", f64::from(long.prompt_tokens) / long.prompt_seconds, "tokens/s"),
        figure("decode", f64::from(long.tokens.saturating_sub(1)) / long.decode_seconds.max(1e-6), "tokens/s"),
        figure("first_token_short_prompt", short.prompt_seconds * 1000.0, "ms"),
        figure("first_token_512_prompt", long.prompt_seconds * 1000.0, "ms"),
        figure("memory_after_load", megabytes(loaded_memory), "MB PSS"),
        figure("memory_after_run", megabytes(run_memory), "MB PSS"),
        figure("parameters", info.parameters as f64 / 1e6, "million"),
    ])
}

struct Timing {
    prompt_tokens: u32,
    tokens: u32,
    prompt_seconds: f64,
    decode_seconds: f64,
}

/// One greedy answer through the worker's own path.
fn answer(runtime: &Runtime, model: &Arc<ChatModel>, text: &str, tokens: u32) -> anyhow::Result<Timing> {
    let request = GenerateRequest {
        model: "bench".into(),
        messages: vec![PromptMessage { role: Role::User, text: text.to_owned() }],
        max_tokens: tokens,
        temperature: 0.0,
        top_p: 1.0,
        stop: Vec::new(),
    };
    let (voice, events) = Voice::collected();
    runtime.block_on(pump::run(model.clone(), 1, request, Arc::<Watch>::default(), voice));
    for event in events {
        match event {
            Event::Generation {
                event: GenerateEvent::Done { prompt_tokens, completion_tokens, prompt_ms, decode_ms, .. },
                ..
            } => {
                let seconds = |ms: u64| ms.max(1) as f64 / 1000.0;
                return Ok(Timing {
                    prompt_tokens,
                    tokens: completion_tokens,
                    prompt_seconds: seconds(prompt_ms),
                    decode_seconds: seconds(decode_ms),
                });
            }
            Event::Failed { error, .. } => return Err(plain(error)),
            _ => {}
        }
    }
    bail!("the answer has no end")
}

fn plain(error: WireError) -> anyhow::Error {
    molt_core::EngineError::from(error).into()
}
