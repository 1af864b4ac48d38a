//! The knowledge base: a changed file becomes chunks, chunks become searchable, a question becomes passages.
//!
//! Owns the queue of files to read, the diff that keeps unchanged text untouched, and the fusion of words and meaning. It must not know
//! LanceDB, a file watcher's library or any document format: these stand behind the ports of `molt-core`.

mod chunk;
mod drive;
mod embed;
mod highlight;
mod library;
mod mend;
mod original;
mod pace;
mod prepare;
mod query;
mod renew;
mod rerank;
mod scan;
mod search;
mod tend;

pub use chunk::{chunk, document_text};
pub use highlight::highlights;
pub use library::{AddError, Library, LibraryChange, LibraryParts, LibraryStatus, RemoveError, SourceStatus};
pub use original::OriginalError;
pub use pace::Progress;
