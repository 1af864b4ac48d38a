//! Sources, documents and chunks in memory.

use molt_core::*;

use super::{MemoryStore, State};

fn clash(what: &str, path: &str) -> StoreError {
    StoreError::Failed(format!("{path} is already in the library as another {what}"))
}

fn put_document(state: &mut State, document: &Document) -> StoreResult<()> {
    if !state.sources.iter().any(|s| s.id == document.source_id) {
        return Err(StoreError::NotFound("source"));
    }
    if state.documents.iter().any(|d| d.path == document.path && d.id != document.id) {
        return Err(clash("document", &document.path));
    }
    match state.documents.iter_mut().find(|d| d.id == document.id) {
        Some(row) => *row = document.clone(),
        None => state.documents.push(document.clone()),
    }
    Ok(())
}

fn put_with_chunks(state: &mut State, document: &Document, chunks: &[Chunk]) -> StoreResult<()> {
    for (n, chunk) in chunks.iter().enumerate() {
        let taken = state.chunks.iter().any(|c| c.id == chunk.id && c.document_id != document.id);
        if chunk.document_id != document.id || taken || chunks[..n].iter().any(|c| c.id == chunk.id) {
            return Err(StoreError::Failed(format!("the chunk {} does not belong here", chunk.id)));
        }
    }
    put_document(state, document)?;
    state.chunks.retain(|c| c.document_id != document.id);
    state.chunks.extend_from_slice(chunks);
    Ok(())
}

impl DocumentStore for MemoryStore {
    fn sources(&self) -> StoreResult<Vec<Source>> {
        let mut rows = self.read().sources.clone();
        rows.sort_by_key(|s| s.added_at);
        Ok(rows)
    }

    fn put_source(&self, source: &Source) -> StoreResult<()> {
        let mut state = self.write()?;
        if state.sources.iter().any(|s| s.path == source.path && s.id != source.id) {
            return Err(clash("source", &source.path));
        }
        match state.sources.iter_mut().find(|s| s.id == source.id) {
            Some(row) => *row = source.clone(),
            None => state.sources.push(source.clone()),
        }
        Ok(())
    }

    fn remove_source(&self, id: &SourceId) -> StoreResult<Vec<DocumentId>> {
        let mut state = self.write()?;
        let ids: Vec<_> = state.documents.iter().filter(|d| &d.source_id == id).map(|d| d.id.clone()).collect();
        state.sources.retain(|s| &s.id != id);
        state.documents.retain(|d| &d.source_id != id);
        state.chunks.retain(|c| !ids.contains(&c.document_id));
        state.recent_documents.note(ids.iter().cloned());
        Ok(ids)
    }

    fn documents(&self, source: Option<&SourceId>) -> StoreResult<Vec<Document>> {
        let state = self.read();
        let mut rows: Vec<_> =
            state.documents.iter().filter(|d| source.is_none_or(|s| &d.source_id == s)).cloned().collect();
        rows.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(rows)
    }

    fn document_changes(&self, since: Option<&str>, most: usize) -> StoreResult<Changes<Document, DocumentId>> {
        let state = self.read();
        let row = |id: &DocumentId| Ok(state.documents.iter().find(|d| &d.id == id).cloned());
        let rows = |after: Option<&str>, most: usize| {
            let after = after.unwrap_or_default();
            let mut left: Vec<_> = state.documents.iter().filter(|d| d.id.as_str() > after).cloned().collect();
            left.sort_by(|a, b| a.id.cmp(&b.id));
            left.truncate(most);
            Ok(left)
        };
        state.recent_documents.tell(since, most, |document| &document.id, row, rows)
    }

    fn document(&self, id: &DocumentId) -> StoreResult<Document> {
        self.read().documents.iter().find(|d| &d.id == id).cloned().ok_or(StoreError::NotFound("document"))
    }

    fn document_by_path(&self, path: &str) -> StoreResult<Option<Document>> {
        Ok(self.read().documents.iter().find(|d| d.path == path).cloned())
    }

    fn document_ids(&self, narrowing: &Narrowing, most: usize) -> StoreResult<Vec<DocumentId>> {
        let state = self.read();
        let wanted = state.documents.iter().filter(|document| narrowing.lets_through(document));
        Ok(wanted.take(most).map(|document| document.id.clone()).collect())
    }

    fn document_counts(&self) -> StoreResult<Vec<(SourceId, DocumentState, u32)>> {
        let mut counts: Vec<(SourceId, DocumentState, u32)> = Vec::new();
        for document in &self.read().documents {
            match counts.iter_mut().find(|(source, state, _)| (source, *state) == (&document.source_id, document.state))
            {
                Some((_, _, count)) => *count += 1,
                None => counts.push((document.source_id.clone(), document.state, 1)),
            }
        }
        Ok(counts)
    }

    fn put_documents(&self, documents: &[Document]) -> StoreResult<()> {
        let state = &mut *self.write()?;
        let before = state.documents.clone();
        let put = documents.iter().try_for_each(|document| put_document(state, document));
        put.inspect_err(|_| state.documents = before)?;
        state.recent_documents.note(documents.iter().map(|document| document.id.clone()));
        Ok(())
    }

    fn remove_documents(&self, ids: &[DocumentId]) -> StoreResult<()> {
        let mut state = self.write()?;
        state.documents.retain(|d| !ids.contains(&d.id));
        state.chunks.retain(|c| !ids.contains(&c.document_id));
        state.recent_documents.note(ids.iter().cloned());
        Ok(())
    }

    fn put_documents_with_chunks(&self, documents: &[(Document, Vec<Chunk>)]) -> StoreResult<()> {
        let state = &mut *self.write()?;
        let before = (state.documents.clone(), state.chunks.clone());
        let put = documents.iter().try_for_each(|(document, chunks)| put_with_chunks(state, document, chunks));
        put.inspect_err(|_| (state.documents, state.chunks) = before)?;
        state.recent_documents.note(documents.iter().map(|(document, _)| document.id.clone()));
        Ok(())
    }

    fn chunk_ids(&self) -> StoreResult<Vec<(DocumentId, ChunkId)>> {
        Ok(self.read().chunks.iter().map(|c| (c.document_id.clone(), c.id.clone())).collect())
    }

    fn chunks(&self, document: &DocumentId) -> StoreResult<Vec<Chunk>> {
        let mut rows: Vec<_> = self.read().chunks.iter().filter(|c| &c.document_id == document).cloned().collect();
        rows.sort_by_key(|c| c.ordinal);
        Ok(rows)
    }

    fn chunks_by_id(&self, ids: &[ChunkId]) -> StoreResult<Vec<Chunk>> {
        Ok(self.read().chunks.iter().filter(|c| ids.contains(&c.id)).cloned().collect())
    }
}
