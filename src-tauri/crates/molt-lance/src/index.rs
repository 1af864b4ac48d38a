//! The port's calls: adding, removing, finding.

use std::{collections::HashSet, sync::Arc};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use futures::TryStreamExt;
use lancedb::{
    DistanceType, Table,
    index::{
        Index,
        scalar::{BTreeIndexBuilder, FtsIndexBuilder, FullTextSearchQuery},
    },
    query::{ExecutableQuery, QueryBase, Select},
};
use molt_core::{ChunkId, DocumentId, IndexChunk, IndexError, IndexFilter, IndexHit, PassageIndex};
use tokio::sync::Mutex;

use crate::{
    VectorSpace,
    error::{attempt, failed},
    held::Held,
    home::Home,
    open::on_disk,
    purge::{Mark, Readers},
    rows::{self, CHUNK, DOCUMENT, SOURCE, TEXT, VECTOR},
    upkeep::{Diary, Upkeep},
    vectors::{Entry, Vectors},
};

/// The word index's name in the table.
pub(crate) const WORDS: &str = "words";
/// The names of the indexes by which rows are found that are to be replaced or removed, and their columns.
pub(crate) const KEYS: [(&str, &str); 2] = [("chunks", CHUNK), ("documents", DOCUMENT)];

/// Column of BM25 scores in an answer.
const SCORE: &str = "_score";
/// Column of distances in an answer.
const DISTANCE: &str = "_distance";

/// Characters of a query that are searched for. What is pasted beyond that only costs time.
const QUERY_LENGTH: usize = 2_000;

/// The index of one data directory. Made by [`LanceIndex::open`].
pub struct LanceIndex {
    pub(crate) table: Table,
    pub(crate) schema: SchemaRef,
    /// Length of the vectors; `None` without an embedder.
    pub(crate) dimension: Option<u32>,
    pub(crate) space: Option<VectorSpace>,
    /// Held by whoever commits, because Lance lets commits that meet fail.
    pub(crate) writer: Mutex<()>,
    pub(crate) diary: Diary,
    pub(crate) held: Held,
    pub(crate) readers: Readers,
    /// Set while files hold something that was removed.
    pub(crate) mark: Mark,
    pub(crate) home: Home,
}

impl std::fmt::Debug for LanceIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LanceIndex").field("dimension", &self.dimension).finish_non_exhaustive()
    }
}

/// How text becomes words. ICU's dictionary cuts Chinese into words, and `split` cuts at punctuation as in code.
/// Chinese text is never longer than a word here, so no token is too long; stop words stay, because the list would be
/// that of every language at once.
pub(crate) fn words() -> FtsIndexBuilder {
    FtsIndexBuilder::default()
        .base_tokenizer("icu/split".to_owned())
        .lower_case(true)
        .stem(true)
        .ascii_folding(true)
        .remove_stop_words(false)
        .max_token_length(None)
        .with_position(false)
        .num_workers(1)
        .memory_limit_mb(128)
}

/// What an index that is put in place of the present one holds at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// Nothing. Rows that it does not cover are looked at one by one until the upkeep adds them, so nothing is lost but speed.
    Empty,
    /// All rows.
    Full,
}

async fn put_words(table: &Table, start: Start) -> lancedb::Result<()> {
    let index = table.create_index(&[TEXT], Index::FTS(words()));
    index.name(WORDS.to_owned()).replace(true).train(start == Start::Full).execute().await
}

async fn put_keys(table: &Table, (name, column): (&str, &str), start: Start) -> lancedb::Result<()> {
    let index = table.create_index(&[column], Index::BTree(BTreeIndexBuilder::default()));
    index.name(name.to_owned()).replace(true).train(start == Start::Full).execute().await
}

/// Puts an empty word index in place of the present one, if any.
pub(crate) async fn reset_words(table: &Table) -> lancedb::Result<()> {
    put_words(table, Start::Empty).await
}

/// Puts an empty index of ids in place of the present one, if any.
pub(crate) async fn reset_keys(table: &Table, keys: (&str, &str)) -> lancedb::Result<()> {
    put_keys(table, keys, Start::Empty).await
}

/// Puts empty indexes in place of all present ones.
pub(crate) async fn reset_indexes(table: &Table) -> lancedb::Result<()> {
    reset_words(table).await?;
    for keys in KEYS {
        reset_keys(table, keys).await?;
    }
    Ok(())
}

/// Builds all indexes anew from the rows that there are.
pub(crate) async fn fill_indexes(table: &Table) -> lancedb::Result<()> {
    if table.count_rows(None).await? == 0 {
        return reset_indexes(table).await;
    }
    put_words(table, Start::Full).await?;
    for keys in KEYS {
        put_keys(table, keys, Start::Full).await?;
    }
    Ok(())
}

/// Ranks rows by BM25. The query is text, not a query language: any of its words will do.
pub(crate) async fn find_words(
    table: &Table,
    query: &str,
    filter: Option<String>,
    limit: usize,
) -> lancedb::Result<Vec<RecordBatch>> {
    let query = FullTextSearchQuery::new(query.chars().take(QUERY_LENGTH).collect()).with_column(TEXT.to_owned())?;
    let mut query =
        table.query().full_text_search(query).select(Select::columns(&[CHUNK, DOCUMENT, SCORE])).limit(limit);
    if let Some(filter) = filter {
        query = query.only_if(filter);
    }
    query.execute().await?.try_collect().await
}

impl LanceIndex {
    /// Rows of some columns, all or those that pass a filter.
    async fn scan(&self, columns: &[&str], filter: Option<String>) -> Result<Vec<RecordBatch>, IndexError> {
        let _reader = self.readers.enter().await;
        let mut query = self.table.query().select(Select::columns(columns));
        if let Some(filter) = filter {
            query = query.only_if(filter);
        }
        attempt("read", async { query.execute().await?.try_collect().await }).await
    }

    /// Reads all vectors into memory; false when they are too many, or when somebody writes.
    async fn hold_vectors(&self, dimension: u32) -> Result<bool, IndexError> {
        // What is written meanwhile would be missing. Upkeep may take long, and an answer does not wait for it.
        let Ok(_writer) = self.writer.try_lock() else { return Ok(false) };
        if self.held.is_there() {
            return Ok(true);
        }
        let count = attempt("read", self.table.count_rows(None)).await?;
        if !self.held.has_room(Vectors::bytes(count, dimension)) {
            return Ok(false);
        }
        let query = self.table.query().select(Select::columns(&[CHUNK, DOCUMENT, SOURCE, VECTOR]));
        let mut vectors = Vectors::new(dimension);
        let mut rows = attempt("read", query.execute()).await?;
        while let Some(batch) = attempt("read", rows.try_next()).await? {
            rows::entries(&batch, |entry| vectors.insert(&entry))?;
        }
        self.held.hold(vectors);
        Ok(true)
    }

    /// Compares with every vector where it lies.
    async fn scan_vectors(
        &self,
        vector: &[f32],
        filter: Option<String>,
        limit: usize,
    ) -> Result<Vec<IndexHit>, IndexError> {
        let _reader = self.readers.enter().await;
        let search = async {
            let mut query = self.table.query().nearest_to(vector)?.column(VECTOR).distance_type(DistanceType::Cosine);
            query = query.bypass_vector_index().select(Select::columns(&[CHUNK, DOCUMENT, DISTANCE])).limit(limit);
            if let Some(filter) = filter {
                query = query.only_if(filter);
            }
            query.execute().await?.try_collect::<Vec<_>>().await
        };
        let answer = attempt("searched", search).await?;
        // Lance's cosine distance is one minus the cosine.
        ranked(&answer, DISTANCE, |distance| 1.0 - distance)
    }

    async fn delete(&self, filter: &str) -> Result<(), IndexError> {
        attempt("changed", self.table.delete(filter)).await?;
        self.diary.committed();
        Ok(())
    }
}

/// Hits of all batches, best first; equal scores in the order of their ids, so that an answer is the same every time.
fn ranked(
    batches: &[RecordBatch],
    column: &str,
    score: impl Fn(f32) -> f32 + Copy,
) -> Result<Vec<IndexHit>, IndexError> {
    let mut hits = Vec::new();
    for batch in batches {
        hits.extend(rows::hits(batch, column, score)?);
    }
    hits.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.id.cmp(&b.id)));
    Ok(hits)
}

/// The chunks in order, of those with the same id the last.
fn last_of_each(chunks: Vec<IndexChunk>) -> Vec<IndexChunk> {
    let mut seen = HashSet::new();
    let mut kept: Vec<_> = chunks.into_iter().rev().filter(|chunk| seen.insert(chunk.id.clone())).collect();
    kept.reverse();
    kept
}

#[async_trait]
impl PassageIndex for LanceIndex {
    async fn chunk_ids(&self, document: &DocumentId) -> Result<Vec<ChunkId>, IndexError> {
        let filter = rows::document_filter(std::slice::from_ref(document))?;
        let mut ids = Vec::new();
        for batch in self.scan(&[CHUNK], Some(filter)).await? {
            ids.extend(rows::texts(&batch, CHUNK)?.map(ChunkId::from));
        }
        Ok(ids)
    }

    async fn contents(&self) -> Result<Vec<(DocumentId, ChunkId)>, IndexError> {
        let mut ids = Vec::new();
        for batch in self.scan(&[DOCUMENT, CHUNK], None).await? {
            let documents = rows::texts(&batch, DOCUMENT)?.map(DocumentId::from);
            ids.extend(documents.zip(rows::texts(&batch, CHUNK)?.map(ChunkId::from)));
        }
        Ok(ids)
    }

    async fn apply(&self, add: Vec<IndexChunk>, remove: Vec<ChunkId>) -> Result<(), IndexError> {
        for chunk in &add {
            let ids = [chunk.id.as_str(), chunk.document_id.as_str(), chunk.source_id.as_str()];
            ids.into_iter().try_for_each(rows::check_id)?;
            if let (Some(vector), Some(dimension)) = (&chunk.vector, self.dimension) {
                rows::check_vector(vector, dimension)?;
            }
        }
        let removed = rows::one_of(CHUNK, remove.iter().map(ChunkId::as_str))?;
        let added = rows::one_of(CHUNK, add.iter().map(|chunk| chunk.id.as_str()))?;
        let add = last_of_each(add);

        let _writer = self.writer.lock().await;
        let change = self.held.change();
        if !add.is_empty() {
            let rows = rows::batch(&self.schema, self.dimension, &add).map_err(|error| failed("changed", &error))?;
            // A chunk that is there already is replaced. That is rare (work that was cut short and is done again), and
            // then its commit goes first: a hole is found and filled by whoever does the work again, a double is not.
            if !self.scan(&[CHUNK], Some(added.clone())).await?.iter().all(|batch| batch.num_rows() == 0) {
                self.delete(&added).await?;
            }
            attempt("changed", self.table.add(rows).write_parallelism(1).execute()).await?;
            self.diary.committed();
        }
        if !remove.is_empty() {
            self.delete(&removed).await?;
        }
        change.end(|vectors| {
            add.iter().filter_map(Entry::of).for_each(|entry| vectors.insert(&entry));
            remove.iter().for_each(|chunk| vectors.remove(chunk.as_str()));
        });
        Ok(())
    }

    async fn remove_documents(&self, documents: &[DocumentId]) -> Result<(), IndexError> {
        if documents.is_empty() {
            return Ok(());
        }
        let filter = rows::document_filter(documents)?;
        let _writer = self.writer.lock().await;
        self.mark.set().map_err(|error| failed("changed", &error))?;
        let change = self.held.change();
        self.delete(&filter).await?;
        let documents: HashSet<&str> = documents.iter().map(DocumentId::as_str).collect();
        change.end(|vectors| vectors.remove_documents(|document| documents.contains(document)));
        Ok(())
    }

    async fn search_words(&self, query: &str, filter: &IndexFilter, limit: usize) -> Result<Vec<IndexHit>, IndexError> {
        let filter = rows::filter(filter)?;
        if limit == 0 || !query.chars().any(char::is_alphanumeric) {
            return Ok(Vec::new());
        }
        let _reader = self.readers.enter().await;
        let answer = attempt("searched", find_words(&self.table, query, filter, limit)).await?;
        ranked(&answer, SCORE, |score| score)
    }

    /// Without an embedder nothing is found.
    async fn search_vector(
        &self,
        vector: &[f32],
        filter: &IndexFilter,
        limit: usize,
    ) -> Result<Vec<IndexHit>, IndexError> {
        let condition = rows::filter(filter)?;
        let Some(dimension) = self.dimension else { return Ok(Vec::new()) };
        rows::check_vector(vector, dimension)?;
        if limit == 0 || !rows::has_direction(vector) {
            return Ok(Vec::new());
        }
        if self.held.is_there() || self.hold_vectors(dimension).await? {
            let near = self.held.nearest(vector.to_vec(), filter.clone(), limit).await;
            if let Some(hits) = near {
                return Ok(hits);
            }
        }
        self.scan_vectors(vector, condition, limit).await
    }

    async fn count(&self) -> Result<u64, IndexError> {
        let _reader = self.readers.enter().await;
        Ok(attempt("read", self.table.count_rows(None)).await? as u64)
    }

    async fn maintain(&self) -> Result<(), IndexError> {
        self.keep_up(&Upkeep::default()).await
    }

    fn owes_erasure(&self) -> bool {
        self.mark.is_set()
    }

    async fn take_over(&self) -> Result<Option<Arc<dyn PassageIndex>>, IndexError> {
        Ok(Some(Arc::new(self.in_place().await?)))
    }

    async fn retire(&self) -> Result<(), IndexError> {
        let _writer = self.writer.lock().await;
        self.readers.leave().await;
        on_disk("removed", self.home.clone(), |home| home.remove_table()).await?;
        Ok(())
    }
}
