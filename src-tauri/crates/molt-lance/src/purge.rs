//! Erasing what was removed, so that no file of the index holds a word of it.
//!
//! A removal is a commit like others: its rows are gone from every answer, but their text still lies in data files, among
//! the words of the index, in earlier versions, and in tables that were set aside. A purge writes the files anew that
//! have deleted rows, builds the indexes again from the rows that are left, and removes everything else at once instead
//! of after a while. Each step is a commit, or removes what no version names: a process that is killed leaves an index
//! that is whole, and a mark by which the next one begins the purge again.

use std::{
    fs, io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ::lance::dataset::cleanup::CleanupPolicyBuilder;
use lancedb::table::{CompactionOptions, OptimizeAction};
use tokio::sync::{OwnedRwLockReadGuard, RwLock};

use crate::{
    error::{guarded, obstacle},
    home::{Home, TO_ERASE, forget_set_aside},
    index::{LanceIndex, fill_indexes, reset_indexes},
    store::sync_folder,
    upkeep::Failure,
};

/// A file that is there from before a removal until it was erased.
#[derive(Debug)]
pub(crate) struct Mark {
    home: Home,
    is_set: AtomicBool,
}

impl Mark {
    pub fn of(home: &Home) -> Self {
        Self { home: home.clone(), is_set: home.root().join(TO_ERASE).exists().into() }
    }

    pub fn is_set(&self) -> bool {
        self.is_set.load(Ordering::Acquire)
    }

    /// Durable when it returns. Blocks for one small file, where a removal writes several.
    pub fn set(&self) -> io::Result<()> {
        if !self.is_set() {
            self.home.mark_to_erase()?;
            self.is_set.store(true, Ordering::Release);
        }
        Ok(())
    }

    fn clear(&self) -> io::Result<()> {
        fs::remove_file(self.home.root().join(TO_ERASE))?;
        sync_folder(&self.home.root())?;
        self.is_set.store(false, Ordering::Release);
        Ok(())
    }
}

/// Who reads the table. A reader goes on with the version that it found, whose files may be removed only when it is done.
#[derive(Debug, Default)]
pub(crate) struct Readers(Mutex<Arc<RwLock<()>>>);

impl Readers {
    /// Before a reader asks for the table's version, until it has its answer.
    pub async fn enter(&self) -> OwnedRwLockReadGuard<()> {
        let present = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        present.read_owned().await
    }

    /// Waits for those who have entered before; nobody who comes meanwhile waits.
    pub async fn leave(&self) {
        let before = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        drop(before.write().await);
    }
}

impl LanceIndex {
    /// Erases what was removed. Answers come as ever meanwhile; changes wait.
    pub(crate) async fn purge(&self, rows_per_file: usize) -> Result<(), Failure> {
        let _writer = self.writer.lock().await;
        let in_step = |step| move |error| (step, error);
        if let Err(error) = guarded(self.drop_deleted_rows(rows_per_file)).await {
            if obstacle(&error).is_some() {
                return Err(("drop removed rows", error));
            }
            // An index that cannot follow the rows to their new places is in the way. It is built again anyway.
            tracing::warn!(%error, "removed rows could not be dropped below their indexes");
            guarded(reset_indexes(&self.table)).await.map_err(in_step("let go of the indexes"))?;
            guarded(self.drop_deleted_rows(rows_per_file)).await.map_err(in_step("drop removed rows"))?;
        }
        guarded(fill_indexes(&self.table)).await.map_err(in_step("build the indexes again"))?;
        self.readers.leave().await;
        guarded(self.keep_newest_version()).await.map_err(in_step("remove earlier versions"))?;
        let in_files = |error: io::Error| ("remove files", lancedb::Error::Runtime { message: error.to_string() });
        let set_aside = self.home.set_aside();
        match tokio::task::spawn_blocking(move || forget_set_aside(&set_aside, Duration::ZERO)).await {
            Ok(forgotten) => forgotten.map_err(in_files)?,
            Err(error) => return Err(in_files(error.into())),
        }
        self.mark.clear().map_err(in_files)
    }

    /// Writes every file anew that has a deleted row.
    async fn drop_deleted_rows(&self, rows_per_file: usize) -> lancedb::Result<()> {
        let options = CompactionOptions {
            target_rows_per_fragment: rows_per_file,
            materialize_deletions_threshold: 0.0,
            num_threads: Some(1),
            ..Default::default()
        };
        self.table.optimize(OptimizeAction::Compact { options, remap_options: None }).await?;
        Ok(())
    }

    /// Removes all versions but the newest, by their numbers: a clock that was set back does not matter. Files that no
    /// version names go as well, since nobody else commits.
    async fn keep_newest_version(&self) -> lancedb::Result<()> {
        let Some(table) = self.table.dataset() else { return Ok(()) };
        let table = table.get().await?;
        let policy = CleanupPolicyBuilder::default().retain_n_versions(&table, 1).await?;
        let policy = policy.delete_unverified(true).error_if_tagged_old_versions(false).build();
        table.cleanup_with_policy(policy).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_go_when_those_have_left_who_may_read_them() {
        let readers = Arc::new(Readers::default());
        let early = readers.enter().await;
        let waiting = tokio::spawn({
            let readers = readers.clone();
            async move { readers.leave().await }
        });
        // One who comes while it waits does not wait, and is not waited for.
        tokio::task::yield_now().await;
        let late = readers.enter().await;
        assert!(!waiting.is_finished());
        drop(early);
        waiting.await.unwrap();
        drop(late);
    }
}
