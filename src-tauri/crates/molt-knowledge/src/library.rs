//! The library: its sources, its queue of files to read, and the loop that works it off.

// Size: the queue and the loop that works it off share their state.

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
};

/// Chunks after which a batch is committed: large enough to amortise the fsync of a commit, small enough to show progress.
const BATCH_CHUNKS: usize = 256;
/// A batch is committed when its first file is this old, so that an edit is searchable soon.
const BATCH_AGE: Duration = Duration::from_millis(800);
/// The same with many files waiting: fewer commits take less work, and a file that is edited meanwhile is still found within 3 s.
const BULK_AGE: Duration = Duration::from_millis(2_000);
const MANY_WAITING: usize = 64;
/// Commits after which the index is maintained in the middle of bulk work: each one makes the next a little slower.
const COMMITS: u32 = 32;
/// A file that was missed is looked for again after this long.
pub(crate) const SECOND_LOOK: Duration = Duration::from_millis(700);
/// The index is maintained after this long without work.
const IDLE: Duration = Duration::from_secs(10);
/// Pause after the index refused a batch (a full disk), before the next try.
const RETRY: Duration = Duration::from_secs(20);

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
    index: RwLock<Arc<dyn PassageIndex>>,
    embedder: RwLock<Option<ModelId>>,
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
    /// Only one batch or one source-wide change touches the index at a time.
    writing: tokio::sync::Mutex<()>,
    /// Only one comparison with the disk at a time: two would both find a new file and give it two rows.
    scanning: tokio::sync::Mutex<()>,
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
                index: RwLock::new(index),
                embedder: RwLock::new(embedder),
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
                writing: tokio::sync::Mutex::default(),
                scanning: tokio::sync::Mutex::default(),
            }),
        }
    }

    pub(crate) fn parts(&self) -> &LibraryParts {
        &self.inner.parts
    }

    pub(crate) fn index(&self) -> Arc<dyn PassageIndex> {
        self.inner.index.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn embedder(&self) -> Option<ModelId> {
        self.inner.embedder.read().unwrap_or_else(PoisonError::into_inner).clone()
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

    /// Forgets a source and everything read from it. The user's files are not touched.
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
        self.index().remove_documents(&documents).await?;
        self.forget_passwords(&documents)?;
        documents.iter().for_each(|id| self.unembedded().forget(id));
        drop(writing);
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
        self.index().remove_documents(std::slice::from_ref(id)).await?;
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

    /// Goes on with another index and embedder. Everything that the new index does not hold is read again.
    pub async fn set_index(&self, index: Arc<dyn PassageIndex>, embedder: Option<ModelId>) -> Result<(), RemoveError> {
        let _writing = self.inner.writing.lock().await;
        *self.inner.index.write().unwrap_or_else(PoisonError::into_inner) = index;
        *self.inner.embedder.write().unwrap_or_else(PoisonError::into_inner) = embedder;
        self.take_stock().await
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

    fn is_paused(&self) -> bool {
        self.inner.paused.load(Ordering::Relaxed)
    }

    /// Nothing is read at the moment.
    fn is_resting(&self) -> bool {
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

    /// It is read or written now.
    pub fn is_reading(&self, id: &DocumentId) -> bool {
        lock(&self.inner.queue).reading.contains(id)
    }

    /// It waits in the queue, or is read or written now.
    pub(crate) fn is_being_read(&self, id: &DocumentId) -> bool {
        let queue = lock(&self.inner.queue);
        queue.reading.contains(id) || queue.members.contains(id)
    }

    // Loops -----------------------------------------------------------------------------------------------------------

    /// Brings index, catalogue and disk into step, then follows changes until cancelled.
    pub async fn run(&self, mut events: mpsc::Receiver<WatchEvent>, cancel: CancellationToken) {
        if let Err(error) = self.take_stock().await {
            tracing::error!(%error, "the index could not be brought into step");
        }
        let following = cancel.run_until_cancelled(async {
            for source in self.inner.parts.documents.sources().unwrap_or_default() {
                self.watch(&source);
                self.scan(&source, &[]).await;
            }
            loop {
                let watched = async {
                    if self.missed().is_empty() {
                        tokio::select! {
                            event = events.recv() => return Ok(event),
                            () = self.inner.missing.notified() => {}
                        }
                    }
                    tokio::time::timeout(SECOND_LOOK, events.recv()).await
                };
                match watched.await {
                    Ok(Some(event)) => self.follow(event).await,
                    Ok(None) => break,
                    Err(_) => self.look_again().await,
                }
            }
        });
        tokio::join!(following, self.work(&cancel));
    }

    /// Compares the index with the catalogue. Where they differ (after a crash, or because the index was restored, lost or is another one)
    /// the document is read again; what the catalogue does not know is forgotten.
    async fn take_stock(&self) -> Result<(), RemoveError> {
        let (index, catalogue) = (self.index(), &self.inner.parts.documents);
        let mut is = by_document(index.contents().await?);
        let mut should = by_document(catalogue.chunk_ids()?);
        let (mut queued, mut doubted, mut held) = (Vec::new(), Vec::new(), HashMap::new());
        let documents = catalogue.documents(None)?;
        // Perhaps it is another embedder.
        self.unembedded().clear();
        take_up(self, &documents);
        for mut document in documents {
            let id = document.id.clone();
            let (is, should) = (is.remove(&id).unwrap_or_default(), should.remove(&id).unwrap_or_default());
            let differs = is != should;
            if differs || matches!(document.state, DocumentState::Waiting | DocumentState::Indexing) {
                queued.push(id.clone());
            }
            if differs {
                held.insert(id, Some(is));
                document.state = DocumentState::Waiting;
                doubted.push(document);
            }
        }
        let forgotten: Vec<DocumentId> = is.into_keys().collect();
        if !forgotten.is_empty() {
            index.remove_documents(&forgotten).await?;
        }
        catalogue.put_documents(&doubted)?;
        *lock(&self.inner.held) = held;
        self.enqueue(queued);
        Ok(())
    }

    /// The chunks of a document that the index holds.
    pub(crate) async fn held(&self, id: &DocumentId) -> Result<HashSet<ChunkId>, RemoveError> {
        let held = lock(&self.inner.held).get(id).cloned();
        Ok(match held {
            Some(Some(held)) => held,
            Some(None) => self.index().chunk_ids(id).await?.into_iter().collect(),
            None => self.inner.parts.documents.chunks(id)?.into_iter().map(|chunk| chunk.id).collect(),
        })
    }

    /// After a batch index and catalogue agree about its documents, unless it failed or one was to be read anew meanwhile.
    pub(crate) fn note_held(&self, ids: &[DocumentId], written: bool) {
        let queue = lock(&self.inner.queue);
        let mut held = lock(&self.inner.held);
        for id in ids {
            let differed = held.remove(id).is_some();
            if !written || (differed && queue.members.contains(id)) {
                held.insert(id.clone(), None);
            }
        }
    }

    /// Looks for the files that were missed once.
    async fn look_again(&self) {
        let missed: Vec<SourceId> = self.missed().keys().cloned().collect();
        let sources = self.inner.parts.documents.sources().unwrap_or_default();
        // Of a source that was removed nothing is missed.
        self.missed().retain(|id, _| sources.iter().any(|source| source.id == *id));
        for source in sources.iter().filter(|source| missed.contains(&source.id)) {
            self.scan(source, &[]).await;
        }
    }

    async fn follow(&self, event: WatchEvent) {
        let sources = match self.inner.parts.documents.sources() {
            Ok(sources) => sources,
            Err(error) => {
                tracing::error!(%error, "a change could not be followed");
                return;
            }
        };
        let touches = |source: &Source, path: &PathBuf| {
            path.starts_with(&source.path) || Path::new(&source.path).starts_with(path)
        };
        match event {
            WatchEvent::Changed(paths) => {
                for source in sources.iter().filter(|source| paths.iter().any(|path| touches(source, path))) {
                    self.scan(source, &paths).await;
                }
            }
            WatchEvent::Rescan(path) => {
                for source in sources.iter().filter(|source| touches(source, &path)) {
                    self.scan(source, &[]).await;
                }
            }
            WatchEvent::Problem(path, problem) => {
                for source in sources.iter().filter(|source| touches(source, &path)) {
                    self.set_source_problem(&source.id, Some(problem.clone()));
                }
            }
        }
    }

    /// Scans a source at once; used after `add`.
    pub async fn scan_now(&self, source: &Source) {
        self.scan(source, &[]).await;
    }

    /// Reads what is queued until cancelled; what is being written is written to its end.
    async fn work(&self, cancel: &CancellationToken) {
        // The run before may have ended in the middle of its work.
        let mut maintained = false;
        let (mut unkept, mut commits) = (0, 0);
        loop {
            let mut batch: Vec<Prepared> = Vec::new();
            let mut since = Instant::now();
            while let Some(id) = self.next() {
                // Changed again since it was read: what is to be removed shows only after the first text is written.
                if batch.iter().any(|prepared| prepared.document.id == id) {
                    unkept += batch.iter().map(Prepared::len).sum::<usize>();
                    commits += 1;
                    self.commit_or_wait(std::mem::take(&mut batch), cancel).await;
                    lock(&self.inner.queue).reading.insert(id.clone());
                }
                if batch.is_empty() {
                    since = Instant::now();
                }
                match cancel.run_until_cancelled(prepare(self, &id)).await {
                    Some(Some(prepared)) => batch.push(prepared),
                    Some(None) => self.was_read(&[id]),
                    None => return,
                }
                let chunks: usize = batch.iter().map(Prepared::len).sum();
                let age = if lock(&self.inner.queue).order.len() >= MANY_WAITING { BULK_AGE } else { BATCH_AGE };
                if chunks >= BATCH_CHUNKS || since.elapsed() >= age {
                    unkept += chunks;
                    commits += 1;
                    self.commit_or_wait(std::mem::take(&mut batch), cancel).await;
                    if commits >= COMMITS {
                        self.maintain().await;
                        (unkept, commits) = (0, 0);
                    }
                }
                maintained = false;
            }
            unkept += batch.iter().map(Prepared::len).sum::<usize>();
            self.commit_or_wait(batch, cancel).await;
            *lock(&self.inner.current) = None;
            if self.is_resting() {
                lock(&self.inner.pace).wait();
            } else {
                lock(&self.inner.pace).end();
            }
            self.changed(LibraryChange::Documents);
            // Much that is new slows searching down: it is not left to an idle time that may not come.
            if unkept >= BATCH_CHUNKS {
                self.maintain().await;
                (maintained, unkept, commits) = (true, 0, 0);
            }
            if self.enqueue_unembedded() {
                continue;
            }
            let next = if self.is_resting() { None } else { self.unembedded().next() };
            let idle = (!maintained).then(|| Instant::now() + IDLE);
            let waited = async {
                tokio::select! {
                    () = self.inner.wake.notified() => false,
                    () = at(next) => false,
                    () = at(idle) => true,
                }
            };
            match cancel.run_until_cancelled(waited).await {
                None => return,
                Some(false) => {}
                Some(true) => {
                    self.maintain().await;
                    (maintained, unkept, commits) = (true, 0, 0);
                }
            }
        }
    }

    /// Queues the documents that are to be embedded now; false when there are none.
    fn enqueue_unembedded(&self) -> bool {
        if self.is_resting() {
            return false;
        }
        let mut due = self.unembedded().due(Instant::now());
        due.retain(|id| !self.is_being_read(id));
        let some = !due.is_empty();
        if some {
            self.enqueue(due);
        }
        some
    }

    async fn maintain(&self) {
        let _writing = self.inner.writing.lock().await;
        if let Err(error) = self.index().maintain().await {
            tracing::warn!(%error, "the index could not be maintained");
        }
    }

    async fn commit_or_wait(&self, batch: Vec<Prepared>, cancel: &CancellationToken) {
        if batch.is_empty() {
            return;
        }
        let ids: Vec<DocumentId> = batch.iter().map(|prepared| prepared.document.id.clone()).collect();
        let bytes = batch.iter().map(|prepared| prepared.document.size).sum();
        let written = {
            let _writing = self.inner.writing.lock().await;
            let written = commit(self, batch).await;
            self.note_held(&ids, written.is_ok());
            written
        };
        self.was_read(&ids);
        match written {
            Ok(()) => {
                *lock(&self.inner.problem) = None;
                lock(&self.inner.pace).read(ids.len() as u32, bytes, Instant::now());
            }
            Err(error) => {
                tracing::error!(%error, "a batch could not be written");
                *lock(&self.inner.problem) = Some(error.to_string());
                self.enqueue(ids);
                cancel.run_until_cancelled(tokio::time::sleep(RETRY)).await;
            }
        }
        self.changed(LibraryChange::Documents);
    }

    fn was_read(&self, ids: &[DocumentId]) {
        let mut queue = lock(&self.inner.queue);
        for id in ids {
            queue.reading.remove(id);
        }
    }

    pub(crate) fn set_current(&self, name: &str) {
        *lock(&self.inner.current) = Some(name.to_owned());
        self.changed(LibraryChange::Documents);
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

fn by_document(chunks: Vec<(DocumentId, ChunkId)>) -> HashMap<DocumentId, HashSet<ChunkId>> {
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
