//! Upkeep in idle time: a small state machine whose steps do not depend on each other.
//!
//! Every commit leaves a small file, a manifest and a transaction file. Left alone, words are searched row by row and
//! folders grow without end; merged too eagerly, the same rows are written again and again (Lance's own
//! `OptimizeAction::All` does that to every table of a desktop's size). So each step has a threshold, and one that
//! fails is told of and does not hold up the next.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use lancedb::table::{CompactionOptions, OptimizeAction, OptimizeOptions};
use molt_core::IndexError;

use crate::{
    error::{failed, guarded, obstacle},
    home::forget_set_aside,
    index::{KEYS, LanceIndex, WORDS, reset_keys, reset_words},
};

/// When which step of the upkeep runs. The defaults are for real use.
#[derive(Debug, Clone, PartialEq)]
pub struct Upkeep {
    /// Rows outside of an index before it is extended. Up to then each search for words cuts them anew, at some ten microseconds each, and
    /// each change looks at their ids.
    pub unindexed_rows: usize,
    /// Parts of an index before they are merged into one.
    pub index_parts: u32,
    /// Rows in a compacted file.
    pub rows_per_file: usize,
    /// Files above what `rows_per_file` needs, before they are compacted.
    pub spare_files: usize,
    /// Share of deleted rows, from 0 to 1, before files are compacted.
    pub deleted_share: f32,
    /// How long old versions are kept: searches in flight read them, and recovery steps back to them.
    pub keep_versions: Duration,
    /// Least time between two prunings, since each lists every file.
    pub prune_every: Duration,
    /// How long tables that were set aside are kept.
    pub keep_set_aside: Duration,
}

impl Default for Upkeep {
    fn default() -> Self {
        Self {
            unindexed_rows: 256,
            index_parts: 4,
            rows_per_file: 32 * 1024,
            spare_files: 16,
            deleted_share: 0.15,
            keep_versions: Duration::from_secs(30 * 60),
            prune_every: Duration::from_secs(10 * 60),
            keep_set_aside: Duration::from_secs(7 * 24 * 3600),
        }
    }
}

/// What happened since the index was opened. Times are of the steady clock.
#[derive(Debug, Default)]
pub(crate) struct Diary(Mutex<Times>);

#[derive(Debug, Default, Clone, Copy)]
struct Times {
    last_commit: Option<Instant>,
    last_upkeep: Option<Instant>,
    last_prune: Option<Instant>,
}

impl Diary {
    fn change<T>(&self, change: impl FnOnce(&mut Times) -> T) -> T {
        // The times are plain values: whoever panicked left them whole.
        change(&mut self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    pub(crate) fn committed(&self) {
        self.change(|times| times.last_commit = Some(Instant::now()));
    }

    /// Whether there is anything to look at since the last upkeep; the first time always.
    fn take_work(&self) -> bool {
        self.change(|times| {
            let work = times.last_upkeep.is_none() || times.last_commit > times.last_upkeep;
            times.last_upkeep = Some(Instant::now());
            work
        })
    }

    /// Whether some version may have become old enough to be pruned.
    fn take_prune(&self, upkeep: &Upkeep) -> bool {
        self.change(|times| {
            let now = Instant::now();
            let due = times.last_prune.is_none_or(|pruned| {
                let rested = now.duration_since(pruned) >= upkeep.prune_every;
                let unseen = times.last_commit.is_some_and(|commit| commit + upkeep.keep_versions >= pruned);
                rested && unseen
            });
            if due {
                times.last_prune = Some(now);
            }
            due
        })
    }
}

/// The step that failed and why.
pub(crate) type Failure = (&'static str, lancedb::Error);

impl LanceIndex {
    /// Runs the steps that `upkeep` says are due; [`molt_core::PassageIndex::maintain`] is this with the defaults. The
    /// error is that of the first step that failed; the other steps have run.
    pub async fn keep_up(&self, upkeep: &Upkeep) -> Result<(), IndexError> {
        let mut failures = Vec::new();
        if self.mark.is_set() {
            failures.extend(self.purge(upkeep.rows_per_file).await.err());
        }
        if self.diary.take_work() {
            for index in [WORDS].into_iter().chain(KEYS.map(|(name, _)| name)) {
                failures.extend(self.extend(index, upkeep).await.err());
            }
            failures.extend(self.compact(upkeep).await.err());
        }
        if self.diary.take_prune(upkeep) {
            failures.extend(self.prune(upkeep).await.err());
            let (folder, keep) = (self.home.set_aside(), upkeep.keep_set_aside);
            // What cannot be removed today is tried again tomorrow.
            let _ = tokio::task::spawn_blocking(move || forget_set_aside(&folder, keep)).await;
        }
        for (step, error) in &failures {
            tracing::warn!(step, %error, "a step of the index's upkeep failed");
        }
        failures.first().map_or(Ok(()), |(_, error)| Err(failed("tidied up", error)))
    }

    /// Adds rows to an index, or merges its parts.
    async fn extend(&self, name: &str, upkeep: &Upkeep) -> Result<(), Failure> {
        let in_step = |error| ("extend an index", error);
        let Some(index) = self.table.index_stats(name).await.map_err(in_step)? else {
            return self.rebuild(name).await.map_err(in_step);
        };
        let files = self.table.stats().await.map_err(in_step)?.fragment_stats.num_fragments;
        let many_files = files > upkeep.spare_files;
        let late = index.num_unindexed_rows > 0 && (index.num_unindexed_rows >= upkeep.unindexed_rows || many_files);
        let parts = index.num_indices.unwrap_or(1);
        let merge = parts > upkeep.index_parts;
        if !late && !merge {
            return Ok(());
        }
        // Appending makes one more part; merging takes in what is not yet indexed as well.
        let options = if merge { OptimizeOptions::merge(parts as usize) } else { OptimizeOptions::append() };
        let action = OptimizeAction::Index(options.index_names(vec![name.to_owned()]));
        match self.step(self.table.optimize(action)).await {
            Ok(_) => Ok(()),
            Err(error) if obstacle(&error).is_some() => Err(in_step(error)),
            // Its files are wrong in some way: start it again. The next upkeep fills it.
            Err(error) => {
                tracing::warn!(%error, name, "an index could not be extended and is built again");
                self.rebuild(name).await.map_err(in_step)
            }
        }
    }

    async fn rebuild(&self, name: &str) -> lancedb::Result<()> {
        match KEYS.into_iter().find(|(keys, _)| *keys == name) {
            Some(keys) => self.step(reset_keys(&self.table, keys)).await?,
            None => self.step(reset_words(&self.table)).await?,
        }
        self.diary.committed();
        Ok(())
    }

    /// Merges small files and drops deleted rows.
    async fn compact(&self, upkeep: &Upkeep) -> Result<(), Failure> {
        const STEP: &str = "compact";
        let table = self.table.stats().await.map_err(|error| (STEP, error))?;
        let deleted = table.num_deleted_rows.unwrap_or(0);
        let all = table.num_rows + deleted;
        let needed = all.div_ceil(upkeep.rows_per_file);
        let many_files = table.fragment_stats.num_fragments > needed + upkeep.spare_files;
        let many_deleted = deleted as f32 > all as f32 * upkeep.deleted_share;
        if !many_files && !many_deleted {
            return Ok(());
        }
        let options = CompactionOptions {
            target_rows_per_fragment: upkeep.rows_per_file,
            num_threads: Some(1),
            ..Default::default()
        };
        let action = OptimizeAction::Compact { options, remap_options: None };
        self.step(self.table.optimize(action)).await.map_err(|error| (STEP, error))?;
        Ok(())
    }

    /// Removes versions that are old enough. Files that no version names are left alone for a week by Lance, since
    /// they may belong to a commit under way.
    async fn prune(&self, upkeep: &Upkeep) -> Result<(), Failure> {
        let keep = lancedb::table::Duration::from_std(upkeep.keep_versions).unwrap_or(lancedb::table::Duration::MAX);
        let action = OptimizeAction::Prune {
            older_than: Some(keep),
            delete_unverified: None,
            error_if_tagged_old_versions: None,
        };
        self.step(self.table.optimize(action)).await.map_err(|error| ("prune", error))?;
        Ok(())
    }

    /// Runs one committing step alone.
    async fn step<T>(&self, step: impl Future<Output = lancedb::Result<T>>) -> lancedb::Result<T> {
        let _writer = self.writer.lock().await;
        guarded(step).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_only_when_something_was_written() {
        let diary = Diary::default();
        assert!(diary.take_work(), "the first upkeep after a start looks");
        assert!(!diary.take_work());
        diary.committed();
        assert!(diary.take_work());
        assert!(!diary.take_work());
    }

    #[test]
    fn prunes_until_the_last_version_was_old_enough() {
        let diary = Diary::default();
        let soon =
            Upkeep { prune_every: Duration::ZERO, keep_versions: Duration::from_secs(3600), ..Default::default() };
        assert!(diary.take_prune(&soon), "the first upkeep after a start prunes");
        assert!(!diary.take_prune(&soon), "nothing was written since");
        diary.committed();
        assert!(diary.take_prune(&soon));
        assert!(diary.take_prune(&soon), "that version is not an hour old: there is something left to prune");
        let rested = Upkeep { prune_every: Duration::from_secs(3600), ..soon };
        assert!(!diary.take_prune(&rested));
    }
}
