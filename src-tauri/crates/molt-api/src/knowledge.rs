//! The library and its search.

use std::path::Path;

use molt_core::{Changes, Document, DocumentState, IndexFilter, Narrowing, PAGE};
use molt_knowledge::{LibraryChange, document_text};

use crate::{
    ApiError, App, Bus, ChangesSince, ChunkView, DocumentChanges, DocumentList, DocumentRef, DocumentUnlock,
    DocumentView, Empty, ExtractPath, ExtractedText, IndexStatus, KnowledgeAdd, KnowledgeAdded, KnowledgeFound,
    KnowledgePause, KnowledgeSearch, PathProblem, SkippedList, SourceRef, SourceView, events::Burst,
};

const DEFAULT_LIMIT: u32 = 20;
const MAX_LIMIT: u32 = 200;
/// Skipped files that are listed; nobody reads more.
const MOST_SKIPPED: usize = 2_000;

impl App {
    pub async fn source_list(&self) -> Result<Vec<SourceView>, ApiError> {
        let view = |status: molt_knowledge::SourceStatus| SourceView {
            source: status.source,
            documents: status.documents,
            indexed: status.indexed,
            pending: status.pending,
            failed: status.failed,
            problem: status.problem,
        };
        Ok(self.parts().library.sources()?.into_iter().map(view).collect())
    }

    /// Adds files and folders. A path that cannot be added does not keep the others out.
    pub async fn knowledge_add(&self, request: KnowledgeAdd) -> Result<KnowledgeAdded, ApiError> {
        let mut added = KnowledgeAdded { sources: Vec::new(), problems: Vec::new() };
        for path in request.paths {
            match self.parts().library.add(Path::new(&path)) {
                Ok(source) => {
                    self.parts().library.scan_now(&source).await;
                    added.sources.push(source);
                }
                Err(error) => added.problems.push(PathProblem { message: ApiError::from(error).message, path }),
            }
        }
        self.status_changed();
        Ok(added)
    }

    /// Forgets a source and all that was read from it; the user's files stay.
    pub async fn source_remove(&self, request: SourceRef) -> Result<Empty, ApiError> {
        self.parts().library.remove(&request.id).await?;
        self.parts().bus.soon(Burst::Documents);
        Ok(Empty {})
    }

    /// Looks through the folder: what of it is not read, and why.
    pub async fn source_skipped(&self, request: SourceRef) -> Result<SkippedList, ApiError> {
        let (files, all) = self.parts().library.skipped(&request.id, MOST_SKIPPED).await?;
        let more = u32::try_from(all - files.len()).unwrap_or(u32::MAX);
        Ok(SkippedList { files, more })
    }

    pub async fn document_list(&self, request: DocumentList) -> Result<Vec<Document>, ApiError> {
        let mut documents = self.parts().documents.documents(request.source_id.as_ref())?;
        for document in &mut documents {
            if self.parts().library.is_reading(&document.id) {
                document.state = DocumentState::Indexing;
            }
        }
        Ok(documents)
    }

    /// What changed since an earlier answer. A page reads the whole list once; ten thousand documents are megabytes.
    pub async fn document_changes(&self, request: ChangesSince) -> Result<DocumentChanges, ApiError> {
        let Changes { mark, whole, more, changed, removed } =
            self.parts().documents.document_changes(request.mark.as_deref(), PAGE)?;
        Ok(DocumentChanges { mark, whole, more, changed, removed, reading: self.parts().library.reading() })
    }

    /// A document with its text, for showing a passage in its place.
    pub async fn document_get(&self, request: DocumentRef) -> Result<DocumentView, ApiError> {
        let document = self.parts().documents.document(&request.id)?;
        let chunks = self.parts().documents.chunks(&request.id)?;
        let view = |chunk: molt_core::Chunk| ChunkView { id: chunk.id, text: chunk.text, position: chunk.position };
        Ok(DocumentView { document, chunks: chunks.into_iter().map(view).collect() })
    }

    /// What is in the file of a PDF. It is bytes and no JSON, so it is no call by name.
    pub async fn document_file(&self, request: DocumentRef) -> Result<Vec<u8>, ApiError> {
        Ok(self.parts().library.original(&request.id).await?)
    }

    pub async fn document_retry(&self, request: DocumentRef) -> Result<Empty, ApiError> {
        self.parts().library.retry(&request.id).await?;
        Ok(Empty {})
    }

    /// Reads a protected document with its password, now and whenever it changes.
    pub async fn document_unlock(&self, request: DocumentUnlock) -> Result<Empty, ApiError> {
        self.parts().library.unlock(&request.id, &request.password).await?;
        Ok(Empty {})
    }

    pub async fn knowledge_search(&self, request: KnowledgeSearch) -> Result<KnowledgeFound, ApiError> {
        let limit = request.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT) as usize;
        let filter = IndexFilter { sources: request.source_id.into_iter().collect(), ..IndexFilter::default() };
        let narrowing = Narrowing { kinds: request.kinds, since: request.since, folder: request.folder };
        let found = self.parts().library.find_by(request.by, &request.query, &filter, &narrowing, limit).await?;
        Ok(KnowledgeFound { passages: found.passages, words_only: found.words_only })
    }

    pub async fn knowledge_pause(&self, request: KnowledgePause) -> Result<IndexStatus, ApiError> {
        let settings = self.parts().settings.settings()?;
        self.save_settings(molt_core::Settings { indexing_paused: request.paused, ..settings })?;
        self.parts().library.set_paused(request.paused);
        self.index_status().await
    }

    /// Reads one file without adding it to the library.
    pub async fn knowledge_extract(&self, request: ExtractPath) -> Result<ExtractedText, ApiError> {
        let extracted = self.parts().extractor.extract(Path::new(&request.path), request.password.as_deref()).await?;
        let text = document_text(&extracted);
        Ok(ExtractedText { text, pages: extracted.pages, reader: extracted.reader, title: extracted.title })
    }
}

impl Bus {
    /// Passes the library's changes on.
    pub fn library(&self, change: LibraryChange) {
        self.soon(match change {
            LibraryChange::Sources => Burst::Sources,
            LibraryChange::Documents | LibraryChange::Embedder | LibraryChange::Damaged => Burst::Documents,
        });
        self.soon(Burst::Status);
    }
}
