//! Changes that wait to settle, merged so that they stay small, and handed on without ever blocking.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use molt_core::WatchEvent;
use tokio::sync::mpsc::{Sender, error::TrySendError};

/// More changed paths than this are one `Rescan` of their source.
const MOST_PATHS: usize = 4096;

/// How soon a full channel is tried again.
const RETRY: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub struct Pending {
    quiet: Duration,
    longest_delay: Duration,
    problems: BTreeMap<PathBuf, String>,
    rescans: BTreeSet<PathBuf>,
    changed: BTreeSet<PathBuf>,
    /// First and last change of the batch.
    since: Option<(Instant, Instant)>,
    retry_at: Option<Instant>,
}

impl Pending {
    pub fn new(quiet: Duration, longest_delay: Duration) -> Self {
        Self {
            quiet,
            longest_delay,
            problems: BTreeMap::new(),
            rescans: BTreeSet::new(),
            changed: BTreeSet::new(),
            since: None,
            retry_at: None,
        }
    }

    pub fn changed(&mut self, source: &Path, path: &Path, now: Instant) {
        self.touch(now);
        if self.rescans.iter().any(|rescanned| path.starts_with(rescanned)) {
            return;
        }
        self.changed.insert(path.to_path_buf());
        if self.changed.len() > MOST_PATHS {
            self.rescan(source, now);
        }
    }

    /// Covers the changes below the source.
    pub fn rescan(&mut self, source: &Path, now: Instant) {
        self.touch(now);
        self.changed.retain(|path| !path.starts_with(source));
        self.rescans.insert(source.to_path_buf());
    }

    pub fn problem(&mut self, source: &Path, sentence: String, now: Instant) {
        self.touch(now);
        self.problems.insert(source.to_path_buf(), sentence);
    }

    /// Prolongs the wait when `path` waits already.
    pub fn touch_known(&mut self, path: &Path, now: Instant) -> bool {
        let known = self.changed.contains(path);
        if known {
            self.touch(now);
        }
        known
    }

    /// Forgets what a source that is no longer watched had to say, as far as no other source covers it.
    pub fn forget(&mut self, source: &Path, covered: impl Fn(&Path) -> bool) {
        self.problems.remove(source);
        self.rescans.remove(source);
        self.changed.retain(|path| !path.starts_with(source) || covered(path));
    }

    fn touch(&mut self, now: Instant) {
        self.since = Some((self.since.map_or(now, |(first, _)| first), now));
    }

    /// When the batch is to be handed on; none when nothing waits.
    pub fn due(&self) -> Option<Instant> {
        let (first, last) = self.since?;
        let settled = (last + self.quiet).min(first + self.longest_delay);
        Some(self.retry_at.map_or(settled, |retry| retry.max(settled)))
    }

    /// Hands on what the channel takes; the rest waits. False when nobody listens any more.
    pub fn flush(&mut self, sink: &Sender<WatchEvent>, now: Instant) -> bool {
        self.retry_at = None;
        loop {
            let permit = match sink.try_reserve() {
                Ok(permit) => permit,
                Err(TrySendError::Full(())) => {
                    self.retry_at = Some(now + RETRY);
                    return true;
                }
                Err(TrySendError::Closed(())) => return false,
            };
            match self.next() {
                Some(event) => permit.send(event),
                None => {
                    self.since = None;
                    return true;
                }
            }
        }
    }

    fn next(&mut self) -> Option<WatchEvent> {
        if let Some((source, sentence)) = self.problems.pop_first() {
            return Some(WatchEvent::Problem(source, sentence));
        }
        if let Some(source) = self.rescans.pop_first() {
            return Some(WatchEvent::Rescan(source));
        }
        let changed = std::mem::take(&mut self.changed);
        (!changed.is_empty()).then(|| WatchEvent::Changed(changed.into_iter().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Duration = Duration::from_millis(400);
    const LONGEST: Duration = Duration::from_secs(2);

    fn pending() -> (Pending, Instant, &'static Path) {
        (Pending::new(QUIET, LONGEST), Instant::now(), Path::new("/s"))
    }

    #[test]
    fn a_batch_waits_for_quiet_but_not_for_ever() {
        let (mut pending, start, source) = pending();
        assert_eq!(pending.due(), None);
        pending.changed(source, Path::new("/s/a"), start);
        assert_eq!(pending.due(), Some(start + QUIET));
        for step in 1..=9 {
            pending.changed(source, Path::new("/s/a"), start + step * Duration::from_millis(200));
        }
        assert_eq!(pending.due(), Some(start + LONGEST));
    }

    #[test]
    fn what_a_full_channel_does_not_take_waits_and_is_merged() {
        let (mut pending, start, source) = pending();
        let (sink, mut events) = tokio::sync::mpsc::channel(1);
        pending.problem(source, "gone".into(), start);
        pending.changed(source, Path::new("/s/a"), start);
        assert!(pending.flush(&sink, start));
        assert_eq!(events.try_recv().unwrap(), WatchEvent::Problem(source.into(), "gone".into()));
        assert!(events.try_recv().is_err());
        assert_eq!(pending.due(), Some(start + QUIET));
        pending.changed(source, Path::new("/s/b"), start);
        assert!(pending.flush(&sink, start + QUIET));
        assert_eq!(events.try_recv().unwrap(), WatchEvent::Changed(vec!["/s/a".into(), "/s/b".into()]));
        assert!(pending.flush(&sink, start + QUIET));
        assert_eq!(pending.due(), None);
        drop(events);
        assert!(!pending.flush(&sink, start));
    }

    #[test]
    fn too_many_paths_become_one_rescan() {
        let (mut pending, start, source) = pending();
        let other = Path::new("/o");
        pending.changed(other, Path::new("/o/x"), start);
        for number in 0..=MOST_PATHS {
            pending.changed(source, &source.join(number.to_string()), start);
        }
        let (sink, mut events) = tokio::sync::mpsc::channel(8);
        assert!(pending.flush(&sink, start));
        assert_eq!(events.try_recv().unwrap(), WatchEvent::Rescan(source.into()));
        let WatchEvent::Changed(rest) = events.try_recv().unwrap() else { panic!("no changes") };
        assert_eq!(rest, [PathBuf::from("/o/x")]);
    }

    #[test]
    fn a_source_that_is_no_longer_watched_is_silent() {
        let (mut pending, start, source) = pending();
        pending.changed(source, Path::new("/s/a"), start);
        pending.changed(source, Path::new("/s/inner/b"), start);
        pending.forget(source, |path| path.starts_with("/s/inner"));
        let (sink, mut events) = tokio::sync::mpsc::channel(8);
        assert!(pending.flush(&sink, start));
        assert_eq!(events.try_recv().unwrap(), WatchEvent::Changed(vec!["/s/inner/b".into()]));
    }
}
