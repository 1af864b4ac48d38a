//! Words and meaning side by side, fused by rank.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use molt_core::{
    Chunk, ChunkId, Document, DocumentId, EmbedPurpose, Found, IndexError, IndexFilter, IndexHit, Narrowing, Passage,
    PassageFinder, PassageIndex, Position, SearchBy, StoreError,
};

use crate::{highlights, library::Library, query::Query};

/// Candidates taken from each leg before fusion.
const CANDIDATES: usize = 50;
/// Where many of them do not pass, so many times as many are taken, up to the most.
const MORE: usize = 8;
const MOST_CANDIDATES: usize = CANDIDATES * MORE * MORE;
/// Documents that the index is asked for by their ids. More than that are so large a part of most libraries that enough of the candidates
/// are theirs.
const MOST_DOCUMENTS: usize = 1_000;
/// The constant of reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009).
const RRF_K: f32 = 60.0;
/// What a rank among the words and one among the meanings count. On the measured English questions the first place is as often right from
/// half to one and a half times the weight of words, and less often beyond; Chinese ones with an embedder that reads none are the words'.
const WORDS_WEIGHT: f32 = 1.0;
const MEANING_WEIGHT: f32 = 1.0;
/// No more than this many chunks of one document, so that a long one does not drown the others.
const PER_DOCUMENT: usize = 4;
/// Neighbours in a passage for a model: its first passage is read however long that takes.
const TOGETHER_FOR_A_MODEL: usize = 2;

/// How a search is done.
struct Manner<'a> {
    by: SearchBy,
    narrowing: &'a Narrowing,
    limit: usize,
    /// The most chunks that become one passage.
    together: usize,
}

#[async_trait]
impl PassageFinder for Library {
    async fn find(&self, query: &str, filter: &IndexFilter, limit: usize) -> Result<Found, IndexError> {
        let narrowing = Narrowing::default();
        let manner = Manner { by: SearchBy::Both, narrowing: &narrowing, limit, together: TOGETHER_FOR_A_MODEL };
        // A question is not a line of the search box: what it quotes may stand otherwise in the documents.
        self.find_query(&Query::of_words(query), filter, manner).await
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
        let manner = Manner { by, narrowing, limit, together: PER_DOCUMENT };
        self.find_query(&Query::read(line), filter, manner).await
    }

    async fn find_query(&self, query: &Query, filter: &IndexFilter, manner: Manner<'_>) -> Result<Found, IndexError> {
        let index = self.index();
        let error = match self.find_in(&*index, query, filter, &manner, false).await {
            Err(error) => error,
            found => return found,
        };
        let now = self.index();
        if !error.is_damage() && Arc::ptr_eq(&index, &now) {
            return Err(error);
        }
        // Another index took its place meanwhile, or upkeep a file out of use.
        match self.find_in(&*now, query, filter, &manner, false).await {
            Err(error) if error.is_damage() => {
                self.heed(&now, &error);
                let found = self.find_in(&*now, query, filter, &manner, true).await?;
                if found.passages.is_empty() { Err(error) } else { Ok(found) }
            }
            found => found,
        }
    }

    /// `in_part`: a leg that is damaged finds nothing, and the other answers alone.
    async fn find_in(
        &self,
        index: &dyn PassageIndex,
        query: &Query,
        filter: &IndexFilter,
        manner: &Manner<'_>,
        in_part: bool,
    ) -> Result<Found, IndexError> {
        let leg = |hits: Result<Vec<IndexHit>, IndexError>| match hits {
            Err(error) if in_part && error.is_damage() => Ok(Vec::new()),
            hits => hits,
        };
        let nothing = || Found { passages: Vec::new(), words_only: self.embedder().is_none() };
        if query.text.trim().is_empty() {
            return Ok(nothing());
        }
        let narrowed = *manner.narrowing != Narrowing::default();
        let mut filter = filter.clone();
        if narrowed {
            let documents = self.parts().documents.document_ids(manner.narrowing, MOST_DOCUMENTS + 1);
            let documents = documents.map_err(|error| IndexError::Failed(error.to_string()))?;
            if documents.is_empty() {
                return Ok(nothing());
            }
            if documents.len() <= MOST_DOCUMENTS {
                filter.documents = documents;
            }
        }
        let most = if narrowed || query.has_phrases() { MOST_CANDIDATES } else { CANDIDATES };
        let mut count = CANDIDATES;
        // Of the question; asked for once.
        let mut vector: Option<Option<Vec<f32>>> = None;
        loop {
            let words = async {
                match manner.by {
                    SearchBy::Meaning => Ok(Vec::new()),
                    SearchBy::Both | SearchBy::Words => leg(index.search_words(&query.text, &filter, count).await),
                }
            };
            let meaning = async {
                let vector = match (vector.take(), manner.by) {
                    (Some(vector), _) => vector,
                    (None, SearchBy::Words) => None,
                    (None, SearchBy::Both | SearchBy::Meaning) => self.meaning_of(&query.text).await,
                };
                let hits = match &vector {
                    Some(vector) => leg(index.search_vector(vector, &filter, count).await)?,
                    None => Vec::new(),
                };
                Ok((vector, hits))
            };
            let (words, (asked, meaning)) = futures::try_join!(words, meaning)?;
            let words_only = asked.is_none();
            vector = Some(asked);
            let is_all = words.len().max(meaning.len()) < count;
            let ranked = match manner.by {
                SearchBy::Both => fuse(&[(WORDS_WEIGHT, words), (MEANING_WEIGHT, meaning)]),
                SearchBy::Words | SearchBy::Meaning => {
                    words.into_iter().chain(meaning).map(|hit| (hit.id, hit.score)).collect()
                }
            };
            let stored = |error: StoreError| IndexError::Failed(error.to_string());
            let mut passages = self.passages(&ranked, query, manner).map_err(stored)?;
            if passages.len() == manner.limit || is_all || count >= most {
                if manner.by == SearchBy::Both
                    && passages.len() > 1
                    && let Some(ranked) = self.rerank(query, &ranked).await.map_err(stored)?
                {
                    passages = self.passages(&ranked, query, manner).map_err(stored)?;
                }
                return Ok(Found { passages, words_only });
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
        ranked: &[(ChunkId, f32)],
        query: &Query,
        manner: &Manner<'_>,
    ) -> molt_core::StoreResult<Vec<Passage>> {
        let documents = &self.parts().documents;
        let ids: Vec<ChunkId> = ranked.iter().map(|(id, _)| id.clone()).collect();
        let mut chunks: HashMap<ChunkId, Chunk> =
            documents.chunks_by_id(&ids)?.into_iter().map(|chunk| (chunk.id.clone(), chunk)).collect();
        let mut known: HashMap<DocumentId, Option<Document>> = HashMap::new();
        let mut per_document: HashMap<DocumentId, usize> = HashMap::new();
        let mut runs: Vec<Run> = Vec::new();
        for (id, score) in ranked {
            // A chunk that the index holds and the catalogue does not is about to be removed.
            let Some(chunk) = chunks.remove(id).filter(|chunk| query.is_held_by(&chunk.text)) else { continue };
            let document =
                known.entry(chunk.document_id.clone()).or_insert_with(|| documents.document(&chunk.document_id).ok());
            let Some(document) = document.as_ref().filter(|document| manner.narrowing.lets_through(document)) else {
                continue;
            };
            let count = per_document.entry(document.id.clone()).or_default();
            if *count == PER_DOCUMENT {
                continue;
            }
            if !join(&mut runs, &chunk, manner.together) {
                if runs.len() == manner.limit {
                    break;
                }
                runs.push(Run { best: chunk.id.clone(), score: *score, chunks: vec![chunk] });
            }
            *count += 1;
        }
        let passage = |run: Run| {
            let document = known.get(&run.chunks[0].document_id)?.as_ref()?;
            Some(run.into_passage(document, query))
        };
        Ok(runs.into_iter().filter_map(passage).collect())
    }
}

/// Chunks that follow each other in one document, and will be one passage.
struct Run {
    /// The one that was found first, and its score.
    best: ChunkId,
    score: f32,
    /// In the document's order; never none.
    chunks: Vec<Chunk>,
}

impl Run {
    /// A passage is cited with one page.
    fn is_followed_by(&self, next: &Chunk) -> bool {
        self.chunks.last().is_some_and(|last| {
            last.document_id == next.document_id
                && last.ordinal + 1 == next.ordinal
                && last.position.page == next.position.page
        })
    }

    fn into_passage(self, document: &Document, query: &Query) -> Passage {
        let mut chunks = self.chunks.into_iter();
        let (mut text, mut position) = chunks.next().map_or_else(Default::default, |one| (one.text, one.position));
        for chunk in chunks {
            append(&mut text, &mut position, &chunk);
        }
        Passage {
            highlights: highlights(&text, &query.text),
            chunk_id: self.best,
            document_id: document.id.clone(),
            source_id: document.source_id.clone(),
            document_name: document.name.clone(),
            path: document.path.clone(),
            text,
            position,
            score: self.score,
        }
    }
}

/// Puts a chunk to the run that it goes on with or that goes on with it; between two it makes one of them, in the place of the better one.
/// False when there is none, or when the passage would be too long.
fn join(runs: &mut Vec<Run>, chunk: &Chunk, together: usize) -> bool {
    let before = runs.iter().position(|run| run.chunks.len() < together && run.is_followed_by(chunk));
    let own = |chunk: &Chunk| Run { best: chunk.id.clone(), score: 0.0, chunks: vec![chunk.clone()] };
    let after = runs.iter().position(|run| run.chunks.len() < together && own(chunk).is_followed_by(&run.chunks[0]));
    match (before, after) {
        (None, None) => return false,
        (Some(at), None) => runs[at].chunks.push(chunk.clone()),
        (None, Some(at)) => runs[at].chunks.insert(0, chunk.clone()),
        (Some(before), Some(after)) => {
            if runs[before].chunks.len() + 1 + runs[after].chunks.len() > together {
                let at = before.min(after);
                let place = if at == before { runs[at].chunks.len() } else { 0 };
                runs[at].chunks.insert(place, chunk.clone());
                return true;
            }
            let (better, worse) = (before.min(after), before.max(after));
            let other = runs.remove(worse);
            let run = &mut runs[better];
            let (mut chunks, behind) = match better == before {
                true => (std::mem::take(&mut run.chunks), other.chunks),
                false => (other.chunks, std::mem::take(&mut run.chunks)),
            };
            chunks.push(chunk.clone());
            chunks.extend(behind);
            run.chunks = chunks;
        }
    }
    true
}

/// Appends what a chunk has beyond the text so far. Between two there may be a line end, or blank ones.
fn append(text: &mut String, position: &mut Position, next: &Chunk) {
    let shared = position.end.saturating_sub(next.position.start) as usize;
    if position.end < next.position.start {
        text.push('\n');
    }
    text.push_str(next.text.get(shared..).unwrap_or_default());
    position.end = position.end.max(next.position.end);
    let common = position.headings.iter().zip(&next.position.headings).take_while(|(one, other)| one == other).count();
    position.headings.truncate(common);
}

/// Reciprocal rank fusion: each list adds `weight / (k + rank)`. Ties keep the order of the first list.
fn fuse(lists: &[(f32, Vec<IndexHit>)]) -> Vec<(ChunkId, f32)> {
    let mut scores: HashMap<&ChunkId, f32> = HashMap::new();
    let mut order: Vec<&ChunkId> = Vec::new();
    for (weight, list) in lists {
        for (rank, hit) in list.iter().enumerate() {
            let score = scores.entry(&hit.id).or_insert_with(|| {
                order.push(&hit.id);
                0.0
            });
            *score += weight / (RRF_K + rank as f32 + 1.0);
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

    fn order(lists: &[(f32, Vec<IndexHit>)]) -> Vec<String> {
        fuse(lists).into_iter().map(|(id, _)| id.to_string()).collect()
    }

    #[test]
    fn what_both_legs_find_comes_first() {
        assert_eq!(order(&[(1.0, hits(&["a", "b", "c"])), (1.0, hits(&["d", "b"]))]), ["b", "a", "d", "c"]);
    }

    #[test]
    fn a_leg_counts_by_its_weight() {
        let legs = |words, meaning| [(words, hits(&["a", "b"])), (meaning, hits(&["c", "d"]))];
        assert_eq!(order(&legs(1.0, 1.0)), ["a", "c", "b", "d"]);
        assert_eq!(order(&legs(1.0, 3.0)), ["c", "d", "a", "b"]);
    }

    const TEXT: &str = "One gate.\nTwo gates.  \n \nThree.Four gates.\nFive.";

    /// Chunks of the text, by their places in it.
    fn chunks(spans: &[(usize, usize)]) -> Vec<Chunk> {
        let chunk = |(ordinal, (start, end)): (usize, &(usize, usize))| Chunk {
            id: ChunkId(format!("c{ordinal}")),
            document_id: "d".into(),
            ordinal: ordinal as u32,
            text: TEXT[*start..*end].to_owned(),
            position: Position { start: *start as u64, end: *end as u64, ..Position::default() },
        };
        spans.iter().enumerate().map(chunk).collect()
    }

    /// Joined in this order.
    fn runs(chunks: &[Chunk], order: &[usize], together: usize) -> Vec<(String, Vec<u32>)> {
        let mut runs = Vec::new();
        for at in order {
            let chunk = &chunks[*at];
            if !join(&mut runs, chunk, together) {
                runs.push(Run { best: chunk.id.clone(), score: 1.0, chunks: vec![chunk.clone()] });
            }
        }
        runs.iter().map(|run| (run.best.to_string(), run.chunks.iter().map(|chunk| chunk.ordinal).collect())).collect()
    }

    #[test]
    fn neighbours_join_where_the_better_one_stands() {
        let chunks = chunks(&[(0, 9), (10, 20), (25, 31), (31, 42), (43, 48)]);
        assert_eq!(runs(&chunks, &[3, 0, 4], 4), [("c3".into(), vec![3, 4]), ("c0".into(), vec![0])]);
        assert_eq!(runs(&chunks, &[3, 1, 2], 4), [("c3".into(), vec![1, 2, 3])]);
        assert_eq!(runs(&chunks, &[1, 3, 2], 4), [("c1".into(), vec![1, 2, 3])]);
        // No longer than wanted.
        assert_eq!(runs(&chunks, &[1, 3, 2], 2), [("c1".into(), vec![1, 2]), ("c3".into(), vec![3])]);
        assert_eq!(runs(&chunks, &[3, 1, 2], 2), [("c3".into(), vec![2, 3]), ("c1".into(), vec![1])]);
        assert_eq!(runs(&chunks, &[0, 1, 2], 2), [("c0".into(), vec![0, 1]), ("c2".into(), vec![2])]);
        let mut others = chunks;
        others[1].position.page = Some(2);
        others[4].document_id = "other".into();
        assert_eq!(runs(&others, &[0, 1, 3, 4], 4).len(), 4, "another page, another document");
    }

    #[test]
    fn joined_text_is_that_of_the_document_without_what_repeats() {
        let mut all = chunks(&[(0, 9), (4, 20), (25, 31), (31, 42)]);
        all[0].position.headings = vec!["North".into(), "Gates".into()];
        all[1].position.headings = vec!["North".into(), "More gates".into()];
        all[2].position.headings = vec!["North".into()];
        all[3].position.headings = vec!["North".into()];
        let (mut text, mut position) = (all[0].text.clone(), all[0].position.clone());
        for chunk in &all[1..] {
            append(&mut text, &mut position, chunk);
        }
        assert_eq!(text, "One gate.\nTwo gates.\nThree.Four gates.");
        assert_eq!((position.start, position.end, position.headings), (0, 42, vec!["North".to_owned()]));
    }
}
