//! Watches the engine choose tokens.
//!
//! The engine tells nothing while it reads a prompt, counts no tokens that end in the middle of a character, and notices a cancellation
//! only when it sends. It does call a logits processor before each choice: there the tokens are counted, and there an answer that is
//! not wanted any more ends with an error, which the engine survives.

use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
    },
    time::Instant,
};

use candle_core::{Error, Result, Tensor};
use mistralrs::CustomLogitsProcessor;
use tokio::sync::Notify;

/// The watch over one answer; shared by the engine, the pump and whoever cancels.
#[derive(Debug, Default)]
pub struct Watch {
    chosen: AtomicU32,
    /// Tokens that the engine held when it chose last.
    held: AtomicUsize,
    /// When the prompt was read.
    first: OnceLock<Instant>,
    ended: AtomicBool,
    cancelled: Notify,
}

impl Watch {
    /// Tokens chosen so far, the one that ends the answer included.
    pub fn chosen(&self) -> u32 {
        self.chosen.load(Ordering::Relaxed)
    }

    /// When the first token was chosen.
    pub fn first(&self) -> Option<Instant> {
        self.first.get().copied()
    }

    /// Lets the engine end the answer at the next token.
    pub fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    /// Whether the answer is to end, or has.
    pub fn is_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Ends the answer because the user wants it.
    pub fn cancel(&self) {
        self.end();
        self.cancelled.notify_one();
    }

    /// Returns when the answer is cancelled, at once if it was before.
    pub async fn cancelled(&self) {
        self.cancelled.notified().await;
    }

    /// `held`: tokens of the prompt and of the answer so far. A token that does not have the form that was asked for is chosen again.
    fn choose(&self, held: usize) -> Result<()> {
        if self.is_ended() {
            return Err(Error::msg("the answer is not wanted any more"));
        }
        self.first.get_or_init(Instant::now);
        if self.held.swap(held, Ordering::Relaxed) != held {
            self.chosen.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// The engine's view of a watch.
pub struct Watcher {
    pub watch: Arc<Watch>,
    /// Of an answer that is bound to a form.
    pub ends: Option<Ends>,
}

/// The tokens that end an answer.
pub struct Ends {
    /// The only one that the form allows, and only where it is complete.
    of_form: u32,
    of_model: Vec<u32>,
    /// Tokens that were held when the model was asked last, and how much it wanted to end there.
    last: Mutex<(usize, f32)>,
}

impl Ends {
    pub fn new(of_form: u32, of_model: Vec<u32>) -> Self {
        Self { of_form, of_model, last: Mutex::new((usize::MAX, f32::NEG_INFINITY)) }
    }

    pub fn of_form(&self) -> u32 {
        self.of_form
    }

    /// Where the model would end its answer, the form's end is as likely, if the form allows it. What it does not allow is -∞ when the
    /// engine asks a second time for the same token; the model's own ends are, always.
    fn join(&self, logits: &Tensor, held: usize) -> Result<Tensor> {
        let mut values = logits.to_vec1::<f32>()?;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.0 != held {
            let likely = |token: &u32| values.get(*token as usize).copied();
            *last = (held, self.of_model.iter().filter_map(likely).fold(f32::NEG_INFINITY, f32::max));
        }
        if let Some(value) = values.get_mut(self.of_form as usize)
            && value.is_finite()
        {
            *value = value.max(last.1);
        }
        Tensor::from_vec(values, logits.shape(), logits.device())
    }
}

impl CustomLogitsProcessor for Watcher {
    fn apply(&self, logits: &Tensor, context: &[u32]) -> Result<Tensor> {
        self.watch.choose(context.len())?;
        self.ends.as_ref().map_or_else(|| Ok(logits.clone()), |ends| ends.join(logits, context.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_counted_until_the_end() {
        let watch = Watch::default();
        assert_eq!((watch.chosen(), watch.first()), (0, None));
        assert!(watch.choose(7).is_ok() && watch.choose(7).is_ok() && watch.choose(8).is_ok());
        assert!(watch.chosen() == 2 && watch.first().is_some());
        watch.end();
        assert!(watch.choose(9).is_err());
        assert_eq!(watch.chosen(), 2);
    }

    #[test]
    fn a_form_ends_where_the_model_would() {
        let no = f32::NEG_INFINITY;
        let joined = |ends: &Ends, logits: [f32; 4], held| {
            let logits = Tensor::new(&logits, &candle_core::Device::Cpu).unwrap();
            ends.join(&logits, held).unwrap().to_vec1::<f32>().unwrap()
        };
        let ends = Ends::new(2, vec![0, 3]);
        assert_eq!(joined(&ends, [1.0, 5.0, -2.0, 3.0], 7), [1.0, 5.0, 3.0, 3.0]);
        // Asked again, with what the form does not allow taken out.
        assert_eq!(joined(&ends, [no, 5.0, -2.0, no], 7), [no, 5.0, 3.0, no]);
        assert_eq!(joined(&ends, [no, 5.0, no, no], 7), [no, 5.0, no, no]);
        assert_eq!(joined(&ends, [0.0, 5.0, -2.0, 0.5], 8), [0.0, 5.0, 0.5, 0.5]);
        assert_eq!(joined(&Ends::new(9, vec![0, 9]), [1.0, 5.0, -2.0, 3.0], 1), [1.0, 5.0, -2.0, 3.0]);
    }

    #[tokio::test]
    async fn a_cancellation_before_anybody_listens_is_heard() {
        let watch = Watch::default();
        watch.cancel();
        watch.cancelled().await;
        assert!(watch.choose(9).is_err());
    }
}
