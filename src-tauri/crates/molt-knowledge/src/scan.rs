//! Compares what is on the disk with the catalogue and queues the difference.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
};

use molt_core::{Document, DocumentId, DocumentState, Source, StoreResult};

use crate::library::{Library, LibraryChange, RemoveError};

/// What differs between the disk and the catalogue.
struct Difference {
    changed: Vec<(PathBuf, DocumentId)>,
    gone: Vec<DocumentId>,
    problem: Option<String>,
}

impl Library {
    /// Lists a source and queues what is new or changed; forgets what is gone. Files at `edited` go first.
    pub(crate) async fn scan(&self, source: &Source, edited: &[PathBuf]) {
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
        if let Err(error) = self.forget(difference.gone).await {
            // What could not be removed now is removed by the next scan or at the next start.
            tracing::error!(%error, "removed files could not be forgotten");
        }
        let (first, rest): (Vec<_>, Vec<_>) =
            difference.changed.into_iter().partition(|(path, _)| edited.contains(path));
        self.enqueue(rest.into_iter().map(|(_, id)| id));
        self.enqueue_first(first.into_iter().map(|(_, id)| id));
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
        if let Err(error) = root.metadata() {
            // A drive that is not mounted must not cost the index: nothing is forgotten while the folder itself is away.
            if source.is_folder
                || error.kind() != std::io::ErrorKind::NotFound
                || !root.parent().is_some_and(Path::exists)
            {
                let problem = format!("{} cannot be reached: {error}", source.path);
                return Ok(Difference { changed: Vec::new(), gone: Vec::new(), problem: Some(problem) });
            }
        }
        let (files, problems) = parts.watcher.list(root);
        let mut changed = Vec::new();
        let mut seen = HashSet::new();
        for file in files {
            let Some(kind) = (parts.kind_of)(&file.path) else { continue };
            let path = file.path.to_string_lossy().into_owned();
            if !seen.insert(path.clone()) {
                continue;
            }
            let document = match known.remove(&path) {
                Some(document) if document.size == file.size && document.modified_at == file.modified_at => {
                    // One that is being read now is not read again for that.
                    if matches!(document.state, DocumentState::Waiting | DocumentState::Indexing)
                        && !self.is_being_read(&document.id)
                    {
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
            parts.documents.put_document(&document)?;
            changed.push((file.path, document.id));
        }
        let gone = known.into_values().map(|document| document.id).collect();
        Ok(Difference { changed, gone, problem: summary(&problems) })
    }

    /// Removes documents from the index, then from the catalogue: after a crash between the two, the next scan finds them again.
    pub(crate) async fn forget(&self, ids: Vec<DocumentId>) -> Result<(), RemoveError> {
        if ids.is_empty() {
            return Ok(());
        }
        {
            let _writing = self.writing().await;
            self.index().remove_documents(&ids).await?;
            for id in &ids {
                self.parts().documents.remove_document(id)?;
            }
        }
        self.changed(LibraryChange::Documents);
        Ok(())
    }
}

fn summary(problems: &[String]) -> Option<String> {
    match problems {
        [] => None,
        [only] => Some(only.clone()),
        [first, rest @ ..] => Some(format!("{first} (and {} more places)", rest.len())),
    }
}
