//! The content of a document's own file, for showing its pages as they are.
//!
//! The catalogue says what the library has, the disk what lies there now: since the file was listed, a link may have taken its place that
//! leads out of the library, or something that is no file. It must not know how pages are drawn.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use molt_core::{Document, DocumentId, DocumentKind, Source, StoreError};

use crate::library::Library;

/// Bytes. Whoever draws the pages holds all of them in memory.
const LARGEST: u64 = 64 << 20;

/// Bytes in which a PDF must say that it is one; before that, readers of PDFs step over anything.
const HEADER_WITHIN: usize = 1024;

/// The text is one sentence.
#[derive(Debug, thiserror::Error)]
pub enum OriginalError {
    #[error("{0} is not a PDF, and only PDFs are shown page by page")]
    NotPaged(String),
    #[error("the file {0} is not there any more")]
    Gone(String),
    #[error("{0} leads out of the library")]
    Outside(String),
    #[error("{0} is larger than 64 MB, which is too much for showing its pages here")]
    TooLarge(String),
    #[error("the drive with {0} does not answer")]
    Silent(String),
    #[error("{name} cannot be read: {source}")]
    Unreadable { name: String, source: io::Error },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Library {
    /// What is in the file of a PDF of the library. Passwords are not looked at: a protected file comes as it lies there.
    pub async fn original(&self, id: &DocumentId) -> Result<Vec<u8>, OriginalError> {
        let document = self.parts().documents.document(id)?;
        if document.kind != DocumentKind::Pdf {
            return Err(OriginalError::NotPaged(document.name));
        }
        let sources = self.parts().documents.sources()?;
        let Some(source) = sources.into_iter().find(|source| source.id == document.source_id) else {
            return Err(OriginalError::Outside(document.path));
        };
        if !self.answers(&source).await {
            return Err(OriginalError::Silent(document.name));
        }
        let name = document.name.clone();
        tokio::task::spawn_blocking(move || read(&document, &source))
            .await
            .unwrap_or_else(|error| Err(OriginalError::Unreadable { name, source: io::Error::other(error) }))
    }
}

fn read(document: &Document, source: &Source) -> Result<Vec<u8>, OriginalError> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => OriginalError::Gone(document.path.clone()),
        _ => OriginalError::Unreadable { name: document.name.clone(), source: error },
    };
    let path = Path::new(&document.path).canonicalize().map_err(failed)?;
    if !path.starts_with(Path::new(&source.path).canonicalize().map_err(failed)?) {
        return Err(OriginalError::Outside(document.path.clone()));
    }
    // Before it is opened: opening a pipe waits for somebody who writes to it.
    let metadata = path.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(failed(io::Error::other("it is not a file")));
    }
    let mut content = Vec::new();
    if metadata.len() <= LARGEST {
        // It may grow meanwhile.
        File::open(&path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut content)).map_err(failed)?;
    }
    if metadata.len() > LARGEST || content.len() as u64 > LARGEST {
        return Err(OriginalError::TooLarge(document.name.clone()));
    }
    let head = &content[..content.len().min(HEADER_WITHIN)];
    if !head.windows(5).any(|bytes| bytes == b"%PDF-") {
        return Err(OriginalError::NotPaged(document.name.clone()));
    }
    Ok(content)
}
