//! Sources, documents and the text of chunks. This is the truth; the search index is a cache of it.

use std::sync::{MutexGuard, PoisonError};

use molt_core::*;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params, params_from_iter};

use crate::{
    Store,
    error::{failed, is_orphan, is_taken},
    sql::{At, Json, Name},
};

const SOURCE_COLUMNS: &str = "id, path, is_folder, added_at";
const DOCUMENT_COLUMNS: &str = "id, source_id, path, name, kind, size, modified_at, content_hash, state, reason, chunks, \
                                pages, reader, indexed_at";
const CHUNK_COLUMNS: &str = "id, document_id, ordinal, text, position";
/// Ids in one query; SQLite allows 32,766 variables, short queries are kinder to the lock.
const BATCH: usize = 500;

fn source(row: &Row<'_>) -> rusqlite::Result<Source> {
    Ok(Source {
        id: SourceId(row.get(0)?),
        path: row.get(1)?,
        is_folder: row.get(2)?,
        added_at: row.get::<_, At>(3)?.0,
    })
}

fn document(row: &Row<'_>) -> rusqlite::Result<Document> {
    Ok(Document {
        id: DocumentId(row.get(0)?),
        source_id: SourceId(row.get(1)?),
        path: row.get(2)?,
        name: row.get(3)?,
        kind: row.get::<_, Name<_>>(4)?.0,
        size: row.get::<_, i64>(5)?.cast_unsigned(),
        modified_at: row.get::<_, At>(6)?.0,
        content_hash: row.get(7)?,
        state: row.get::<_, Name<_>>(8)?.0,
        reason: row.get(9)?,
        chunks: row.get(10)?,
        pages: row.get(11)?,
        reader: row.get(12)?,
        indexed_at: row.get::<_, Option<At>>(13)?.map(|at| at.0),
    })
}

fn document_of(connection: &Connection, id: &DocumentId) -> StoreResult<Option<Document>> {
    let sql = format!("SELECT {DOCUMENT_COLUMNS} FROM documents WHERE id = ?");
    let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
    statement.query_row([id.as_str()], document).optional().map_err(failed)
}

fn chunk(row: &Row<'_>) -> rusqlite::Result<Chunk> {
    Ok(Chunk {
        id: ChunkId(row.get(0)?),
        document_id: DocumentId(row.get(1)?),
        ordinal: row.get(2)?,
        text: row.get(3)?,
        position: row.get::<_, Json<_>>(4)?.0,
    })
}

fn clash(what: &str, path: &str) -> StoreError {
    StoreError::Failed(format!("{path} is already in the library as another {what}"))
}

fn put_document(tx: &Transaction<'_>, document: &Document) -> StoreResult<()> {
    let put = tx.prepare_cached(
        "INSERT INTO documents (id, source_id, path, name, kind, size, modified_at, content_hash, state, reason, chunks,
         pages, reader, indexed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET source_id = excluded.source_id, path = excluded.path, name = excluded.name,
         kind = excluded.kind, size = excluded.size, modified_at = excluded.modified_at,
         content_hash = excluded.content_hash, state = excluded.state, reason = excluded.reason,
         chunks = excluded.chunks, pages = excluded.pages, reader = excluded.reader, indexed_at = excluded.indexed_at",
    );
    let put = put.and_then(|mut put| {
        put.execute(params![
            document.id.as_str(),
            document.source_id.as_str(),
            document.path,
            document.name,
            Name(document.kind),
            document.size.cast_signed(),
            At(document.modified_at),
            document.content_hash,
            Name(document.state),
            document.reason,
            document.chunks,
            document.pages,
            document.reader,
            document.indexed_at.map(At)
        ])
    });
    put.map(|_| ()).map_err(|e| match e {
        e if is_orphan(&e) => StoreError::NotFound("source"),
        e if is_taken(&e) => clash("document", &document.path),
        e => failed(e),
    })
}

fn put_with_chunks(tx: &Transaction<'_>, document: &Document, chunks: &[Chunk]) -> StoreResult<()> {
    let wrong = |chunk: &Chunk| StoreError::Failed(format!("the chunk {} does not belong here", chunk.id));
    if let Some(foreign) = chunks.iter().find(|c| c.document_id != document.id) {
        return Err(wrong(foreign));
    }
    put_document(tx, document)?;
    tx.prepare_cached("DELETE FROM chunks WHERE document_id = ?")
        .and_then(|mut delete| delete.execute([document.id.as_str()]))
        .map_err(failed)?;
    let mut insert = tx
        .prepare_cached("INSERT INTO chunks (id, document_id, ordinal, text, position) VALUES (?, ?, ?, ?, ?)")
        .map_err(failed)?;
    for chunk in chunks {
        let row =
            params![chunk.id.as_str(), chunk.document_id.as_str(), chunk.ordinal, chunk.text, Json(&chunk.position)];
        insert.execute(row).map_err(|e| if is_taken(&e) { wrong(chunk) } else { failed(e) })?;
    }
    Ok(())
}

impl Store {
    fn recent_documents(&self) -> MutexGuard<'_, Recent<DocumentId>> {
        self.documents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DocumentStore for Store {
    fn sources(&self) -> StoreResult<Vec<Source>> {
        let connection = self.lock();
        let sql = format!("SELECT {SOURCE_COLUMNS} FROM sources ORDER BY added_at, seq");
        let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
        statement.query_map([], source).and_then(Iterator::collect).map_err(failed)
    }

    fn put_source(&self, source: &Source) -> StoreResult<()> {
        self.write(|tx| {
            tx.execute(
                "INSERT INTO sources (id, path, is_folder, added_at) VALUES (?, ?, ?, ?)
                 ON CONFLICT (id) DO UPDATE SET path = excluded.path, is_folder = excluded.is_folder,
                 added_at = excluded.added_at",
                params![source.id.as_str(), source.path, source.is_folder, At(source.added_at)],
            )
            .map(|_| ())
            .map_err(|e| if is_taken(&e) { clash("source", &source.path) } else { failed(e) })
        })
    }

    fn remove_source(&self, id: &SourceId) -> StoreResult<Vec<DocumentId>> {
        let ids: Vec<DocumentId> = self.write(|tx| {
            let ids = tx
                .prepare_cached("SELECT id FROM documents WHERE source_id = ?")
                .and_then(|mut s| s.query_map([id.as_str()], |row| row.get(0).map(DocumentId))?.collect())
                .map_err(failed)?;
            tx.execute("DELETE FROM sources WHERE id = ?", [id.as_str()]).map_err(failed)?;
            Ok(ids)
        })?;
        self.recent_documents().note(ids.iter().cloned());
        Ok(ids)
    }

    fn documents(&self, source: Option<&SourceId>) -> StoreResult<Vec<Document>> {
        let connection = self.lock();
        let sql = format!("SELECT {DOCUMENT_COLUMNS} FROM documents WHERE ?1 IS NULL OR source_id = ?1 ORDER BY path");
        let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
        statement.query_map([source.map(SourceId::as_str)], document).and_then(Iterator::collect).map_err(failed)
    }

    fn document_changes(&self, since: Option<&str>, most: usize) -> StoreResult<Changes<Document, DocumentId>> {
        let recent = self.recent_documents();
        let connection = self.lock();
        let rows = |after: Option<&str>, most: usize| {
            let sql = format!("SELECT {DOCUMENT_COLUMNS} FROM documents WHERE id > ? ORDER BY id LIMIT ?");
            let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
            let values = params![after.unwrap_or_default(), i64::try_from(most).unwrap_or(i64::MAX)];
            statement.query_map(values, document).and_then(Iterator::collect).map_err(failed)
        };
        recent.tell(since, most, |document| &document.id, |id| document_of(&connection, id), rows)
    }

    fn document(&self, id: &DocumentId) -> StoreResult<Document> {
        document_of(&self.lock(), id)?.ok_or(StoreError::NotFound("document"))
    }

    fn document_by_path(&self, path: &str) -> StoreResult<Option<Document>> {
        let sql = format!("SELECT {DOCUMENT_COLUMNS} FROM documents WHERE path = ?");
        self.lock().query_row(&sql, [path], document).optional().map_err(failed)
    }

    fn document_ids(&self, narrowing: &Narrowing, most: usize) -> StoreResult<Vec<DocumentId>> {
        // As many marks as kinds; the rest always.
        let kinds = match narrowing.kinds.len() {
            0 => String::new(),
            count => format!("kind IN ({}) AND", vec!["?"; count].join(",")),
        };
        let sql = format!(
            "SELECT id FROM documents WHERE {kinds} modified_at >= ?
             AND (path = ? OR substr(path, 1, ?) IN (?, ?)) LIMIT ?"
        );
        let folder = narrowing.folder.as_deref().map(|folder| folder.trim_end_matches(['/', '\\']));
        // Without a folder, the empty beginning that every path has.
        let (slash, backslash) =
            folder.map_or_else(Default::default, |folder| (format!("{folder}/"), format!("{folder}\\")));
        let length = slash.chars().count() as i64;
        let since = At(narrowing.since.unwrap_or(jiff::Timestamp::MIN));
        let names: Vec<Name<_>> = narrowing.kinds.iter().map(|kind| Name(*kind)).collect();
        let mut values: Vec<&dyn rusqlite::ToSql> = names.iter().map(|name| name as &dyn rusqlite::ToSql).collect();
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        values.extend([&since as &dyn rusqlite::ToSql, &folder, &length, &slash, &backslash, &most]);
        let connection = self.lock();
        let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
        let row = |row: &Row<'_>| row.get(0).map(DocumentId);
        statement.query_map(values.as_slice(), row).and_then(Iterator::collect).map_err(failed)
    }

    fn document_counts(&self) -> StoreResult<Vec<(SourceId, DocumentState, u32)>> {
        let connection = self.lock();
        let sql = "SELECT source_id, state, count(*) FROM documents GROUP BY source_id, state";
        let mut statement = connection.prepare_cached(sql).map_err(failed)?;
        let row = |row: &Row<'_>| Ok((SourceId(row.get(0)?), row.get::<_, Name<_>>(1)?.0, row.get(2)?));
        statement.query_map([], row).and_then(Iterator::collect).map_err(failed)
    }

    fn put_documents(&self, documents: &[Document]) -> StoreResult<()> {
        self.write(|tx| documents.iter().try_for_each(|document| put_document(tx, document)))?;
        self.recent_documents().note(documents.iter().map(|document| document.id.clone()));
        Ok(())
    }

    fn remove_documents(&self, ids: &[DocumentId]) -> StoreResult<()> {
        self.write(|tx| {
            let mut delete = tx.prepare_cached("DELETE FROM documents WHERE id = ?").map_err(failed)?;
            ids.iter().try_for_each(|id| delete.execute([id.as_str()]).map(|_| ()).map_err(failed))
        })?;
        self.recent_documents().note(ids.iter().cloned());
        Ok(())
    }

    fn erase_removed(&self) -> StoreResult<()> {
        self.free_removed()
    }

    fn chunk_ids(&self) -> StoreResult<Vec<(DocumentId, ChunkId)>> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached("SELECT document_id, id FROM chunks").map_err(failed)?;
        let row = |row: &Row<'_>| Ok((DocumentId(row.get(0)?), ChunkId(row.get(1)?)));
        statement.query_map([], row).and_then(Iterator::collect).map_err(failed)
    }

    fn put_documents_with_chunks(&self, documents: &[(Document, Vec<Chunk>)]) -> StoreResult<()> {
        self.write(|tx| documents.iter().try_for_each(|(document, chunks)| put_with_chunks(tx, document, chunks)))?;
        self.recent_documents().note(documents.iter().map(|(document, _)| document.id.clone()));
        Ok(())
    }

    fn chunks(&self, document: &DocumentId) -> StoreResult<Vec<Chunk>> {
        let connection = self.lock();
        let sql = format!("SELECT {CHUNK_COLUMNS} FROM chunks WHERE document_id = ? ORDER BY ordinal");
        let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
        statement.query_map([document.as_str()], chunk).and_then(Iterator::collect).map_err(failed)
    }

    fn chunks_by_id(&self, ids: &[ChunkId]) -> StoreResult<Vec<Chunk>> {
        let mut found = Vec::new();
        for batch in ids.chunks(BATCH) {
            let connection = self.lock();
            let marks = vec!["?"; batch.len()].join(",");
            let sql = format!("SELECT {CHUNK_COLUMNS} FROM chunks WHERE id IN ({marks})");
            let mut statement = connection.prepare(&sql).map_err(failed)?;
            let rows =
                statement.query_map(params_from_iter(batch.iter().map(ChunkId::as_str)), chunk).map_err(failed)?;
            for row in rows {
                found.push(row.map_err(failed)?);
            }
        }
        Ok(found)
    }
}
