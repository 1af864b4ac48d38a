//! The loops of the library: following changes, and working its queue off.

use super::*;

/// Chunks after which a batch is committed: large enough to amortise the fsync of a commit, small enough to show progress.
const BATCH_CHUNKS: usize = 256;
/// A batch is committed when its first file is this old, so that an edit is searchable soon.
const BATCH_AGE: Duration = Duration::from_millis(800);
/// The same with many files waiting: fewer commits take less work, and a file that is edited meanwhile is still found within 3 s.
const BULK_AGE: Duration = Duration::from_millis(2_000);
const MANY_WAITING: usize = 64;
/// Commits after which the index is maintained in the middle of bulk work: each one makes the next a little slower.
const COMMITS: u32 = 32;
/// Pause after the index refused a batch (a full disk), before the next try.
const RETRY: Duration = Duration::from_secs(20);

impl Library {
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
        let mut should = by_document(catalogue.chunk_ids()?);
        let mut is = match index.contents().await {
            // The one that is built in its place is compared with the catalogue as well.
            Err(error) if error.is_damage() => {
                self.heed(&index, &error);
                should.clone()
            }
            contents => by_document(contents?),
        };
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
            Some(None) if !self.is_damaged() => self.index().chunk_ids(id).await?.into_iter().collect(),
            _ => self.inner.parts.documents.chunks(id)?.into_iter().map(|chunk| chunk.id).collect(),
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
        let mut tended: Option<Tended> = None;
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
                    if commits >= COMMITS || self.is_upkeep_urgent() {
                        tended = Some(self.maintain().await);
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
            if unkept >= BATCH_CHUNKS || self.is_upkeep_urgent() {
                tended = Some(self.maintain().await);
                (maintained, unkept, commits) = (true, 0, 0);
            }
            if self.enqueue_unembedded() {
                continue;
            }
            // After what people wait for.
            if self.renew_some(cancel).await {
                if cancel.is_cancelled() {
                    return;
                }
                continue;
            }
            maintained &= !self.is_upkeep_due() && !tended.is_some_and(Tended::failed);
            let next = if self.is_resting() { None } else { self.unembedded().next() };
            let idle = (!maintained).then(|| Instant::now() + Tended::rest(tended));
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
                    tended = Some(self.maintain().await);
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
