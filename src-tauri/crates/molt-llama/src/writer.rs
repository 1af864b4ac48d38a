//! Who writes when: several answers at once, each in a working space of its own, one batch at a time.
//!
//! They share the time, not the computation. Tokens of several answers in one batch would be computed sooner, and round otherwise: an
//! answer would depend on who else asks. So each is the one that it would be alone, and nobody waits for the end of a long one.

use std::{
    process::exit,
    sync::mpsc::Receiver,
    time::{Duration, Instant},
};

use molt_engine_client::{
    memory,
    protocol::{Event, WireError},
    worker::Voice,
};

use crate::{
    answer::{Answer, Job},
    desk::Desk,
    form::{Form, Forms},
    heap,
    model::Model,
    states::States,
};

/// Answers that are written at once, at the most. More would only make each of them slower.
pub const AT_ONCE: u32 = 4;
/// After so long without a question there is time to keep what was computed.
const IDLE: Duration = Duration::from_secs(2);
/// Bytes that stay free for others where a further working space is made.
const SPARE: u64 = 512 << 20;
/// The exit code of a worker whose engine has failed beyond repair.
pub const BROKEN: i32 = 70;

pub struct Writer {
    model: &'static Model,
    /// Working spaces that nobody uses, the one that was used last at the end.
    free: Vec<Desk>,
    running: Vec<Running>,
    /// Made for the first answer that has to have a form.
    forms: Option<Forms>,
    states: Option<States>,
}

struct Running {
    answer: Answer,
    desk: Desk,
    /// Computing time that it has had, of the time that all had since it came.
    spent: Duration,
}

impl Writer {
    /// `states`: where what is computed may be kept.
    pub fn new(model: &'static Model, states: Option<States>) -> Result<Self, WireError> {
        Ok(Self { model, free: vec![Desk::new(model)?], running: Vec::new(), forms: None, states })
    }

    /// Writes answers until no more are asked for.
    pub fn run(mut self, jobs: &Receiver<Job>, voice: &Voice) {
        loop {
            if self.running.is_empty() {
                let Some(job) = self.wait(jobs) else { return };
                self.take(job, voice);
            }
            while let Ok(job) = jobs.try_recv() {
                self.take(job, voice);
            }
            // A new process loads what the file is now.
            if self.model.is_changed() {
                tracing::warn!("somebody has written to the file of the model");
                voice.finish();
                exit(BROKEN);
            }
            self.step(voice);
        }
    }

    /// The next answer to write. While there is none, what was computed is kept, and working spaces beyond the first are given back.
    fn wait(&mut self, jobs: &Receiver<Job>) -> Option<Job> {
        if let Ok(job) = jobs.recv_timeout(IDLE) {
            return Some(job);
        }
        if let Some(states) = &mut self.states {
            for desk in &mut self.free {
                desk.keep_state(states);
            }
        }
        if self.free.len() > 1 {
            self.free.drain(..self.free.len() - 1);
            heap::give_back();
        }
        jobs.recv().ok()
    }

    fn take(&mut self, job: Job, voice: &Voice) {
        let id = job.id;
        let form = match self.form(&job) {
            Ok(form) => form,
            Err(error) => return self.fail(id, error, voice),
        };
        let mut answer = match Answer::new(job, self.model, form) {
            Ok(answer) => answer,
            Err(error) => return self.fail(id, error, voice),
        };
        let mut desk = match self.desk(&answer) {
            Ok(Some(desk)) => desk,
            Ok(None) => return voice.say(Event::Full { id }),
            Err(error) => return self.fail(id, error, voice),
        };
        if answer.begin(&mut desk, self.states.as_mut(), voice) {
            self.free.push(desk);
            voice.say(Event::Idle { id });
            return;
        }
        let spent = self.running.iter().map(|running| running.spent).min().unwrap_or_default();
        self.running.push(Running { answer, desk, spent });
    }

    /// The working space that knows the most of the prompt; a new one where all are in use and there is memory. Of those that know equally
    /// much the one that was used least recently.
    fn desk(&mut self, answer: &Answer) -> Result<Option<Desk>, WireError> {
        let places = (0..self.free.len()).rev();
        if let Some(at) = places.max_by_key(|&at| self.free[at].shares(answer.prompt())) {
            return Ok(Some(self.free.remove(at)));
        }
        let fits = memory::available().is_none_or(|free| free >= self.model.desk_bytes + SPARE);
        if self.running.len() >= AT_ONCE as usize || !fits {
            return Ok(None);
        }
        let mut desk = Desk::new(self.model)?;
        // What all prompts begin with need not be read once more.
        let others = self.running.iter().map(|running| &running.desk);
        if let Some(other) = others.max_by_key(|other| other.shares(answer.prompt())) {
            desk.take_over(other, answer.prompt());
        }
        Ok(Some(desk))
    }

    /// One step of the answer that has had the least time.
    fn step(&mut self, voice: &Voice) {
        let Some(at) = (0..self.running.len()).min_by_key(|&at| self.running[at].spent) else { return };
        let Running { answer, desk, spent } = &mut self.running[at];
        let before = Instant::now();
        let ended = answer.step(desk, voice);
        *spent += before.elapsed();
        if let Ok(false) = ended {
            return;
        }
        let Running { answer, desk, .. } = self.running.remove(at);
        self.free.push(desk);
        match ended {
            Ok(_) => voice.say(Event::Idle { id: answer.id() }),
            Err(error) => self.fail(answer.id(), error, voice),
        }
    }

    fn fail(&mut self, id: u64, error: WireError, voice: &Voice) {
        let is_broken = matches!(error, WireError::Crashed { .. }) || self.model.is_stuck();
        voice.say(Event::Failed { id, error });
        if is_broken {
            voice.finish();
            exit(BROKEN);
        }
        voice.say(Event::Idle { id });
    }

    /// The form that the answer is bound to, if it is.
    fn form(&mut self, job: &Job) -> Result<Option<Form>, WireError> {
        let Some(constraint) = &job.request.constraint else { return Ok(None) };
        let forms = match self.forms.take() {
            Some(forms) => forms,
            None => self.model.forms()?,
        };
        let form = self.forms.insert(forms).begin(constraint.clone())?;
        Ok(Some(form))
    }
}
