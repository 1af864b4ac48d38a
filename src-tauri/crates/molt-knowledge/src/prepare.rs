//! One file, from its bytes to what has to change in the index.

use std::{
    collections::HashSet,
    io::{self, Read},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use molt_core::{
    Chunk, ChunkId, Document, DocumentId, DocumentState, ExtractError, ExtractedDocument, IndexChunk, Secret,
};
use tokio::time::Instant;

use crate::{
    chunk,
    drive::PATIENCE,
    embed::{embed, lacks_vectors},
    library::{Library, RemoveError, password_name},
    scan::away,
};

/// What one document changes. Nothing has been written yet.
pub(crate) struct Prepared {
    pub document: Document,
    /// All chunks of the document as they are now.
    chunks: Vec<Chunk>,
    add: Vec<IndexChunk>,
    remove: Vec<ChunkId>,
}

impl Prepared {
    /// Chunks that it adds or removes.
    pub fn len(&self) -> usize {
        self.add.len() + self.remove.len()
    }
}

/// Reads a document and finds what has to change. None when there is nothing left to do for it.
pub(crate) async fn prepare(library: &Library, id: &DocumentId) -> Option<Prepared> {
    let prepared = try_prepare(library, id).await.unwrap_or_else(|error| {
        tracing::error!(%error, document = %id, "a document could not be prepared");
        None
    });
    match &prepared {
        Some(prepared) if lacks_vectors(&prepared.document) => {}
        None if library.parts().documents.document(id).is_ok() => library.unembedded().later(id, Instant::now()),
        _ => library.unembedded().forget(id),
    }
    prepared
}

async fn try_prepare(library: &Library, id: &DocumentId) -> Result<Option<Prepared>, RemoveError> {
    let parts = library.parts();
    let Ok(mut document) = parts.documents.document(id) else { return Ok(None) };
    // It waits until the drive answers and the source is listed.
    if library.drives().is_silent(&document.source_id) {
        return Ok(None);
    }
    library.set_current(&document.name);
    // Before it is read, so that a change meanwhile is later than this.
    let now = parts.clock.now();

    let path = PathBuf::from(&document.path);
    let mut reading = tokio::task::spawn_blocking(move || fingerprint(&path));
    let read = loop {
        match tokio::time::timeout(PATIENCE, &mut reading).await {
            Ok(read) => break read,
            Err(_elapsed) => {
                let source = parts.documents.sources()?.into_iter().find(|source| source.id == document.source_id);
                let Some(source) = source else { return Ok(None) };
                if !library.answers(&source).await {
                    return Ok(None);
                }
            }
        }
    };
    let fingerprint = match read {
        Ok(Ok(fingerprint)) => fingerprint,
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => {
            let source = parts.documents.sources()?.into_iter().find(|source| source.id == document.source_id);
            if source.is_some_and(|source| away(&source).is_some()) {
                return Ok(None);
            }
            // It may only have been moved since it was listed.
            library.miss(&document);
            return Ok(None);
        }
        Ok(Err(error)) => {
            return failed(library, document, DocumentState::Failed, format!("The file cannot be opened: {error}."))
                .await
                .map(Some);
        }
        Err(error) => {
            return failed(library, document, DocumentState::Failed, format!("The file cannot be read: {error}."))
                .await
                .map(Some);
        }
    };
    (document.size, document.modified_at) = (fingerprint.size, fingerprint.modified_at);

    let indexed = library.held(id).await?;
    let lacks_vectors = lacks_vectors(&document) && library.embedder().is_some();
    if document.content_hash == fingerprint.hash {
        let chunks = parts.documents.chunks(id)?;
        if !chunks.is_empty() && chunks.len() == indexed.len() && chunks.iter().all(|chunk| indexed.contains(&chunk.id))
        {
            document.state = DocumentState::Indexed;
            document.indexed_at = Some(now);
            return Ok(Some(Prepared { document, chunks, add: Vec::new(), remove: Vec::new() }));
        }
    }
    document.content_hash = fingerprint.hash;

    let password = parts.secrets.secret(&password_name(id))?;
    let extracted = match extract(library, Path::new(&document.path), password.as_ref()).await {
        Ok(extracted) => extracted,
        Err(error) => {
            let (state, reason) = match (&error, &password) {
                (ExtractError::PasswordNeeded, Some(_)) => {
                    (DocumentState::PasswordNeeded, "The password does not open this file.".to_owned())
                }
                (ExtractError::PasswordNeeded, None) => (DocumentState::PasswordNeeded, sentence(&error.to_string())),
                _ => (DocumentState::Failed, sentence(&error.to_string())),
            };
            return failed(library, document, state, reason).await.map(Some);
        }
    };
    let chunks = chunk::chunk(id, &extracted);
    if chunks.is_empty() {
        let reason = match extracted.pages {
            Some(_) => "No text was found in it; perhaps it is a scan.",
            None => "It is empty.",
        };
        return failed(library, document, DocumentState::NoText, reason.to_owned()).await.map(Some);
    }
    document.kind = extracted.kind;
    document.pages = extracted.pages;
    document.reader = Some(extracted.reader);
    document.chunks = chunks.len() as u32;
    document.state = DocumentState::Indexed;
    document.reason = None;
    document.indexed_at = Some(now);

    let current: HashSet<&ChunkId> = chunks.iter().map(|chunk| &chunk.id).collect();
    let remove = indexed.iter().filter(|id| !current.contains(id)).cloned().collect();
    // Which of its chunks have a vector nobody knows: all of them are put in place of those that are there.
    let new: Vec<&Chunk> = chunks.iter().filter(|chunk| lacks_vectors || !indexed.contains(&chunk.id)).collect();
    let texts: Vec<String> = new.iter().map(|chunk| chunk::index_text(&chunk.text, &chunk.position.headings)).collect();
    let vectors = match embed(library, id, &texts).await {
        Ok(vectors) => vectors,
        // The one that was chosen instead reads it soon.
        Err(_) if library.is_renewing() => vec![None; texts.len()],
        Err(error) => {
            document.reason =
                Some(format!("Found by its words only: the embedding model failed ({error}). It is tried again."));
            document.content_hash.clear();
            vec![None; texts.len()]
        }
    };
    let add = (new.into_iter().zip(texts).zip(vectors))
        .map(|((chunk, text), vector)| IndexChunk {
            id: chunk.id.clone(),
            document_id: id.clone(),
            source_id: document.source_id.clone(),
            text,
            vector,
        })
        .collect();
    Ok(Some(Prepared { document, chunks, add, remove }))
}

/// A document without text any more: what the index still holds of it has to go.
async fn failed(
    library: &Library,
    document: Document,
    state: DocumentState,
    reason: String,
) -> Result<Prepared, RemoveError> {
    let remove = library.held(&document.id).await?.into_iter().collect();
    let document = Document { state, reason: Some(reason), chunks: 0, indexed_at: None, ..document };
    Ok(Prepared { document, chunks: Vec::new(), add: Vec::new(), remove })
}

/// Writes a batch: the index first, then the catalogue. After a crash between the two, the documents are still unfinished in the
/// catalogue and the diff against the index finds nothing left to add.
pub(crate) async fn commit(library: &Library, batch: Vec<Prepared>) -> Result<(), RemoveError> {
    let (mut add, mut remove) = (Vec::new(), Vec::new());
    let mut rows = Vec::with_capacity(batch.len());
    for prepared in batch {
        // Removed by the user while it was read.
        if library.parts().documents.document(&prepared.document.id).is_err() {
            continue;
        }
        add.extend(prepared.add);
        remove.extend(prepared.remove);
        rows.push((prepared.document, prepared.chunks));
    }
    if !add.is_empty() || !remove.is_empty() {
        library.change_index(add, remove).await?;
    }
    Ok(library.parts().documents.put_documents_with_chunks(&rows)?)
}

/// A reader that failed is asked once more: it may have been killed from outside.
async fn extract(library: &Library, path: &Path, password: Option<&Secret>) -> Result<ExtractedDocument, ExtractError> {
    let password = password.map(Secret::expose);
    match library.parts().extractor.extract(path, password).await {
        Err(ExtractError::Unreadable(reason)) => {
            tracing::info!(path = %path.display(), %reason, "reading a file once more");
            library.parts().extractor.extract(path, password).await
        }
        other => other,
    }
}

pub(crate) struct Fingerprint {
    size: u64,
    modified_at: Timestamp,
    /// BLAKE3, hex.
    pub hash: String,
}

/// Size and time are taken before the content is read: a change meanwhile is then seen by the next scan.
pub(crate) fn fingerprint(path: &Path) -> io::Result<Fingerprint> {
    let mut file = std::fs::File::open(path)?;
    let metadata = file.metadata()?;
    let modified_at = Timestamp::try_from(metadata.modified()?).unwrap_or(Timestamp::UNIX_EPOCH);
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            read => hasher.update(&buffer[..read]),
        };
    }
    Ok(Fingerprint { size: metadata.len(), modified_at, hash: hasher.finalize().to_hex().to_string() })
}

/// Capital first, full stop last.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first: String = characters.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    let text = format!("{first}{}", characters.as_str());
    if text.ends_with(['.', '。', '!', '?']) { text } else { format!("{text}.") }
}
