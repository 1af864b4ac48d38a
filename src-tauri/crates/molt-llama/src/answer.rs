//! Writing one answer: read what is new in the prompt, choose token after token, say the text.
//!
//! The keys and values of the last prompt and answer are kept: the next prompt that begins like them is read from where it differs.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use llama_cpp_2::{context::LlamaContext, llama_batch::LlamaBatch, sampling::LlamaSampler, token::LlamaToken};
use molt_core::{FinishReason, GenerateEvent, GenerateRequest};
use molt_engine_client::{
    memory::{self, PROMPT_BATCH},
    protocol::{Event, WireError},
    worker::{Said, StopFilter, Thoughts, Voice},
};

use crate::{
    form::{Form, Forms},
    kv,
    model::Model,
    states::States,
    text::Joiner,
};

/// Candidates for the next token.
const TOP_K: i32 = 40;
/// Tokens of the context that a prompt leaves free: the first of the answer, and one that may be computed beyond the last.
const RESERVED: u32 = 2;
/// How often the client is told that an answer without visible text goes on.
const PROGRESS: Duration = Duration::from_secs(5);

/// Fewer tokens are read faster than their state is read back.
const WORTH_READING: usize = 128;
const WORTH_KEEPING: usize = 256;

pub struct Writer {
    model: &'static Model,
    context: LlamaContext<'static>,
    /// What the context holds keys and values of, in order.
    known: Vec<LlamaToken>,
    batch: LlamaBatch<'static>,
    /// Made for the first answer that has to have a form.
    forms: Option<Forms>,
    states: Option<States>,
    /// Tokens of the state that was kept last.
    kept: usize,
}

impl Writer {
    /// `states`: where what is computed may be kept.
    pub fn new(model: &'static Model, states: Option<States>) -> Result<Self, WireError> {
        let context = model.context()?;
        let batch = LlamaBatch::new(PROMPT_BATCH as usize, 1);
        let mut writer = Self { model, context, known: Vec::new(), batch, forms: None, states, kept: 0 };
        // The first computation reads the weights from the disk; the first question should not wait for that.
        let warm = [LlamaToken::new(0)];
        writer.read(&warm, &AtomicBool::new(false), |_| {})?;
        writer.keep(0);
        Ok(writer)
    }

    /// Writes the answer to `request`, or only reads its prompt; everything but `Idle` is said.
    pub fn write(
        &mut self,
        id: u64,
        request: &GenerateRequest,
        cancelled: &AtomicBool,
        voice: &Voice,
    ) -> Result<(), WireError> {
        let started = Instant::now();
        let mut form = self.form(request)?;
        let prompt = self.model.prompt(&request.messages, request.think && form.is_none()).map_err(|reason| {
            WireError::Failed { text: format!("This model cannot take the conversation: {reason}.") }
        })?;
        let prompt_tokens = u32::try_from(prompt.tokens.len()).unwrap_or(u32::MAX);
        let limit = self.model.context.saturating_sub(RESERVED);
        if prompt_tokens > limit {
            return Err(WireError::ContextOverflow { tokens: prompt_tokens, limit });
        }
        let room = request.max_tokens.min(self.model.context - prompt_tokens - 1);
        let tell = |event| voice.say(Event::Generation { id, event });
        tell(GenerateEvent::Started { prompt_tokens });
        // The last token is read again in any case: the first choice is made from what it gives.
        let same = self.recall(&prompt.tokens);
        let cached_tokens = if request.recall_only {
            same as u32
        } else {
            self.keep(same.min(prompt.tokens.len() - 1));
            self.known.len() as u32
        };
        let done = |finish, completion_tokens, first: Option<Instant>| {
            let read = first.unwrap_or_else(Instant::now);
            tell(GenerateEvent::Done {
                finish,
                prompt_tokens,
                cached_tokens,
                completion_tokens,
                prompt_ms: milliseconds(read - started),
                decode_ms: milliseconds(read.elapsed()),
            });
        };
        if request.recall_only {
            done(FinishReason::Length, 0, None);
            return Ok(());
        }
        let unread = prompt.tokens[self.known.len()..].to_vec();
        let told = |known: usize| {
            if known < prompt.tokens.len() {
                tell(GenerateEvent::Reading { read: known as u32, total: prompt_tokens });
            }
        };
        if !self.read(&unread, cancelled, told)? {
            done(FinishReason::Cancelled, 0, None);
            return Ok(());
        }
        if room == 0 {
            done(FinishReason::Length, 0, None);
            return Ok(());
        }
        let mut heard = Instant::now();
        let mut alive = || {
            if heard.elapsed() >= PROGRESS {
                heard = Instant::now();
                voice.say(Event::Progress { id });
            }
        };

        let mut sampler = sampler(request);
        let mut joiner = Joiner::default();
        let mut thoughts = if form.is_some() { Thoughts::none() } else { Thoughts::new(&prompt.text) };
        let mut filter = StopFilter::new(&request.stop);
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
        let mut first = None;
        let mut chosen = 0;
        let finish = loop {
            let token = match &mut form {
                Some(form) => form.choose(&self.context, &mut sampler)?,
                None => sampler.sample(&self.context, -1),
            };
            first.get_or_insert_with(Instant::now);
            if self.model.is_end(token) {
                say(thoughts.finish(), &mut filter);
                show(filter.finish());
                break FinishReason::Stop;
            }
            chosen += 1;
            if say(thoughts.push(&joiner.push(&self.model.bytes(token))), &mut filter) {
                break FinishReason::Stop;
            }
            let is_complete = match &mut form {
                Some(form) => {
                    form.take(token)?;
                    form.is_complete()
                }
                None => false,
            };
            if is_complete {
                show(filter.finish());
                break FinishReason::Stop;
            }
            if chosen >= room {
                say(thoughts.finish(), &mut filter);
                show(filter.finish());
                break FinishReason::Length;
            }
            alive();
            if !self.read(&[token], cancelled, |_| {})? {
                break FinishReason::Cancelled;
            }
        };
        done(finish, chosen, first);
        Ok(())
    }

    /// Goes back to the kept state that shares much more with the prompt than what is known now, if there is one. Returns how many tokens
    /// of the prompt are known.
    fn recall(&mut self, prompt: &[LlamaToken]) -> usize {
        let shared = |known: &[LlamaToken]| known.iter().zip(prompt).take_while(|(a, b)| a == b).count();
        let same = shared(&self.known);
        let Some(states) = &mut self.states else { return same };
        let numbers: Vec<i32> = prompt.iter().map(|token| token.0).collect();
        let Some((at, _)) = states.best(&numbers).filter(|(_, kept)| *kept >= same + WORTH_READING) else {
            return same;
        };
        let (context, known) = (&mut self.context, &mut self.known);
        let fits = states.read(at, |tokens, state| {
            context.clear_kv_cache();
            known.clear();
            let fits = kv::set(context, state);
            if fits {
                known.extend(tokens.iter().copied().map(LlamaToken::new));
            }
            fits
        });
        match fits {
            None => return same,
            Some(true) => {}
            Some(false) => {
                tracing::info!("a kept state does not fit the model and is removed");
                self.context.clear_kv_cache();
                states.forget(at);
            }
        }
        self.kept = self.known.len();
        shared(&self.known)
    }

    /// Keeps what was computed of a conversation of some length. Tenths of a second; called when nothing else is to be done.
    pub fn keep_state(&mut self) {
        let Some(states) = &mut self.states else { return };
        if self.known.len() < WORTH_KEEPING || self.known.len() == self.kept {
            return;
        }
        self.kept = self.known.len();
        // The state is copied on its way.
        if memory::available().is_some_and(|free| kv::size(&self.context) as u64 > free / 4) {
            return;
        }
        let Some(state) = kv::get(&self.context) else { return };
        let tokens: Vec<i32> = self.known.iter().map(|token| token.0).collect();
        if let Err(error) = states.keep(&tokens, &state) {
            tracing::warn!(%error, "what was computed of a conversation could not be kept");
        }
    }

    /// The form that the answer is bound to, if it is.
    fn form(&mut self, request: &GenerateRequest) -> Result<Option<Form>, WireError> {
        let Some(constraint) = &request.constraint else { return Ok(None) };
        let forms = match self.forms.take() {
            Some(forms) => forms,
            None => self.model.forms()?,
        };
        let form = self.forms.insert(forms).begin(constraint.clone())?;
        Ok(Some(form))
    }

    /// Computes tokens behind what is known; `told` hears after each batch how many are known then. False when it was cancelled first.
    fn read(&mut self, tokens: &[LlamaToken], cancelled: &AtomicBool, told: impl Fn(usize)) -> Result<bool, WireError> {
        for part in tokens.chunks(PROMPT_BATCH as usize) {
            if cancelled.load(Ordering::Relaxed) {
                return Ok(false);
            }
            self.batch.clear();
            for (offset, &token) in part.iter().enumerate() {
                let position = self.known.len() + offset;
                let is_last = offset + 1 == part.len();
                let position = i32::try_from(position).map_err(|error| broken(&error))?;
                self.batch.add(token, position, &[0], is_last).map_err(|error| broken(&error))?;
            }
            self.context.decode(&mut self.batch).map_err(|error| broken(&error))?;
            self.known.extend_from_slice(part);
            told(self.known.len());
        }
        Ok(true)
    }

    /// Forgets all but the first `count` known tokens; all of them where the model cannot forget a part.
    fn keep(&mut self, count: usize) {
        let from = u32::try_from(count).ok();
        if count < self.known.len() && !self.context.clear_kv_cache_seq(Some(0), from, None).unwrap_or(false) {
            self.context.clear_kv_cache();
            self.known.clear();
        }
        self.known.truncate(count);
    }
}

/// Greedy at temperature 0, else the usual cut of the unlikely.
fn sampler(request: &GenerateRequest) -> LlamaSampler {
    if request.temperature.is_nan() || request.temperature <= 0.0 {
        return LlamaSampler::greedy();
    }
    let mut chain = vec![LlamaSampler::top_k(TOP_K)];
    if request.top_p > 0.0 && request.top_p < 1.0 {
        chain.push(LlamaSampler::top_p(request.top_p, 1));
    }
    chain.push(LlamaSampler::temp(request.temperature.clamp(0.01, 2.0)));
    chain.push(LlamaSampler::dist(seed()));
    LlamaSampler::chain(chain, true)
}

/// Another one for each answer.
fn seed() -> u32 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0) as u32
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// What the context holds is not known any more: the worker ends, and is started again.
fn broken(error: &dyn std::fmt::Display) -> WireError {
    WireError::Crashed { text: format!("the engine has failed: {error}") }
}
