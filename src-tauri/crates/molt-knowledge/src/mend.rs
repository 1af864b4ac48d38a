//! An index that turns out to be damaged while it serves.
//!
//! Another one is built beside it from the catalogue (see `renew`). Until that is done what can still be read of it answers, and changes
//! go to the catalogue alone.

use std::sync::Arc;

use molt_core::{ChunkId, IndexChunk, IndexError, PassageIndex};

use crate::library::{Library, LibraryChange};

impl Library {
    /// Hears why an index did not do what was asked.
    pub(crate) fn heed(&self, index: &Arc<dyn PassageIndex>, error: &IndexError) {
        // Another may have taken its place meanwhile.
        if !error.is_damage() || !Arc::ptr_eq(index, &self.index()) {
            return;
        }
        if !self.is_damaged() {
            tracing::error!(%error, "another index is to be built");
        }
        self.set_damaged();
        // Again where it could not be begun before.
        if !self.is_renewing() {
            self.changed(LibraryChange::Damaged);
        }
    }

    /// Adds and removes chunks of the index that serves; called by whoever holds `writing`.
    pub(crate) async fn change_index(&self, add: Vec<IndexChunk>, remove: Vec<ChunkId>) -> Result<(), IndexError> {
        let index = self.index();
        self.unless_damaged(&index, index.apply(add, remove)).await
    }

    /// Does something to the index that serves, unless it is damaged: the one that takes its place follows the catalogue.
    pub(crate) async fn unless_damaged(
        &self,
        index: &Arc<dyn PassageIndex>,
        work: impl Future<Output = Result<(), IndexError>>,
    ) -> Result<(), IndexError> {
        if self.is_damaged() {
            return Ok(());
        }
        match work.await {
            Err(error) if error.is_damage() => {
                self.heed(index, &error);
                Ok(())
            }
            done => done,
        }
    }
}
