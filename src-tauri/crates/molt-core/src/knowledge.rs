//! Sources, documents, chunks and passages.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{ChunkId, DocumentId, SourceId};

/// A folder that is watched, or a single file, that the user added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Source {
    pub id: SourceId,
    /// Absolute path.
    pub path: String,
    pub is_folder: bool,
    #[ts(type = "string")]
    pub added_at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum DocumentKind {
    Pdf,
    Markdown,
    Text,
    /// Text of a word processor (Office Open XML).
    Docx,
    /// Slides (Office Open XML).
    Pptx,
    /// Sheets (Office Open XML).
    Xlsx,
    /// Text, sheets and slides of OpenDocument.
    Odf,
    Epub,
    Html,
    /// Rows of values, whatever separates them.
    Csv,
    /// One value, one for each line, or a notebook.
    Json,
    /// A message as mail programs keep it.
    Eml,
    /// Source code.
    Code,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum DocumentState {
    Waiting,
    Indexing,
    Indexed,
    /// It was read but holds no text (a scan, an empty file).
    NoText,
    PasswordNeeded,
    Failed,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Document {
    pub id: DocumentId,
    pub source_id: SourceId,
    /// Absolute path.
    pub path: String,
    pub name: String,
    pub kind: DocumentKind,
    /// Bytes.
    #[ts(type = "number")]
    pub size: u64,
    #[ts(type = "string")]
    pub modified_at: Timestamp,
    /// BLAKE3 of the content, hex; empty until it was read once with all that belongs to it.
    pub content_hash: String,
    pub state: DocumentState,
    /// One plain sentence when the state is not `Indexed`, or when it is found by its words only.
    pub reason: Option<String>,
    pub chunks: u32,
    pub pages: Option<u32>,
    /// The reader that gave the text, for example `pdf-extract`.
    pub reader: Option<String>,
    #[ts(type = "string | null")]
    pub indexed_at: Option<Timestamp>,
}

/// Why something in a folder of the library is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum SkipReason {
    /// Files of this type cannot be read.
    Type,
    /// It is larger than files of the library may be.
    Large,
    /// A pattern of the settings, or of a `.gitignore` or `.ignore` file, matches it.
    Rule,
    Hidden,
    /// Programs made it and can make it again.
    BuildProduct,
    /// Programs make it while they work.
    Temporary,
    /// It points elsewhere.
    Link,
}

/// A file that is not read, or a folder of which nothing is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct SkippedFile {
    /// Absolute path.
    pub path: String,
    pub is_folder: bool,
    pub reason: SkipReason,
}

/// Where a piece of text stands in its document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Position {
    /// From 1; only for paged formats. The number of a slide or a sheet where the format has those.
    pub page: Option<u32>,
    /// The headings above, outermost first.
    pub headings: Vec<String>,
    /// First line, from 1, in text formats.
    pub line: Option<u32>,
    /// Byte offsets into the document's extracted text (UTF-8), half open.
    #[ts(type = "number")]
    pub start: u64,
    #[ts(type = "number")]
    pub end: u64,
}

/// A paragraph-sized piece of text as the extractor gives it, in reading order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Block {
    pub text: String,
    pub page: Option<u32>,
    /// The headings above, outermost first; a heading's own block carries itself as the last.
    pub headings: Vec<String>,
    pub line: Option<u32>,
    pub is_heading: bool,
}

/// The whole text of one document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExtractedDocument {
    pub kind: DocumentKind,
    pub title: Option<String>,
    pub blocks: Vec<Block>,
    pub pages: Option<u32>,
    /// The reader that gave the text.
    pub reader: String,
}

/// The unit that is embedded, searched and cited.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chunk {
    pub id: ChunkId,
    pub document_id: DocumentId,
    /// Position in the document's list of chunks, from 0.
    pub ordinal: u32,
    pub text: String,
    pub position: Position,
}

/// What a search compares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum SearchBy {
    /// Words and, where there is an embedder, meaning.
    #[default]
    Both,
    Words,
    Meaning,
}

/// A chunk found for a query, ready to be shown or put into a prompt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Passage {
    pub chunk_id: ChunkId,
    pub document_id: DocumentId,
    pub source_id: SourceId,
    pub document_name: String,
    pub path: String,
    pub text: String,
    pub position: Position,
    /// Fused score; only its order means anything.
    pub score: f32,
    /// Spans of `text` that match words of the query, in UTF-16 code units (what a web view counts in), half open, ascending.
    pub highlights: Vec<(u32, u32)>,
}
