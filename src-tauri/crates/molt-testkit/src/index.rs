//! A passage index in memory: word overlap and cosine.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use molt_core::{ChunkId, DocumentId, IndexChunk, IndexError, IndexFilter, IndexHit, PassageIndex};

use crate::words;

#[derive(Default)]
struct State {
    chunks: BTreeMap<ChunkId, IndexChunk>,
    fail: Option<IndexError>,
    commits: u32,
    owes_erasure: bool,
    upkeeps: u32,
}

/// Scores words by the share of the query's words that a chunk holds, vectors by their dot product.
#[derive(Default)]
pub struct MemoryIndex(Mutex<State>, Arc<futures::lock::Mutex<()>>);

impl MemoryIndex {
    pub fn new() -> Self {
        Self::default()
    }

    /// Every call fails with this until `None` is set.
    pub fn fail(&self, message: Option<&str>) {
        self.0.lock().unwrap().fail = message.map(|message| IndexError::Failed(message.to_owned()));
    }

    /// From now on its files are found damaged.
    pub fn damage(&self) {
        self.0.lock().unwrap().fail = Some(IndexError::Damaged("a file is not what was written".to_owned()));
    }

    /// Calls that changed something.
    pub fn commits(&self) -> u32 {
        self.0.lock().unwrap().commits
    }

    /// Upkeep does not come to its end until this is dropped.
    pub fn hold_upkeep(&self) -> futures::lock::OwnedMutexGuard<()> {
        self.1.clone().try_lock_owned().unwrap()
    }

    /// Upkeeps that came to their end.
    pub fn upkeeps(&self) -> u32 {
        self.0.lock().unwrap().upkeeps
    }

    /// A copy of what is held.
    pub fn chunks(&self) -> Vec<IndexChunk> {
        self.0.lock().unwrap().chunks.values().cloned().collect()
    }

    /// Forgets everything, as when the user deletes the index folder.
    pub fn clear(&self) {
        self.0.lock().unwrap().chunks.clear();
    }

    fn state(&self) -> Result<std::sync::MutexGuard<'_, State>, IndexError> {
        let state = self.0.lock().unwrap();
        match &state.fail {
            Some(error) => Err(error.clone()),
            None => Ok(state),
        }
    }

    fn best(
        &self,
        filter: &IndexFilter,
        limit: usize,
        score: impl Fn(&IndexChunk) -> f32,
    ) -> Result<Vec<IndexHit>, IndexError> {
        let state = self.state()?;
        let mut hits: Vec<_> = state
            .chunks
            .values()
            .filter(|c| filter.sources.is_empty() || filter.sources.contains(&c.source_id))
            .filter(|c| filter.documents.is_empty() || filter.documents.contains(&c.document_id))
            .map(|c| IndexHit { id: c.id.clone(), document_id: c.document_id.clone(), score: score(c) })
            .filter(|hit| hit.score > 0.0)
            .collect();
        hits.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.id.cmp(&b.id)));
        hits.truncate(limit);
        Ok(hits)
    }
}

#[async_trait]
impl PassageIndex for MemoryIndex {
    async fn chunk_ids(&self, document: &DocumentId) -> Result<Vec<ChunkId>, IndexError> {
        Ok(self.state()?.chunks.values().filter(|c| &c.document_id == document).map(|c| c.id.clone()).collect())
    }

    async fn contents(&self) -> Result<Vec<(DocumentId, ChunkId)>, IndexError> {
        Ok(self.state()?.chunks.values().map(|c| (c.document_id.clone(), c.id.clone())).collect())
    }

    async fn apply(&self, add: Vec<IndexChunk>, remove: Vec<ChunkId>) -> Result<(), IndexError> {
        let mut state = self.state()?;
        state.commits += 1;
        state.chunks.extend(add.into_iter().map(|c| (c.id.clone(), c)));
        for id in remove {
            state.chunks.remove(&id);
        }
        Ok(())
    }

    async fn remove_documents(&self, documents: &[DocumentId]) -> Result<(), IndexError> {
        let mut state = self.state()?;
        state.commits += 1;
        state.owes_erasure = true;
        state.chunks.retain(|_, c| !documents.contains(&c.document_id));
        Ok(())
    }

    async fn search_words(&self, query: &str, filter: &IndexFilter, limit: usize) -> Result<Vec<IndexHit>, IndexError> {
        let wanted: HashSet<_> = words(query).into_iter().collect();
        self.best(filter, limit, |chunk| {
            let held: HashSet<_> = words(&chunk.text).into_iter().collect();
            wanted.intersection(&held).count() as f32 / wanted.len().max(1) as f32
        })
    }

    async fn search_vector(
        &self,
        vector: &[f32],
        filter: &IndexFilter,
        limit: usize,
    ) -> Result<Vec<IndexHit>, IndexError> {
        self.best(filter, limit, |chunk| {
            chunk.vector.as_ref().map_or(0.0, |v| v.iter().zip(vector).map(|(a, b)| a * b).sum())
        })
    }

    async fn count(&self) -> Result<u64, IndexError> {
        Ok(self.state()?.chunks.len() as u64)
    }

    async fn maintain(&self) -> Result<(), IndexError> {
        let _turn = self.1.lock().await;
        let mut state = self.state()?;
        state.owes_erasure = false;
        state.upkeeps += 1;
        Ok(())
    }

    fn owes_erasure(&self) -> bool {
        self.0.lock().unwrap().owes_erasure
    }
}
