//! What client and worker say to each other. One request at a time, with the content of the file behind it; any number of `Reading`,
//! then one `Done` or `Failed`.

use molt_core::{DocumentKind, ExtractedDocument};
use serde::{Deserialize, Serialize};

/// One of the two libraries that read PDF. They fail on different files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reader {
    PdfExtract,
    PdfOxide,
}

impl Reader {
    /// As it is told in `ExtractedDocument::reader`.
    pub fn name(self) -> &'static str {
        match self {
            Self::PdfExtract => "pdf-extract",
            Self::PdfOxide => "pdf_oxide",
        }
    }
}

/// "Read this document."
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Of the file, for sentences. The worker is told no path: it could not open it.
    pub name: String,
    /// Bytes that are expected to follow.
    pub size: u64,
    pub kind: DocumentKind,
    /// Tried where the empty password does not open the file.
    pub password: Option<String>,
    /// Not used for this document: it ended the worker, or ran out of time.
    pub skip: Option<Reader>,
    /// Milliseconds after which the first reader should give up by itself, so that time is left for the second.
    pub first_reader_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// This reader starts now: the one to skip if nothing more is heard.
    Reading(Reader),
    Done {
        document: ExtractedDocument,
        /// Resident bytes of the worker; 0 where it cannot tell.
        memory: u64,
        /// Whether the system keeps the worker from files, connections and other processes.
        caged: bool,
    },
    Failed(Failure),
}

/// Why the worker gives no text. The sentences are for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    PasswordNeeded,
    Unreadable(String),
    LimitReached(String),
}
