//! One loaded model: its worker, the line of answers that wait for it, and what happens when the worker fails.
//!
//! One task owns all of it and does one thing at a time, so there are no locks to get wrong. The rules it keeps: no more generations
//! are in flight than the worker takes at once; everything that was asked for is answered, with an error if need be; a worker that ends or
//! gives no sign of life is replaced once, and what was lost with it before a word of it was said is asked once more.

// Size: one state machine; its states are read together.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use molt_core::{
    EmbedPurpose, EngineError, EngineStats, FinishReason, GenerateEvent, GenerateRequest, LoadedModel, ModelId,
    ModelSpec,
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, sleep_until},
};

use crate::{
    config::EngineConfig,
    link::{Death, Link},
    protocol::{Event, Request},
};

/// Where an answer's events go.
pub(crate) type Events = mpsc::UnboundedSender<Result<GenerateEvent, EngineError>>;
type Reply<T> = oneshot::Sender<Result<Vec<T>, EngineError>>;

/// What a model is asked.
#[derive(Debug)]
pub(crate) enum Command {
    Generate {
        ticket: u64,
        request: GenerateRequest,
        events: Events,
    },
    /// Nobody listens to this answer any more.
    Cancel {
        ticket: u64,
    },
    Call(Call),
    /// Ends the worker; told when its memory is given back.
    Stop {
        done: oneshot::Sender<()>,
    },
}

/// A question with one answer.
#[derive(Debug)]
pub(crate) enum Call {
    Embed { texts: Vec<String>, purpose: EmbedPurpose, reply: Reply<Vec<f32>> },
    Rerank { query: String, texts: Vec<String>, reply: Reply<f32> },
    Count { texts: Vec<String>, reply: Reply<u32> },
}

impl Call {
    /// Whether the asker has gone.
    fn is_closed(&self) -> bool {
        match self {
            Self::Embed { reply, .. } => reply.is_closed(),
            Self::Rerank { reply, .. } => reply.is_closed(),
            Self::Count { reply, .. } => reply.is_closed(),
        }
    }

    /// Whether a person waits for it, rather than the index.
    fn is_urgent(&self) -> bool {
        matches!(self, Self::Count { .. } | Self::Rerank { .. } | Self::Embed { purpose: EmbedPurpose::Query, .. })
    }

    fn fail(self, error: EngineError) {
        // An error means that the asker has gone.
        let _ = match self {
            Self::Embed { reply, .. } => reply.send(Err(error)).is_ok(),
            Self::Rerank { reply, .. } => reply.send(Err(error)).is_ok(),
            Self::Count { reply, .. } => reply.send(Err(error)).is_ok(),
        };
    }
}

/// Whether the model can be used, for those who wait for it to load.
#[derive(Debug, Clone)]
pub(crate) enum LoadState {
    Loading,
    Ready(LoadedModel),
    Failed(EngineError),
}

/// What others may read while the task works.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// 0 while there is no process.
    pid: AtomicU32,
    figures: Mutex<Figures>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Figures {
    generations: u32,
    prompt_rate: f32,
    rate: f32,
    restarts: u32,
}

impl Shared {
    pub fn pid(&self) -> Option<u32> {
        match self.pid.load(Ordering::Relaxed) {
            0 => None,
            pid => Some(pid),
        }
    }

    /// `memory` in bytes, as the caller has read it.
    pub fn stats(&self, id: &ModelId, memory: u64) -> EngineStats {
        let figures = *self.figures.lock().unwrap_or_else(PoisonError::into_inner);
        EngineStats {
            id: id.clone(),
            memory,
            generations: figures.generations,
            last_prompt_tokens_per_second: figures.prompt_rate,
            last_tokens_per_second: figures.rate,
            restarts: figures.restarts,
        }
    }

    fn change(&self, change: impl FnOnce(&mut Figures)) {
        change(&mut self.figures.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// An answer that waits for its turn.
struct Waiting {
    ticket: u64,
    request: GenerateRequest,
    events: Events,
    /// The position that its asker was told; 0 before the first time.
    told: u32,
    /// It was lost with a worker, perhaps by its own fault: it is asked with no others beside it.
    again: bool,
}

/// An answer in flight.
struct Active {
    id: u64,
    /// As it waited, should it have to wait again.
    waited: Waiting,
    stage: Stage,
    /// Others were in flight beside it: its time says nothing of the model's speed.
    shared: bool,
    /// When the worker last spoke of it.
    heard: Instant,
}

#[derive(Clone, Copy, PartialEq)]
enum Stage {
    Prompt {
        tokens: u32,
    },
    Answer,
    /// The answer has ended; the engine has still to let go of it.
    Release,
}

struct RunningCall {
    id: u64,
    call: Call,
    deadline: Instant,
}

/// Why serving one worker came to its end.
enum End {
    /// The model is not wanted any more.
    Stopped(Option<oneshot::Sender<()>>),
    /// The worker has ended.
    Crashed(Death),
    /// Starting it again would not help.
    Hopeless(EngineError),
}

pub(crate) struct Model {
    config: Arc<EngineConfig>,
    spec: ModelSpec,
    commands: mpsc::UnboundedReceiver<Command>,
    state: watch::Sender<LoadState>,
    shared: Arc<Shared>,
    line: VecDeque<Waiting>,
    active: Vec<Active>,
    /// Generations that the worker takes at once, and those that it has memory for now.
    at_once: usize,
    room: usize,
    calls: VecDeque<Call>,
    /// What the worker was asked: one thing for a person and one for the index, so that neither waits for the other.
    running: Vec<RunningCall>,
    next_id: u64,
    /// Until when the model has to be loaded; `None` when it is.
    loading_until: Option<Instant>,
    /// A build of the engine that this processor does not run, if the next build runs the model.
    suspect: Option<PathBuf>,
}

impl Model {
    /// The task to spawn and the handles to it.
    pub fn new(
        config: Arc<EngineConfig>,
        spec: ModelSpec,
    ) -> (Self, mpsc::UnboundedSender<Command>, watch::Receiver<LoadState>, Arc<Shared>) {
        let (sender, commands) = mpsc::unbounded_channel();
        let (state, watcher) = watch::channel(LoadState::Loading);
        let shared = Arc::<Shared>::default();
        let model = Self {
            config,
            spec,
            commands,
            state,
            shared: shared.clone(),
            line: VecDeque::new(),
            active: Vec::new(),
            at_once: 1,
            room: 1,
            calls: VecDeque::new(),
            running: Vec::new(),
            next_id: 1,
            loading_until: None,
            suspect: None,
        };
        (model, sender, watcher, shared)
    }

    /// Runs the model until it is stopped or hopeless.
    pub async fn run(mut self) {
        let config = self.config.clone();
        let workers = config.workers(&self.spec);
        let mut next_workers = workers.iter().copied();
        let Some(mut worker) = next_workers.next() else { return };
        let is_llama = |worker: &Path| config.llama_workers.iter().any(|llama| llama == worker);
        let mut failed_loads = 0;
        // What the engine that is asked first says of the model: the others know fewer.
        let mut refusal = None;
        loop {
            let end = match Link::start(worker, &config) {
                Ok(link) => {
                    self.shared.pid.store(link.pid(), Ordering::Relaxed);
                    self.serve(link).await
                }
                Err(error) => {
                    let program = worker.display();
                    End::Hopeless(EngineError::Failed(format!(
                        "The engine could not be started: its program {program} cannot run ({error}). Install Moltworker again."
                    )))
                }
            };
            self.shared.pid.store(0, Ordering::Relaxed);
            let refused = match &end {
                End::Hopeless(error @ EngineError::BadModel(_)) => Some(error.clone()),
                End::Crashed(death) if self.loading_until.is_some() && failed_loads > 0 => {
                    let reason = &death.reason;
                    Some(EngineError::BadModel(format!(
                        "The model “{}” cannot be loaded: its process ended twice while loading ({reason}). The file may be damaged, or too large for the memory of this computer.",
                        self.spec.name
                    )))
                }
                _ => None,
            };
            if let Some(error) = refused {
                let first = refusal.get_or_insert(error).clone();
                // Another library may know the model, or read the file with more patience.
                let other = next_workers.find(|other| !(is_llama(worker) && is_llama(other)));
                let Some(other) = other else { return self.give_up(first) };
                tracing::warn!(model = %self.spec.id, worker = %worker.display(), "a model is tried with another engine");
                worker = other;
                failed_loads = 0;
                // No build could load it: it is the file.
                self.suspect = None;
                continue;
            }
            if let End::Crashed(Death { by_processor: true, .. }) = &end
                && let Some(slower) = next_workers.clone().next().filter(|next| is_llama(worker) && is_llama(next))
            {
                tracing::warn!(worker = %worker.display(), "a processor does not run a build of the engine");
                self.suspect.get_or_insert_with(|| worker.to_owned());
                next_workers.next();
                worker = slower;
                failed_loads = 0;
                if self.loading_until.is_some() {
                    continue;
                }
            }
            match end {
                End::Stopped(done) => {
                    self.abandon(&EngineError::NotLoaded);
                    // An error means that nobody waits for it.
                    let _ = done.map(|done| done.send(()));
                    return;
                }
                End::Hopeless(error) => return self.give_up(error),
                End::Crashed(_) if self.loading_until.is_some() => failed_loads += 1,
                End::Crashed(death) => {
                    failed_loads = 0;
                    self.shared.change(|figures| figures.restarts += 1);
                    let idle =
                        self.active.iter().all(|active| active.stage == Stage::Release) && self.running.is_empty();
                    let error = EngineError::Crashed(death.reason);
                    self.active.sort_by_key(|active| active.id);
                    for mut active in std::mem::take(&mut self.active).into_iter().rev() {
                        if matches!(active.stage, Stage::Prompt { .. }) && !active.waited.again {
                            active.waited.again = true;
                            self.line.push_front(active.waited);
                        } else {
                            // An error means that nobody listens.
                            let _ = active.waited.events.send(Err(error.clone()));
                        }
                    }
                    for running in self.running.drain(..) {
                        running.call.fail(error.clone());
                    }
                    // A worker that ended while nothing was asked of it may have been ended for want of memory. It is started when it is
                    // needed: so it cannot end and start in a circle either.
                    if idle && let Some(done) = self.rest().await {
                        self.abandon(&EngineError::NotLoaded);
                        let _ = done.map(|done| done.send(()));
                        return;
                    }
                }
            }
        }
    }

    /// Without a worker, waits until something is asked. `Some` when the model is to stop instead.
    async fn rest(&mut self) -> Option<Option<oneshot::Sender<()>>> {
        while self.line.is_empty() && self.calls.is_empty() {
            match self.commands.recv().await {
                Some(Command::Generate { ticket, request, events }) => self.enqueue(ticket, request, events),
                Some(Command::Call(call)) => self.calls.push_back(call),
                Some(Command::Cancel { .. }) => {}
                Some(Command::Stop { done }) => return Some(Some(done)),
                None => return Some(None),
            }
        }
        None
    }

    /// Ends for good: whoever waits is told why, and so is everybody who asks later.
    fn give_up(&mut self, error: EngineError) {
        tracing::warn!(model = %self.spec.id, %error, "a model is given up");
        // The state first: who finds the commands closed reads it.
        self.state.send_replace(LoadState::Failed(error.clone()));
        self.abandon(&error);
    }

    /// Answers everything that waits with an error.
    fn abandon(&mut self, error: &EngineError) {
        self.commands.close();
        while let Ok(command) = self.commands.try_recv() {
            match command {
                // An error means that nobody listens.
                Command::Generate { events, .. } => drop(events.send(Err(error.clone()))),
                Command::Call(call) => call.fail(error.clone()),
                Command::Stop { done } => drop(done.send(())),
                Command::Cancel { .. } => {}
            }
        }
        for waiting in self.active.drain(..).map(|active| active.waited).chain(self.line.drain(..)) {
            let _ = waiting.events.send(Err(error.clone()));
        }
        for call in self.running.drain(..).map(|running| running.call).chain(self.calls.drain(..)) {
            call.fail(error.clone());
        }
    }

    /// Loads the model into a fresh worker and serves requests with it until something ends it.
    async fn serve(&mut self, mut link: Link) -> End {
        let size = Duration::from_secs_f64(
            self.config.timeouts.load_per_gib.as_secs_f64() * self.spec.size as f64 / f64::from(1 << 30),
        );
        self.loading_until = Some(Instant::now() + self.config.timeouts.load + size);
        let load = Request::Load { spec: Box::new(self.spec.clone()), states: self.config.states.clone() };
        if link.send(&load, self.config.timeouts.send).await.is_err() {
            return End::Crashed(link.bury().await);
        }
        loop {
            if self.advance(&mut link).await.is_err() {
                return End::Crashed(link.bury().await);
            }
            let deadline = self.deadline();
            tokio::select! {
                // What the worker has said counts before the clock.
                biased;
                event = link.next() => match event {
                    None => return End::Crashed(link.bury().await),
                    Some(event) => if let Err(error) = self.hear(event) {
                        link.kill().await;
                        return End::Hopeless(error);
                    },
                },
                command = self.commands.recv() => match command {
                    Some(Command::Generate { ticket, request, events }) => self.enqueue(ticket, request, events),
                    Some(Command::Cancel { ticket }) => if self.cancel(ticket, &mut link).await.is_err() {
                        return End::Crashed(link.bury().await);
                    },
                    Some(Command::Call(call)) => self.calls.push_back(call),
                    Some(Command::Stop { done }) => {
                        link.kill().await;
                        return End::Stopped(Some(done));
                    }
                    None => {
                        link.kill().await;
                        return End::Stopped(None);
                    }
                },
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                    link.kill().await;
                    return self.overdue();
                }
            }
        }
    }

    /// The next moment at which the worker is overdue with something.
    fn deadline(&self) -> Option<Instant> {
        let active = self.active.iter().filter_map(|active| self.deadline_of(active));
        let running = self.running.iter().map(|running| running.deadline);
        self.loading_until.into_iter().chain(active).chain(running).min()
    }

    fn deadline_of(&self, active: &Active) -> Option<Instant> {
        let timeouts = &self.config.timeouts;
        match active.stage {
            // They share the time.
            Stage::Prompt { tokens } => {
                Some(active.heard + timeouts.silence + self.prompt_time(tokens) * self.active.len() as u32)
            }
            Stage::Answer => Some(active.heard + timeouts.silence),
            Stage::Release if self.line.is_empty() => None,
            Stage::Release => Some(active.heard + timeouts.release),
        }
    }

    /// What reading a prompt may take: the usual allowance, or eight times what the last prompts took.
    fn prompt_time(&self, tokens: u32) -> Duration {
        let rate = self.shared.figures.lock().unwrap_or_else(PoisonError::into_inner).prompt_rate;
        let usual = self.config.timeouts.prompt_token;
        let known = if rate > 0.0 { Duration::try_from_secs_f32(8.0 / rate).unwrap_or(usual) } else { usual };
        usual.min(known) * tokens
    }

    /// What it means that the deadline has passed. The worker is ended already.
    fn overdue(&mut self) -> End {
        let now = Instant::now();
        let late = self.active.iter().map(|active| self.deadline_of(active).is_some_and(|deadline| deadline <= now));
        let late: Vec<bool> = late.collect();
        // It would only be waited for as long once more.
        self.active.iter_mut().zip(late).for_each(|(active, late)| active.waited.again |= late);
        if self.loading_until.is_some() {
            let name = &self.spec.name;
            return End::Hopeless(EngineError::Failed(format!(
                "Loading the model “{name}” took too long and was stopped. Close other programs, or choose a smaller model."
            )));
        }
        End::Crashed(Death { reason: "it gave no sign of life and was stopped".to_owned(), by_processor: false })
    }

    fn enqueue(&mut self, ticket: u64, request: GenerateRequest, events: Events) {
        if self.line.len() >= self.config.max_waiting {
            // An error means that nobody listens.
            let _ = events.send(Err(EngineError::Busy));
            return;
        }
        self.line.push_back(Waiting { ticket, request, events, told: 0, again: false });
    }

    async fn cancel(&mut self, ticket: u64, link: &mut Link) -> Result<(), String> {
        self.line.retain(|waiting| waiting.ticket != ticket);
        let is_meant = |active: &&mut Active| active.waited.ticket == ticket && active.stage != Stage::Release;
        let Some(active) = self.active.iter_mut().find(is_meant) else { return Ok(()) };
        active.stage = Stage::Release;
        active.heard = Instant::now();
        link.send(&Request::Cancel { id: active.id }, self.config.timeouts.send).await
    }

    /// Gives the worker what it can take, and tells those in line where they stand.
    async fn advance(&mut self, link: &mut Link) -> Result<(), String> {
        let limit = self.config.timeouts.send;
        if self.loading_until.is_none() {
            // What one that was just given up has computed may be of use to the next, as soon as the engine has let go of it.
            let is_free = |active: &Active| active.stage != Stage::Release && !active.waited.again;
            while self.active.len() < self.room
                && self.active.iter().all(is_free)
                && (self.active.is_empty() || self.line.front().is_some_and(|waiting| !waiting.again))
                && let Some(waited) = self.line.pop_front()
            {
                let id = self.fresh_id();
                let request = Request::Generate { id, request: waited.request.clone() };
                let (stage, heard) = (Stage::Prompt { tokens: 0 }, Instant::now());
                self.active.push(Active { id, waited, stage, shared: false, heard });
                if self.active.len() > 1 {
                    self.active.iter_mut().for_each(|active| active.shared = true);
                }
                link.send(&request, limit).await?;
            }
            while let Some(mut call) = self.next_call() {
                let id = self.fresh_id();
                let request = match &mut call {
                    Call::Embed { texts, purpose, .. } => {
                        let threads = self.config.threads_for(*purpose);
                        Request::Embed { id, texts: std::mem::take(texts), purpose: *purpose, threads }
                    }
                    Call::Rerank { query, texts, .. } => {
                        Request::Rerank { id, query: std::mem::take(query), texts: std::mem::take(texts) }
                    }
                    Call::Count { texts, .. } => Request::CountTokens { id, texts: std::mem::take(texts) },
                };
                self.running.push(RunningCall { id, call, deadline: Instant::now() + self.config.timeouts.call });
                link.send(&request, limit).await?;
            }
        }
        for (position, waiting) in (1..).zip(&mut self.line) {
            if waiting.told != position {
                waiting.told = position;
                // An error means that its cancellation is on the way.
                let _ = waiting.events.send(Ok(GenerateEvent::Queued { position }));
            }
        }
        Ok(())
    }

    /// The next thing to ask of the worker, if it is to be asked now.
    fn next_call(&mut self) -> Option<Call> {
        self.calls.retain(|call| !call.is_closed());
        let is_running = |urgent| self.running.iter().any(|running| running.call.is_urgent() == urgent);
        let at = self.calls.iter().position(|call| !is_running(call.is_urgent()))?;
        self.calls.remove(at)
    }

    fn fresh_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Takes what the worker says. An error means that the model cannot be used.
    fn hear(&mut self, event: Event) -> Result<(), EngineError> {
        match event {
            Event::Loaded { model, at_once } => {
                self.loading_until = None;
                self.at_once = at_once.max(1) as usize;
                self.room = self.at_once;
                if let Some(unfit) = self.suspect.take() {
                    self.config.remember_unfit(&unfit);
                }
                self.state.send_replace(LoadState::Ready(model));
            }
            Event::LoadFailed { error } => return Err(error.into()),
            Event::Generation { id, event } => self.hear_generation(id, event),
            Event::Progress { id } => {
                if let Some(active) = self.active_with(id).filter(|active| active.stage != Stage::Release) {
                    active.heard = Instant::now();
                    active.stage = Stage::Answer;
                }
            }
            Event::Idle { id } => {
                self.end(id);
            }
            Event::Full { id } => {
                if let Some(active) = self.end(id) {
                    self.room = self.active.len().max(1);
                    if active.stage != Stage::Release {
                        self.line.push_front(active.waited);
                    }
                }
            }
            Event::Embedded { id, vectors } => {
                if let Some(Call::Embed { reply, .. }) = self.finish_call(id) {
                    let _ = reply.send(Ok(vectors));
                }
            }
            Event::Reranked { id, scores } => {
                if let Some(Call::Rerank { reply, .. }) = self.finish_call(id) {
                    let _ = reply.send(Ok(scores));
                }
            }
            Event::Counted { id, counts } => {
                if let Some(Call::Count { reply, .. }) = self.finish_call(id) {
                    let _ = reply.send(Ok(counts));
                }
            }
            Event::Failed { id, error } => {
                if let Some(active) = self.active_with(id) {
                    active.stage = Stage::Release;
                    active.heard = Instant::now();
                    let _ = active.waited.events.send(Err(error.into()));
                } else if let Some(call) = self.finish_call(id) {
                    call.fail(error.into());
                }
            }
            // Of a worker that holds no model.
            Event::TemplateChecked { .. } => {}
        }
        Ok(())
    }

    fn active_with(&mut self, id: u64) -> Option<&mut Active> {
        self.active.iter_mut().find(|active| active.id == id)
    }

    /// The worker has let go of it, and may have room for as many as ever.
    fn end(&mut self, id: u64) -> Option<Active> {
        let at = self.active.iter().position(|active| active.id == id)?;
        self.room = self.at_once;
        Some(self.active.swap_remove(at))
    }

    fn finish_call(&mut self, id: u64) -> Option<Call> {
        let at = self.running.iter().position(|running| running.id == id)?;
        Some(self.running.swap_remove(at).call)
    }

    fn hear_generation(&mut self, id: u64, event: GenerateEvent) {
        let Some(active) = self.active_with(id) else { return };
        let shared = active.shared;
        if let GenerateEvent::Done { finish, prompt_tokens, cached_tokens, completion_tokens, prompt_ms, decode_ms } =
            event
            && finish != FinishReason::Cancelled
        {
            let rate = |tokens: u32, ms: u64| if ms == 0 { None } else { Some(tokens as f32 * 1000.0 / ms as f32) };
            self.shared.change(|figures| {
                figures.generations += 1;
                if shared {
                    return;
                }
                // A prompt of a few tokens and an answer of one say nothing of the speed.
                let read = prompt_tokens.saturating_sub(cached_tokens);
                figures.prompt_rate = rate(read, prompt_ms).filter(|_| read >= 16).unwrap_or(figures.prompt_rate);
                figures.rate = rate(completion_tokens.saturating_sub(1), decode_ms).unwrap_or(figures.rate);
            });
        }
        let Some(active) = self.active_with(id) else { return };
        if active.stage != Stage::Release {
            active.heard = Instant::now();
            active.stage = match &event {
                GenerateEvent::Queued { .. }
                | GenerateEvent::Reading { .. }
                | GenerateEvent::Started { prompt_tokens: 0 } => active.stage,
                GenerateEvent::Started { prompt_tokens } => Stage::Prompt { tokens: *prompt_tokens },
                GenerateEvent::Thought { .. } | GenerateEvent::Delta { .. } => Stage::Answer,
                GenerateEvent::Done { .. } => Stage::Release,
            };
        }
        // An error means that its cancellation is on the way.
        let _ = active.waited.events.send(Ok(event));
    }
}
