//! The vectors that are held in memory while people search: when they are read, kept in step with the table, and let go.

use std::{
    sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak},
    time::{Duration, Instant},
};

use molt_core::{IndexFilter, IndexHit};

use crate::vectors::Vectors;

/// Vectors that would take more memory than this are compared where they lie.
const MOST: usize = 256 << 20;
/// Memory goes back after this long without a search.
const UNUSED: Duration = Duration::from_secs(10 * 60);

#[derive(Default)]
pub(crate) struct Held(Arc<State>);

struct State {
    vectors: RwLock<Option<Vectors>>,
    last_used: Mutex<Option<Instant>>,
    /// Bytes.
    most: usize,
}

impl Default for State {
    fn default() -> Self {
        Self { vectors: RwLock::default(), last_used: Mutex::default(), most: MOST }
    }
}

impl State {
    fn read(&self) -> RwLockReadGuard<'_, Option<Vectors>> {
        // Whoever panicked while it changed them is caught by `write`.
        self.vectors.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Option<Vectors>> {
        self.vectors.write().unwrap_or_else(|poisoned| {
            let mut half_changed = poisoned.into_inner();
            *half_changed = None;
            self.vectors.clear_poison();
            half_changed
        })
    }

    fn used(&self) {
        *self.last_used.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn unused_for(&self) -> Duration {
        self.last_used.lock().unwrap_or_else(PoisonError::into_inner).map_or(Duration::MAX, |used| used.elapsed())
    }
}

impl Held {
    /// Vectors of no more bytes than this.
    #[cfg(test)]
    pub fn of_at_most(most: usize) -> Self {
        Self(Arc::new(State { most, ..State::default() }))
    }

    pub fn has_room(&self, bytes: usize) -> bool {
        bytes <= self.0.most
    }

    pub fn is_there(&self) -> bool {
        self.0.read().is_some()
    }

    /// As [`Vectors::nearest`]; `None` when no vectors are held.
    pub async fn nearest(&self, query: Vec<f32>, filter: IndexFilter, limit: usize) -> Option<Vec<IndexHit>> {
        let state = self.0.clone();
        let search = move || {
            state.used();
            state.read().as_ref().map(|vectors| vectors.nearest(&query, &filter, limit))
        };
        tokio::task::spawn_blocking(search).await.ok()?
    }

    /// Holds these until they are of no use for a while. Called by whoever holds the table's writer.
    pub fn hold(&self, vectors: Vectors) {
        self.0.used();
        let before = self.0.write().replace(vectors);
        if before.is_some() {
            return;
        }
        tokio::spawn(let_go(Arc::downgrade(&self.0), UNUSED));
    }

    /// The table is about to be changed.
    pub fn change(&self) -> Change<'_> {
        Change(Some(self))
    }
}

/// Lets the vectors go when they were of no use for so long.
async fn let_go(state: Weak<State>, unused: Duration) {
    loop {
        tokio::time::sleep(unused).await;
        let Some(state) = state.upgrade() else { return };
        if state.unused_for() >= unused {
            *state.write() = None;
        }
        if state.read().is_none() {
            return;
        }
    }
}

/// A change of the table under way. If it does not come to its end nobody knows what of it is in the table: the vectors are let go, to be
/// read again.
pub(crate) struct Change<'a>(Option<&'a Held>);

impl Change<'_> {
    /// The table was changed: the vectors are changed alike.
    pub fn end(mut self, change: impl FnOnce(&mut Vectors)) {
        if let Some(held) = self.0.take()
            && let Some(vectors) = held.0.write().as_mut()
        {
            change(vectors);
        }
    }
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        if let Some(held) = self.0 {
            *held.0.write() = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::Entry;

    fn filled() -> Vectors {
        let mut vectors = Vectors::new(2);
        vectors.insert(&Entry { chunk: "a", document: "d", source: "s", vector: &[1.0, 0.0] });
        vectors
    }

    async fn count(held: &Held) -> Option<usize> {
        held.nearest(vec![1.0, 1.0], IndexFilter::default(), 9).await.map(|hits| hits.len())
    }

    #[tokio::test]
    async fn a_change_without_end_lets_the_vectors_go() {
        let held = Held::default();
        assert_eq!(count(&held).await, None);
        held.change().end(|_| panic!("nothing is held"));
        held.hold(filled());
        held.change().end(|vectors| vectors.remove("a"));
        assert_eq!(count(&held).await, Some(0));
        drop(held.change());
        assert!(!held.is_there());
    }

    #[tokio::test]
    async fn a_panic_in_a_change_lets_the_vectors_go() {
        let held = Held::default();
        held.hold(filled());
        let panics = std::panic::AssertUnwindSafe(|| held.change().end(|_| panic!("in the middle")));
        assert!(std::panic::catch_unwind(panics).is_err());
        drop(held.change());
        assert!(!held.is_there());
        held.hold(filled());
        assert_eq!(count(&held).await, Some(1));
    }

    #[tokio::test]
    async fn vectors_of_no_use_are_let_go() {
        let held = Held::default();
        held.hold(filled());
        let_go(Arc::downgrade(&held.0), Duration::from_millis(20)).await;
        assert!(!held.is_there());
    }
}
