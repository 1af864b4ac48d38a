//! Tending index and catalogue: what is removed, and the upkeep that erases it.
//!
//! Upkeep may take long, and nobody waits for it: what is removed from the library meanwhile is gone from every answer,
//! because the catalogue does not know it any more, and goes from the index when the upkeep is done.

use std::{iter, time::Duration};

use molt_core::{DocumentId, IndexError};
use tokio::time::Instant;

use crate::library::{Library, LibraryChange};

/// The index is tended after this long without work.
const IDLE: Duration = Duration::from_secs(10);
/// And not before this many times as long as it took last, so that files which come and go all the time do not keep it busy.
const REST: u32 = 20;
/// Upkeep that failed is tried again after this long.
const AGAIN: Duration = Duration::from_secs(10 * 60);

#[derive(Default)]
pub(crate) struct Tending {
    is_running: bool,
    /// What was removed is being erased from files.
    is_erasing: bool,
    /// To be removed from the index when the upkeep is done.
    postponed: Vec<DocumentId>,
    /// Something was removed since the last upkeep began.
    pub is_due: bool,
    /// It was removed by the user, who wants it gone.
    is_urgent: bool,
}

/// How the last upkeep went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tended {
    failed: bool,
    took: Duration,
}

impl Tended {
    /// How long to wait for work before the next one.
    pub fn rest(last: Option<Self>) -> Duration {
        match last {
            None => IDLE,
            Some(Self { failed: true, took }) => AGAIN.max(took * REST),
            Some(Self { took, .. }) => IDLE.max(took * REST),
        }
    }

    pub fn failed(self) -> bool {
        self.failed
    }
}

impl Library {
    /// Removes documents from the index, or has that done after the upkeep that is under way; called by whoever holds `writing`. Should the
    /// program end before, `take_stock` does it at the next start.
    pub(crate) async fn remove_from_index(&self, ids: &[DocumentId]) -> Result<(), IndexError> {
        {
            let mut tending = self.tending();
            tending.is_due = true;
            if tending.is_running {
                tending.postponed.extend_from_slice(ids);
                return Ok(());
            }
        }
        self.remove_from_indexes(ids).await
    }

    async fn remove_from_indexes(&self, ids: &[DocumentId]) -> Result<(), IndexError> {
        let index = self.index();
        self.unless_damaged(&index, index.remove_documents(ids)).await?;
        match self.next_index() {
            Some(next) => next.remove_documents(ids).await,
            None => Ok(()),
        }
    }

    /// What was just removed is to be gone from files as well.
    pub(crate) fn erase_soon(&self) {
        self.tending().is_urgent = true;
        self.wake();
    }

    pub(crate) fn is_erasing(&self) -> bool {
        self.tending().is_erasing
    }

    /// Whether upkeep is wanted now, even in the middle of work.
    pub(crate) fn is_upkeep_urgent(&self) -> bool {
        self.tending().is_urgent
    }

    /// Whether something was removed that the last upkeep has not seen.
    pub(crate) fn is_upkeep_due(&self) -> bool {
        self.tending().is_due
    }

    /// Called by the loop that reads files alone, between two batches.
    pub(crate) async fn maintain(&self) -> Tended {
        let started = Instant::now();
        self.remove_retired().await;
        let indexes = {
            let _writing = self.writing().await;
            let indexes: Vec<_> = iter::once(self.index()).chain(self.next_index()).collect();
            let mut tending = self.tending();
            (tending.is_running, tending.is_due, tending.is_urgent) = (true, false, false);
            tending.is_erasing = indexes.iter().any(|index| index.owes_erasure());
            indexes
        };
        if self.is_erasing() {
            self.changed(LibraryChange::Documents);
        }
        let mut failed = false;
        for index in indexes {
            if let Err(error) = index.maintain().await {
                tracing::warn!(%error, "the index could not be maintained");
                self.heed(&index, &error);
                failed = true;
            }
        }
        let documents = self.parts().documents.clone();
        match tokio::task::spawn_blocking(move || documents.erase_removed()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "the catalogue could not be maintained");
                failed = true;
            }
            Err(error) => tracing::error!(%error, "the catalogue was not maintained"),
        }
        let _writing = self.writing().await;
        let (postponed, was_erasing) = {
            let mut tending = self.tending();
            tending.is_running = false;
            (std::mem::take(&mut tending.postponed), std::mem::take(&mut tending.is_erasing))
        };
        if !postponed.is_empty()
            && let Err(error) = self.remove_from_indexes(&postponed).await
        {
            tracing::error!(%error, "removed documents could not be removed from the index yet");
            self.tending().postponed.extend(postponed);
            failed = true;
        }
        if was_erasing {
            self.changed(LibraryChange::Documents);
        }
        Tended { failed, took: started.elapsed() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_upkeep_is_followed_by_a_long_rest() {
        let tended = |failed, seconds| Some(Tended { failed, took: Duration::from_secs(seconds) });
        assert_eq!(Tended::rest(None), IDLE);
        assert_eq!(Tended::rest(tended(false, 0)), IDLE);
        assert_eq!(Tended::rest(tended(false, 9)), Duration::from_secs(180));
        assert_eq!(Tended::rest(tended(true, 1)), AGAIN);
    }
}
