//! Vectors for texts, and the documents that wait for theirs because the embedder failed.
//!
//! Such a document is indexed all the same, so that its words are found. Its catalogue row has no content hash, by which it is known after
//! a restart too; it is read again with growing patience until it has its vectors.

use std::{collections::HashMap, time::Duration};

use molt_core::{Document, DocumentId, DocumentState, EmbedPurpose, EngineError, ModelId};
use tokio::time::Instant;

use crate::library::Library;

/// Texts embedded in one request: small enough that a question asked meanwhile waits little.
const EMBED_BATCH: usize = 16;
/// After so many failures one after the other the embedder is to blame and not a document: it rests, and one document tries whether it is
/// back.
const IN_A_ROW: u32 = 3;
/// The first try again; each further one waits twice as long, up to the most.
const PATIENCE: Duration = Duration::from_secs(2);
const MOST_PATIENCE: Duration = Duration::from_secs(60 * 60);

/// Before try number `tries`, from 1.
fn patience(tries: u32) -> Duration {
    PATIENCE.saturating_mul(1 << tries.saturating_sub(1).min(16)).min(MOST_PATIENCE)
}

/// It was read while the embedder failed.
pub(crate) fn lacks_vectors(document: &Document) -> bool {
    document.content_hash.is_empty() && document.chunks > 0
}

#[derive(Default)]
pub(crate) struct Unembedded {
    waiting: HashMap<DocumentId, Wait>,
    /// Failures since the last success.
    failures: u32,
    /// The embedder rests until then.
    rests_until: Option<Instant>,
    /// What it said last.
    error: String,
}

struct Wait {
    /// Failures of its own.
    tries: u32,
    due: Instant,
}

impl Unembedded {
    /// Why nothing is to be embedded now.
    fn rest(&self, now: Instant) -> Option<&str> {
        self.rests_until.is_some_and(|until| now < until).then_some(self.error.as_str())
    }

    /// It waits for the embedder, through no fault of its own.
    pub fn put_off(&mut self, id: &DocumentId, now: Instant) {
        self.waiting.entry(id.clone()).or_insert(Wait { tries: 0, due: now });
    }

    fn failed(&mut self, id: &DocumentId, error: String, now: Instant) {
        let wait = self.waiting.entry(id.clone()).or_insert(Wait { tries: 0, due: now });
        wait.tries += 1;
        wait.due = now + patience(wait.tries);
        self.failures += 1;
        self.error = error;
        if self.failures >= IN_A_ROW {
            self.rests_until = Some(now + patience(self.failures + 1 - IN_A_ROW));
        }
    }

    fn succeeded(&mut self) {
        (self.failures, self.rests_until) = (0, None);
    }

    /// It could not be read, for whatever reason: not before a while.
    pub fn later(&mut self, id: &DocumentId, now: Instant) {
        if let Some(wait) = self.waiting.get_mut(id) {
            wait.tries += 1;
            wait.due = now + patience(wait.tries);
        }
    }

    /// It has its vectors, or is gone.
    pub fn forget(&mut self, id: &DocumentId) {
        self.waiting.remove(id);
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Those to be read now: all whose time has come, or one to try the embedder with.
    pub fn due(&self, now: Instant) -> Vec<DocumentId> {
        if self.rest(now).is_some() {
            return Vec::new();
        }
        let mut due: Vec<(u32, &DocumentId)> =
            self.waiting.iter().filter(|(_, wait)| wait.due <= now).map(|(id, wait)| (wait.tries, id)).collect();
        due.sort_unstable();
        let most = if self.failures < IN_A_ROW { due.len() } else { 1 };
        due.into_iter().take(most).map(|(_, id)| id.clone()).collect()
    }

    /// When [`Self::due`] has something again.
    pub fn next(&self) -> Option<Instant> {
        let first = self.waiting.values().map(|wait| wait.due).min()?;
        Some(self.rests_until.map_or(first, |until| until.max(first)))
    }

    /// One sentence while documents wait.
    pub fn problem(&self) -> Option<String> {
        let documents = match self.waiting.len() {
            0 => return None,
            1 => "One document is".to_owned(),
            count => format!("{count} documents are"),
        };
        let why = if self.error.is_empty() { String::new() } else { format!(" ({})", self.error) };
        Some(format!(
            "The embedding model failed{why}. {documents} found by words only until it works; it is tried again."
        ))
    }
}

/// One vector for each text of a document; `None` without an embedder. An error is one that a later try may not have.
pub(crate) async fn embed(
    library: &Library,
    id: &DocumentId,
    texts: &[String],
) -> Result<Vec<Option<Vec<f32>>>, String> {
    let Some(model) = library.embedder() else { return Ok(vec![None; texts.len()]) };
    if texts.is_empty() {
        return Ok(Vec::new());
    }
    let rest = library.unembedded().rest(Instant::now()).map(str::to_owned);
    if let Some(error) = rest {
        library.unembedded().put_off(id, Instant::now());
        return Err(error);
    }
    let result = embed_with(library, Some(&model), texts).await;
    let mut unembedded = library.unembedded();
    match result {
        Ok(vectors) => {
            unembedded.succeeded();
            Ok(vectors)
        }
        Err(error) => {
            tracing::warn!(%error, document = %id, "a document could not be embedded");
            unembedded.failed(id, error.to_string(), Instant::now());
            Err(error.to_string())
        }
    }
}

/// Without a model there are no vectors.
pub(crate) async fn embed_with(
    library: &Library,
    model: Option<&ModelId>,
    texts: &[String],
) -> Result<Vec<Option<Vec<f32>>>, EngineError> {
    let Some(model) = model else { return Ok(vec![None; texts.len()]) };
    let engine = &library.parts().engine;
    let mut vectors = Vec::with_capacity(texts.len());
    for batch in texts.chunks(EMBED_BATCH) {
        let result = match engine.embed(model, batch.to_vec(), EmbedPurpose::Passage).await {
            // The worker ended and is started again for the next request.
            Err(EngineError::Crashed(_)) => engine.embed(model, batch.to_vec(), EmbedPurpose::Passage).await,
            other => other,
        };
        vectors.extend(result?.into_iter().map(Some));
    }
    Ok(vectors)
}

/// Documents that an earlier run left without vectors wait for them.
pub(crate) fn take_up(library: &Library, documents: &[Document]) {
    if library.embedder().is_none() {
        return;
    }
    let mut unembedded = library.unembedded();
    for document in documents.iter().filter(|document| document.state == DocumentState::Indexed) {
        if lacks_vectors(document) {
            unembedded.put_off(&document.id, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failing(unembedded: &mut Unembedded, ids: &[&str], now: Instant) {
        for id in ids {
            unembedded.failed(&DocumentId::from(*id), "it ended".into(), now);
        }
    }

    #[test]
    fn a_document_that_fails_again_and_again_waits_longer_each_time_and_holds_up_no_other() {
        let (mut unembedded, bad) = (Unembedded::default(), DocumentId::from("bad"));
        let mut now = Instant::now();
        for wait in [2, 4, 8, 16] {
            failing(&mut unembedded, &["bad"], now);
            // Others are embedded meanwhile.
            unembedded.succeeded();
            assert!(unembedded.due(now).is_empty() && unembedded.rest(now).is_none());
            assert_eq!(unembedded.next(), Some(now + Duration::from_secs(wait)));
            now += Duration::from_secs(wait);
            assert_eq!(unembedded.due(now), std::slice::from_ref(&bad));
        }
        for _ in 0..40 {
            failing(&mut unembedded, &["bad"], now);
            unembedded.succeeded();
        }
        assert_eq!(unembedded.next(), Some(now + MOST_PATIENCE));
        assert!(unembedded.problem().unwrap().contains("One document is found by words only"));
        unembedded.forget(&bad);
        assert_eq!((unembedded.next(), unembedded.problem()), (None, None));
    }

    #[test]
    fn an_embedder_that_fails_rests_and_is_tried_with_one_document_until_it_is_back() {
        let mut unembedded = Unembedded::default();
        let mut now = Instant::now();
        failing(&mut unembedded, &["a", "b"], now);
        assert!(unembedded.rest(now).is_none(), "it may have been the documents");
        failing(&mut unembedded, &["c"], now);
        assert_eq!(unembedded.rest(now), Some("it ended"));
        unembedded.put_off(&"d".into(), now);
        unembedded.put_off(&"e".into(), now);
        for rest in [2, 4, 8] {
            assert!(unembedded.due(now + Duration::from_secs(rest) - Duration::from_millis(1)).is_empty());
            now += Duration::from_secs(rest);
            let one = unembedded.due(now);
            assert_eq!(one.len(), 1);
            unembedded.failed(&one[0], "it ended".into(), now);
        }
        now += Duration::from_secs(3600);
        let one = unembedded.due(now).remove(0);
        unembedded.succeeded();
        unembedded.forget(&one);
        assert_eq!(unembedded.due(now).len(), 4, "the others follow at once");
    }
}
