//! Compares what is on the disk with the catalogue and queues the difference.

use std::{
    collections::{HashMap, HashSet},
    io,
    path::{Path, PathBuf},
};

use jiff::{SignedDuration, Timestamp};
use molt_core::{Document, DocumentId, DocumentState, SkippedFile, Source, SourceId, StoreError, StoreResult};
use tokio::time::Instant;

use crate::{
    library::{Library, LibraryChange, RemoveError, SECOND_LOOK},
    prepare::fingerprint,
};

/// Systems note times in steps of up to this.
const TICK: SignedDuration = SignedDuration::from_millis(20);
/// Rows written at once: few enough that others need not wait long for the catalogue.
const ROWS: usize = 500;

/// What differs between the disk and the catalogue.
struct Difference {
    changed: Vec<(PathBuf, DocumentId)>,
    gone: Vec<DocumentId>,
    problem: Option<String>,
}

impl Library {
    /// Lists a source and queues what is new or changed; forgets what is gone. Files at `edited` go first.
    pub(crate) async fn scan(&self, source: &Source, edited: &[PathBuf]) {
        if !self.answers(source).await {
            self.missed().remove(&source.id);
            let problem = format!("the drive that {} lies on does not answer", source.path);
            return self.set_source_problem(&source.id, Some(problem));
        }
        let _scanning = self.scanning().await;
        let (library, listed) = (self.clone(), source.clone());
        let difference = match tokio::task::spawn_blocking(move || library.compare(&listed)).await {
            Ok(Ok(difference)) => difference,
            Ok(Err(error)) => {
                tracing::error!(%error, "a folder could not be listed");
                return self.set_source_problem(&source.id, Some(error.to_string()));
            }
            Err(error) => return tracing::error!(%error, "listing a folder failed"),
        };
        self.set_source_problem(&source.id, difference.problem);
        let gone = self.gone_twice(difference.gone, source);
        if let Err(error) = self.forget(gone).await {
            // What could not be removed now is removed by the next scan or at the next start.
            tracing::error!(%error, "removed files could not be forgotten");
        }
        let edited: HashSet<&Path> = edited.iter().map(PathBuf::as_path).collect();
        let (first, rest): (Vec<_>, Vec<_>) =
            difference.changed.into_iter().partition(|(path, _)| edited.contains(path.as_path()));
        self.enqueue(rest.into_iter().map(|(_, id)| id));
        self.enqueue_first(first.into_iter().map(|(_, id)| id));
    }

    /// What of a source is not read, by path, at most so much of it, and how much it is in all.
    pub async fn skipped(&self, id: &SourceId, most: usize) -> StoreResult<(Vec<SkippedFile>, usize)> {
        let source = self.parts().documents.sources()?.into_iter().find(|source| source.id == *id);
        let source = source.ok_or(StoreError::NotFound("folder"))?;
        let watcher = self.parts().watcher.clone();
        let listing = tokio::task::spawn_blocking(move || watcher.skipped(Path::new(&source.path), most));
        listing.await.map_err(|error| StoreError::Failed(error.to_string()))
    }

    fn compare(&self, source: &Source) -> StoreResult<Difference> {
        let parts = self.parts();
        let root = Path::new(&source.path);
        let mut known: HashMap<String, Document> = parts
            .documents
            .documents(Some(&source.id))?
            .into_iter()
            .map(|document| (document.path.clone(), document))
            .collect();
        if let Some(error) = away(source) {
            let problem = format!("{} cannot be reached: {error}", source.path);
            return Ok(Difference { changed: Vec::new(), gone: Vec::new(), problem: Some(problem) });
        }
        let (files, problems) = parts.watcher.list(root);
        let (mut changed, mut put, mut new) = (Vec::new(), Vec::new(), Vec::new());
        let mut seen = HashSet::new();
        for file in files {
            let Some(kind) = (parts.kind_of)(&file.path) else { continue };
            let path = file.path.to_string_lossy().into_owned();
            if !seen.insert(path.clone()) {
                continue;
            }
            let before = known.remove(&path);
            let is_new = before.is_none();
            let document = match before {
                Some(document) if document.size == file.size && document.modified_at == file.modified_at => {
                    // One that is being read now is not read again for that.
                    let unfinished = matches!(document.state, DocumentState::Waiting | DocumentState::Indexing);
                    if (unfinished || is_touched(&document, file.changed_at)) && !self.is_being_read(&document.id) {
                        changed.push((file.path, document.id));
                    }
                    continue;
                }
                Some(document) => Document { size: file.size, modified_at: file.modified_at, kind, ..document },
                None => Document {
                    id: DocumentId::random(),
                    source_id: source.id.clone(),
                    name: file
                        .path
                        .file_name()
                        .map(|name| name.to_string_lossy().into_owned())
                        .unwrap_or_else(|| path.clone()),
                    path: path.clone(),
                    kind,
                    size: file.size,
                    modified_at: file.modified_at,
                    content_hash: String::new(),
                    state: DocumentState::Waiting,
                    reason: None,
                    chunks: 0,
                    pages: None,
                    reader: None,
                    indexed_at: None,
                },
            };
            // A file may lie below two sources when a folder was added after a file in it: it stays with the first.
            if document.chunks == 0
                && parts.documents.document_by_path(&path)?.is_some_and(|other| other.id != document.id)
            {
                continue;
            }
            let document = Document { state: DocumentState::Waiting, reason: None, ..document };
            if is_new { new.push(document) } else { put.push(document) }
        }
        self.follow_moves(&mut new, &mut known);
        put.append(&mut new);
        let waiting = put.iter().filter(|document| document.state == DocumentState::Waiting);
        changed.extend(waiting.map(|document| (PathBuf::from(&document.path), document.id.clone())));
        for some in put.chunks(ROWS) {
            parts.documents.put_documents(some)?;
        }
        let gone = known.into_values().map(|document| document.id).collect();
        Ok(Difference { changed, gone, problem: summary(&problems) })
    }

    /// Those that were missed a while ago already. Files that are moved while a tree is listed may be in none of its folders;
    /// one that is missed for the first time is looked for again soon, by [`Library::run`].
    fn gone_twice(&self, gone: Vec<DocumentId>, source: &Source) -> Vec<DocumentId> {
        let mut missed = self.missed();
        let before = missed.remove(&source.id).unwrap_or_default();
        let now = Instant::now();
        let since = |id: DocumentId| (before.get(&id).copied().unwrap_or(now), id);
        let (sure, young): (Vec<_>, Vec<_>) =
            gone.into_iter().map(since).partition(|(since, _)| now.duration_since(*since) >= SECOND_LOOK);
        if !young.is_empty() {
            missed.insert(source.id.clone(), young.into_iter().map(|(since, id)| (id, since)).collect());
        }
        sure.into_iter().map(|(_, id)| id).collect()
    }

    /// Finds the files that were only moved: of the content and time of one that is gone. Their rows get the new path, and their chunks stay.
    fn follow_moves(&self, new: &mut [Document], known: &mut HashMap<String, Document>) {
        let mut gone: HashMap<_, Vec<Document>> = HashMap::new();
        for old in known.values().filter(|old| old.state == DocumentState::Indexed && !self.is_being_read(&old.id)) {
            gone.entry((old.size, old.modified_at, old.kind)).or_default().push(old.clone());
        }
        for new in new {
            let Some(candidates) = gone.get_mut(&(new.size, new.modified_at, new.kind)) else { continue };
            // Before it is read, so that a change meanwhile is later than this.
            let now = self.parts().clock.now();
            let Ok(content) = fingerprint(Path::new(&new.path)) else { continue };
            let Some(at) = candidates.iter().position(|old| old.content_hash == content.hash) else { continue };
            let old = candidates.swap_remove(at);
            known.remove(&old.path);
            *new = Document { path: new.path.clone(), name: new.name.clone(), indexed_at: Some(now), ..old };
        }
    }

    /// Removes documents from the index, then from the catalogue: after a crash between the two, the next scan finds them again.
    pub(crate) async fn forget(&self, ids: Vec<DocumentId>) -> Result<(), RemoveError> {
        if ids.is_empty() {
            return Ok(());
        }
        {
            let _writing = self.writing().await;
            self.remove_from_index(&ids).await?;
            self.parts().documents.remove_documents(&ids)?;
            self.forget_passwords(&ids)?;
            self.note_held(&ids, true);
            ids.iter().for_each(|id| self.unembedded().forget(id));
        }
        self.wake();
        self.changed(LibraryChange::Documents);
        Ok(())
    }
}

/// Why a source cannot be reached. A drive that is not mounted must not cost the index: nothing is forgotten while the folder itself is
/// away.
pub(crate) fn away(source: &Source) -> Option<io::Error> {
    let root = Path::new(&source.path);
    let is_gone = |error: &io::Error| {
        !source.is_folder && error.kind() == io::ErrorKind::NotFound && root.parent().is_some_and(Path::exists)
    };
    root.metadata().err().filter(|error| !is_gone(error))
}

/// Whether something happened to a file since it was read: another one of the same size and time may have taken its place.
fn is_touched(document: &Document, changed_at: Option<Timestamp>) -> bool {
    match (document.indexed_at, changed_at) {
        (Some(read), Some(changed)) => read.duration_since(changed) <= TICK,
        _ => false,
    }
}

fn summary(problems: &[String]) -> Option<String> {
    match problems {
        [] => None,
        [only] => Some(only.clone()),
        [first, rest @ ..] => Some(format!("{first} (and {} more places)", rest.len())),
    }
}
