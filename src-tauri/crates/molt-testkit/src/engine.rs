//! An engine that says what the test wrote.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use futures::{StreamExt, stream, stream::BoxStream};
use molt_core::*;

use crate::{embed_words, words};

/// What the next generation does.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// Streams these pieces, then ends. Each counts as one token.
    Deltas(Vec<String>),
    /// Streams these as thoughts, then the pieces of the answer. Each counts as one token.
    Thinks(Vec<String>, Vec<String>),
    /// Streams the last user message back, word by word.
    Echo,
    /// Fails before anything is streamed.
    Fail(EngineError),
    /// Streams these pieces, then the worker dies.
    CrashAfter(Vec<String>),
    /// Streams these pieces, then nothing more, until the stream is dropped.
    StallAfter(Vec<String>),
}

impl Reply {
    /// One piece per word, spaces kept with the word before.
    pub fn text(text: &str) -> Self {
        Self::Deltas(pieces(text))
    }
}

fn pieces(text: &str) -> Vec<String> {
    text.split_inclusive(' ').map(str::to_owned).collect()
}

/// What becomes of passages that are to be put in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Reranking {
    /// The shorter one is better, whatever is asked.
    #[default]
    ShortFirst,
    /// The first calls as usual, then no answer.
    StallAfter(u32),
    Fail(EngineError),
}

#[derive(Default)]
struct State {
    replies: VecDeque<Reply>,
    requests: Vec<GenerateRequest>,
    loaded: HashMap<ModelId, ModelSpec>,
    refuse_load: Option<EngineError>,
    refuse_embed: Option<EngineError>,
    reranking: Reranking,
    warmed: u32,
    ahead: Vec<Vec<PromptMessage>>,
    reads_at_once: bool,
    recalled: Vec<Vec<PromptMessage>>,
    cancelled: u32,
    embedded: u64,
}

/// Answers from a queue of [`Reply`]; when the queue is empty it echoes. Embeddings are hashed words, so that texts with common
/// words are near each other; a token is a word.
#[derive(Clone)]
pub struct ScriptedEngine {
    state: Arc<Mutex<State>>,
    dimensions: usize,
}

impl Default for ScriptedEngine {
    fn default() -> Self {
        Self::new()
    }
}

impl ScriptedEngine {
    pub fn new() -> Self {
        Self { state: Arc::default(), dimensions: 64 }
    }

    /// Queues what the next unanswered generation does.
    pub fn push(&self, reply: Reply) {
        self.state.lock().unwrap().replies.push_back(reply);
    }

    /// Every load fails with this until `None` is set.
    pub fn refuse_load(&self, error: Option<EngineError>) {
        self.state.lock().unwrap().refuse_load = error;
    }

    /// Every embedding fails with this until `None` is set.
    pub fn refuse_embed(&self, error: Option<EngineError>) {
        self.state.lock().unwrap().refuse_embed = error;
    }

    /// From now on passages are put in order like this.
    pub fn rerank_by(&self, reranking: Reranking) {
        self.state.lock().unwrap().reranking = reranking;
    }

    /// All requests so far, oldest first.
    pub fn requests(&self) -> Vec<GenerateRequest> {
        self.state.lock().unwrap().requests.clone()
    }

    pub fn is_loaded(&self, id: &ModelId) -> bool {
        self.loaded(id).is_some()
    }

    /// The model as it was loaded.
    pub fn loaded(&self, id: &ModelId) -> Option<ModelSpec> {
        self.state.lock().unwrap().loaded.get(id).cloned()
    }

    /// The conversations that were to be taken up.
    pub fn recalled(&self) -> Vec<Vec<PromptMessage>> {
        self.state.lock().unwrap().recalled.clone()
    }

    /// Prompts that were read without an answer.
    pub fn warmed(&self) -> u32 {
        self.state.lock().unwrap().warmed
    }

    /// What these prompts were, oldest first.
    pub fn ahead(&self) -> Vec<Vec<PromptMessage>> {
        self.state.lock().unwrap().ahead.clone()
    }

    /// From now on a prompt without an answer is read at once; else reading it lasts until it is cancelled.
    pub fn read_at_once(&self) {
        self.state.lock().unwrap().reads_at_once = true;
    }

    /// Streams that were dropped before their end.
    pub fn cancelled(&self) -> u32 {
        self.state.lock().unwrap().cancelled
    }

    /// Texts that were embedded so far.
    pub fn embedded(&self) -> u64 {
        self.state.lock().unwrap().embedded
    }
}

/// Notes a stream that is dropped before it ended.
struct CancelNote {
    state: Arc<Mutex<State>>,
    ended: bool,
}

impl Drop for CancelNote {
    fn drop(&mut self) {
        if !self.ended {
            self.state.lock().unwrap().cancelled += 1;
        }
    }
}

fn done(finish: FinishReason, prompt_tokens: u32, completion_tokens: u32) -> GenerateEvent {
    GenerateEvent::Done { finish, prompt_tokens, cached_tokens: 0, completion_tokens, prompt_ms: 1, decode_ms: 1 }
}

fn crashed() -> EngineError {
    EngineError::Crashed("signal 9".into())
}

#[async_trait]
impl Engine for ScriptedEngine {
    /// Whatever begins with `{% bad` cannot be used.
    async fn check_template(&self, template: &str) -> Result<(), EngineError> {
        match template.starts_with("{% bad") {
            true => Err(EngineError::Failed("The chat template cannot be used: it is bad.".into())),
            false => Ok(()),
        }
    }

    async fn load(&self, spec: &ModelSpec) -> Result<LoadedModel, EngineError> {
        let mut state = self.state.lock().unwrap();
        if let Some(error) = &state.refuse_load {
            return Err(error.clone());
        }
        state.loaded.insert(spec.id.clone(), spec.clone());
        Ok(LoadedModel {
            id: spec.id.clone(),
            context_length: spec.context_length,
            dimensions: if spec.role == ModelRole::Embedder { self.dimensions as u32 } else { 0 },
            load_ms: 1,
            backend: spec.backend.unwrap_or(Backend::LlamaCpp),
        })
    }

    async fn unload(&self, id: &ModelId) {
        self.state.lock().unwrap().loaded.remove(id);
    }

    fn generate(&self, request: GenerateRequest) -> BoxStream<'static, Result<GenerateEvent, EngineError>> {
        let mut state = self.state.lock().unwrap();
        if request.recall_only {
            state.recalled.push(request.messages);
            return stream::empty().boxed();
        }
        if request.max_tokens == 0 {
            state.warmed += 1;
            let prompt_tokens = request.messages.iter().map(|m| words(&m.text).len() as u32).sum::<u32>();
            state.ahead.push(request.messages);
            if state.reads_at_once {
                return stream::iter([Ok(done(FinishReason::Length, prompt_tokens, 0))]).boxed();
            }
            // It reads for as long as it is let.
            let note = CancelNote { state: self.state.clone(), ended: false };
            return stream::once(async move {
                let _note = note;
                futures::future::pending().await
            })
            .boxed();
        }
        state.requests.push(request.clone());
        let Some(spec) = state.loaded.get(&request.model) else {
            return stream::iter([Err(EngineError::NotLoaded)]).boxed();
        };
        let prompt_tokens = request.messages.iter().map(|m| words(&m.text).len() as u32).sum::<u32>();
        if prompt_tokens >= spec.context_length {
            return stream::iter([Err(EngineError::ContextOverflow {
                tokens: prompt_tokens,
                limit: spec.context_length,
            })])
            .boxed();
        }
        let mut thoughts = Vec::new();
        let (mut deltas, end) = match state.replies.pop_front().unwrap_or(Reply::Echo) {
            Reply::Deltas(deltas) => (deltas, Some(Ok(()))),
            Reply::Thinks(before, deltas) => {
                thoughts = before;
                (deltas, Some(Ok(())))
            }
            Reply::Echo => {
                let last = request.messages.iter().rev().find(|m| m.role == Role::User);
                (pieces(last.map_or("", |m| &m.text)), Some(Ok(())))
            }
            Reply::Fail(error) => return stream::iter([Err(error)]).boxed(),
            Reply::CrashAfter(deltas) => (deltas, Some(Err(crashed()))),
            Reply::StallAfter(deltas) => (deltas, None),
        };
        let finish = if deltas.len() > request.max_tokens as usize { FinishReason::Length } else { FinishReason::Stop };
        deltas.truncate(request.max_tokens as usize);
        let completion_tokens = (thoughts.len() + deltas.len()) as u32;
        let mut events: VecDeque<_> = [Ok(GenerateEvent::Started { prompt_tokens })].into();
        events.extend(thoughts.into_iter().map(|text| Ok(GenerateEvent::Thought { text })));
        events.extend(deltas.into_iter().map(|text| Ok(GenerateEvent::Delta { text })));
        let stalls = end.is_none();
        match end {
            Some(Ok(())) => {
                events.push_back(Ok(done(finish, prompt_tokens, completion_tokens)));
            }
            Some(Err(error)) => events.push_back(Err(error)),
            None => {}
        }
        let note = CancelNote { state: self.state.clone(), ended: false };
        stream::unfold((events, note), move |(mut events, mut note)| async move {
            match events.pop_front() {
                Some(event) => {
                    note.ended = events.is_empty() && !stalls;
                    Some((event, (events, note)))
                }
                None if stalls => futures::future::pending().await,
                None => None,
            }
        })
        .boxed()
    }

    async fn embed(
        &self,
        model: &ModelId,
        texts: Vec<String>,
        _purpose: EmbedPurpose,
    ) -> Result<Vec<Vec<f32>>, EngineError> {
        let mut state = self.state.lock().unwrap();
        if !state.loaded.contains_key(model) {
            return Err(EngineError::NotLoaded);
        }
        if let Some(error) = &state.refuse_embed {
            return Err(error.clone());
        }
        state.embedded += texts.len() as u64;
        Ok(texts.iter().map(|t| embed_words(t, self.dimensions)).collect())
    }

    async fn rerank(&self, model: &ModelId, _query: &str, texts: Vec<String>) -> Result<Vec<f32>, EngineError> {
        let stalls = {
            let mut state = self.state.lock().unwrap();
            if !state.loaded.contains_key(model) {
                return Err(EngineError::NotLoaded);
            }
            match &mut state.reranking {
                Reranking::ShortFirst => false,
                Reranking::Fail(error) => return Err(error.clone()),
                Reranking::StallAfter(0) => true,
                Reranking::StallAfter(left) => {
                    *left -= 1;
                    false
                }
            }
        };
        if stalls {
            return futures::future::pending().await;
        }
        Ok(texts.iter().map(|text| -(text.len() as f32)).collect())
    }

    async fn count_tokens(&self, model: &ModelId, texts: Vec<String>) -> Result<Vec<u32>, EngineError> {
        if !self.is_loaded(model) {
            return Err(EngineError::NotLoaded);
        }
        Ok(texts.iter().map(|t| words(t).len() as u32).collect())
    }

    async fn stats(&self) -> Vec<EngineStats> {
        let state = self.state.lock().unwrap();
        let mut stats: Vec<_> = state
            .loaded
            .keys()
            .map(|id| EngineStats {
                id: id.clone(),
                memory: 1 << 20,
                generations: state.requests.iter().filter(|r| &r.model == id).count() as u32,
                last_prompt_tokens_per_second: 100.0,
                last_tokens_per_second: 10.0,
                restarts: 0,
            })
            .collect();
        stats.sort_by(|a, b| a.id.cmp(&b.id));
        stats
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;
    use crate::sample;

    fn ask(engine: &ScriptedEngine, text: &str) -> BoxStream<'static, Result<GenerateEvent, EngineError>> {
        engine.generate(GenerateRequest {
            model: "m".into(),
            messages: vec![PromptMessage { role: Role::User, text: text.into() }],
            max_tokens: 100,
            temperature: 0.0,
            top_p: 1.0,
            stop: vec![],
            think: false,
            constraint: None,
            recall_only: false,
        })
    }

    #[test]
    fn echoes_fails_and_crashes_as_written() {
        let engine = ScriptedEngine::new();
        assert_eq!(block_on(ask(&engine, "hi").collect::<Vec<_>>()), [Err(EngineError::NotLoaded)]);
        block_on(engine.load(&sample::model("m", ModelRole::Chat))).unwrap();
        let events = block_on(ask(&engine, "one two").collect::<Vec<_>>());
        assert_eq!(events[1], Ok(GenerateEvent::Delta { text: "one ".into() }));
        assert!(matches!(events[3], Ok(GenerateEvent::Done { finish: FinishReason::Stop, completion_tokens: 2, .. })));
        engine.push(Reply::CrashAfter(vec!["a".into()]));
        let events = block_on(ask(&engine, "x").collect::<Vec<_>>());
        assert_eq!((events.len(), events.last().cloned()), (3, Some(Err(crashed()))));
        assert_eq!(engine.cancelled(), 0);
        engine.push(Reply::StallAfter(vec!["a".into()]));
        let mut stalled = ask(&engine, "x");
        block_on(stalled.next());
        drop(stalled);
        assert_eq!(engine.cancelled(), 1);
    }
}
