//! `knowledge add | list | search | extract | unlock | rules | remove`.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use futures::StreamExt;
use jiff::tz::TimeZone;
use molt_api::{
    DocumentList, DocumentUnlock, DocumentView, Empty, ExtractPath, ExtractedText, IndexProgress, KnowledgeAdd as Add,
    KnowledgeAdded, KnowledgeFound, KnowledgeSearch as Search, SourceRef, SourceView, Status,
};
use molt_core::{Document, DocumentState, ExtractError, LibraryRules, ModelRole, SearchBy, Secret, Settings, SourceId};
use serde::Deserialize;
use serde_json::json;

use crate::{
    args::{KnowledgeAdd, KnowledgeExtract, KnowledgeRemove, KnowledgeRules, KnowledgeSearch, KnowledgeUnlock, Way},
    batch::{self, Object},
    commands::{
        choose,
        knowledge_files::{self, document_at},
    },
    connect::{Connection, sentence},
    failure::Failure,
    print::{Printer, one_line, short, table},
};

/// The status is read again after this long even when nothing was said.
pub const BEAT: Duration = Duration::from_secs(1);
/// Passages for people; a terminal shows few.
const DEFAULT_LIMIT: u32 = 5;
/// Passages for programs, which count the first ten.
const BATCH_LIMIT: u32 = 20;

/// Another process has another current folder.
fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf()).to_string_lossy().into_owned()
}

/// The path that the program keeps; of what is gone, the typed one.
pub fn resolved(path: &Path) -> String {
    std::fs::canonicalize(path).map_or_else(|_| absolute(path), |path| path.to_string_lossy().into_owned())
}

pub async fn add(connection: &Connection, printer: &Printer, args: KnowledgeAdd) -> Result<(), Failure> {
    let mut events = connection.events().await?;
    let request = Add { paths: args.paths.iter().map(|path| absolute(path)).collect() };
    let added: KnowledgeAdded = connection.call("knowledge_add", request).await?;
    let ids: Vec<SourceId> = added.sources.iter().map(|source| source.id.clone()).collect();
    let mut interrupted = false;
    // What this process does not read now nobody reads before Moltworker runs again.
    let waits = (args.wait || connection.is_own()) && !ids.is_empty();
    if waits {
        interrupted = !wait(connection, printer, &ids, &mut events).await?;
    }
    let sources = sources_of(connection, &ids).await?;
    let documents = documents_of(connection, &ids).await?;
    if printer.json {
        let failed: Vec<&Document> = documents.iter().filter(|document| is_failed(document)).collect();
        let complete = sources.iter().all(|source| source.pending == 0);
        printer.value(
            &json!({ "sources": sources, "problems": added.problems, "failed": failed, "complete": complete }),
        )?;
    } else {
        for source in &sources {
            let path = &source.source.path;
            printer.line(match waits {
                true => printer.words.indexed(path, source.indexed, source.documents),
                false => printer.words.adding(path, source.documents),
            })?;
        }
        for document in documents.iter().filter(|document| is_failed(document)) {
            let reason = document.reason.clone().unwrap_or_default();
            printer.note(format!("{}: {}", one_line(&document.path), sentence(&reason)));
        }
        for problem in &added.problems {
            printer.note(printer.words.error(&problem.message));
        }
        if interrupted {
            printer.note(printer.words.wait_interrupted());
        }
    }
    if added.problems.is_empty() && !interrupted { Ok(()) } else { Err(Failure::Said) }
}

pub fn is_failed(document: &Document) -> bool {
    matches!(document.state, DocumentState::NoText | DocumentState::PasswordNeeded | DocumentState::Failed)
}

/// Waits until the sources are read, and says how far it is. False when the user did not want to wait.
async fn wait(
    connection: &Connection,
    printer: &Printer,
    ids: &[SourceId],
    events: &mut futures::stream::BoxStream<'static, molt_api::Event>,
) -> Result<bool, Failure> {
    loop {
        let sources = sources_of(connection, ids).await?;
        let status: Status = connection.call("status", ()).await?;
        let pending: u32 = sources.iter().map(|source| source.pending).sum();
        if pending == 0 {
            printer.progress("");
            return Ok(true);
        }
        if status.index.paused {
            printer.progress("");
            printer.note(printer.words.paused());
            return Ok(true);
        }
        if status.index.on_battery {
            printer.progress("");
            printer.note(printer.words.on_battery());
            return Ok(true);
        }
        // For example a full disk: the program tries again by itself, but not soon enough to wait for.
        if let Some(problem) =
            status.activities.into_iter().find(|activity| activity.id == "library").and_then(|it| it.message)
        {
            printer.progress("");
            return Err(Failure::plain(sentence(&problem)));
        }
        let all: u32 = sources.iter().map(|source| source.documents).sum();
        let name = status.index.current.unwrap_or_default();
        let left = status.index.progress.map(|progress| time_left(&progress, printer)).unwrap_or_default();
        printer.progress(&printer.words.reading(all - pending, all, left, one_line(&name)));
        tokio::select! {
            event = events.next() => if event.is_none() {
                return Err(Failure::hinted(printer.words.connection_lost(), printer.words.connection_lost_hint()));
            },
            () = tokio::time::sleep(BEAT) => {}
            _ = tokio::signal::ctrl_c() => {
                printer.progress("");
                return Ok(false);
            }
        }
    }
}

/// How fast it goes and how long it takes, where that is known.
fn time_left(progress: &IndexProgress, printer: &Printer) -> String {
    let (Some(files), Some(seconds)) = (progress.files_per_second, progress.seconds_left) else { return String::new() };
    let files = if files < 10.0 { format!("{files:.1}") } else { format!("{files:.0}") };
    match seconds {
        0..=90 => printer.words.time_left(files, seconds.max(1)),
        _ => printer.words.time_left_minutes(files, seconds.div_ceil(60)),
    }
}

async fn sources_of(connection: &Connection, ids: &[SourceId]) -> Result<Vec<SourceView>, Failure> {
    let mut sources: Vec<SourceView> = connection.call("source_list", ()).await?;
    sources.retain(|source| ids.contains(&source.source.id));
    Ok(sources)
}

async fn documents_of(connection: &Connection, ids: &[SourceId]) -> Result<Vec<Document>, Failure> {
    let mut documents = Vec::new();
    for id in ids {
        let request = DocumentList { source_id: Some(id.clone()) };
        documents.extend(connection.call::<Vec<Document>>("document_list", request).await?);
    }
    Ok(documents)
}

pub async fn list(connection: &Connection, printer: &Printer) -> Result<(), Failure> {
    let words = printer.words;
    let sources: Vec<SourceView> = connection.call("source_list", ()).await?;
    if printer.json {
        return Ok(printer.value(&sources)?);
    }
    if sources.is_empty() {
        return Ok(printer.line(words.no_sources())?);
    }
    let row = |view: &SourceView| {
        let some = |count: u32, text: String| if count > 0 { format!("  {text}") } else { String::new() };
        let failed = some(view.failed, words.failed_documents(view.failed));
        let pending = some(view.pending, words.pending_documents(view.pending));
        let counts = format!("{}{pending}{failed}", words.documents(view.indexed, view.documents));
        vec![short(view.source.id.as_str()).to_owned(), counts, view.source.path.clone()]
    };
    printer.line(table(&sources.iter().map(row).collect::<Vec<_>>()))?;
    for view in &sources {
        if let Some(problem) = &view.problem {
            printer.note(problem);
        }
    }
    Ok(())
}

/// A line of `knowledge search --batch`.
#[derive(Deserialize)]
struct Query {
    #[serde(alias = "text")]
    query: String,
    limit: Option<u32>,
    source_id: Option<SourceId>,
}

pub async fn search(connection: &Connection, printer: &Printer, args: KnowledgeSearch) -> Result<(), Failure> {
    let by = match args.by {
        Way::Both => SearchBy::Both,
        Way::Words => SearchBy::Words,
        Way::Meaning => SearchBy::Meaning,
    };
    if by != SearchBy::Words {
        connection.load_model(ModelRole::Embedder, printer).await?;
    }
    if by == SearchBy::Both {
        connection.load_model(ModelRole::Reranker, printer).await?;
    }
    let day = args.since.map(|day| day.to_zoned(TimeZone::system())).transpose();
    let since = day.map_err(|error| Failure::plain(error.to_string()))?.map(|day| day.timestamp());
    let folder = args.folder.as_deref().map(resolved);
    let ask = |query, limit, source_id| {
        let (kinds, folder) = (args.kinds.clone(), folder.clone());
        Search { query, limit, source_id, by, kinds, since, folder }
    };
    let Some(file) = args.batch else {
        let limit = Some(args.limit.unwrap_or(DEFAULT_LIMIT));
        let request = ask(args.query.join(" "), limit, None);
        let found: KnowledgeFound = connection.call("knowledge_search", request).await?;
        return if printer.json { Ok(printer.value(&found)?) } else { show_found(printer, &found) };
    };
    batch::run(printer, &file, async |line: Query| {
        let limit = line.limit.or(args.limit).or(Some(BATCH_LIMIT));
        let request = ask(line.query, limit, line.source_id);
        let found: KnowledgeFound = connection.call("knowledge_search", request).await?;
        let mut object = batch::object(&found);
        object.insert("ids".to_owned(), json!(document_names(&found)));
        Ok(object)
    })
    .await
}

/// The found documents' names without extension, best first, each once: what a ranking is compared by.
fn document_names(found: &KnowledgeFound) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for passage in &found.passages {
        let name = passage.document_name.rsplit_once('.').map_or(passage.document_name.as_str(), |(stem, _)| stem);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn show_found(printer: &Printer, found: &KnowledgeFound) -> Result<(), Failure> {
    if found.passages.is_empty() {
        printer.line(printer.words.no_passages())?;
    }
    for (index, passage) in found.passages.iter().enumerate() {
        if index > 0 {
            printer.line("")?;
        }
        printer.passage(index as u32 + 1, &passage.document_name, &passage.position, &passage.text)?;
    }
    if found.words_only {
        printer.note(printer.words.words_only());
    }
    Ok(())
}

/// A line of `knowledge extract --batch`.
#[derive(Deserialize)]
struct File {
    path: PathBuf,
    password: Option<String>,
}

pub async fn extract(connection: &Connection, printer: &Printer, args: KnowledgeExtract) -> Result<(), Failure> {
    if let Some(file) = args.batch {
        return batch::run(printer, &file, async |line: File| extract_line(connection, line).await).await;
    }
    // Not as an argument: other programs can see those.
    let password = if args.password { std::io::stdin().lines().next().transpose()? } else { None };
    let request = ExtractPath { path: absolute(&args.path.unwrap_or_default()), password };
    let extracted: ExtractedText = connection.call("knowledge_extract", request).await?;
    if printer.json { Ok(printer.value(&extracted)?) } else { Ok(printer.line(&extracted.text)?) }
}

/// `status` is `ok`, `no_text`, `password` or `error`; `secs` is the time it took. A file that cannot be read is an outcome like others.
async fn extract_line(connection: &Connection, file: File) -> Result<Object, Failure> {
    let started = Instant::now();
    let request = ExtractPath { path: absolute(&file.path), password: file.password };
    let extracted = connection.call::<ExtractedText>("knowledge_extract", request).await;
    let seconds = started.elapsed().as_secs_f64();
    let (status, mut object) = match extracted {
        Ok(extracted) if extracted.text.trim().is_empty() => ("no_text", batch::object(extracted)),
        Ok(extracted) => ("ok", batch::object(extracted)),
        Err(failure) => {
            let needs_password = failure.message() == sentence(&ExtractError::PasswordNeeded.to_string());
            let object = Object::from_iter([("error".to_owned(), failure.to_json())]);
            (if needs_password { "password" } else { "error" }, object)
        }
    };
    object.insert("status".to_owned(), json!(status));
    object.insert("secs".to_owned(), json!((seconds * 1000.0).round() / 1000.0));
    Ok(object)
}

pub async fn unlock(connection: &Connection, printer: &Printer, args: KnowledgeUnlock) -> Result<(), Failure> {
    let document = document_at(connection, printer, &args.path).await?;
    let password = std::io::stdin().lines().next().transpose()?.unwrap_or_default();
    let request = DocumentUnlock { id: document.id.clone(), password: Secret::new(password) };
    connection.call::<Empty>("document_unlock", request).await?;
    let Some(DocumentView { document: read, .. }) = knowledge_files::read(connection, &document.id, printer).await?
    else {
        return Ok(());
    };
    match &read.reason {
        Some(reason) if is_failed(&read) => Err(Failure::plain(reason.clone())),
        _ if printer.json => Ok(printer.value(&read)?),
        _ => Ok(printer.line(&read.path)?),
    }
}

pub async fn rules(connection: &Connection, printer: &Printer, args: KnowledgeRules) -> Result<(), Failure> {
    let mut settings: Settings = connection.call("settings_get", ()).await?;
    let before = settings.library_rules.clone();
    if args.ignore_nothing || !args.ignore.is_empty() {
        settings.library_rules.ignore = args.ignore.join("\n");
    }
    if let Some(largest) = args.largest {
        settings.library_rules.largest_mb = largest;
    }
    if settings.library_rules != before {
        settings = connection.call("settings_set", settings).await?;
    }
    let rules: LibraryRules = settings.library_rules;
    if printer.json {
        return Ok(printer.value(&rules)?);
    }
    let words = printer.words;
    if rules.ignore.trim().is_empty() {
        printer.line(words.nothing_left_out())?;
    }
    for pattern in rules.ignore.lines().filter(|line| !line.trim().is_empty()) {
        printer.line(words.left_out(pattern))?;
    }
    Ok(printer.line(match rules.largest_mb {
        0 => words.any_size(),
        largest => words.largest(largest),
    })?)
}

pub async fn remove(connection: &Connection, printer: &Printer, args: KnowledgeRemove) -> Result<(), Failure> {
    let sources: Vec<SourceView> = connection.call("source_list", ()).await?;
    // The program keeps resolved paths; a folder that is gone cannot be resolved any more.
    let typed = absolute(Path::new(&args.source));
    let resolved = resolved(Path::new(&args.source));
    let by_path = sources.iter().find(|view| view.source.path == resolved || view.source.path == typed);
    let names = |view: &SourceView| (view.source.id.to_string(), Vec::new());
    let view = match by_path {
        Some(view) => view,
        None => choose(&sources, &args.source, printer, "moltworker knowledge list", names)?,
    };
    connection.call::<Empty>("source_remove", SourceRef { id: view.source.id.clone() }).await?;
    if printer.json {
        Ok(printer.value(&view.source)?)
    } else {
        Ok(printer.line(printer.words.removed(&view.source.path))?)
    }
}

#[cfg(test)]
mod tests {
    use molt_core::{Passage, Position};

    use super::*;

    #[test]
    fn documents_are_named_once_in_order() {
        let passage = |name: &str| Passage {
            chunk_id: "c".into(),
            document_id: "d".into(),
            source_id: "s".into(),
            document_name: name.into(),
            path: format!("/x/{name}"),
            text: String::new(),
            position: Position::default(),
            score: 1.0,
            highlights: Vec::new(),
        };
        let passages = ["b-2.txt", "a.1.md", "b-2.txt", "plain"].map(passage).to_vec();
        assert_eq!(document_names(&KnowledgeFound { passages, words_only: true }), ["b-2", "a.1", "plain"]);
    }
}
