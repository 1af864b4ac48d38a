//! Another embedder: its index is filled beside the one that serves, and takes its place when it holds everything.
//!
//! What is embedded are the chunks of the catalogue; no file is read for it. Until the end the index before answers, with its own embedder
//! or by words alone, and changes go to it as ever: what changed meanwhile is found when the two are compared, which goes on until nothing
//! differs. Killed at any moment, the next start goes on with what the new index holds.
//!
//! An index that was found damaged is replaced in the same way.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

use molt_core::{ChunkId, DocumentId, EngineError, IndexChunk, ModelId, PassageIndex};
use tokio::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    chunk::index_text,
    embed::embed_with,
    library::{Library, LibraryChange, RemoveError, by_document},
};

/// Chunks in one step: few enough that a file which is edited meanwhile waits little.
const STEP: usize = 64;
/// Steps after which the index is tended: each one makes the next a little slower.
const UPKEEP: u32 = 32;
/// Pause after a step that failed (the model is not loaded, the disk is full).
const AGAIN: Duration = Duration::from_secs(20);

pub(crate) struct Renewal {
    index: Arc<dyn PassageIndex>,
    embedder: Option<ModelId>,
    /// Documents of which the new index does not hold what the catalogue says, and what it holds of them. Nothing before they were compared.
    todo: Option<VecDeque<(DocumentId, HashSet<ChunkId>)>>,
    /// Chunks that were to be added, and those that were.
    wanted: usize,
    done: usize,
    steps: u32,
    /// Not before this moment.
    rests_until: Option<Instant>,
}

impl Renewal {
    /// From 0 to 1.
    pub fn progress(&self) -> f32 {
        self.done as f32 / self.wanted.max(1) as f32
    }
}

impl Library {
    /// Goes on with another embedder. Its `index` is filled in the background, and answers when it holds everything; a library without
    /// anything in it goes on with it at once.
    pub async fn renew(&self, index: Arc<dyn PassageIndex>, embedder: Option<ModelId>) -> Result<(), RemoveError> {
        let _writing = self.writing().await;
        self.give_up_renewal();
        if self.parts().documents.chunk_ids()?.is_empty() {
            return Ok(self.succeed(index, embedder).await?);
        }
        let renewal = Renewal { index, embedder, todo: None, wanted: 0, done: 0, steps: 0, rests_until: None };
        *self.renewal() = Some(renewal);
        self.wake();
        self.changed(LibraryChange::Documents);
        Ok(())
    }

    /// Stays with the embedder that serves: another was chosen, and this one again before the other's index was complete.
    pub async fn keep_embedder(&self) {
        let _writing = self.writing().await;
        self.give_up_renewal();
        self.wake();
        self.changed(LibraryChange::Documents);
    }

    /// What was built so far is damaged.
    async fn begin_again(&self) {
        let _writing = self.writing().await;
        self.give_up_renewal();
        self.changed(LibraryChange::Damaged);
    }

    fn give_up_renewal(&self) {
        if let Some(given_up) = self.renewal().take() {
            self.retired().push(given_up.index);
            self.tending().is_due = true;
        }
    }

    /// Whether an index is being filled beside the one that serves.
    pub fn is_renewing(&self) -> bool {
        self.renewal().is_some()
    }

    /// The index that is being filled.
    pub(crate) fn next_index(&self) -> Option<Arc<dyn PassageIndex>> {
        self.renewal().as_ref().map(|renewal| renewal.index.clone())
    }

    /// One step towards the next index; false when there is nothing to do now. Called by the loop that reads files alone.
    pub(crate) async fn renew_some(&self, cancel: &CancellationToken) -> bool {
        if self.is_resting() {
            return false;
        }
        let (index, embedder, is_compared) = match self.renewal().as_ref() {
            Some(next) if next.rests_until.is_none_or(|until| until <= Instant::now()) => {
                let is_compared = next.todo.as_ref().is_some_and(|todo| !todo.is_empty());
                (next.index.clone(), next.embedder.clone(), is_compared)
            }
            _ => return false,
        };
        let result = if is_compared {
            self.fill(&index, embedder.as_ref(), cancel).await
        } else {
            self.compare_indexes(index, embedder).await
        };
        match result {
            Ok(()) => {
                self.set_problem(None);
                true
            }
            Err(error) => {
                tracing::warn!(%error, "the index of another embedder could not be filled");
                self.set_problem(Some(error.to_string()));
                if matches!(&error, RenewalError::Written(RemoveError::Index(error)) if error.is_damage()) {
                    self.begin_again().await;
                    return false;
                }
                if let Some(renewal) = self.renewal().as_mut() {
                    (renewal.todo, renewal.rests_until) = (None, Some(Instant::now() + AGAIN));
                }
                // The loop waits for work; this is how it hears that the rest is over.
                let library = self.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(AGAIN).await;
                    library.wake();
                });
                false
            }
        }
    }

    /// Finds what the new index lacks. When that is nothing it takes its place.
    async fn compare_indexes(
        &self,
        index: Arc<dyn PassageIndex>,
        embedder: Option<ModelId>,
    ) -> Result<(), RenewalError> {
        let was_filled = self.renewal().as_ref().is_some_and(|renewal| renewal.todo.is_some());
        if was_filled {
            // Searching it is fast from the first question on.
            self.maintain().await;
        }
        let _writing = self.writing().await;
        if !self.is_next(&index) {
            return Ok(());
        }
        let (documents, mut todo, mut missing) = (&self.parts().documents, VecDeque::new(), 0);
        let mut is = by_document(index.contents().await.map_err(RemoveError::from)?);
        for (document, should) in by_document(documents.chunk_ids().map_err(RemoveError::from)?) {
            let is = is.remove(&document).unwrap_or_default();
            if is != should {
                missing += should.difference(&is).count();
                todo.push_back((document, is));
            }
        }
        let unknown: Vec<DocumentId> = is.into_keys().collect();
        index.remove_documents(&unknown).await.map_err(RemoveError::from)?;
        if !todo.is_empty() {
            if let Some(renewal) = self.renewal().as_mut() {
                renewal.wanted = renewal.done + missing;
                renewal.todo = Some(todo);
            }
            self.changed(LibraryChange::Documents);
            return Ok(());
        }
        *self.renewal() = None;
        self.succeed(index, embedder).await.map_err(RemoveError::from)?;
        Ok(())
    }

    /// Adds some of what the new index lacks.
    async fn fill(
        &self,
        index: &Arc<dyn PassageIndex>,
        embedder: Option<&ModelId>,
        cancel: &CancellationToken,
    ) -> Result<(), RenewalError> {
        let (mut add, remove) = self.lacking()?;
        let texts: Vec<String> = add.iter().map(|chunk| chunk.text.clone()).collect();
        // What is computed is lost when the program ends now; what is written is written to its end.
        let Some(vectors) = cancel.run_until_cancelled(embed_with(self, embedder, &texts)).await else { return Ok(()) };
        match vectors {
            Ok(vectors) => add.iter_mut().zip(vectors).for_each(|(chunk, vector)| chunk.vector = vector),
            // It ended twice over these texts; they are found by their words.
            Err(EngineError::Crashed(error)) => tracing::warn!(%error, "some texts could not be embedded"),
            Err(error) => return Err(error.into()),
        }
        let steps = {
            let _writing = self.writing().await;
            if !self.is_next(index) {
                return Ok(());
            }
            // Some may have been removed by the user while they were embedded.
            let documents = &self.parts().documents;
            let mut known: HashMap<DocumentId, bool> = HashMap::new();
            add.retain(|chunk| {
                let id = &chunk.document_id;
                *known.entry(id.clone()).or_insert_with(|| documents.document(id).is_ok())
            });
            let added = add.len();
            if !add.is_empty() || !remove.is_empty() {
                index.apply(add, remove).await.map_err(RemoveError::from)?;
            }
            let mut renewal = self.renewal();
            let Some(renewal) = renewal.as_mut() else { return Ok(()) };
            renewal.done += added;
            renewal.steps += 1;
            renewal.steps
        };
        self.changed(LibraryChange::Documents);
        if steps % UPKEEP == 0 {
            self.maintain().await;
        }
        Ok(())
    }

    /// The next chunks to add, still without vectors, and those to remove.
    fn lacking(&self) -> Result<(Vec<IndexChunk>, Vec<ChunkId>), RemoveError> {
        let documents = &self.parts().documents;
        let (mut add, mut remove) = (Vec::new(), Vec::new());
        while add.len() < STEP {
            let next = self.renewal().as_mut().and_then(|renewal| renewal.todo.as_mut()?.pop_front());
            let Some((id, mut held)) = next else { break };
            let Ok(document) = documents.document(&id) else { continue };
            let chunks = documents.chunks(&id)?;
            let current: HashSet<&ChunkId> = chunks.iter().map(|chunk| &chunk.id).collect();
            remove.extend(held.iter().filter(|id| !current.contains(id)).cloned());
            let mut new = chunks.iter().filter(|chunk| !held.contains(&chunk.id)).peekable();
            let mut taken = Vec::new();
            while let Some(chunk) = new.next_if(|_| add.len() < STEP) {
                taken.push(chunk.id.clone());
                add.push(IndexChunk {
                    id: chunk.id.clone(),
                    document_id: id.clone(),
                    source_id: document.source_id.clone(),
                    text: index_text(&chunk.text, &chunk.position.headings),
                    vector: None,
                });
            }
            if new.peek().is_some() {
                // A long document: the rest of it comes next.
                held.retain(|id| current.contains(id));
                held.extend(taken);
                if let Some(todo) = self.renewal().as_mut().and_then(|renewal| renewal.todo.as_mut()) {
                    todo.push_front((id, held));
                }
            }
        }
        Ok((add, remove))
    }

    fn is_next(&self, index: &Arc<dyn PassageIndex>) -> bool {
        self.renewal().as_ref().is_some_and(|renewal| Arc::ptr_eq(&renewal.index, index))
    }

    /// From here on this index serves. Called by whoever holds `writing`.
    async fn succeed(
        &self,
        index: Arc<dyn PassageIndex>,
        embedder: Option<ModelId>,
    ) -> Result<(), molt_core::IndexError> {
        let index = index.take_over().await?.unwrap_or(index);
        self.serve(index, embedder);
        // The one before is removed by the next upkeep.
        self.tending().is_due = true;
        self.wake();
        self.changed(LibraryChange::Embedder);
        Ok(())
    }

    /// Removes the indexes that were replaced and that nobody reads any more.
    pub(crate) async fn remove_retired(&self) {
        let unread: Vec<Arc<dyn PassageIndex>> = {
            let mut retired = self.retired();
            let (unread, read) = retired.drain(..).partition(|index| Arc::strong_count(index) == 1);
            *retired = read;
            unread
        };
        for index in unread {
            if let Err(error) = index.retire().await {
                // The next start puts it away.
                tracing::warn!(%error, "an index that was replaced could not be removed");
            }
        }
    }
}

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
enum RenewalError {
    #[error(transparent)]
    Written(#[from] RemoveError),
    #[error("the library is being read by another embedding model, which failed: {0}")]
    Embedder(#[from] EngineError),
}
