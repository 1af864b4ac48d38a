//! The library over real files, with an index, a catalogue and an embedder in memory.

// Helpers of tests fail on the spot as tests do.
#![allow(clippy::unwrap_used)]

mod changes;
mod chunk_ids;
mod embed;
mod lister;
mod mend;
mod original;
mod renew;
mod rerank;
mod search;
mod tend;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use jiff::{Timestamp, tz::TimeZone};
use molt_core::*;
use molt_knowledge::{AddError, Library, LibraryChange, LibraryParts};
use molt_testkit::{ManualClock, MemoryIndex, MemoryStore, ScriptedEngine, text_document};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::lister::Lister;

/// Reads files as text; those named `locked…` need the password `open`, `broken…` fail, `slow…` take half a second.
struct FileReader(Mutex<Vec<PathBuf>>);

#[async_trait]
impl Extractor for FileReader {
    async fn extract(&self, path: &Path, password: Option<&str>) -> Result<ExtractedDocument, ExtractError> {
        self.0.lock().unwrap().push(path.to_owned());
        let name = path.file_name().unwrap().to_string_lossy();
        if name.starts_with("locked") && password != Some("open") {
            return Err(ExtractError::PasswordNeeded);
        } else if name.starts_with("broken") {
            return Err(ExtractError::Unreadable("the file is damaged".into()));
        } else if name.starts_with("slow") {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        let text = std::fs::read_to_string(path).map_err(|error| ExtractError::Unreadable(error.to_string()))?;
        let kind = if name.ends_with(".md") { DocumentKind::Markdown } else { DocumentKind::Text };
        Ok(text_document(kind, &text))
    }
}

struct World {
    folder: tempfile::TempDir,
    store: Arc<MemoryStore>,
    index: Arc<MemoryIndex>,
    reader: Arc<FileReader>,
    engine: ScriptedEngine,
    clock: Arc<ManualClock>,
    library: Library,
    events: mpsc::Sender<WatchEvent>,
    changes: watch::Receiver<u64>,
    cancel: CancellationToken,
}

impl World {
    fn new(embedder: bool) -> Self {
        let store = Arc::new(MemoryStore::new());
        Self::over(tempfile::tempdir().unwrap(), store, Arc::new(MemoryIndex::new()), embedder)
    }

    fn over(folder: tempfile::TempDir, store: Arc<MemoryStore>, index: Arc<MemoryIndex>, embedder: bool) -> Self {
        let reader = Arc::new(FileReader(Mutex::default()));
        let engine = ScriptedEngine::new();
        let (changed, changes) = watch::channel(0);
        // It stands still: whatever happens to a file is later than its reading.
        let clock = Arc::new(ManualClock::new(Timestamp::now(), TimeZone::UTC));
        let parts = LibraryParts {
            documents: store.clone(),
            extractor: reader.clone(),
            watcher: Arc::new(Lister),
            engine: Arc::new(engine.clone()),
            secrets: store.clone(),
            clock: clock.clone(),
            kind_of: |path| match path.extension()?.to_str()? {
                "txt" => Some(DocumentKind::Text),
                "md" => Some(DocumentKind::Markdown),
                _ => None,
            },
            on_change: Arc::new(move |_: LibraryChange| changed.send_modify(|count| *count += 1)),
        };
        let library = Library::new(parts, index.clone(), embedder.then(|| ModelId::from("embedder")), false);
        let (events, receiver) = mpsc::channel(16);
        let cancel = CancellationToken::new();
        tokio::spawn({
            let (library, cancel) = (library.clone(), cancel.clone());
            async move { library.run(receiver, cancel).await }
        });
        Self { folder, store, index, reader, engine, clock, library, events, changes, cancel }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        // A new name each time, so that the modification time differs even on a coarse clock.
        std::fs::write(&path, text).unwrap();
        path
    }

    async fn add(&self) -> Source {
        // Not before the library has begun to follow events: it would list the folder once more.
        self.events.send(WatchEvent::Rescan("/nowhere".into())).await.unwrap();
        while self.events.capacity() < self.events.max_capacity() {
            tokio::task::yield_now().await;
        }
        let source = self.library.add(self.folder.path()).unwrap();
        self.library.scan_now(&source).await;
        source
    }

    /// Waits until the condition holds; fails after ten seconds.
    async fn until(&mut self, what: &str, condition: impl Fn(&Self) -> bool) {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        while !condition(self) {
            let changed = tokio::time::timeout_at(deadline, self.changes.changed()).await;
            assert!(changed.is_ok(), "waited in vain until {what}: {:?}", self.store.documents(None));
        }
    }

    async fn until_quiet(&mut self) {
        self.until("nothing is pending", |world| {
            let documents = world.store.documents(None).unwrap();
            !documents.is_empty()
                && documents.iter().all(|d| !matches!(d.state, DocumentState::Waiting | DocumentState::Indexing))
        })
        .await;
    }

    fn document(&self, name: &str) -> Document {
        self.store.document_by_path(self.path(name).to_str().unwrap()).unwrap().unwrap()
    }

    async fn found(&self, query: &str) -> Vec<String> {
        let found = self.library.find(query, &IndexFilter::default(), 10).await.unwrap();
        found.passages.into_iter().map(|passage| passage.document_name).collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

#[tokio::test]
async fn a_folder_becomes_searchable_and_follows_its_files() {
    let mut world = World::new(true);
    world.engine.load(&molt_testkit::sample::model("embedder", ModelRole::Embedder)).await.unwrap();
    world.write("a.txt", "# Lyra\n\nThe budget of Lyra is 412,000 EUR.");
    world.write("b.txt", "会议定于星期三。");
    world.write("c.bin", "not text");
    world.add().await;
    world.until_quiet().await;
    assert_eq!(world.store.documents(None).unwrap().len(), 2);
    assert_eq!(world.found("budget Lyra").await[0], "a.txt");

    // An edit: only new text is embedded, the old text is gone.
    let embedded = world.engine.embedded();
    let path = world.write("a.txt", "# Lyra\n\nThe budget of Lyra is now 500,000 EUR, by decision of the board.");
    world.events.send(WatchEvent::Changed(vec![path.clone()])).await.unwrap();
    world.until("the edit is found", |w| w.index.chunks().iter().any(|chunk| chunk.text.contains("500,000"))).await;
    world.until_quiet().await;
    assert!(!world.index.chunks().iter().any(|chunk| chunk.text.contains("412,000")));
    assert_eq!(world.engine.embedded(), embedded + 1, "one new chunk");

    std::fs::remove_file(&path).unwrap();
    world.events.send(WatchEvent::Changed(vec![path])).await.unwrap();
    world.until("the file is forgotten", |w| w.store.documents(None).unwrap().len() == 1).await;
    assert!(!world.index.chunks().iter().any(|chunk| chunk.text.contains("Lyra")));
}

#[tokio::test]
async fn an_unchanged_file_is_not_read_again() {
    let mut world = World::new(false);
    world.write("a.txt", "text");
    let source = world.add().await;
    world.until_quiet().await;
    world.library.scan_now(&source).await;
    world.until_quiet().await;
    assert_eq!(world.reader.0.lock().unwrap().len(), 1);
}

#[cfg(unix)]
#[tokio::test]
async fn another_file_of_the_same_size_and_time_is_noticed() {
    let mut world = World::new(false);
    let (one, two) = (world.write("one.txt", "text one"), world.write("two.txt", "text two"));
    let time = one.metadata().unwrap().modified().unwrap();
    std::fs::File::options().write(true).open(&two).unwrap().set_modified(time).unwrap();
    let source = world.add().await;
    world.until_quiet().await;
    let aside = world.path("aside.bin");
    for (from, to) in [(&one, &aside), (&two, &one), (&aside, &two)] {
        std::fs::rename(from, to).unwrap();
    }
    world.library.scan_now(&source).await;
    let holds = |world: &World, name: &str, text: &str| {
        let id = world.document(name).id;
        world.index.chunks().iter().any(|chunk| chunk.document_id == id && chunk.text == text)
    };
    world
        .until("the texts have changed places", |w| holds(w, "one.txt", "text two") && holds(w, "two.txt", "text one"))
        .await;
}

#[tokio::test]
async fn a_file_that_changes_again_within_a_batch_leaves_nothing_of_its_first_text() {
    let mut world = World::new(false);
    let path = world.write("a.txt", "first text");
    world.write("slow.txt", "takes its time");
    world.add().await;
    while !world.reader.0.lock().unwrap().iter().any(|read| read.ends_with("slow.txt")) {
        tokio::task::yield_now().await;
    }
    world.write("a.txt", "second and longer text");
    world.events.send(WatchEvent::Changed(vec![path])).await.unwrap();
    world
        .until("the second text is found", |w| w.index.chunks().iter().any(|chunk| chunk.text.contains("second")))
        .await;
    world.until_quiet().await;
    assert_eq!(world.index.chunks().len(), 2, "{:?}", world.index.chunks());
}

#[tokio::test]
async fn what_cannot_be_read_says_why_and_the_rest_goes_on() {
    let mut world = World::new(false);
    for (name, text) in
        [("locked.txt", "x"), ("broken.txt", "x"), ("empty.txt", " \n"), ("good.txt", "The answer is 42.")]
    {
        world.write(name, text);
    }
    world.add().await;
    world.until_quiet().await;
    assert_eq!(world.document("locked.txt").state, DocumentState::PasswordNeeded);
    assert_eq!(world.document("empty.txt").state, DocumentState::NoText);
    let broken = world.document("broken.txt");
    assert_eq!((broken.state, broken.reason.as_deref()), (DocumentState::Failed, Some("The file is damaged.")));
    assert_eq!(world.document("good.txt").state, DocumentState::Indexed);
    let status = world.library.status().unwrap();
    assert_eq!((status.indexed, status.failed, status.words_only), (1, 3, true));
}

#[tokio::test]
async fn a_password_opens_a_document_now_and_later_until_it_is_forgotten() {
    let mut world = World::new(false);
    world.write("locked.txt", "The answer is 42.");
    let source = world.add().await;
    world.until_quiet().await;
    let id = world.document("locked.txt").id;
    let state = |world: &World| (world.document("locked.txt").state, world.document("locked.txt").reason);
    world.library.unlock(&id, &Secret::new("wrong")).await.unwrap();
    world.until_quiet().await;
    let refused = Some("The password does not open this file.".to_owned());
    assert_eq!(state(&world), (DocumentState::PasswordNeeded, refused));
    world.library.unlock(&id, &Secret::new("open")).await.unwrap();
    world.until_quiet().await;
    assert_eq!(state(&world), (DocumentState::Indexed, None));
    assert_eq!(world.found("answer").await, ["locked.txt"]);
    world.write("locked.txt", "It is a longer one today.");
    world.library.scan_now(&source).await;
    world.until_quiet().await;
    assert_eq!(world.found("longer").await, ["locked.txt"]);
    let name = format!("document-password:{id}");
    assert!(world.store.secret(&name).unwrap().is_some());
    world.library.remove(&source.id).await.unwrap();
    assert_eq!(world.store.secret(&name).unwrap(), None);
    assert!(world.library.unlock(&id, &Secret::new("open")).await.is_err(), "it is gone");
    assert_eq!(world.store.secret(&name).unwrap(), None);
}

#[tokio::test]
async fn the_index_is_rebuilt_from_the_files_when_it_is_lost() {
    let mut world = World::new(true);
    world.write("a.txt", "Saturn has rings.");
    world.add().await;
    world.until_quiet().await;
    world.cancel.cancel();

    let folder = std::mem::replace(&mut world.folder, tempfile::tempdir().unwrap());
    let mut world = World::over(folder, world.store.clone(), Arc::new(MemoryIndex::new()), true);
    world.until("it is indexed again", |w| w.index.chunks().len() == 1).await;
    world.until_quiet().await;
    assert_eq!(world.found("rings of Saturn").await, ["a.txt"]);
}

#[tokio::test]
async fn at_the_start_the_index_forgets_what_the_catalogue_does_not_know() {
    let index = Arc::new(MemoryIndex::new());
    let orphan = IndexChunk {
        id: "c".into(),
        document_id: "gone".into(),
        source_id: "s".into(),
        text: "orphan".into(),
        vector: None,
    };
    index.apply(vec![orphan], Vec::new()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.txt"), "text").unwrap();
    let mut world = World::over(folder, Arc::new(MemoryStore::new()), index, false);
    world.add().await;
    world.until_quiet().await;
    assert!(world.index.chunks().iter().all(|chunk| chunk.text != "orphan"));
}

#[tokio::test]
async fn at_the_start_what_the_index_lost_is_read_again_and_nothing_else() {
    let mut world = World::new(true);
    world.engine.load(&molt_testkit::sample::model("embedder", ModelRole::Embedder)).await.unwrap();
    for (name, text) in [("a.txt", "Saturn has rings."), ("b.txt", "Mars is red."), ("c.txt", "Venus is hot.")] {
        world.write(name, text);
    }
    world.add().await;
    world.until_quiet().await;
    world.cancel.cancel();

    // As after a step back: one chunk is missing, another document has one that it had long ago.
    let (lost, aged) = (world.document("a.txt").id, world.document("b.txt").id);
    let lost = world.index.chunk_ids(&lost).await.unwrap();
    let old = IndexChunk {
        id: "old".into(),
        document_id: aged.clone(),
        source_id: world.document("b.txt").source_id,
        text: "Mars is blue.".into(),
        vector: None,
    };
    world.index.apply(vec![old], lost).await.unwrap();
    let folder = std::mem::replace(&mut world.folder, tempfile::tempdir().unwrap());
    let mut world = World::over(folder, world.store.clone(), world.index.clone(), true);
    world.engine.load(&molt_testkit::sample::model("embedder", ModelRole::Embedder)).await.unwrap();
    world.until("it is indexed again", |w| w.index.chunks().len() == 3).await;
    world.until("the old text is gone", |w| !w.index.chunks().iter().any(|c| c.text.contains("blue"))).await;
    world.until_quiet().await;
    assert_eq!(world.engine.embedded(), 1, "only the lost chunk");
    assert_eq!(world.reader.0.lock().unwrap().len(), 2, "two documents were in doubt");
    assert_eq!(world.found("rings of Saturn").await[0], "a.txt");
}

#[tokio::test]
async fn a_moved_file_keeps_its_chunks() {
    let mut world = World::new(true);
    world.engine.load(&molt_testkit::sample::model("embedder", ModelRole::Embedder)).await.unwrap();
    std::fs::create_dir(world.path("old")).unwrap();
    for (name, text) in
        [("old/a.txt", "Saturn has rings."), ("old/b.txt", "Neptune has rings."), ("c.txt", "Mars is red.")]
    {
        world.write(name, text);
    }
    world.add().await;
    world.until_quiet().await;
    let ids = ["old/a.txt", "old/b.txt", "c.txt"].map(|name| world.document(name).id);
    let (embedded, read) = (world.engine.embedded(), world.reader.0.lock().unwrap().len());

    std::fs::rename(world.path("old"), world.path("new")).unwrap();
    std::fs::rename(world.path("c.txt"), world.path("d.txt")).unwrap();
    // Another file takes the place of one that was moved.
    world.write("c.txt", "Pluto is far.");
    world.events.send(WatchEvent::Rescan(world.path(""))).await.unwrap();
    world.until("the new file is found", |w| w.index.chunks().iter().any(|c| c.text.contains("Pluto"))).await;
    world.until_quiet().await;
    assert_eq!(["new/a.txt", "new/b.txt", "c.txt"].map(|name| world.document(name).id), ids);
    assert_ne!(world.document("d.txt").id, ids[2]);
    assert_eq!(world.store.documents(None).unwrap().len(), 4);
    assert_eq!(world.document("new/a.txt").name, "a.txt");
    assert_eq!(world.engine.embedded(), embedded + 2, "the two that are not only moved");
    assert_eq!(world.reader.0.lock().unwrap().len(), read + 2);
    assert_eq!(world.found("rings of Saturn").await[0], "a.txt");
}

#[tokio::test]
async fn a_file_that_is_missed_for_a_moment_keeps_what_was_read_of_it() {
    let mut world = World::new(false);
    let (away, elsewhere) = (world.write("a.txt", "Saturn has rings."), tempfile::tempdir().unwrap());
    world.add().await;
    world.until_quiet().await;
    let (id, read) = (world.document("a.txt").id, world.reader.0.lock().unwrap().len());
    std::fs::rename(&away, elsewhere.path().join("a.txt")).unwrap();
    world.events.send(WatchEvent::Changed(vec![away])).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let back = world.path("b.txt");
    std::fs::rename(elsewhere.path().join("a.txt"), &back).unwrap();
    // The second look finds it, without another event.
    world.until("it is found again", |w| w.store.document_by_path(back.to_str().unwrap()).unwrap().is_some()).await;
    assert_eq!(world.document("b.txt").id, id);
    assert_eq!((world.index.chunks().len(), world.reader.0.lock().unwrap().len()), (1, read));
}

#[tokio::test]
async fn a_file_that_goes_before_it_is_read_is_looked_for_without_another_event() {
    let mut world = World::new(false);
    let path = world.write("a.txt", "Saturn has rings.");
    world.add().await;
    world.until_quiet().await;
    world.library.set_paused(true);
    world.library.retry(&world.document("a.txt").id).await.unwrap();
    let back = world.path("b.txt");
    std::fs::rename(&path, &back).unwrap();
    world.library.set_paused(false);
    world
        .until("only the other is known", |w| {
            let documents = w.store.documents(None).unwrap();
            documents.len() == 1 && documents[0].name == "b.txt" && documents[0].state == DocumentState::Indexed
        })
        .await;
    assert_eq!(world.index.chunks().len(), 1);
}

#[tokio::test]
async fn on_its_battery_the_computer_reads_nothing_and_goes_on_afterwards() {
    let mut world = World::new(false);
    world.write("a.txt", "Saturn has rings.");
    world.library.set_on_battery(true);
    world.add().await;
    world.until("it is known", |w| w.library.status().unwrap().pending == 1).await;
    let status = world.library.status().unwrap();
    assert!(status.on_battery && !status.paused);
    assert_eq!((status.indexed, world.reader.0.lock().unwrap().len()), (0, 0));
    world.library.set_on_battery(false);
    world.until("it is read", |w| w.library.status().unwrap().indexed == 1).await;
    assert!(!world.library.status().unwrap().on_battery);
}

#[tokio::test]
async fn adding_says_what_is_wrong_and_removing_forgets() {
    let mut world = World::new(false);
    let file = world.write("a.txt", "text");
    assert!(matches!(world.library.add(Path::new("/no/such/place")), Err(AddError::Missing(_))));
    assert!(matches!(world.library.add(&world.write("x.bin", "")), Err(AddError::Unsupported(_))));
    let source = world.add().await;
    assert!(matches!(world.library.add(&file), Err(AddError::Known(_))));
    world.until_quiet().await;
    world.library.remove(&source.id).await.unwrap();
    assert!(world.index.chunks().is_empty());
    assert!(world.store.documents(None).unwrap().is_empty());
    assert!(file.exists(), "the user's file stays");
}

#[tokio::test]
async fn a_folder_that_is_away_costs_nothing() {
    let mut world = World::new(false);
    let folder = world.path("drive");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("a.txt"), "kept").unwrap();
    let source = world.library.add(&folder).unwrap();
    world.library.scan_now(&source).await;
    world.until_quiet().await;
    std::fs::rename(&folder, world.path("unmounted")).unwrap();
    world.library.scan_now(&source).await;
    assert_eq!(world.index.chunks().len(), 1);
    assert!(world.library.sources().unwrap()[0].problem.is_some());
    std::fs::rename(world.path("unmounted"), &folder).unwrap();
    world.library.scan_now(&source).await;
    assert_eq!(world.library.sources().unwrap()[0].problem, None);
}
