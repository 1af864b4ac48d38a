//! Words and meaning side by side, fused by rank.

use std::collections::HashMap;

use async_trait::async_trait;
use molt_core::{
    Chunk, ChunkId, Document, DocumentId, EmbedPurpose, Found, IndexError, IndexFilter, IndexHit, Passage,
    PassageFinder, SearchBy,
};

use crate::{highlights, library::Library};

/// Candidates taken from each leg before fusion.
const CANDIDATES: usize = 50;
/// The constant of reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009).
const RRF_K: f32 = 60.0;
/// No more than this many passages of one document, so that a long one does not drown the others.
const PER_DOCUMENT: usize = 4;

#[async_trait]
impl PassageFinder for Library {
    async fn find(&self, query: &str, filter: &IndexFilter, limit: usize) -> Result<Found, IndexError> {
        self.find_by(SearchBy::Both, query, filter, limit).await
    }
}

impl Library {
    /// As [`PassageFinder::find`], by words or meaning alone where that is wanted; the scores are those of that leg then.
    pub async fn find_by(
        &self,
        by: SearchBy,
        query: &str,
        filter: &IndexFilter,
        limit: usize,
    ) -> Result<Found, IndexError> {
        if query.trim().is_empty() {
            return Ok(Found { passages: Vec::new(), words_only: self.embedder().is_none() });
        }
        let index = self.index();
        let words = async {
            match by {
                SearchBy::Meaning => Ok(Vec::new()),
                SearchBy::Both | SearchBy::Words => index.search_words(query, filter, CANDIDATES).await,
            }
        };
        let meaning = async {
            match by {
                SearchBy::Words => Ok(None),
                SearchBy::Both | SearchBy::Meaning => self.search_meaning(query, filter).await,
            }
        };
        let (words, meaning) = futures::join!(words, meaning);
        let (words, meaning) = (words?, meaning?);
        let words_only = meaning.is_none();
        let meaning = meaning.unwrap_or_default();
        let ranked = match by {
            SearchBy::Both => fuse(&[words, meaning]),
            SearchBy::Words | SearchBy::Meaning => {
                words.into_iter().chain(meaning).map(|hit| (hit.id, hit.score)).collect()
            }
        };
        let passages = self.passages(ranked, query, limit).map_err(|error| IndexError(error.to_string()))?;
        Ok(Found { passages, words_only })
    }

    /// None when there is no embedder, when it cannot read the question, or when it fails: words alone still answer.
    async fn search_meaning(&self, query: &str, filter: &IndexFilter) -> Result<Option<Vec<IndexHit>>, IndexError> {
        let Some(model) = self.embedder() else { return Ok(None) };
        match self.parts().engine.embed(&model, vec![query.to_owned()], EmbedPurpose::Query).await {
            Ok(vectors) => match vectors.first() {
                Some(vector) if vector.iter().all(|number| *number == 0.0) => Ok(None),
                Some(vector) => Ok(Some(self.index().search_vector(vector, filter, CANDIDATES).await?)),
                None => Ok(None),
            },
            Err(error) => {
                tracing::warn!(%error, "the question could not be embedded; searching by words only");
                Ok(None)
            }
        }
    }

    fn passages(&self, ranked: Vec<(ChunkId, f32)>, query: &str, limit: usize) -> molt_core::StoreResult<Vec<Passage>> {
        let documents = &self.parts().documents;
        let ids: Vec<ChunkId> = ranked.iter().map(|(id, _)| id.clone()).collect();
        let mut chunks: HashMap<ChunkId, Chunk> =
            documents.chunks_by_id(&ids)?.into_iter().map(|chunk| (chunk.id.clone(), chunk)).collect();
        let mut known: HashMap<DocumentId, Option<Document>> = HashMap::new();
        let mut per_document: HashMap<DocumentId, usize> = HashMap::new();
        let mut passages = Vec::new();
        for (id, score) in ranked {
            // A chunk that the index holds and the catalogue does not is about to be removed.
            let Some(chunk) = chunks.remove(&id) else { continue };
            let document =
                known.entry(chunk.document_id.clone()).or_insert_with(|| documents.document(&chunk.document_id).ok());
            let Some(document) = document else { continue };
            let count = per_document.entry(document.id.clone()).or_default();
            if *count == PER_DOCUMENT {
                continue;
            }
            *count += 1;
            passages.push(Passage {
                highlights: highlights(&chunk.text, query),
                chunk_id: chunk.id,
                document_id: document.id.clone(),
                source_id: document.source_id.clone(),
                document_name: document.name.clone(),
                path: document.path.clone(),
                text: chunk.text,
                position: chunk.position,
                score,
            });
            if passages.len() == limit {
                break;
            }
        }
        Ok(passages)
    }
}

/// Reciprocal rank fusion: each list adds `1 / (k + rank)`. Ties keep the order of the first list.
fn fuse(lists: &[Vec<IndexHit>]) -> Vec<(ChunkId, f32)> {
    let mut scores: HashMap<&ChunkId, f32> = HashMap::new();
    let mut order: Vec<&ChunkId> = Vec::new();
    for list in lists {
        for (rank, hit) in list.iter().enumerate() {
            let score = scores.entry(&hit.id).or_insert_with(|| {
                order.push(&hit.id);
                0.0
            });
            *score += 1.0 / (RRF_K + rank as f32 + 1.0);
        }
    }
    let mut fused: Vec<(ChunkId, f32)> = order.into_iter().map(|id| (id.clone(), scores[id])).collect();
    fused.sort_by(|one, other| other.1.total_cmp(&one.1));
    fused
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(ids: &[&str]) -> Vec<IndexHit> {
        ids.iter()
            .map(|id| IndexHit { id: ChunkId::from(*id), document_id: DocumentId::from("d"), score: 1.0 })
            .collect()
    }

    #[test]
    fn what_both_legs_find_comes_first() {
        let fused = fuse(&[hits(&["a", "b", "c"]), hits(&["d", "b"])]);
        let order: Vec<&str> = fused.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!(order, ["b", "a", "d", "c"]);
    }
}
