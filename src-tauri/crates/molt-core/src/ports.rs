//! The ports: what the features ask of the world. Adapters implement these, `molt-testkit` fakes them.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use futures::stream::BoxStream;
use jiff::{Timestamp, tz::TimeZone};

use crate::{
    Changes, Chunk, ChunkId, Conversation, ConversationId, Document, DocumentId, DocumentKind, DocumentState,
    EmbedPurpose, EngineStats, ExtractedDocument, GenerateEvent, GenerateRequest, LibraryRules, LoadedModel, Message,
    MessageId, ModelId, ModelSettings, ModelSpec, Passage, Reminder, ReminderId, Settings, SkippedFile, Source,
    SourceId, Task, TaskId,
};

/// The wall clock and the zone of the user. Features never ask the system themselves.
pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;
    fn zone(&self) -> TimeZone;
}

// ---------------------------------------------------------------------------------------------------------------------
// Engine

/// Why an engine could not do what it was asked. The text is one plain sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The file cannot be a model that this engine runs: damaged, unknown, too large. Trying again does not help.
    #[error("{0}")]
    BadModel(String),
    #[error("the model is not loaded")]
    NotLoaded,
    /// The prompt does not fit the model's context.
    #[error("the question is too long for this model: {tokens} tokens, and it reads at most {limit}")]
    ContextOverflow { tokens: u32, limit: u32 },
    #[error("too many questions are waiting; try again when one has finished")]
    Busy,
    /// The worker ended; it is started again for the next request.
    #[error("the model's process ended unexpectedly ({0}); it is being started again")]
    Crashed(String),
    #[error("{0}")]
    Failed(String),
}

/// Runs models. Implementations must never hang: every call ends in a result or in `Crashed`.
#[async_trait]
pub trait Engine: Send + Sync {
    /// Loads a model; loading one that is loaded answers at once.
    async fn load(&self, spec: &ModelSpec) -> Result<LoadedModel, EngineError>;
    /// Unloads and gives its memory back. Unknown ids are fine.
    async fn unload(&self, id: &ModelId);
    /// Streams one answer. Dropping the stream cancels it.
    fn generate(&self, request: GenerateRequest) -> BoxStream<'static, Result<GenerateEvent, EngineError>>;
    /// One unit-length vector per text, in order; all zeros for a text that the model cannot read.
    async fn embed(
        &self,
        model: &ModelId,
        texts: Vec<String>,
        purpose: EmbedPurpose,
    ) -> Result<Vec<Vec<f32>>, EngineError>;
    /// How well each text answers the query, in order: more is better, and figures of another query say nothing. Dropping the future ends it
    /// after the texts that are being read.
    async fn rerank(&self, model: &ModelId, query: &str, texts: Vec<String>) -> Result<Vec<f32>, EngineError>;
    /// Tokens of each text, in order, without special tokens.
    async fn count_tokens(&self, model: &ModelId, texts: Vec<String>) -> Result<Vec<u32>, EngineError>;
    async fn stats(&self) -> Vec<EngineStats>;
    /// Tries a chat template with a greeting, without any model; the error says what is wrong with it.
    async fn check_template(&self, _template: &str) -> Result<(), EngineError> {
        Ok(())
    }
    /// Removes from the disk what is kept of conversations to go on with them faster: one of them was deleted.
    async fn forget_conversations(&self) {}
}

/// Looks at a model file or folder without loading it.
pub trait ModelInspector: Send + Sync {
    /// The model's data with a random id, or one plain sentence why it cannot be used.
    fn inspect(&self, path: &Path) -> Result<ModelSpec, String>;
    /// The rough need of a chat model in bytes with these settings; None where it cannot be told.
    fn memory_needed(&self, _path: &Path, _settings: &ModelSettings) -> Option<u64> {
        None
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Knowledge

/// Why a document gave no text. The text is one plain sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExtractError {
    #[error("this file is protected by a password")]
    PasswordNeeded,
    #[error("{0}")]
    Unreadable(String),
    /// Time, memory or size ran out.
    #[error("{0}")]
    LimitReached(String),
}

/// Reads one document in a worker process under limits.
#[async_trait]
pub trait Extractor: Send + Sync {
    /// `password`: opens a protected document; without one it ends as `PasswordNeeded`.
    async fn extract(&self, path: &Path, password: Option<&str>) -> Result<ExtractedDocument, ExtractError>;
}

/// Why the index did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    #[error("the search index: {0}")]
    Failed(String),
    /// What its files hold is not what was written. Asking again does not help; building it again does.
    #[error("the search index is damaged: {0}")]
    Damaged(String),
}

impl IndexError {
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged(_))
    }
}

/// A chunk with its vector, if there is an embedder.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexChunk {
    pub id: ChunkId,
    pub document_id: DocumentId,
    pub source_id: SourceId,
    pub text: String,
    /// Unit length, of the index's dimension.
    pub vector: Option<Vec<f32>>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct IndexHit {
    pub id: ChunkId,
    pub document_id: DocumentId,
    /// Larger is better: BM25 for words, cosine similarity for vectors.
    pub score: f32,
}

/// Limits a search; empty means everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndexFilter {
    pub sources: Vec<SourceId>,
    pub documents: Vec<DocumentId>,
}

/// The words-and-meaning index over chunks. It is a cache: it can be deleted and rebuilt from the user's files.
#[async_trait]
pub trait PassageIndex: Send + Sync {
    /// Ids of all chunks of a document that the index holds. Looks at every row.
    async fn chunk_ids(&self, document: &DocumentId) -> Result<Vec<ChunkId>, IndexError>;
    /// Every chunk that the index holds, with its document, in any order.
    async fn contents(&self) -> Result<Vec<(DocumentId, ChunkId)>, IndexError>;
    /// Adds, then removes, in at most one commit each; durable when it returns.
    async fn apply(&self, add: Vec<IndexChunk>, remove: Vec<ChunkId>) -> Result<(), IndexError>;
    /// They are gone from every answer when it returns; the next [`Self::maintain`] erases them from files, also after a restart.
    async fn remove_documents(&self, documents: &[DocumentId]) -> Result<(), IndexError>;
    async fn search_words(&self, query: &str, filter: &IndexFilter, limit: usize) -> Result<Vec<IndexHit>, IndexError>;
    async fn search_vector(
        &self,
        vector: &[f32],
        filter: &IndexFilter,
        limit: usize,
    ) -> Result<Vec<IndexHit>, IndexError>;
    /// Number of chunks.
    async fn count(&self) -> Result<u64, IndexError>;
    /// Idle-time upkeep: erases what was removed, extends the word index, compacts, prunes. Cheap when there is nothing to do.
    async fn maintain(&self) -> Result<(), IndexError>;
    /// Whether files still hold something of documents that were removed.
    fn owes_erasure(&self) -> bool;
    /// Puts this index, which was filled beside the one that serves and holds all that it holds, in its place: at the next start it is the
    /// one that is opened. Returns the index to go on with, where that is not this one.
    async fn take_over(&self) -> Result<Option<Arc<dyn PassageIndex>>, IndexError> {
        Ok(None)
    }
    /// Removes this index, which nobody asks any more: another took its place, or it is not wanted.
    async fn retire(&self) -> Result<(), IndexError> {
        Ok(())
    }
}

/// What happened below a watched path. The watcher decides nothing about indexing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchEvent {
    /// Something at or below these paths may have changed (created, modified, removed or renamed).
    Changed(Vec<PathBuf>),
    /// Events were lost: list the whole source again.
    Rescan(PathBuf),
    /// The path cannot be watched; the text is one plain sentence. It is polled instead where possible.
    Problem(PathBuf, String),
}

/// A file that the listing of a source found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedFile {
    pub path: PathBuf,
    /// Bytes.
    pub size: u64,
    pub modified_at: Timestamp,
    /// When the system last noted a change of content, name or rights; programs cannot set it. None where it is not kept.
    pub changed_at: Option<Timestamp>,
}

/// Watches folders and lists them under the ignore rules.
pub trait Watcher: Send + Sync {
    fn watch(&self, path: &Path) -> Result<(), String>;
    fn unwatch(&self, path: &Path);
    /// All readable files below `path` (or `path` itself) that the ignore rules let through, and one sentence for each place that could not be read.
    fn list(&self, path: &Path) -> (Vec<ListedFile>, Vec<String>);
    /// What is left out from now on; every watched path is told to be listed again. Refused with a sentence, nothing changes.
    fn set_rules(&self, rules: &LibraryRules) -> Result<(), String>;
    /// What [`Self::list`] leaves out, by path, at most so much of it, and how much it is in all. Of a folder that is left out only itself.
    fn skipped(&self, _path: &Path, _most: usize) -> (Vec<SkippedFile>, usize) {
        (Vec::new(), 0)
    }
}

/// Finds passages for a question; implemented by the knowledge room, asked by the assistant.
#[async_trait]
pub trait PassageFinder: Send + Sync {
    /// Best first, at most `limit`.
    async fn find(&self, query: &str, filter: &IndexFilter, limit: usize) -> Result<Found, IndexError>;
}

/// What a search found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    pub passages: Vec<Passage>,
    /// Only words were compared, because there is no embedder or it cannot read the question.
    pub words_only: bool,
}

// ---------------------------------------------------------------------------------------------------------------------
// Store. Calls are synchronous and short; what they acknowledge is on the disk.

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("there is no such {0}")]
    NotFound(&'static str),
    #[error("the disk is full; nothing was changed")]
    DiskFull,
    #[error("the data could not be read or written: {0}")]
    Failed(String),
}

pub type StoreResult<T> = Result<T, StoreError>;

pub trait ConversationStore: Send + Sync {
    /// Newest first, without the deleted.
    fn conversations(&self) -> StoreResult<Vec<Conversation>>;
    fn conversation(&self, id: &ConversationId) -> StoreResult<Conversation>;
    /// Inserts or replaces.
    fn put_conversation(&self, conversation: &Conversation) -> StoreResult<()>;
    /// Hides or brings back; what is hidden is kept until it is erased.
    fn set_conversation_deleted(&self, id: &ConversationId, deleted_at: Option<Timestamp>) -> StoreResult<()>;
    /// In order, without the superseded.
    fn messages(&self, id: &ConversationId) -> StoreResult<Vec<Message>>;
    fn message(&self, id: &MessageId) -> StoreResult<Message>;
    /// Inserts at the end, or replaces in place.
    fn put_message(&self, message: &Message) -> StoreResult<()>;
    /// Hides this message and all after it (retry, edit and resend). They are kept.
    fn supersede_from(&self, id: &MessageId) -> StoreResult<()>;
    /// Turns every `Streaming` message into `Stopped`; returns how many. Called once at start.
    fn stop_streaming(&self) -> StoreResult<usize>;
}

/// Which documents are wanted; without anything, all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Narrowing {
    /// Of one of these kinds, if there are any.
    pub kinds: Vec<DocumentKind>,
    /// Changed at this time or later.
    pub since: Option<Timestamp>,
    /// Absolute path: this file, or what lies below this folder.
    pub folder: Option<String>,
}

impl Narrowing {
    pub fn lets_through(&self, document: &Document) -> bool {
        let lies_there = |folder: &str| {
            let below = document.path.strip_prefix(folder.trim_end_matches(['/', '\\']));
            below.is_some_and(|below| below.is_empty() || below.starts_with(['/', '\\']))
        };
        (self.kinds.is_empty() || self.kinds.contains(&document.kind))
            && self.since.is_none_or(|since| document.modified_at >= since)
            && self.folder.as_deref().is_none_or(lies_there)
    }
}

pub trait DocumentStore: Send + Sync {
    fn sources(&self) -> StoreResult<Vec<Source>>;
    fn put_source(&self, source: &Source) -> StoreResult<()>;
    /// Removes the source with its documents and chunks; returns the documents' ids.
    fn remove_source(&self, id: &SourceId) -> StoreResult<Vec<DocumentId>>;
    fn documents(&self, source: Option<&SourceId>) -> StoreResult<Vec<Document>>;
    /// See [`Recent::tell`](crate::Recent::tell).
    fn document_changes(&self, since: Option<&str>, most: usize) -> StoreResult<Changes<Document, DocumentId>>;
    fn document(&self, id: &DocumentId) -> StoreResult<Document>;
    fn document_by_path(&self, path: &str) -> StoreResult<Option<Document>>;
    /// Those that [`Narrowing::lets_through`], at most so many, in any order.
    fn document_ids(&self, narrowing: &Narrowing, most: usize) -> StoreResult<Vec<DocumentId>>;
    /// How many documents of each source are in each state.
    fn document_counts(&self) -> StoreResult<Vec<(SourceId, DocumentState, u32)>>;
    /// Inserts or replaces rows, in one transaction; their chunks stay.
    fn put_documents(&self, documents: &[Document]) -> StoreResult<()>;
    fn put_document(&self, document: &Document) -> StoreResult<()> {
        self.put_documents(std::slice::from_ref(document))
    }
    /// Removes documents with their chunks, in one transaction.
    fn remove_documents(&self, ids: &[DocumentId]) -> StoreResult<()>;
    /// Replaces rows and all chunks of them, in one transaction.
    fn put_documents_with_chunks(&self, documents: &[(Document, Vec<Chunk>)]) -> StoreResult<()>;
    fn put_document_with_chunks(&self, document: &Document, chunks: &[Chunk]) -> StoreResult<()> {
        self.put_documents_with_chunks(&[(document.clone(), chunks.to_vec())])
    }
    /// Every chunk with its document, in any order.
    fn chunk_ids(&self) -> StoreResult<Vec<(DocumentId, ChunkId)>>;
    /// In order of `ordinal`.
    fn chunks(&self, document: &DocumentId) -> StoreResult<Vec<Chunk>>;
    /// Those of the given ids that exist, in any order.
    fn chunks_by_id(&self, ids: &[ChunkId]) -> StoreResult<Vec<Chunk>>;
    /// Sees to it that no file holds anything of rows that were removed, and gives their space back. Cheap when there is none.
    fn erase_removed(&self) -> StoreResult<()> {
        Ok(())
    }
}

pub trait TaskStore: Send + Sync {
    /// All that are not deleted, done ones included.
    fn tasks(&self) -> StoreResult<Vec<Task>>;
    /// See [`Recent::tell`](crate::Recent::tell).
    fn task_changes(&self, since: Option<&str>, most: usize) -> StoreResult<Changes<Task, TaskId>>;
    fn task(&self, id: &TaskId) -> StoreResult<Task>;
    /// The tasks that are parts of this one and not deleted, done ones included; not the parts of those.
    fn parts(&self, id: &TaskId) -> StoreResult<Vec<Task>>;
    /// Inserts or replaces tasks, removes their scheduled (not yet shown) reminders and puts these of them, in one transaction.
    fn put_tasks(&self, tasks: &[(Task, Vec<Reminder>)]) -> StoreResult<()>;
    /// The same for one task.
    fn put_task(&self, task: &Task, reminders: &[Reminder]) -> StoreResult<()> {
        self.put_tasks(&[(task.clone(), reminders.to_vec())])
    }
    /// Deletes a task with its parts and theirs; `None` brings it back with those that were deleted with it. One transaction.
    fn set_task_deleted(&self, id: &TaskId, deleted_at: Option<Timestamp>) -> StoreResult<()>;
    /// Reminders of tasks that are neither done nor deleted, in the given states, by time.
    fn open_reminders(&self) -> StoreResult<Vec<Reminder>>;
    /// Inserts or replaces; a second row for the same (task, at) is refused silently and `false` returned.
    fn put_reminder(&self, reminder: &Reminder) -> StoreResult<bool>;
    fn reminder(&self, id: &ReminderId) -> StoreResult<Reminder>;
}

pub trait SettingsStore: Send + Sync {
    fn settings(&self) -> StoreResult<Settings>;
    fn put_settings(&self, settings: &Settings) -> StoreResult<()>;
}

pub trait ModelStore: Send + Sync {
    fn models(&self) -> StoreResult<Vec<ModelSpec>>;
    fn put_model(&self, model: &ModelSpec) -> StoreResult<()>;
    fn remove_model(&self, id: &ModelId) -> StoreResult<()>;
}
