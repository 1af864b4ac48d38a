//! [`EngineClient`]: the engine port over worker processes, one for each loaded model.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use futures::{StreamExt, stream, stream::BoxStream};
use molt_core::{
    CoreShare, EmbedPurpose, Engine, EngineError, EngineStats, GenerateEvent, GenerateRequest, LoadedModel,
    ModelFormat, ModelId, ModelSpec,
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::timeout,
};

use crate::{
    config::EngineConfig,
    link::Link,
    memory,
    model::{Call, Command, LoadState, Model, Shared},
    protocol::{Event, Request},
    worker::form,
};

/// Texts that are embedded in one go: small enough that a question does not wait long behind many passages.
const EMBED_BATCH: usize = 32;
/// The same of a model in a GGUF file: it may be a hundred times as large as the usual embedder, and to read two passages takes it seconds.
const LARGE_EMBED_BATCH: usize = 2;
/// Texts whose tokens are counted in one go.
const COUNT_BATCH: usize = 512;
/// Bytes of text that go to a worker in one go. A batch is closed before it exceeds this.
const BATCH_BYTES: usize = 4 << 20;
/// Bytes of text that are taken at all, for one answer or as one text. No model reads a hundredth of it, and a frame has a limit.
const MAX_BYTES: usize = 16 << 20;

fn too_long(bytes: usize) -> EngineError {
    EngineError::Failed(format!("The text is too long for any model: {} MB.", bytes >> 20))
}

/// Runs models in worker processes. Cheap to call from many tasks; dropping it ends all workers.
///
/// Must be used inside a tokio runtime.
#[derive(Debug)]
pub struct EngineClient {
    config: Arc<EngineConfig>,
    models: Mutex<HashMap<ModelId, Entry>>,
    tickets: AtomicU64,
}

/// A model that is loaded, being loaded, or could not be loaded.
#[derive(Debug, Clone)]
struct Entry {
    spec: ModelSpec,
    commands: mpsc::UnboundedSender<Command>,
    state: watch::Receiver<LoadState>,
    shared: Arc<Shared>,
}

/// What stands under a model's name.
enum Place {
    Here(Entry),
    /// Another model, taken out of the list; it has to go first.
    Taken(Entry),
}

impl Entry {
    /// Why a command was not taken: the model's task has ended.
    fn gone(&self) -> EngineError {
        match &*self.state.borrow() {
            LoadState::Failed(error) => error.clone(),
            LoadState::Loading | LoadState::Ready(_) => EngineError::NotLoaded,
        }
    }

    async fn stop(self) {
        let (done, stopped) = oneshot::channel();
        if self.commands.send(Command::Stop { done }).is_ok() {
            // An error means that the task ended before, with its process.
            let _ = stopped.await;
        }
    }
}

impl EngineClient {
    pub fn new(config: EngineConfig) -> Self {
        Self { config: Arc::new(config), models: Mutex::default(), tickets: AtomicU64::new(1) }
    }

    /// The process that runs the model, for tests and for the resource page.
    pub fn worker_pid(&self, id: &ModelId) -> Option<u32> {
        self.entry(id)?.shared.pid()
    }

    /// How many of the computing threads passages of files get from now on.
    pub fn share_for_files(&self, share: CoreShare) {
        self.config.passage_threads.store(share.of(self.config.threads), Ordering::Relaxed);
    }

    fn models(&self) -> MutexGuard<'_, HashMap<ModelId, Entry>> {
        self.models.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn entry(&self, id: &ModelId) -> Option<Entry> {
        self.models().get(id).cloned()
    }

    /// The entry for exactly this model, started if need be.
    fn entry_or_start(&self, spec: &ModelSpec) -> Place {
        let mut models = self.models();
        if let Some(entry) = models.get(&spec.id).filter(|entry| !entry.commands.is_closed()).cloned() {
            if entry.spec.path == spec.path
                && entry.spec.format == spec.format
                && entry.spec.role == spec.role
                && entry.spec.context_length == spec.context_length
                && entry.spec.is_loaded_like(spec)
            {
                return Place::Here(entry);
            }
            models.remove(&spec.id);
            return Place::Taken(entry);
        }
        let (model, commands, state, shared) = Model::new(self.config.clone(), spec.clone());
        tokio::spawn(model.run());
        let entry = Entry { spec: spec.clone(), commands, state, shared };
        models.insert(spec.id.clone(), entry.clone());
        Place::Here(entry)
    }

    /// Sends `texts` in batches of at most `size` and joins the answers.
    async fn call<T>(
        &self,
        model: &ModelId,
        texts: Vec<String>,
        size: usize,
        make: impl Fn(Vec<String>, oneshot::Sender<Result<Vec<T>, EngineError>>) -> Call,
    ) -> Result<Vec<T>, EngineError> {
        let entry = self.entry(model).ok_or(EngineError::NotLoaded)?;
        if let Some(bytes) = texts.iter().map(String::len).find(|&bytes| bytes > MAX_BYTES) {
            return Err(too_long(bytes));
        }
        let mut answers = Vec::with_capacity(texts.len());
        let mut texts = texts.into_iter().peekable();
        while let Some(first) = texts.next() {
            let mut bytes = first.len();
            let mut batch = vec![first];
            while batch.len() < size
                && let Some(text) = texts.next_if(|text| bytes + text.len() <= BATCH_BYTES)
            {
                bytes += text.len();
                batch.push(text);
            }
            let expected = batch.len();
            let (reply, answer) = oneshot::channel();
            entry.commands.send(Command::Call(make(batch, reply))).map_err(|_| entry.gone())?;
            let part = answer.await.map_err(|_| entry.gone())??;
            if part.len() != expected {
                return Err(EngineError::Failed(
                    "The model answered for another number of texts than it was given.".into(),
                ));
            }
            answers.extend(part);
        }
        Ok(answers)
    }
}

#[async_trait]
impl Engine for EngineClient {
    async fn load(&self, spec: &ModelSpec) -> Result<LoadedModel, EngineError> {
        let entry = loop {
            match self.entry_or_start(spec) {
                Place::Here(entry) => break entry,
                Place::Taken(other) => other.stop().await,
            }
        };
        let mut state = entry.state.clone();
        match state.wait_for(|state| !matches!(state, LoadState::Loading)).await.as_deref() {
            Ok(LoadState::Ready(model)) => Ok(model.clone()),
            Ok(LoadState::Failed(error)) => Err(error.clone()),
            // The task ended while loading: the model was unloaded meanwhile.
            Ok(LoadState::Loading) | Err(_) => Err(EngineError::NotLoaded),
        }
    }

    async fn unload(&self, id: &ModelId) {
        let entry = self.models().remove(id);
        if let Some(entry) = entry {
            entry.stop().await;
        }
    }

    async fn check_template(&self, template: &str) -> Result<(), EngineError> {
        // A template may never end: a process for it can be ended, a thread cannot.
        let failed = |reason: &str| EngineError::Failed(format!("The chat template could not be tried: {reason}."));
        let worker = &self.config.worker;
        let mut link = Link::start(worker, &self.config).map_err(|error| failed(&error.to_string()))?;
        let (question, limits) = (Request::CheckTemplate { template: template.to_owned() }, &self.config.timeouts);
        link.send(&question, limits.send).await.map_err(|reason| failed(&reason))?;
        match timeout(limits.call, link.next()).await {
            Ok(Some(Event::TemplateChecked { problem: None })) => Ok(()),
            Ok(Some(Event::TemplateChecked { problem: Some(problem) })) => Err(problem.into()),
            _ => Err(failed("the process that tried it has ended")),
        }
    }

    async fn forget_conversations(&self) {
        let Some(states) = &self.config.states else { return };
        // Workers notice that a file is gone when they look for it.
        for entry in std::fs::read_dir(&states.folder).into_iter().flatten().flatten() {
            if let Err(error) = std::fs::remove_file(entry.path()) {
                tracing::warn!(%error, "what was computed of a conversation could not be removed");
            }
        }
    }

    fn generate(&self, mut request: GenerateRequest) -> BoxStream<'static, Result<GenerateEvent, EngineError>> {
        let Some(entry) = self.entry(&request.model) else {
            return stream::once(async { Err(EngineError::NotLoaded) }).boxed();
        };
        let bytes = request.messages.iter().map(|message| message.text.len()).sum();
        if bytes > MAX_BYTES {
            return stream::once(async move { Err(too_long(bytes)) }).boxed();
        }
        if let Some(Err(error)) = request.constraint.as_ref().map(form::check) {
            return stream::once(async { Err(error.into()) }).boxed();
        }
        // JSON has no word for these, and the worker would take the request for nonsense.
        request.temperature = if request.temperature.is_finite() { request.temperature } else { 0.0 };
        request.top_p = if request.top_p.is_finite() { request.top_p } else { 1.0 };
        let ticket = self.tickets.fetch_add(1, Ordering::Relaxed);
        // Unbounded so that a slow reader cannot hold up the model; an answer has at most as many events as tokens.
        let (events, receiver) = mpsc::unbounded_channel();
        if entry.commands.send(Command::Generate { ticket, request, events }).is_err() {
            let error = entry.gone();
            return stream::once(async { Err(error) }).boxed();
        }
        stream::unfold(Answer { receiver, ticket, entry, ended: false }, |mut answer| async {
            let event = answer.next().await?;
            Some((event, answer))
        })
        .boxed()
    }

    async fn embed(
        &self,
        model: &ModelId,
        texts: Vec<String>,
        purpose: EmbedPurpose,
    ) -> Result<Vec<Vec<f32>>, EngineError> {
        let is_large = self.entry(model).is_some_and(|entry| entry.spec.format == ModelFormat::Gguf);
        let batch = if is_large { LARGE_EMBED_BATCH } else { EMBED_BATCH };
        self.call(model, texts, batch, |texts, reply| Call::Embed { texts, purpose, reply }).await
    }

    async fn rerank(&self, model: &ModelId, query: &str, texts: Vec<String>) -> Result<Vec<f32>, EngineError> {
        if query.len() > BATCH_BYTES {
            return Err(too_long(query.len()));
        }
        self.call(model, texts, LARGE_EMBED_BATCH, |texts, reply| Call::Rerank {
            query: query.to_owned(),
            texts,
            reply,
        })
        .await
    }

    async fn count_tokens(&self, model: &ModelId, texts: Vec<String>) -> Result<Vec<u32>, EngineError> {
        self.call(model, texts, COUNT_BATCH, |texts, reply| Call::Count { texts, reply }).await
    }

    async fn stats(&self) -> Vec<EngineStats> {
        let mut entries: Vec<Entry> =
            self.models().values().filter(|entry| !entry.commands.is_closed()).cloned().collect();
        entries.sort_by(|one, other| one.spec.id.cmp(&other.spec.id));
        let read = move || {
            let stats = entries.iter().map(|entry| {
                let memory = entry.shared.pid().map_or(0, memory::of_process);
                entry.shared.stats(&entry.spec.id, memory)
            });
            stats.collect()
        };
        // Summing up the pages of a large process takes the kernel some milliseconds.
        tokio::task::spawn_blocking(read).await.unwrap_or_default()
    }
}

/// The caller's end of one answer. Dropping it cancels.
struct Answer {
    receiver: mpsc::UnboundedReceiver<Result<GenerateEvent, EngineError>>,
    ticket: u64,
    entry: Entry,
    ended: bool,
}

impl Answer {
    /// The next event; `None` after the last one.
    async fn next(&mut self) -> Option<Result<GenerateEvent, EngineError>> {
        if self.ended {
            return None;
        }
        // A channel that closes without a last event means that the model's task has ended: unloaded, or hopeless.
        let event = self.receiver.recv().await.unwrap_or_else(|| Err(self.entry.gone()));
        self.ended = matches!(event, Err(_) | Ok(GenerateEvent::Done { .. }));
        Some(event)
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if !self.ended {
            // An error means that there is nothing left to cancel.
            let _ = self.entry.commands.send(Command::Cancel { ticket: self.ticket });
        }
    }
}
