//! A working space for one conversation, and what it holds computed of it.
//!
//! The keys and values of the last prompt and answer stay: the next prompt that begins like them is read from where it differs.

use std::{
    ffi::c_int,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use llama_cpp_2::{DecodeError, context::LlamaContext, llama_batch::LlamaBatch, token::LlamaToken};
use molt_engine_client::{memory, protocol::WireError};

use crate::{kv, model::Model, states::States};

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
use crate::abort::until;

/// Elsewhere a computation goes on to its end.
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn until<T>(_: &Arc<AtomicBool>, compute: impl FnOnce() -> T) -> T {
    compute()
}

/// What `llama_decode` gives for a computation that was ended in its middle.
const ENDED: c_int = 2;

/// Fewer tokens are read faster than their state is read back.
const WORTH_READING: usize = 128;
const WORTH_KEEPING: usize = 256;

pub struct Desk {
    context: LlamaContext<'static>,
    /// What the context holds keys and values of, in order.
    known: Vec<LlamaToken>,
    batch: LlamaBatch<'static>,
    /// Tokens that are read in one go.
    at_once: usize,
    /// Tokens of the state that was kept last.
    kept: usize,
}

impl Desk {
    pub fn new(model: &'static Model) -> Result<Self, WireError> {
        let batch = LlamaBatch::new(model.batch as usize, 1);
        let mut desk =
            Self { context: model.context()?, known: Vec::new(), batch, at_once: model.batch as usize, kept: 0 };
        // The first computation reads the weights from the disk; the first question should not wait for that.
        desk.read(&[LlamaToken::new(0)], &Arc::default())?;
        desk.keep(0);
        Ok(desk)
    }

    pub fn context(&self) -> &LlamaContext<'static> {
        &self.context
    }

    /// How many tokens are known.
    pub fn known(&self) -> usize {
        self.known.len()
    }

    /// How many tokens of the prompt's beginning are known.
    pub fn shares(&self, prompt: &[LlamaToken]) -> usize {
        self.known.iter().zip(prompt).take_while(|(a, b)| a == b).count()
    }

    /// Computes the first of these tokens, as many as go together, behind what is known. False when it was cancelled before.
    pub fn read(&mut self, tokens: &[LlamaToken], cancelled: &Arc<AtomicBool>) -> Result<bool, WireError> {
        if cancelled.load(Ordering::Relaxed) {
            return Ok(false);
        }
        let end = tokens.len();
        let tokens = &tokens[..end.min(self.at_once)];
        self.batch.clear();
        for (offset, &token) in tokens.iter().enumerate() {
            let position = i32::try_from(self.known.len() + offset).map_err(|error| broken(&error))?;
            // What may follow is of interest behind the last alone: a large vocabulary takes as long as a token or two.
            let is_last = offset + 1 == end;
            self.batch.add(token, position, &[0], is_last).map_err(|error| broken(&error))?;
        }
        let (context, batch) = (&mut self.context, &mut self.batch);
        match until(cancelled, || context.decode(batch)) {
            Ok(()) => {
                self.known.extend_from_slice(tokens);
                Ok(true)
            }
            Err(DecodeError::Unknown(ENDED)) => {
                self.forget_from(self.known.len());
                Ok(false)
            }
            Err(error) => Err(broken(&error)),
        }
    }

    /// Forgets all but the first `count` known tokens; all of them where the model cannot forget a part.
    pub fn keep(&mut self, count: usize) {
        if count < self.known.len() {
            self.forget_from(count);
        }
    }

    fn forget_from(&mut self, count: usize) {
        let from = u32::try_from(count).ok();
        if !self.context.clear_kv_cache_seq(Some(0), from, None).unwrap_or(false) {
            self.context.clear_kv_cache();
            self.known.clear();
        }
        self.known.truncate(count);
    }

    /// Goes back to the kept state that shares much more with the prompt than what is known now, if there is one. Returns how many tokens
    /// of the prompt are known.
    pub fn recall(&mut self, prompt: &[LlamaToken], states: &mut States) -> usize {
        let same = self.shares(prompt);
        let numbers: Vec<i32> = prompt.iter().map(|token| token.0).collect();
        let Some((at, _)) = states.best(&numbers).filter(|(_, kept)| *kept >= same + WORTH_READING) else {
            return same;
        };
        let fits = states.read(at, |tokens, state| self.set(tokens.iter().copied().map(LlamaToken::new), state));
        match fits {
            None => return same,
            Some(true) => {}
            Some(false) => {
                tracing::info!("a kept state does not fit the model and is removed");
                states.forget(at);
            }
        }
        self.kept = self.known.len();
        self.shares(prompt)
    }

    /// Takes over what another working space knows, where that is much of the prompt's beginning.
    pub fn take_over(&mut self, other: &Self, prompt: &[LlamaToken]) {
        if other.shares(prompt) < WORTH_READING || !other.may_be_copied() {
            return;
        }
        if let Some(state) = kv::get(&other.context)
            && !self.set(other.known.iter().copied(), &state)
        {
            tracing::info!("what one working space knows does not fit another");
        }
    }

    /// Knows this and nothing else, or nothing where it does not fit.
    fn set(&mut self, tokens: impl Iterator<Item = LlamaToken>, state: &[u8]) -> bool {
        self.context.clear_kv_cache();
        self.known.clear();
        let fits = kv::set(&mut self.context, state);
        if fits {
            self.known.extend(tokens);
        } else {
            self.context.clear_kv_cache();
        }
        fits
    }

    /// Whether there is memory for a copy of what it knows.
    fn may_be_copied(&self) -> bool {
        memory::available().is_none_or(|free| kv::size(&self.context) as u64 <= free / 4)
    }

    /// Keeps what was computed of a conversation of some length. Tenths of a second; called when nothing else is to be done.
    pub fn keep_state(&mut self, states: &mut States) {
        if self.known.len() < WORTH_KEEPING || self.known.len() == self.kept {
            return;
        }
        self.kept = self.known.len();
        if !self.may_be_copied() {
            return;
        }
        let Some(state) = kv::get(&self.context) else { return };
        let tokens: Vec<i32> = self.known.iter().map(|token| token.0).collect();
        if let Err(error) = states.keep(&tokens, &state) {
            tracing::warn!(%error, "what was computed of a conversation could not be kept");
        }
    }
}

/// What the context holds is not known any more: the worker ends, and is started again.
fn broken(error: &dyn std::fmt::Display) -> WireError {
    WireError::Crashed { text: format!("the engine has failed: {error}") }
}

#[cfg(all(test, target_os = "linux", target_arch = "x86_64"))]
mod tests {
    use std::path::Path;

    use molt_core::ModelInspector;
    use molt_engine_client::ModelFiles;

    use super::*;

    #[test]
    fn a_computation_ends_in_its_middle_and_the_next_goes_on_as_if_it_had_not_begun() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../models/moltworker-small.gguf");
        let (model, _) = Model::load(&ModelFiles.inspect(&file).unwrap()).unwrap();
        let on = Arc::new(AtomicBool::new(false));
        let tokens: Vec<LlamaToken> = (0..40).map(|at| LlamaToken::new(100 + 7 * at)).collect();
        let logits = |desk: &Desk| desk.context.get_logits().to_vec();

        let mut straight = Desk::new(model).unwrap();
        assert!(straight.read(&tokens[..20], &on).unwrap() && straight.read(&tokens[20..], &on).unwrap());

        let mut ended = Desk::new(model).unwrap();
        assert!(ended.read(&tokens[..20], &on).unwrap());
        ended.batch.clear();
        for (offset, token) in tokens[20..].iter().enumerate() {
            ended.batch.add(*token, 20 + offset as i32, &[0], offset == 19).unwrap();
        }
        let off = Arc::new(AtomicBool::new(true));
        let (context, batch) = (&mut ended.context, &mut ended.batch);
        assert_eq!(until(&off, || context.decode(batch)), Err(DecodeError::Unknown(ENDED)));
        ended.forget_from(20);
        assert_eq!(ended.known(), 20);
        assert!(!ended.read(&tokens[20..], &off).unwrap());
        assert!(ended.read(&tokens[20..], &on).unwrap());
        assert_eq!((ended.known(), logits(&ended)), (40, logits(&straight)));
        // What one knows another takes over.
        let mut other = Desk::new(model).unwrap();
        assert!(other.set(ended.known.iter().copied(), &kv::get(&ended.context).unwrap()));
        let next = [LlamaToken::new(99)];
        assert!(ended.read(&next, &on).unwrap() && other.read(&next, &on).unwrap());
        assert_eq!((other.known(), logits(&other)), (41, logits(&ended)));
    }
}
