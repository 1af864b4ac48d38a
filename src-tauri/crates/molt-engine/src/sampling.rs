//! Watches the engine choose tokens.
//!
//! The engine tells nothing while it reads a prompt, counts no tokens that end in the middle of a character, and notices a cancellation
//! only when it sends. It does call a logits processor before each choice: there the tokens are counted, and there an answer that is
//! not wanted any more ends with an error, which the engine survives.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicU32, Ordering},
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

    fn choose(&self) -> Result<()> {
        if self.is_ended() {
            return Err(Error::msg("the answer is not wanted any more"));
        }
        self.first.get_or_init(Instant::now);
        self.chosen.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// The engine's view of a watch.
pub struct Watcher(pub std::sync::Arc<Watch>);

impl CustomLogitsProcessor for Watcher {
    fn apply(&self, logits: &Tensor, _context: &[u32]) -> Result<Tensor> {
        self.0.choose()?;
        Ok(logits.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_counted_until_the_end() {
        let watch = Watch::default();
        assert_eq!((watch.chosen(), watch.first()), (0, None));
        assert!(watch.choose().is_ok() && watch.choose().is_ok());
        assert!(watch.chosen() == 2 && watch.first().is_some());
        watch.end();
        assert!(watch.choose().is_err());
        assert_eq!(watch.chosen(), 2);
    }

    #[tokio::test]
    async fn a_cancellation_before_anybody_listens_is_heard() {
        let watch = Watch::default();
        watch.cancel();
        watch.cancelled().await;
        assert!(watch.choose().is_err());
    }
}
