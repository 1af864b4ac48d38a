//! A chat model in mistral.rs: loading it, laying out and measuring a prompt, starting an answer.
//!
//! The settings follow from what mistral.rs 0.8.1 does on a processor: 32-bit floats (16-bit ones are slower without hardware for
//! them), one sequence at a time (batches compute wrong attention), no prefix cache (it never evicts, and a continued conversation
//! meets a token whose keys were never computed). See docs/ARCHITECTURE.md.

use std::{sync::Arc, time::Instant};

use mistralrs::{
    Constraint, DefaultSchedulerMethod, MistralRs, NormalRequest, Request, RequestMessage, Response, SamplingParams,
    SchedulerConfig, StopTokens,
    core::{MistralRsBuilder, Pipeline},
};
use molt_core::{Backend, GenerateRequest, LoadedModel, ModelSpec, PromptMessage, Role};
use molt_engine_client::{
    protocol::WireError,
    worker::{Markers, Template, TemplateError, form, runaway, turns},
};
use tokenizers::Tokenizer;
use tokio::{
    runtime::Runtime,
    sync::{Mutex, mpsc},
};

use crate::{
    panics,
    sampling::{Ends, Watch, Watcher},
    source::Source,
};

/// Candidates for the next token. Without a bound the engine sorts the whole vocabulary for each token.
const TOP_K: usize = 40;
/// Tokens of the context that a prompt leaves free: the first of the answer, and one that the engine may compute beyond the last.
const RESERVED: u32 = 2;
/// Responses beyond the tokens of the answer that the channel holds, so that the engine never waits for the pump.
const SPARE: usize = 64;

pub struct ChatModel {
    pipeline: Arc<Mutex<dyn Pipeline + Send + Sync>>,
    tokenizer: Arc<Tokenizer>,
    template: Template,
    /// The token that every text begins with, where the tokenizer puts one there.
    begin: Option<u32>,
    markers: Markers,
    requests: mpsc::Sender<Request>,
    /// Tokens of prompt and answer together.
    context: u32,
    /// Panics before this model was loaded: more of them mean that the engine cannot be trusted.
    panics: u32,
    /// Ends the engine's thread when it is dropped.
    _engine: Arc<MistralRs>,
}

/// A prompt that fits.
pub struct Prompt {
    ids: Vec<u32>,
    sampling: SamplingParams,
    /// Tokens.
    pub tokens: u32,
    /// Tokens that the answer may have.
    pub room: u32,
    /// The text that the engine reads.
    pub text: String,
    constraint: Constraint,
    /// Of an answer that is bound to a form.
    ends: Option<Ends>,
}

impl ChatModel {
    /// Loads the model. Blocking, up to minutes.
    pub fn load(spec: &ModelSpec, runtime: &Runtime) -> Result<(Self, LoadedModel), WireError> {
        let started = Instant::now();
        let source = Source::inspect(spec)?;
        let before = panics::count();

        let pipeline = panics::guarded(|| source.load())
            .map_err(|message| cannot_load(spec, &message))?
            .map_err(|error| cannot_load(spec, &format!("{error:#}")))?;
        let tokenizer = runtime.block_on(async { pipeline.lock().await.tokenizer() });
        let tokenizer = tokenizer.ok_or_else(|| bad("The model cannot be run: it has no tokenizer."))?;

        let one = std::num::NonZeroUsize::MIN;
        let scheduler = SchedulerConfig::DefaultScheduler { method: DefaultSchedulerMethod::Fixed(one) };
        let builder = MistralRsBuilder::new(pipeline.clone(), scheduler, false, None).with_no_prefix_cache(true);
        // Runs one token through the model, on a thread of its own: a panic there is only counted.
        let engine =
            panics::guarded(|| runtime.block_on(builder.build())).map_err(|message| cannot_load(spec, &message))?;
        let requests = engine.get_sender(None).map_err(|error| cannot_load(spec, &error.to_string()))?;
        if panics::count() != before || requests.is_closed() {
            return Err(cannot_load(spec, "computing a first token failed"));
        }

        let markers = Markers::new(tokenizer.get_added_tokens_decoder().into_values().map(|token| token.content));
        let (begin, end) = runtime.block_on(async { source.ends(&*pipeline.lock().await) });
        let template = Template::new(&source.template, begin, end).map_err(|error| error.refusal())?;
        let begin = tokenizer.encode_fast("", true).ok().and_then(|empty| empty.get_ids().first().copied());
        let context = source.plan.context;
        let model =
            Self { pipeline, tokenizer, template, begin, markers, requests, context, panics: before, _engine: engine };
        model
            .encode(&[PromptMessage { role: Role::User, text: "Hello".into() }], false)
            .map_err(|error| error.refusal())?;
        let load_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let loaded = LoadedModel {
            id: spec.id.clone(),
            context_length: context,
            dimensions: 0,
            load_ms,
            backend: Backend::MistralRs,
        };
        Ok((model, loaded))
    }

    /// Tokens of each text, without special tokens. Blocking.
    pub fn count(&self, texts: &[String]) -> Result<Vec<u32>, WireError> {
        let count = |text: &String| {
            let text = self.markers.break_up(text);
            let encoding = self.tokenizer.encode_fast(text, false);
            encoding
                .map(|encoding| encoding.len() as u32)
                .map_err(|error| failed(format!("The text cannot be split into tokens: {error}.")))
        };
        texts.iter().map(count).collect()
    }

    /// Lays out the prompt and measures it. Blocking, milliseconds.
    pub fn prepare(&self, request: &GenerateRequest) -> Result<Prompt, WireError> {
        let constraint = constraint(request.constraint.clone())?;
        let think = request.think && request.constraint.is_none();
        let (ids, text) = self
            .encode(&request.messages, think)
            .map_err(|reason| failed(format!("This model cannot take the conversation: {reason}.")))?;
        let tokens = u32::try_from(ids.len()).unwrap_or(u32::MAX);
        let limit = self.context.saturating_sub(RESERVED);
        if tokens > limit {
            return Err(WireError::ContextOverflow { tokens, limit });
        }
        let room = request.max_tokens.clamp(1, self.context - tokens - 1);
        let mut sampling = sampling(request, room);
        let ends = request.constraint.as_ref().and_then(|_| self.ends());
        sampling.stop_toks = ends.as_ref().map(|ends| StopTokens::Ids(vec![ends.of_form()]));
        Ok(Prompt { ids, sampling, tokens, room, text, constraint, ends })
    }

    /// The tokens that end an answer: the library that keeps to a form knows one by its name, which need not be this model's.
    fn ends(&self) -> Option<Ends> {
        let metadata = self.pipeline.blocking_lock().get_metadata();
        let of_form = metadata.tok_env()?.tok_trie().eos_token();
        Some(Ends::new(of_form, metadata.eos_tok.clone()))
    }

    /// The tokens that the template makes of the messages, and their text.
    fn encode(&self, messages: &[PromptMessage], think: bool) -> Result<(Vec<u32>, String), TemplateError> {
        let text = self.template.render(turns(messages, |text| self.markers.break_up(text)), think)?;
        let encoding = panics::guarded(|| self.tokenizer.encode_fast(text.as_str(), false));
        let encoding = encoding
            .map_err(TemplateError::Fails)?
            .map_err(|error| TemplateError::Fails(format!("its text cannot be split into tokens: {error}")))?;
        let mut ids = encoding.get_ids().to_vec();
        // Most templates write the first token themselves; not all do.
        if let Some(begin) = self.begin.filter(|begin| ids.first() != Some(begin)) {
            ids.insert(0, begin);
        }
        if ids.is_empty() {
            return Err(TemplateError::Fails("it makes an empty prompt".into()));
        }
        Ok((ids, text))
    }

    /// Hands the prompt to the engine. The responses end when the engine has let go of it.
    pub async fn start(&self, prompt: Prompt, watch: Arc<Watch>) -> Result<mpsc::Receiver<Response>, WireError> {
        let (response, responses) = mpsc::channel(prompt.room as usize + SPARE);
        let request = NormalRequest {
            messages: RequestMessage::CompletionTokens(prompt.ids),
            sampling_params: prompt.sampling,
            response,
            return_logprobs: false,
            is_streaming: true,
            id: 0,
            constraint: prompt.constraint,
            suffix: None,
            tools: None,
            tool_choice: None,
            logits_processors: Some(vec![Arc::new(Watcher { watch, ends: prompt.ends })]),
            return_raw_logits: false,
            web_search_options: None,
            model_id: None,
            truncate_sequence: false,
        };
        let sent = self.requests.send(Request::Normal(Box::new(request))).await;
        sent.map_err(|_closed| WireError::Crashed { text: "the engine has stopped".into() })?;
        Ok(responses)
    }

    /// Whether the engine can take another prompt. After a panic it cannot: its locks are poisoned. Nor may a process go on in which a
    /// template was left running.
    pub fn is_sound(&self) -> bool {
        panics::count() == self.panics && !self.requests.is_closed() && !runaway::is_left_running()
    }
}

/// The form of an answer as the engine takes it; it has it computed by llguidance.
fn constraint(form: Option<molt_core::Constraint>) -> Result<Constraint, WireError> {
    Ok(match form {
        Some(molt_core::Constraint::JsonSchema(schema)) => Constraint::JsonSchema(form::compact(schema)?),
        Some(molt_core::Constraint::Regex(regex)) => Constraint::Regex(regex),
        Some(molt_core::Constraint::Grammar(grammar)) => Constraint::Lark(grammar),
        None => Constraint::None,
    })
}

fn bad(text: impl Into<String>) -> WireError {
    WireError::BadModel { text: text.into() }
}

fn failed(text: String) -> WireError {
    WireError::Failed { text }
}

fn cannot_load(spec: &ModelSpec, reason: &str) -> WireError {
    tracing::warn!(model = %spec.path, %reason, "a model cannot be loaded");
    // Errors of the library may carry a backtrace behind the first line.
    let reason: String = reason.lines().next().unwrap_or_default().chars().take(300).collect();
    bad(format!(
        "The model “{}” cannot be loaded: {}. Its file may be damaged or of a kind that is not supported.",
        spec.name,
        reason.trim_end_matches('.')
    ))
}

/// Greedy at temperature 0, else the usual cut of the unlikely.
fn sampling(request: &GenerateRequest, room: u32) -> SamplingParams {
    let max_len = Some(room as usize);
    if request.temperature.is_nan() || request.temperature <= 0.0 {
        return SamplingParams { temperature: Some(0.0), top_k: Some(1), max_len, ..SamplingParams::neutral() };
    }
    let top_p = if request.top_p > 0.0 && request.top_p < 1.0 { Some(f64::from(request.top_p)) } else { None };
    SamplingParams {
        temperature: Some(f64::from(request.temperature.clamp(0.01, 2.0))),
        top_k: Some(TOP_K),
        top_p,
        max_len,
        ..SamplingParams::neutral()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(temperature: f32, top_p: f32) -> GenerateRequest {
        GenerateRequest {
            model: "m".into(),
            messages: Vec::new(),
            max_tokens: 8,
            temperature,
            top_p,
            stop: Vec::new(),
            think: false,
            constraint: None,
            recall_only: false,
        }
    }

    #[test]
    fn temperature_zero_and_nonsense_are_greedy() {
        for temperature in [0.0, -1.0, f32::NAN, f32::NEG_INFINITY] {
            let params = sampling(&request(temperature, 0.9), 8);
            assert_eq!((params.temperature, params.top_k, params.max_len), (Some(0.0), Some(1), Some(8)));
        }
    }

    #[test]
    fn a_temperature_is_bounded_and_the_candidates_always_are() {
        let params = sampling(&request(f32::INFINITY, 1.0), 8);
        assert_eq!((params.temperature, params.top_k, params.top_p), (Some(2.0), Some(TOP_K), None));
        assert_eq!(sampling(&request(0.5, 0.5), 8).top_p, Some(0.5));
        assert_eq!(sampling(&request(0.5, f32::NAN), 8).top_p, None);
    }
}
