//! Words and meaning side by side, fused by rank.

use std::collections::HashMap;

use async_trait::async_trait;
use jiff::Timestamp;
use molt_core::{
    Chunk, ChunkId, Document, DocumentId, DocumentKind, EmbedPurpose, Found, IndexError, IndexFilter, IndexHit,
    Passage, PassageFinder, SearchBy,
};

use crate::{highlights, library::Library, query::Query};

/// Candidates taken from each leg before fusion.
const CANDIDATES: usize = 50;
/// Where many of them do not pass, so many times as many are taken, up to the most.
const MORE: usize = 8;
const MOST_CANDIDATES: usize = CANDIDATES * MORE * MORE;
/// The constant of reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009).
const RRF_K: f32 = 60.0;
/// No more than this many passages of one document, so that a long one does not drown the others.
const PER_DOCUMENT: usize = 4;

/// Which documents' passages are wanted; without anything, those of all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Narrowing {
    /// Of one of these kinds, if there are any.
    pub kinds: Vec<DocumentKind>,
    /// Changed at this time or later.
    pub since: Option<Timestamp>,
}

impl Narrowing {
    fn lets_through(&self, document: &Document) -> bool {
        (self.kinds.is_empty() || self.kinds.contains(&document.kind))
            && self.since.is_none_or(|since| document.modified_at >= since)
    }
}

#[async_trait]
impl PassageFinder for Library {
    async fn find(&self, query: &str, filter: &IndexFilter, limit: usize) -> Result<Found, IndexError> {
        // A question is not a line of the search box: what it quotes may stand otherwise in the documents.
        self.find_query(SearchBy::Both, &Query::of_words(query), filter, &Narrowing::default(), limit).await
    }
}

impl Library {
    /// As [`PassageFinder::find`], for a line of the search box: what stands between quotation marks has to stand in a passage. By words or
    /// meaning alone where that is wanted; the scores are those of that leg then.
    pub async fn find_by(
        &self,
        by: SearchBy,
        line: &str,
        filter: &IndexFilter,
        narrowing: &Narrowing,
        limit: usize,
    ) -> Result<Found, IndexError> {
        self.find_query(by, &Query::read(line), filter, narrowing, limit).await
    }

    async fn find_query(
        &self,
        by: SearchBy,
        query: &Query,
        filter: &IndexFilter,
        narrowing: &Narrowing,
        limit: usize,
    ) -> Result<Found, IndexError> {
        if query.text.trim().is_empty() {
            return Ok(Found { passages: Vec::new(), words_only: self.embedder().is_none() });
        }
        let vector = async {
            match by {
                SearchBy::Words => None,
                SearchBy::Both | SearchBy::Meaning => self.meaning_of(&query.text).await,
            }
        };
        let narrows = query.has_phrases() || *narrowing != Narrowing::default();
        let most = if narrows { MOST_CANDIDATES } else { CANDIDATES };
        let index = self.index();
        let words = |count| async move {
            match by {
                SearchBy::Meaning => Ok(Vec::new()),
                SearchBy::Both | SearchBy::Words => self.index().search_words(&query.text, filter, count).await,
            }
        };
        let mut count = CANDIDATES;
        let (vector, first_words) = futures::join!(vector, words(count));
        let mut first_words = Some(first_words);
        loop {
            let found_words = match first_words.take() {
                Some(found) => found?,
                None => words(count).await?,
            };
            let meaning = match &vector {
                Some(vector) => index.search_vector(vector, filter, count).await?,
                None => Vec::new(),
            };
            let is_all = found_words.len().max(meaning.len()) < count;
            let ranked = match by {
                SearchBy::Both => fuse(&[found_words, meaning]),
                SearchBy::Words | SearchBy::Meaning => {
                    found_words.into_iter().chain(meaning).map(|hit| (hit.id, hit.score)).collect()
                }
            };
            let passages =
                self.passages(ranked, query, narrowing, limit).map_err(|error| IndexError(error.to_string()))?;
            if passages.len() == limit || is_all || count >= most {
                return Ok(Found { passages, words_only: vector.is_none() });
            }
            count *= MORE;
        }
    }

    /// None when there is no embedder, when it cannot read the question, or when it fails: words alone still answer.
    async fn meaning_of(&self, text: &str) -> Option<Vec<f32>> {
        let model = self.embedder()?;
        match self.parts().engine.embed(&model, vec![text.to_owned()], EmbedPurpose::Query).await {
            Ok(vectors) => vectors.into_iter().next().filter(|vector| vector.iter().any(|number| *number != 0.0)),
            Err(error) => {
                tracing::warn!(%error, "the question could not be embedded; searching by words only");
                None
            }
        }
    }

    fn passages(
        &self,
        ranked: Vec<(ChunkId, f32)>,
        query: &Query,
        narrowing: &Narrowing,
        limit: usize,
    ) -> molt_core::StoreResult<Vec<Passage>> {
        let documents = &self.parts().documents;
        let ids: Vec<ChunkId> = ranked.iter().map(|(id, _)| id.clone()).collect();
        let mut chunks: HashMap<ChunkId, Chunk> =
            documents.chunks_by_id(&ids)?.into_iter().map(|chunk| (chunk.id.clone(), chunk)).collect();
        let mut known: HashMap<DocumentId, Option<Document>> = HashMap::new();
        let mut per_document: HashMap<DocumentId, usize> = HashMap::new();
        let mut passages = Vec::new();
        for (id, score) in ranked {
            // A chunk that the index holds and the catalogue does not is about to be removed.
            let Some(chunk) = chunks.remove(&id).filter(|chunk| query.is_held_by(&chunk.text)) else { continue };
            let document =
                known.entry(chunk.document_id.clone()).or_insert_with(|| documents.document(&chunk.document_id).ok());
            let Some(document) = document.as_ref().filter(|document| narrowing.lets_through(document)) else {
                continue;
            };
            let count = per_document.entry(document.id.clone()).or_default();
            if *count == PER_DOCUMENT {
                continue;
            }
            *count += 1;
            passages.push(Passage {
                highlights: highlights(&chunk.text, &query.text),
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
