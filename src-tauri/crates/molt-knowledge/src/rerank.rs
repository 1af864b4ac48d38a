//! The best passages of a search in a better order: a model reads each of them beside the question.
//!
//! It is slow and a search is not: what it has not judged in time stays behind, in the order of words and meaning.

use std::{collections::HashMap, time::Duration};

use molt_core::{Chunk, ChunkId, ModelId, StoreResult};
use tokio::time::{Instant, timeout_at};

use crate::{chunk::index_text, library::Library, query::Query};

/// The best of what was found are judged. Answers that stand further behind are rare.
const JUDGED: usize = 20;
/// What a search may take longer for it.
const BUDGET: Duration = Duration::from_secs(1);
/// A model that puts nothing in order in this time is not waited for again before so long.
const REST: Duration = Duration::from_secs(10 * 60);

/// The model that was chosen, if one was.
#[derive(Default)]
pub(crate) struct Reranker {
    model: Option<ModelId>,
    rests_until: Option<Instant>,
}

impl Library {
    /// From the next search on this model puts the best passages in order.
    pub fn set_reranker(&self, model: Option<ModelId>) {
        *self.reranker() = Reranker { model, rests_until: None };
    }

    /// The same hits in the order of the model. Scores stay with the places, so that they fall from place to place. `None`: there is no
    /// other order.
    pub(crate) async fn rerank(
        &self,
        query: &Query,
        ranked: &[(ChunkId, f32)],
    ) -> StoreResult<Option<Vec<(ChunkId, f32)>>> {
        let now = Instant::now();
        let model = {
            let chosen = self.reranker();
            chosen.model.clone().filter(|_| chosen.rests_until.is_none_or(|until| until <= now))
        };
        let Some(model) = model else { return Ok(None) };
        let ids: Vec<ChunkId> = ranked.iter().map(|(id, _)| id.clone()).collect();
        let chunks = self.parts().documents.chunks_by_id(&ids)?;
        let chunks: HashMap<&ChunkId, &Chunk> = chunks.iter().map(|chunk| (&chunk.id, chunk)).collect();
        let passing = ids.iter().filter_map(|id| chunks.get(id)).filter(|chunk| query.is_held_by(&chunk.text));
        let mut judged: Vec<(ChunkId, f32)> = Vec::new();
        for chunk in passing.take(JUDGED) {
            let text = index_text(&chunk.text, &chunk.position.headings);
            match timeout_at(now + BUDGET, self.parts().engine.rerank(&model, &query.text, vec![text])).await {
                Ok(Ok(scores)) => judged.extend(scores.first().map(|score| (chunk.id.clone(), *score))),
                Ok(Err(error)) => {
                    tracing::warn!(%error, "passages could not be put in order");
                    break;
                }
                Err(_) => {
                    if judged.len() < 2 {
                        tracing::warn!(model = %model, "passages are not put in order for a while: it takes too long");
                        self.reranker().rests_until = Some(Instant::now() + REST);
                    }
                    break;
                }
            }
        }
        judged.sort_by(|one, other| other.1.total_cmp(&one.1));
        let first: Vec<ChunkId> = judged.into_iter().map(|(id, _)| id).collect();
        let rest: Vec<ChunkId> = ids.iter().filter(|id| !first.contains(id)).cloned().collect();
        let scores = ranked.iter().map(|(_, score)| *score);
        Ok(Some(first.into_iter().chain(rest).zip(scores).collect()))
    }
}
