//! How soon a conversation goes on: with the model loaded, and after the program was started anew.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use futures::StreamExt;
use molt_core::{Engine, EngineError, GenerateEvent, GenerateRequest, ModelInspector, ModelSpec, PromptMessage, Role};
use molt_engine_client::{
    EngineClient, EngineConfig, ModelFiles,
    protocol::{KeptStates, StatesKey},
};

use crate::{Figure, SENTENCE};

/// Tokens of the conversation that goes on, and of one that has just begun.
const CONVERSATION: u32 = 2000;
const BEGUN: u32 = 250;
/// Times that each is measured; the median counts.
const TIMES: usize = 15;
/// One line of a conversation, about 32 tokens with the answer before it and what a chat template adds.
const LINE: &str = "Who brings the plan?";
/// A state is written after its answer; much longer than that takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// The tokens that were new in a prompt, and how long its first token took, as the client sees it.
struct First {
    new_tokens: u32,
    ms: f64,
}

pub async fn measure(worker: PathBuf, model: &Path, folder: &Path) -> Result<Vec<Figure>, EngineError> {
    let spec = ModelFiles.inspect(model).map_err(EngineError::BadModel)?;
    let states = folder.join("states");
    let open = || {
        let kept = KeptStates { folder: states.clone(), key: StatesKey([7; 32]), budget: 4 << 30 };
        EngineClient::new(EngineConfig {
            states: Some(kept),
            ..EngineConfig::new(worker.clone(), folder.join("cache"))
        })
    };

    let client = open();
    client.load(&spec).await?;
    let each = client.count_tokens(&spec.id, vec![SENTENCE.repeat(8)]).await?[0] / 8;
    let (begun, _) = lines(&client, &spec, &mut opening_of(BEGUN, each)).await?;
    let mut told = opening_of(CONVERSATION, each);
    let (warm, cold) = lines(&client, &spec, &mut told).await?;
    written(&states).await?;
    drop(client);

    told.push(message(Role::User, LINE));
    let (mut loads, mut unopened, mut opening, mut opened) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for at in 0..2 * TIMES {
        let client = open();
        let begun = Instant::now();
        client.load(&spec).await?;
        loads.push(milliseconds(begun));
        let looked_at = at % 2 == 1;
        if looked_at {
            let begun = Instant::now();
            let recall = GenerateRequest { recall_only: true, ..request(&spec, &told) };
            let _end = client.generate(recall).collect::<Vec<_>>().await;
            opening.push(milliseconds(begun));
        }
        let first = first_token(&client, &spec, &told).await?;
        if first.new_tokens > CONVERSATION / 4 {
            let said = format!("{} tokens were read anew after a restart", first.new_tokens);
            return Err(EngineError::Failed(said));
        }
        if looked_at { &mut opened } else { &mut unopened }.push(first.ms);
        client.unload(&spec.id).await;
    }
    let figure = |name, value, unit| Figure { name, value, unit, beside: None };
    Ok(vec![
        figure("first token, 2,000 tokens, all of them new", cold.ms, "ms"),
        figure("first token, a line after 250 tokens", begun.ms, "ms"),
        figure("first token, a line after 2,000 tokens", warm.ms, "ms"),
        figure("tokens read for that line", f64::from(warm.new_tokens), "tokens"),
        figure("load after a restart", median(loads), "ms"),
        figure("first token then, of the same conversation", median(unopened), "ms"),
        figure("taking the conversation up when it is opened", median(opening), "ms"),
        figure("first token then", median(opened), "ms"),
    ])
}

/// The first message of a conversation, of about so many tokens.
fn opening_of(tokens: u32, each: u32) -> Vec<PromptMessage> {
    vec![message(Role::User, &SENTENCE.repeat((tokens / each.max(1)) as usize))]
}

/// Goes on with a conversation, line by line: the median of the lines, and the first answer, before which nothing was known.
async fn lines(
    client: &EngineClient,
    spec: &ModelSpec,
    told: &mut Vec<PromptMessage>,
) -> Result<(First, First), EngineError> {
    let cold = first_token(client, spec, told).await?;
    told.push(message(Role::Assistant, "At three."));
    let (mut times, mut new_tokens) = (Vec::new(), 0);
    for _ in 0..TIMES {
        told.push(message(Role::User, LINE));
        let first = first_token(client, spec, told).await?;
        times.push(first.ms);
        new_tokens = first.new_tokens;
        told.push(message(Role::Assistant, "Anna."));
    }
    Ok((First { new_tokens, ms: median(times) }, cold))
}

fn message(role: Role, text: &str) -> PromptMessage {
    PromptMessage { role, text: text.to_owned() }
}

fn milliseconds(begun: Instant) -> f64 {
    begun.elapsed().as_secs_f64() * 1000.0
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn request(spec: &ModelSpec, told: &[PromptMessage]) -> GenerateRequest {
    GenerateRequest {
        model: spec.id.clone(),
        messages: told.to_vec(),
        max_tokens: 1,
        temperature: 0.0,
        top_p: 1.0,
        stop: Vec::new(),
        think: false,
        constraint: None,
        recall_only: false,
    }
}

/// Until an answer of one token has ended.
async fn first_token(client: &EngineClient, spec: &ModelSpec, told: &[PromptMessage]) -> Result<First, EngineError> {
    let begun = Instant::now();
    let mut events = client.generate(request(spec, told));
    while let Some(event) = events.next().await {
        if let GenerateEvent::Done { prompt_tokens, cached_tokens, .. } = event? {
            return Ok(First { new_tokens: prompt_tokens - cached_tokens, ms: milliseconds(begun) });
        }
    }
    Err(EngineError::Failed("the answer has no end".into()))
}

/// Waits until the state of the conversation lies whole in its folder: a file is renamed to its final name when it is.
async fn written(states: &Path) -> Result<(), EngineError> {
    let newest = || {
        let files = std::fs::read_dir(states).into_iter().flatten().flatten();
        files
            .filter(|file| file.path().extension().is_some_and(|ending| ending == "state"))
            .filter_map(|file| file.metadata().and_then(|data| data.modified()).ok())
            .max()
    };
    let begun = Instant::now();
    let mut seen = None;
    while begun.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_secs(3)).await;
        let now = newest();
        if now.is_some() && now == seen {
            return Ok(());
        }
        seen = now;
    }
    Err(EngineError::Failed("no state was kept".into()))
}
