//! The engine port over servers. What is not remote is handed on to the engine beside it.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use futures::{StreamExt, stream, stream::BoxStream};
use molt_core::{
    Backend, Constraint, EmbedPurpose, Engine, EngineError, EngineStats, FinishReason, GenerateEvent, GenerateRequest,
    LoadedModel, ModelId, ModelRole, ModelSpec, PromptMessage, RemoteModel, Role, Said, SecretStore, Thoughts,
    estimated_tokens, key_name,
};
use reqwest::{Response, header};
use serde_json::{Value, json};

use crate::{
    completion::{Completion, Usage},
    events::Lines,
    servers::Servers,
    trouble::Server,
};

/// Bytes of one answer and its thoughts.
const LONGEST_ANSWER: usize = 4 << 20;
/// How a stream says that it is over.
const END: &str = "[DONE]";

type Events = VecDeque<Result<GenerateEvent, EngineError>>;

/// Asks servers for the models that are remote, and the engine beside it for all others. Loading a remote model opens no connection.
pub struct RemoteEngine {
    beside: Arc<dyn Engine>,
    servers: Servers,
    secrets: Arc<dyn SecretStore>,
    models: Mutex<HashMap<ModelId, ModelSpec>>,
    figures: Arc<Mutex<HashMap<ModelId, EngineStats>>>,
}

impl RemoteEngine {
    pub fn new(beside: Arc<dyn Engine>, servers: Servers, secrets: Arc<dyn SecretStore>) -> Self {
        Self { beside, servers, secrets, models: Mutex::default(), figures: Arc::default() }
    }

    fn remote(&self, id: &ModelId) -> Option<ModelSpec> {
        lock(&self.models).get(id).cloned()
    }

    /// The server of a model, with the key that was given for it.
    fn server(&self, id: &ModelId, remote: &RemoteModel) -> Result<Server, EngineError> {
        let key = self
            .secrets
            .secret(&key_name(id))
            .map_err(|error| EngineError::Failed(format!("the key for {} cannot be read: {error}", remote.host)))?;
        Ok(Server { host: remote.host.clone(), key })
    }
}

#[async_trait]
impl Engine for RemoteEngine {
    async fn load(&self, spec: &ModelSpec) -> Result<LoadedModel, EngineError> {
        if spec.remote.is_none() {
            return self.beside.load(spec).await;
        }
        if spec.role != ModelRole::Chat {
            return Err(no_embedder());
        }
        lock(&self.models).insert(spec.id.clone(), spec.clone());
        Ok(LoadedModel {
            id: spec.id.clone(),
            context_length: spec.context_length,
            dimensions: 0,
            load_ms: 0,
            backend: Backend::Remote,
        })
    }

    async fn unload(&self, id: &ModelId) {
        lock(&self.figures).remove(id);
        if lock(&self.models).remove(id).is_none() {
            self.beside.unload(id).await;
        }
    }

    async fn check_template(&self, template: &str) -> Result<(), EngineError> {
        self.beside.check_template(template).await
    }

    async fn forget_conversations(&self) {
        self.beside.forget_conversations().await;
    }

    fn generate(&self, request: GenerateRequest) -> BoxStream<'static, Result<GenerateEvent, EngineError>> {
        let Some(spec) = self.remote(&request.model) else { return self.beside.generate(request) };
        let Some(remote) = spec.remote else { return self.beside.generate(request) };
        if request.max_tokens == 0 || request.recall_only {
            // Nothing is read ahead: nobody has asked for a connection.
            return stream::iter([Ok(Answer::default().done(FinishReason::Stop))]).boxed();
        }
        if let Some(Constraint::Regex(_) | Constraint::Grammar(_)) = request.constraint {
            let text = "A model on another server cannot be bound to this form; choose a model of this computer.";
            return stream::iter([Err(EngineError::Failed(text.into()))]).boxed();
        }
        let server = match self.server(&request.model, &remote) {
            Ok(server) => server,
            Err(error) => return stream::iter([Err(error)]).boxed(),
        };
        // Servers that do not tell thoughts apart leave them in the text.
        let thoughts = if request.constraint.is_some() { Thoughts::none() } else { Thoughts::new("") };
        let asking = Asking {
            servers: self.servers.clone(),
            server,
            remote,
            request,
            figures: self.figures.clone(),
            ready: VecDeque::from([Ok(GenerateEvent::Started { prompt_tokens: 0 })]),
            state: State::Before,
            thoughts,
            answer: Answer::default(),
        };
        stream::unfold(asking, Asking::next).boxed()
    }

    async fn embed(
        &self,
        model: &ModelId,
        texts: Vec<String>,
        purpose: EmbedPurpose,
    ) -> Result<Vec<Vec<f32>>, EngineError> {
        match self.remote(model) {
            Some(_) => Err(no_embedder()),
            None => self.beside.embed(model, texts, purpose).await,
        }
    }

    async fn rerank(&self, model: &ModelId, query: &str, texts: Vec<String>) -> Result<Vec<f32>, EngineError> {
        match self.remote(model) {
            Some(_) => Err(no_embedder()),
            None => self.beside.rerank(model, query, texts).await,
        }
    }

    async fn count_tokens(&self, model: &ModelId, texts: Vec<String>) -> Result<Vec<u32>, EngineError> {
        match self.remote(model) {
            // Only the server knows for sure.
            Some(_) => Ok(texts.iter().map(|text| estimated_tokens(text)).collect()),
            None => self.beside.count_tokens(model, texts).await,
        }
    }

    async fn stats(&self) -> Vec<EngineStats> {
        let mut stats = self.beside.stats().await;
        stats.extend(lock(&self.figures).values().cloned());
        stats
    }
}

fn no_embedder() -> EngineError {
    EngineError::BadModel("a model of another server only answers questions here".into())
}

/// One answer on its way. Dropping it ends the connection, and with it the work of the server.
struct Asking {
    servers: Servers,
    server: Server,
    remote: RemoteModel,
    request: GenerateRequest,
    figures: Arc<Mutex<HashMap<ModelId, EngineStats>>>,
    ready: Events,
    state: State,
    thoughts: Thoughts,
    answer: Answer,
}

enum State {
    Before,
    Streaming(Box<Response>, Lines),
    Ended,
}

impl Asking {
    async fn next(mut self) -> Option<(Result<GenerateEvent, EngineError>, Self)> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some((event, self));
            }
            match std::mem::replace(&mut self.state, State::Ended) {
                State::Ended => return None,
                State::Before => match self.open().await {
                    Ok(state) => self.state = state,
                    Err(error) => self.ready.push_back(Err(error)),
                },
                State::Streaming(mut response, mut lines) => match self.read(&mut response, &mut lines).await {
                    Ok(true) => self.state = State::Streaming(response, lines),
                    Ok(false) => {}
                    Err(error) => self.ready.push_back(Err(error)),
                },
            }
        }
    }

    async fn open(&mut self) -> Result<State, EngineError> {
        let now = Instant::now();
        (self.answer.asked, self.answer.heard) = (Some(now), Some(now));
        let request = self.servers.request(&self.remote.url, "chat/completions", true, &self.server)?;
        let request = request.json(&body(&self.request, &self.remote.model));
        let about = format!("a model named {}", self.remote.model);
        let mut response = self.servers.send(request, &self.server, &about).await?;
        let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind.to_ascii_lowercase().contains("event-stream") {
            return Ok(State::Streaming(Box::new(response), Lines::default()));
        }
        // Some servers answer in one piece whatever they are asked.
        let whole = self.servers.whole(&mut response, &self.server).await?;
        let completion = serde_json::from_slice::<Completion>(&whole)
            .ok()
            .filter(|completion| completion.has_choices() || completion.error().is_some())
            .ok_or_else(|| self.not_understood())?;
        self.take(&completion)?;
        self.finish();
        Ok(State::Ended)
    }

    /// Reads on; false when the answer is complete.
    async fn read(&mut self, response: &mut Response, lines: &mut Lines) -> Result<bool, EngineError> {
        let patience = self.servers.patience;
        let (limit, is_complete) = match (&self.answer.finish, self.answer.first) {
            (Some(_), _) => (patience.last, true),
            (None, Some(_)) => (patience.next, false),
            (None, None) => (patience.first, false),
        };
        // Since the last word: a server that sends remarks to keep the line open does not keep us for ever.
        let left = self.answer.heard.map_or(limit, |heard| limit.saturating_sub(heard.elapsed()));
        let piece = match tokio::time::timeout(left, response.chunk()).await {
            Ok(Ok(piece)) if !left.is_zero() => piece,
            // All that matters was said.
            _ if is_complete => None,
            Ok(Err(error)) => return Err(self.server.broken(&error)),
            _ if self.answer.first.is_some() => return Err(self.server.failed("stopped in the middle of its answer")),
            _ => return Err(self.server.failed("does not answer")),
        };
        let is_end = piece.is_none();
        let data = match piece {
            Some(piece) => lines.push(&piece).map_err(|_| self.not_understood())?,
            None => lines.end().into_iter().collect(),
        };
        for data in data {
            if data == END {
                self.finish();
                return Ok(false);
            }
            // What was understood before is kept; the answer ends here all the same.
            let completion = serde_json::from_str::<Completion>(&data).map_err(|_| self.not_understood())?;
            self.take(&completion)?;
        }
        if !is_end {
            return Ok(true);
        }
        if self.answer.finish.is_none() {
            return Err(self.server.failed("ended the connection before the answer was complete"));
        }
        self.finish();
        Ok(false)
    }

    fn take(&mut self, completion: &Completion) -> Result<(), EngineError> {
        if let Some(words) = completion.error() {
            return Err(self.server.failed_saying("could not answer", Some(words)));
        }
        let (thought, text) = completion.said();
        let length = thought.map_or(0, str::len) + text.map_or(0, str::len);
        if length > 0 {
            let now = Instant::now();
            self.answer.first.get_or_insert(now);
            self.answer.heard = Some(now);
            self.answer.bytes += length;
            if self.answer.bytes > LONGEST_ANSWER {
                return Err(self.server.failed("sends more than an answer can be long"));
            }
        }
        self.ready.extend(thought.map(|text| Ok(GenerateEvent::Thought { text: text.to_owned() })));
        if let Some(text) = text {
            let said = self.thoughts.push(text);
            self.say(said);
        }
        if let Some(reason) = completion.finish_reason() {
            self.answer.heard = Some(Instant::now());
            self.answer.finish = Some(if reason == "length" { FinishReason::Length } else { FinishReason::Stop });
        }
        self.answer.usage = completion.usage.or(self.answer.usage);
        Ok(())
    }

    fn say(&mut self, Said { thought, answer }: Said) {
        let thought = (!thought.is_empty()).then_some(GenerateEvent::Thought { text: thought });
        let answer = (!answer.is_empty()).then_some(GenerateEvent::Delta { text: answer });
        self.ready.extend(thought.into_iter().chain(answer).map(Ok));
    }

    fn finish(&mut self) {
        let rest = std::mem::replace(&mut self.thoughts, Thoughts::none()).finish();
        self.say(rest);
        let done = self.answer.done(self.answer.finish.unwrap_or(FinishReason::Stop));
        if let GenerateEvent::Done { completion_tokens, decode_ms, .. } = &done {
            let mut figures = lock(&self.figures);
            let id = &self.request.model;
            let figures = figures.entry(id.clone()).or_insert_with(|| EngineStats {
                id: id.clone(),
                memory: 0,
                generations: 0,
                // Passages are not cut for a server's sake.
                last_prompt_tokens_per_second: 0.0,
                last_tokens_per_second: 0.0,
                restarts: 0,
            });
            figures.generations += 1;
            if *decode_ms > 0 {
                figures.last_tokens_per_second = *completion_tokens as f32 * 1000.0 / *decode_ms as f32;
            }
        }
        self.ready.push_back(Ok(done));
    }

    fn not_understood(&self) -> EngineError {
        self.server.failed(
            "sent something that is no answer; the address is not quite right, or the server is of another kind",
        )
    }
}

/// What is known of an answer so far.
#[derive(Debug, Default)]
struct Answer {
    asked: Option<Instant>,
    /// When its first letter came.
    first: Option<Instant>,
    /// When something of it came last.
    heard: Option<Instant>,
    bytes: usize,
    finish: Option<FinishReason>,
    usage: Option<Usage>,
}

impl Answer {
    /// Figures that the server does not tell are 0.
    fn done(&self, finish: FinishReason) -> GenerateEvent {
        let usage = self.usage.unwrap_or_default();
        let ms = |time: Option<Duration>| time.map_or(0, |time| time.as_millis() as u64);
        GenerateEvent::Done {
            finish,
            prompt_tokens: usage.prompt_tokens,
            cached_tokens: usage.prompt_tokens_details.and_then(|details| details.cached_tokens).unwrap_or_default(),
            completion_tokens: usage.completion_tokens,
            prompt_ms: ms(self.asked.zip(self.first).map(|(asked, first)| first - asked)),
            decode_ms: ms(self.first.map(|first| first.elapsed())),
        }
    }
}

fn body(request: &GenerateRequest, model: &str) -> Value {
    let message = |message: &PromptMessage| {
        let role = match message.role {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        json!({ "role": role, "content": message.text })
    };
    let mut body = json!({
        "model": model,
        "messages": request.messages.iter().map(message).collect::<Vec<_>>(),
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "stream": true,
        "stream_options": { "include_usage": true },
    });
    if !request.stop.is_empty() {
        body["stop"] = json!(request.stop);
    }
    if let Some(Constraint::JsonSchema(schema)) = &request.constraint {
        let form = json!({ "name": "answer", "strict": true, "schema": schema });
        body["response_format"] = json!({ "type": "json_schema", "json_schema": form });
    }
    body
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
