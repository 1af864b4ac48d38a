//! Writing one answer, step by step: read what is new in the prompt, choose token after token, say the text.

use std::{
    mem, slice,
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, Instant},
};

use llama_cpp_2::{sampling::LlamaSampler, token::LlamaToken};
use molt_core::{FinishReason, GenerateEvent, GenerateRequest};
use molt_engine_client::{
    protocol::{Event, WireError},
    worker::{Said, StopFilter, Thoughts, Voice},
};

use crate::{
    desk::Desk,
    form::Form,
    model::{Model, Prompt},
    states::States,
    text::Joiner,
};

/// Candidates for the next token.
const TOP_K: i32 = 40;
/// Tokens of the context that a prompt leaves free: the first of the answer, and one that may be computed beyond the last.
const RESERVED: u32 = 2;
/// How often the client is told that an answer without visible text goes on.
const PROGRESS: Duration = Duration::from_secs(5);

/// An answer to write, and whether it is still wanted.
pub struct Job {
    pub id: u64,
    pub request: GenerateRequest,
    pub cancelled: Arc<AtomicBool>,
}

pub struct Answer {
    job: Job,
    model: &'static Model,
    form: Option<Form>,
    prompt: Prompt,
    /// The token that was chosen last and is to be read.
    next: Option<LlamaToken>,
    sampler: LlamaSampler,
    joiner: Joiner,
    thoughts: Thoughts,
    filter: StopFilter,
    prompt_tokens: u32,
    cached_tokens: u32,
    /// Tokens that were chosen, and those that may be.
    chosen: u32,
    room: u32,
    started: Instant,
    /// When the first token was chosen.
    first: Option<Instant>,
    /// When the client heard of it last.
    heard: Instant,
}

impl Answer {
    /// What is to be written, before anything is computed or said.
    ///
    /// # Errors
    /// The conversation does not fit the model.
    pub fn new(job: Job, model: &'static Model, form: Option<Form>) -> Result<Self, WireError> {
        let started = Instant::now();
        let request = &job.request;
        let prompt = match model.prompt(&request.messages, request.think && form.is_none()) {
            Ok(prompt) => prompt,
            Err(reason) => {
                let text = format!("This model cannot take the conversation: {reason}.");
                return Err(WireError::Failed { text });
            }
        };
        let prompt_tokens = u32::try_from(prompt.tokens.len()).unwrap_or(u32::MAX);
        let limit = model.context.saturating_sub(RESERVED);
        if prompt_tokens > limit {
            return Err(WireError::ContextOverflow { tokens: prompt_tokens, limit });
        }
        let room = request.max_tokens.min(model.context - prompt_tokens - 1);
        let thoughts = if form.is_some() { Thoughts::none() } else { Thoughts::new(&prompt.text) };
        let (sampler, filter) = (sampler(request), StopFilter::new(&request.stop));
        Ok(Self {
            job,
            model,
            form,
            prompt,
            next: None,
            sampler,
            joiner: Joiner::default(),
            thoughts,
            filter,
            prompt_tokens,
            cached_tokens: 0,
            chosen: 0,
            room,
            started,
            first: None,
            heard: started,
        })
    }

    pub fn id(&self) -> u64 {
        self.job.id
    }

    pub fn prompt(&self) -> &[LlamaToken] {
        &self.prompt.tokens
    }

    /// Takes up what is known of the prompt. True when that was all that was asked for.
    pub fn begin(&mut self, desk: &mut Desk, states: Option<&mut States>, voice: &Voice) -> bool {
        self.tell(voice, GenerateEvent::Started { prompt_tokens: self.prompt_tokens });
        let prompt = &self.prompt.tokens;
        let same = match states {
            Some(states) => desk.recall(prompt, states),
            None => desk.shares(prompt),
        };
        if self.job.request.recall_only {
            self.cached_tokens = same as u32;
            self.done(voice, FinishReason::Length);
            return true;
        }
        // The last token is read again in any case: the first choice is made from what it gives.
        desk.keep(same.min(prompt.len() - 1));
        self.cached_tokens = desk.known() as u32;
        false
    }

    /// Computes one batch of the prompt, or the last token, and chooses the next when there is nothing left to read. True when the answer
    /// has ended, with its `Done` said.
    pub fn step(&mut self, desk: &mut Desk, voice: &Voice) -> Result<bool, WireError> {
        let token = self.next.take();
        let unread = match &token {
            Some(token) => slice::from_ref(token),
            None => &self.prompt.tokens[desk.known()..],
        };
        if !desk.read(unread, &self.job.cancelled)? {
            self.done(voice, FinishReason::Cancelled);
            return Ok(true);
        }
        if token.is_none() {
            let read = desk.known();
            if read < self.prompt.tokens.len() {
                self.tell(voice, GenerateEvent::Reading { read: read as u32, total: self.prompt_tokens });
                return Ok(false);
            }
            if self.room == 0 {
                self.done(voice, FinishReason::Length);
                return Ok(true);
            }
        }
        let end = self.choose(desk, voice)?;
        if let Some(finish) = end {
            self.done(voice, finish);
        }
        Ok(end.is_some())
    }

    /// Chooses a token and says its text; the reason where the answer ends with it.
    fn choose(&mut self, desk: &Desk, voice: &Voice) -> Result<Option<FinishReason>, WireError> {
        let token = match &mut self.form {
            Some(form) => form.choose(desk.context(), &mut self.sampler)?,
            None => self.sampler.sample(desk.context(), -1),
        };
        self.first.get_or_insert_with(Instant::now);
        if self.model.is_end(token) {
            self.say_rest(voice);
            return Ok(Some(FinishReason::Stop));
        }
        self.chosen += 1;
        let text = self.joiner.push(&self.model.bytes(token));
        let said = self.thoughts.push(&text);
        if self.say(voice, said) {
            return Ok(Some(FinishReason::Stop));
        }
        if let Some(form) = &mut self.form {
            form.take(token)?;
            if form.is_complete() {
                self.say_rest(voice);
                return Ok(Some(FinishReason::Stop));
            }
        }
        if self.chosen >= self.room {
            self.say_rest(voice);
            return Ok(Some(FinishReason::Length));
        }
        if self.heard.elapsed() >= PROGRESS {
            self.heard = Instant::now();
            voice.say(Event::Progress { id: self.job.id });
        }
        self.next = Some(token);
        Ok(None)
    }

    /// Whether a stop string was met.
    fn say(&mut self, voice: &Voice, said: Said) -> bool {
        if !said.thought.is_empty() {
            self.tell(voice, GenerateEvent::Thought { text: said.thought });
        }
        let (text, stopped) = self.filter.push(&said.answer);
        self.show(voice, text);
        stopped
    }

    /// What was held back, because it might have been the beginning of something else.
    fn say_rest(&mut self, voice: &Voice) {
        let said = mem::replace(&mut self.thoughts, Thoughts::none()).finish();
        self.say(voice, said);
        let text = self.filter.finish();
        self.show(voice, text);
    }

    fn show(&self, voice: &Voice, text: String) {
        if !text.is_empty() {
            self.tell(voice, GenerateEvent::Delta { text });
        }
    }

    fn tell(&self, voice: &Voice, event: GenerateEvent) {
        voice.say(Event::Generation { id: self.job.id, event });
    }

    fn done(&self, voice: &Voice, finish: FinishReason) {
        let read = self.first.unwrap_or_else(Instant::now);
        self.tell(
            voice,
            GenerateEvent::Done {
                finish,
                prompt_tokens: self.prompt_tokens,
                cached_tokens: self.cached_tokens,
                completion_tokens: self.chosen,
                prompt_ms: milliseconds(read - self.started),
                decode_ms: milliseconds(read.elapsed()),
            },
        );
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
