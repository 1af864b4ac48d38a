//! Whether the drives that sources lie on answer. One that does not must hold up nothing but itself.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use molt_core::SourceId;
use tokio::sync::oneshot;

/// A disk that slept needs some seconds.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Which sources lie on drives that were asked and have not answered yet. Each of them keeps one thread, so it is not asked again.
pub(crate) struct Drives {
    patience: Duration,
    silent: Mutex<HashSet<SourceId>>,
}

impl Drives {
    pub fn new(patience: Duration) -> Arc<Self> {
        Arc::new(Self { patience, silent: Mutex::default() })
    }

    pub fn is_silent(&self, source: &SourceId) -> bool {
        self.silent().contains(source)
    }

    /// Asks, on a thread of its own that the end of the program does not wait for. `late` is called when the answer comes after this
    /// has returned false.
    pub async fn answers(
        self: &Arc<Self>,
        source: &SourceId,
        question: impl FnOnce() + Send + 'static,
        late: impl FnOnce() + Send + 'static,
    ) -> bool {
        if self.is_silent(source) {
            return false;
        }
        let (answer, mut answered) = oneshot::channel();
        let (drives, id) = (self.clone(), source.clone());
        let asked = std::thread::Builder::new().name("molt-drive".into()).spawn(move || {
            question();
            let mut silent = drives.silent();
            if answer.send(()).is_err() {
                silent.remove(&id);
                drop(silent);
                late();
            }
        });
        if asked.is_err() || tokio::time::timeout(self.patience, &mut answered).await.is_ok() {
            return true;
        }
        // Under the same lock as the answer, which so comes either before or after.
        let mut silent = self.silent();
        if answered.try_recv().is_ok() {
            return true;
        }
        silent.insert(source.clone());
        drop(answered);
        false
    }

    fn silent(&self) -> MutexGuard<'_, HashSet<SourceId>> {
        self.silent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_silent_drive_is_asked_once_and_says_when_it_answers() {
        let (drives, silent, other) = (Drives::new(Duration::from_millis(20)), SourceId::random(), SourceId::random());
        let (answer, answers) = mpsc::channel::<()>();
        let (late, was_late) = oneshot::channel();
        let question = move || {
            let _ = answers.recv();
        };
        assert!(
            !drives
                .answers(&silent, question, move || {
                    let _ = late.send(());
                })
                .await
        );
        assert!(drives.is_silent(&silent));
        assert!(!drives.answers(&silent, || panic!("asked again"), || {}).await);
        assert!(!drives.is_silent(&other));
        drop(answer);
        was_late.await.unwrap();
        assert!(!drives.is_silent(&silent));
    }

    #[tokio::test]
    async fn one_that_answers_is_not_late() {
        let drives = Drives::new(PATIENCE);
        let source = SourceId::random();
        for _ in 0..3 {
            assert!(drives.answers(&source, || {}, || panic!("it was in time")).await);
            assert!(!drives.is_silent(&source));
        }
    }
}
