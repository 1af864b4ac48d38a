//! `knowledge files | show | retry | pause | resume`: the documents of the library one by one.

use std::path::{Path, PathBuf};

use futures::StreamExt;
use molt_api::{
    DocumentList, DocumentRef, DocumentView, Empty, IndexStatus, KnowledgePause, SkippedList, SourceRef, SourceView,
    Status,
};
use molt_core::{Document, DocumentId, DocumentState, Narrowing, Settings, SkipReason, SkippedFile};
use serde_json::json;

use crate::{
    args::{KnowledgeFiles, KnowledgeResume, KnowledgeRetry, KnowledgeShow},
    commands::knowledge::{BEAT, is_failed, resolved},
    connect::{Connection, sentence},
    failure::Failure,
    print::{Printer, one_line, size, table},
    words::Words,
};

async fn all(connection: &Connection) -> Result<Vec<Document>, Failure> {
    connection.call("document_list", DocumentList { source_id: None }).await
}

/// The document of the library at a path.
pub async fn document_at(connection: &Connection, printer: &Printer, path: &Path) -> Result<Document, Failure> {
    let path = PathBuf::from(resolved(path));
    let found = all(connection).await?.into_iter().find(|document| Path::new(&document.path) == path);
    found.ok_or_else(|| Failure::plain(printer.words.not_in_library(path.to_string_lossy())))
}

/// Waits until it was read, whatever comes of it. `None`, with a note, while reading is paused or rests.
pub async fn read(
    connection: &Connection,
    id: &DocumentId,
    printer: &Printer,
) -> Result<Option<DocumentView>, Failure> {
    let mut events = connection.events().await?;
    loop {
        let view: DocumentView = connection.call("document_get", DocumentRef { id: id.clone() }).await?;
        if !matches!(view.document.state, DocumentState::Waiting | DocumentState::Indexing) {
            return Ok(Some(view));
        }
        let status: Status = connection.call("status", ()).await?;
        if status.index.paused {
            printer.note(printer.words.paused());
            return Ok(None);
        }
        if status.index.on_battery {
            printer.note(printer.words.on_battery());
            return Ok(None);
        }
        let _ = tokio::time::timeout(BEAT, events.next()).await;
    }
}

fn state(state: DocumentState, words: Words) -> String {
    match state {
        DocumentState::Waiting => words.state_waiting(),
        DocumentState::Indexing => words.state_indexing(),
        DocumentState::Indexed => words.state_indexed(),
        DocumentState::NoText => words.state_no_text(),
        DocumentState::PasswordNeeded => words.state_password(),
        DocumentState::Failed => words.state_failed(),
    }
}

/// What is not read, of all folders.
async fn skipped(connection: &Connection, printer: &Printer, folder: Option<&str>) -> Result<(), Failure> {
    let words = printer.words;
    let sources: Vec<SourceView> = connection.call("source_list", ()).await?;
    let (mut files, mut more) = (Vec::new(), 0);
    for view in sources {
        let list: SkippedList = connection.call("source_skipped", SourceRef { id: view.source.id }).await?;
        files.extend(list.files);
        more += list.more;
    }
    files.retain(|file: &SkippedFile| folder.is_none_or(|folder| Path::new(&file.path).starts_with(folder)));
    if printer.json {
        return Ok(printer.value(&json!({ "files": files, "more": more }))?);
    }
    if files.is_empty() {
        return Ok(printer.line(words.no_files())?);
    }
    let reason = |file: &SkippedFile| match file.reason {
        SkipReason::Type => words.skipped_type(),
        SkipReason::Large => words.skipped_large(),
        SkipReason::Rule => words.skipped_rule(),
        SkipReason::Hidden => words.skipped_hidden(),
        SkipReason::BuildProduct => words.skipped_build(),
        SkipReason::Temporary => words.skipped_temporary(),
        SkipReason::Link => words.skipped_link(),
    };
    let end = |file: &SkippedFile| if file.is_folder { std::path::MAIN_SEPARATOR_STR } else { "" };
    let row = |file: &SkippedFile| vec![reason(file), format!("{}{}", file.path, end(file))];
    printer.line(table(&files.iter().map(row).collect::<Vec<_>>()))?;
    if more > 0 {
        printer.note(words.skipped_more(more));
    }
    Ok(())
}

pub async fn files(connection: &Connection, printer: &Printer, args: KnowledgeFiles) -> Result<(), Failure> {
    let words = printer.words;
    let folder = args.folder.as_deref().map(resolved);
    if args.skipped {
        return skipped(connection, printer, folder.as_deref()).await;
    }
    let wanted = Narrowing { folder, ..Narrowing::default() };
    let mut documents = all(connection).await?;
    documents.retain(|document| {
        (args.states.is_empty() || args.states.contains(&document.state)) && wanted.lets_through(document)
    });
    if printer.json {
        return Ok(printer.value(&documents)?);
    }
    if documents.is_empty() {
        return Ok(printer.line(words.no_files())?);
    }
    let row = |document: &Document| {
        let mut row = vec![state(document.state, words), size(document.size), document.path.clone()];
        row.extend(document.reason.as_deref().map(sentence));
        row
    };
    Ok(printer.line(table(&documents.iter().map(row).collect::<Vec<_>>()))?)
}

pub async fn show(connection: &Connection, printer: &Printer, args: KnowledgeShow) -> Result<(), Failure> {
    let words = printer.words;
    let found = document_at(connection, printer, &args.path).await?;
    let view: DocumentView = connection.call("document_get", DocumentRef { id: found.id.clone() }).await?;
    if printer.json {
        return Ok(printer.value(&view)?);
    }
    // One that is being read is known only to the list.
    let document = Document { state: found.state, ..view.document };
    printer.line(one_line(&document.path))?;
    let mut facts = vec![state(document.state, words), size(document.size)];
    facts.extend(document.pages.map(|pages| words.pages(pages)));
    facts.push(words.passages(document.chunks));
    printer.line(facts.join(" · "))?;
    if let Some(reason) = &document.reason {
        printer.line(sentence(reason))?;
    }
    for (chunk, number) in view.chunks.iter().zip(1..) {
        printer.line("")?;
        printer.passage(number, &document.name, &chunk.position, &chunk.text)?;
    }
    Ok(())
}

/// Without a file, all that could not be read, but for those that need a password.
pub async fn retry(connection: &Connection, printer: &Printer, args: KnowledgeRetry) -> Result<(), Failure> {
    let wanted = match &args.path {
        Some(path) => vec![document_at(connection, printer, path).await?],
        None => {
            let mut documents = all(connection).await?;
            documents.retain(|document| matches!(document.state, DocumentState::NoText | DocumentState::Failed));
            documents
        }
    };
    for document in &wanted {
        connection.call::<Empty>("document_retry", DocumentRef { id: document.id.clone() }).await?;
    }
    let mut now = Vec::with_capacity(wanted.len());
    for document in &wanted {
        match read(connection, &document.id, printer).await? {
            Some(view) => now.push(view.document),
            None => return Ok(()),
        }
    }
    if printer.json {
        printer.value(&now)?;
    } else if now.is_empty() {
        printer.line(printer.words.nothing_failed())?;
    }
    let mut failed = false;
    for document in &now {
        match &document.reason {
            Some(reason) if is_failed(document) => {
                failed = true;
                printer.note(format!("{}: {}", one_line(&document.path), sentence(reason)));
            }
            _ if printer.json => {}
            _ => printer.line(one_line(&document.path))?,
        }
    }
    if failed { Err(Failure::Said) } else { Ok(()) }
}

pub async fn resume(connection: &Connection, printer: &Printer, args: KnowledgeResume) -> Result<(), Failure> {
    if let Some(indexing_cores) = args.cores {
        let settings: Settings = connection.call("settings_get", ()).await?;
        connection.call::<Settings>("settings_set", Settings { indexing_cores, ..settings }).await?;
    }
    pause(connection, printer, false).await
}

pub async fn pause(connection: &Connection, printer: &Printer, paused: bool) -> Result<(), Failure> {
    let index: IndexStatus = connection.call("knowledge_pause", KnowledgePause { paused }).await?;
    if printer.json {
        return Ok(printer.value(&index)?);
    }
    let words = printer.words;
    Ok(printer.line(if index.paused { words.is_paused(index.pending) } else { words.goes_on(index.pending) })?)
}
