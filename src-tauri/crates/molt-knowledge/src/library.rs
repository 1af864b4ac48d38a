//! The library: its sources and its queue of files to read.

// Size: sources, queue and status share their state.

mod run;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use molt_core::{
    ChunkId, Clock, Document, DocumentId, DocumentKind, DocumentState, DocumentStore, Engine, Extractor, IndexError,
    LibraryRules, ModelId, PassageIndex, Secret, SecretStore, Source, SourceId, StoreError, StoreResult, WatchEvent,
    Watcher,
};
use tokio::{sync::Notify, sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    drive::{Drives, PATIENCE},
    embed::{Unembedded, take_up},
    pace::{Pace, Progress},
    prepare::{Prepared, commit, prepare},
    renew::Renewal,
    rerank::Reranker,
    tend::{Tended, Tending},
};

/// A file that was missed is looked for again after this long.
pub(crate) const SECOND_LOOK: Duration = Duration::from_millis(700);

/// Documents whose files were not there, and since when.
pub(crate) type Missed = HashMap<SourceId, HashMap<DocumentId, Instant>>;

/// The name under which a document's password is kept.
pub(crate) fn password_name(document: &DocumentId) -> String {
    format!("document-password:{document}")
}

/// What the library is made of.
pub struct LibraryParts {
    pub documents: Arc<dyn DocumentStore>,
    pub extractor: Arc<dyn Extractor>,
    pub watcher: Arc<dyn Watcher>,
    pub engine: Arc<dyn Engine>,
    /// Passwords of documents.
    pub secrets: Arc<dyn SecretStore>,
    pub clock: Arc<dyn Clock>,
    /// The kind of a file that can be read, by its name.
    pub kind_of: fn(&Path) -> Option<DocumentKind>,
    /// Called after every change, from any thread; must return at once.
    pub on_change: Arc<dyn Fn(LibraryChange) + Send + Sync>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LibraryChange {
    Sources,
    Documents,
    /// The index of another embedder has taken the place of the one before, whose embedder is not asked any more.
    Embedder,
    /// The index is damaged. Another is wanted, see [`Library::renew`].
    Damaged,
}

#[derive(Debug, thiserror::Error)]
pub enum AddError {
    #[error("there is nothing at {0}")]
    Missing(String),
    #[error("{0} cannot be opened: {1}")]
    Unreadable(String, String),
    #[error("{0} is not a kind of file that can be read yet; documents, web pages, mail, text and source code are")]
    Unsupported(String),
    #[error("{0} is already in the library")]
    Known(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Counts for the status line.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LibraryStatus {
    pub indexed: u32,
    pub pending: u32,
    pub failed: u32,
    pub paused: bool,
    /// Nothing is read until the computer does not run on its battery any more.
    pub on_battery: bool,
    /// Name of the file that is being read now.
    pub current: Option<String>,
    /// Why nothing moves, in one plain sentence.
    pub problem: Option<String>,
    /// Why documents are found by their words only that should be found by meaning too, in one plain sentence.
    pub unembedded: Option<String>,
    pub words_only: bool,
    /// While something is left to be read.
    pub progress: Option<Progress>,
    /// What was removed is being erased from the files of the index.
    pub erasing: bool,
    /// How much of the library the embedder that was chosen has read, from 0 to 1, while the one before goes on serving.
    pub renewal: Option<f32>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct SourceStatus {
    pub source: Source,
    pub documents: u32,
    pub indexed: u32,
    pub pending: u32,
    pub failed: u32,
    pub problem: Option<String>,
}

/// Cheap to clone; all clones are one library.
#[derive(Clone)]
pub struct Library {
    inner: Arc<Inner>,
}

struct Inner {
    parts: LibraryParts,
    serving: RwLock<Serving>,
    reranker: Mutex<Reranker>,
    /// The index of the embedder that was chosen, until it holds everything.
    renewal: Mutex<Option<Renewal>>,
    /// The index that serves was found damaged.
    damaged: AtomicBool,
    /// Indexes that were replaced, until nobody reads them.
    retired: Mutex<Vec<Arc<dyn PassageIndex>>>,
    queue: Mutex<Queue>,
    wake: Notify,
    paused: AtomicBool,
    on_battery: AtomicBool,
    current: Mutex<Option<String>>,
    problem: Mutex<Option<String>>,
    source_problems: Mutex<HashMap<SourceId, String>>,
    unembedded: Mutex<Unembedded>,
    pace: Mutex<Pace>,
    /// What the index holds of a document where that is not what the catalogue says; nothing where that is not known. Asking the index
    /// means looking at every row.
    held: Mutex<HashMap<DocumentId, Option<HashSet<ChunkId>>>>,
    /// Documents whose files the last look at their source did not find.
    missed: Mutex<Missed>,
    /// Told when a reader missed a file.
    missing: Notify,
    drives: Arc<Drives>,
    tending: Mutex<Tending>,
    /// Only one batch or one source-wide change touches the index at a time.
    writing: tokio::sync::Mutex<()>,
    /// Only one comparison with the disk at a time: two would both find a new file and give it two rows.
    scanning: tokio::sync::Mutex<()>,
}

/// What answers searches.
struct Serving {
    index: Arc<dyn PassageIndex>,
    embedder: Option<ModelId>,
}

#[derive(Default)]
struct Queue {
    order: VecDeque<DocumentId>,
    members: HashSet<DocumentId>,
    /// Taken from the queue and not yet written.
    reading: HashSet<DocumentId>,
}

impl Library {
    pub fn new(parts: LibraryParts, index: Arc<dyn PassageIndex>, embedder: Option<ModelId>, paused: bool) -> Self {
        Self {
            inner: Arc::new(Inner {
                parts,
                serving: RwLock::new(Serving { index, embedder }),
                reranker: Mutex::default(),
                renewal: Mutex::default(),
                damaged: AtomicBool::new(false),
                retired: Mutex::default(),
                queue: Mutex::default(),
                wake: Notify::new(),
                paused: AtomicBool::new(paused),
                on_battery: AtomicBool::new(false),
                current: Mutex::default(),
                problem: Mutex::default(),
                source_problems: Mutex::default(),
                unembedded: Mutex::default(),
                pace: Mutex::default(),
                held: Mutex::default(),
                missed: Mutex::default(),
                missing: Notify::new(),
                drives: Drives::new(PATIENCE),
                tending: Mutex::default(),
                writing: tokio::sync::Mutex::default(),
                scanning: tokio::sync::Mutex::default(),
            }),
        }
    }

    pub(crate) fn parts(&self) -> &LibraryParts {
        &self.inner.parts
    }

    pub(crate) fn index(&self) -> Arc<dyn PassageIndex> {
        self.inner.serving.read().unwrap_or_else(PoisonError::into_inner).index.clone()
    }

    /// The embedder of the index that serves.
    pub fn embedder(&self) -> Option<ModelId> {
        self.inner.serving.read().unwrap_or_else(PoisonError::into_inner).embedder.clone()
    }

    pub(crate) fn reranker(&self) -> MutexGuard<'_, Reranker> {
        lock(&self.inner.reranker)
    }

    /// From here on another index serves. Called by whoever holds `writing`.
    pub(crate) fn serve(&self, index: Arc<dyn PassageIndex>, embedder: Option<ModelId>) {
        let serving = Serving { index, embedder };
        let before =
            std::mem::replace(&mut *self.inner.serving.write().unwrap_or_else(PoisonError::into_inner), serving);
        self.inner.damaged.store(false, Ordering::Relaxed);
        self.retired().push(before.index);
        // What the other did not hold of a document says nothing about this one.
        lock(&self.inner.held).values_mut().for_each(|held| *held = None);
    }

    /// Whether the index that serves was found damaged.
    pub fn is_damaged(&self) -> bool {
        self.inner.damaged.load(Ordering::Relaxed)
    }

    pub(crate) fn set_damaged(&self) {
        self.inner.damaged.store(true, Ordering::Relaxed);
    }

    pub(crate) fn renewal(&self) -> MutexGuard<'_, Option<Renewal>> {
        lock(&self.inner.renewal)
    }

    pub(crate) fn retired(&self) -> MutexGuard<'_, Vec<Arc<dyn PassageIndex>>> {
        lock(&self.inner.retired)
    }

    pub(crate) fn set_problem(&self, problem: Option<String>) {
        *lock(&self.inner.problem) = problem;
        self.changed(LibraryChange::Documents);
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.inner.paused.load(Ordering::Relaxed)
    }

    pub(crate) fn unembedded(&self) -> MutexGuard<'_, Unembedded> {
        lock(&self.inner.unembedded)
    }

    pub(crate) fn missed(&self) -> MutexGuard<'_, Missed> {
        lock(&self.inner.missed)
    }

    /// A document whose file is not there; it is looked for once more before it is forgotten.
    pub(crate) fn miss(&self, document: &Document) {
        let mut missed = self.missed();
        let of_source = missed.entry(document.source_id.clone()).or_default();
        of_source.entry(document.id.clone()).or_insert_with(Instant::now);
        drop(missed);
        self.inner.missing.notify_one();
    }

    pub(crate) fn drives(&self) -> &Arc<Drives> {
        &self.inner.drives
    }

    /// Whether the drive of a source answers, with whatever. If it does not now, the source is listed when it does.
    pub(crate) async fn answers(&self, source: &Source) -> bool {
        let (inner, id, path) = (Arc::downgrade(&self.inner), source.id.clone(), PathBuf::from(&source.path));
        let late = move || {
            let Some(inner) = inner.upgrade() else { return };
            lock(&inner.missed).entry(id).or_default();
            inner.missing.notify_one();
        };
        self.inner.drives.answers(&source.id, move || drop(path.metadata()), late).await
    }

    pub(crate) async fn scanning(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.inner.scanning.lock().await
    }

    pub(crate) async fn writing(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.inner.writing.lock().await
    }

    pub(crate) fn tending(&self) -> MutexGuard<'_, Tending> {
        lock(&self.inner.tending)
    }

    pub(crate) fn wake(&self) {
        self.inner.wake.notify_one();
    }

    pub(crate) fn changed(&self, change: LibraryChange) {
        (self.inner.parts.on_change)(change);
    }

    // Sources ---------------------------------------------------------------------------------------------------------

    /// Adds a folder or a file. The files below it are found and read in the background.
    pub fn add(&self, path: &Path) -> Result<Source, AddError> {
        let shown = path.display().to_string();
        let path = path.canonicalize().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => AddError::Missing(shown.clone()),
            _ => AddError::Unreadable(shown.clone(), error.to_string()),
        })?;
        let is_folder = path.is_dir();
        if is_folder {
            std::fs::read_dir(&path).map_err(|error| AddError::Unreadable(shown.clone(), error.to_string()))?;
        } else if (self.inner.parts.kind_of)(&path).is_none() {
            return Err(AddError::Unsupported(shown));
        }
        let covered =
            |source: &Source| path == Path::new(&source.path) || (source.is_folder && path.starts_with(&source.path));
        if self.inner.parts.documents.sources()?.iter().any(covered) {
            return Err(AddError::Known(shown));
        }
        let source = Source {
            id: SourceId::random(),
            path: path.to_string_lossy().into_owned(),
            is_folder,
            added_at: self.inner.parts.clock.now(),
        };
        self.inner.parts.documents.put_source(&source)?;
        self.changed(LibraryChange::Sources);
        self.watch(&source);
        Ok(source)
    }

    fn watch(&self, source: &Source) {
        if let Err(problem) = self.inner.parts.watcher.watch(Path::new(&source.path)) {
            self.set_source_problem(&source.id, Some(problem));
        }
    }

    /// What is left out from now on. What the library holds of it goes, and what is let in again comes, when the sources are listed. The
    /// sentence says what is wrong with the rules.
    pub fn set_rules(&self, rules: &LibraryRules) -> Result<(), String> {
        self.inner.parts.watcher.set_rules(rules)
    }

    /// Forgets a source and everything read from it. Nothing of it is found when this returns; soon no file holds anything of it either. The
    /// user's files are not touched.
    pub async fn remove(&self, id: &SourceId) -> Result<(), RemoveError> {
        let source = self
            .inner
            .parts
            .documents
            .sources()?
            .into_iter()
            .find(|source| &source.id == id)
            .ok_or(StoreError::NotFound("folder"))?;
        self.inner.parts.watcher.unwatch(Path::new(&source.path));
        let writing = self.inner.writing.lock().await;
        let documents = self.inner.parts.documents.remove_source(id)?;
        // Should this fail or the program end here, `take_stock` removes the rest at the next start.
        self.remove_from_index(&documents).await?;
        self.forget_passwords(&documents)?;
        documents.iter().for_each(|id| self.unembedded().forget(id));
        drop(writing);
        self.erase_soon();
        self.set_source_problem(id, None);
        self.changed(LibraryChange::Sources);
        Ok(())
    }

    pub fn sources(&self) -> StoreResult<Vec<SourceStatus>> {
        let counts = self.inner.parts.documents.document_counts()?;
        let status = |source: Source| {
            let mut status = SourceStatus {
                problem: lock(&self.inner.source_problems).get(&source.id).cloned(),
                source,
                documents: 0,
                indexed: 0,
                pending: 0,
                failed: 0,
            };
            for (_, state, count) in counts.iter().filter(|(id, _, _)| *id == status.source.id) {
                status.documents += count;
                *count_of(*state, &mut status.indexed, &mut status.pending, &mut status.failed) += count;
            }
            status
        };
        Ok(self.inner.parts.documents.sources()?.into_iter().map(status).collect())
    }

    pub(crate) fn set_source_problem(&self, id: &SourceId, problem: Option<String>) {
        let mut problems = lock(&self.inner.source_problems);
        let before = match problem.clone() {
            Some(problem) => problems.insert(id.clone(), problem),
            None => problems.remove(id),
        };
        drop(problems);
        if before != problem {
            self.changed(LibraryChange::Sources);
        }
    }

    // Control ---------------------------------------------------------------------------------------------------------

    pub fn status(&self) -> StoreResult<LibraryStatus> {
        let mut status = LibraryStatus {
            paused: self.is_paused(),
            on_battery: self.inner.on_battery.load(Ordering::Relaxed),
            current: lock(&self.inner.current).clone(),
            problem: lock(&self.inner.problem).clone(),
            unembedded: self.unembedded().problem(),
            words_only: self.embedder().is_none(),
            erasing: self.is_erasing(),
            renewal: self.renewal().as_ref().map(Renewal::progress),
            ..LibraryStatus::default()
        };
        for (_, state, count) in self.inner.parts.documents.document_counts()? {
            *count_of(state, &mut status.indexed, &mut status.pending, &mut status.failed) += count;
        }
        status.progress = (status.pending > 0).then(|| lock(&self.inner.pace).progress(status.pending));
        Ok(status)
    }

    /// Chunks that can be searched.
    pub async fn chunks(&self) -> Result<u64, IndexError> {
        self.index().count().await
    }

    pub fn set_paused(&self, paused: bool) {
        self.inner.paused.store(paused, Ordering::Relaxed);
        self.inner.wake.notify_one();
        self.changed(LibraryChange::Documents);
    }

    /// Whether it rests because the computer runs on its battery.
    pub fn set_on_battery(&self, on_battery: bool) {
        if self.inner.on_battery.swap(on_battery, Ordering::Relaxed) != on_battery {
            self.inner.wake.notify_one();
            self.changed(LibraryChange::Documents);
        }
    }

    /// Reads a document again from scratch.
    pub async fn retry(&self, id: &DocumentId) -> Result<(), RemoveError> {
        let mut document = self.inner.parts.documents.document(id)?;
        let _writing = self.inner.writing.lock().await;
        self.remove_from_index(std::slice::from_ref(id)).await?;
        document.state = DocumentState::Waiting;
        document.reason = None;
        document.content_hash.clear();
        self.inner.parts.documents.put_document(&document)?;
        lock(&self.inner.held).insert(id.clone(), Some(HashSet::new()));
        self.enqueue_first([id.clone()]);
        Ok(())
    }

    /// Keeps the password of a document, and reads it with that.
    pub async fn unlock(&self, id: &DocumentId, password: &Secret) -> Result<(), RemoveError> {
        self.inner.parts.documents.document(id)?;
        self.inner.parts.secrets.put_secret(&password_name(id), password)?;
        self.retry(id).await
    }

    pub(crate) fn forget_passwords(&self, documents: &[DocumentId]) -> StoreResult<()> {
        let names: Vec<String> = documents.iter().map(password_name).collect();
        self.inner.parts.secrets.remove_secrets(&names)
    }

    pub(crate) fn enqueue(&self, ids: impl IntoIterator<Item = DocumentId>) {
        let mut queue = lock(&self.inner.queue);
        for id in ids {
            if queue.members.insert(id.clone()) {
                queue.order.push_back(id);
            }
        }
        drop(queue);
        self.inner.wake.notify_one();
        self.changed(LibraryChange::Documents);
    }

    /// What the user has just edited goes before bulk work.
    pub(crate) fn enqueue_first(&self, ids: impl IntoIterator<Item = DocumentId>) {
        let ids: Vec<DocumentId> = ids.into_iter().collect();
        let mut queue = lock(&self.inner.queue);
        let again: HashSet<&DocumentId> = ids.iter().filter(|id| queue.members.contains(*id)).collect();
        if !again.is_empty() {
            queue.order.retain(|member| !again.contains(member));
        }
        for id in &ids {
            queue.members.insert(id.clone());
            queue.order.push_front(id.clone());
        }
        drop(queue);
        self.inner.wake.notify_one();
        self.changed(LibraryChange::Documents);
    }

    /// Nothing is read at the moment.
    pub(crate) fn is_resting(&self) -> bool {
        self.is_paused() || self.inner.on_battery.load(Ordering::Relaxed)
    }

    fn next(&self) -> Option<DocumentId> {
        if self.is_resting() {
            return None;
        }
        let mut queue = lock(&self.inner.queue);
        let id = queue.order.pop_front()?;
        queue.members.remove(&id);
        queue.reading.insert(id.clone());
        drop(queue);
        lock(&self.inner.pace).begin(Instant::now());
        Some(id)
    }

    /// Those that are read or written now.
    pub fn reading(&self) -> Vec<DocumentId> {
        lock(&self.inner.queue).reading.iter().cloned().collect()
    }

    /// It is read or written now.
    pub fn is_reading(&self, id: &DocumentId) -> bool {
        lock(&self.inner.queue).reading.contains(id)
    }

    /// It waits in the queue, or is read or written now.
    pub(crate) fn is_being_read(&self, id: &DocumentId) -> bool {
        let queue = lock(&self.inner.queue);
        queue.reading.contains(id) || queue.members.contains(id)
    }
}

/// The index or the catalogue refused.
#[derive(Debug, thiserror::Error)]
pub enum RemoveError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Index(#[from] IndexError),
}

pub(crate) fn by_document(chunks: Vec<(DocumentId, ChunkId)>) -> HashMap<DocumentId, HashSet<ChunkId>> {
    let mut documents: HashMap<DocumentId, HashSet<ChunkId>> = HashMap::new();
    for (document, chunk) in chunks {
        documents.entry(document).or_default().insert(chunk);
    }
    documents
}

fn count_of<'a>(state: DocumentState, indexed: &'a mut u32, pending: &'a mut u32, failed: &'a mut u32) -> &'a mut u32 {
    match state {
        DocumentState::Indexed => indexed,
        DocumentState::Waiting | DocumentState::Indexing => pending,
        DocumentState::NoText | DocumentState::PasswordNeeded | DocumentState::Failed => failed,
    }
}

/// Ends at that time; never without one.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
