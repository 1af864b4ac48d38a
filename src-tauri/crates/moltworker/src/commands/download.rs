//! `model catalogue | download | downloads | pause | resume | cancel | search | scan | delete`.

use std::path::Path;

use futures::{StreamExt, stream::BoxStream};
use molt_api::{
    CatalogueList, CatalogueView, DownloadRef, DownloadStart, Event, FoundModelView, HubFileView, HubRef, HubSearch,
    ModelDeleted, ModelImport, ModelList, ModelRef, ModelView,
};
use molt_core::{Download, DownloadId, DownloadState, HubModel};
use serde_json::Value;

use crate::{
    args::{DownloadResume, ModelDownload},
    commands::{choose, model::choose_model},
    connect::Connection,
    failure::Failure,
    print::{Printer, one_line, short, size, table},
};

pub async fn catalogue(connection: &Connection, printer: &Printer) -> Result<(), Failure> {
    let list: CatalogueList = connection.call("model_catalogue", ()).await?;
    if printer.json {
        return Ok(printer.value(&list)?);
    }
    let words = printer.words;
    let row = |model: &CatalogueView| {
        let bytes = size(model.size);
        let bytes = if model.size_is_exact { bytes } else { words.about(bytes) };
        let state = if model.installed.is_some() { words.installed() } else { String::new() };
        vec![
            if model.recommended { "*" } else { " " }.to_owned(),
            model.id.clone(),
            model.name.clone(),
            words.role(model.role).to_owned(),
            words.fit(model.fit).to_owned(),
            bytes,
            model.licence.clone(),
            model.languages.join(" "),
            state,
        ]
    };
    printer.line(table(&list.models.iter().map(row).collect::<Vec<_>>()))?;
    if list.models.iter().any(|model| model.recommended) {
        printer.note(words.recommended_mark());
    }
    Ok(())
}

pub async fn download(connection: &Connection, printer: &Printer, args: ModelDownload) -> Result<(), Failure> {
    let events = connection.events().await?;
    let started: Download = connection.call("model_download_start", request(&args.model)).await?;
    follow(connection, printer, events, started, args.no_wait, args.use_it).await
}

pub async fn resume(connection: &Connection, printer: &Printer, args: DownloadResume) -> Result<(), Failure> {
    let events = connection.events().await?;
    let wanted = named(connection, printer, &args.download).await?;
    let started: Download = connection.call("model_download_resume", DownloadRef { id: wanted.id }).await?;
    follow(connection, printer, events, started, args.no_wait, false).await
}

/// What is typed with slashes is on the hub: `owner/name/path/of/file`.
fn request(text: &str) -> DownloadStart {
    let mut slashes = text.match_indices('/').map(|(at, _)| at);
    match (slashes.next(), slashes.next()) {
        (Some(_), Some(end)) => DownloadStart {
            catalogue_id: None,
            repository: Some(text[..end].to_owned()),
            file: Some(text[end + 1..].to_owned()),
        },
        _ => DownloadStart { catalogue_id: Some(text.to_owned()), repository: None, file: None },
    }
}

/// Shows how far a download is until it ends. A program of our own ends with this command, so it is always waited for then.
async fn follow(
    connection: &Connection,
    printer: &Printer,
    mut events: BoxStream<'static, Event>,
    started: Download,
    no_wait: bool,
    use_it: bool,
) -> Result<(), Failure> {
    let (words, name) = (printer.words, one_line(&started.name).into_owned());
    if no_wait && !connection.is_own() {
        return if printer.json { Ok(printer.value(&started)?) } else { Ok(printer.line(words.download_begun(name))?) };
    }
    loop {
        // The events only say when to look: what was true when the download began is known for sure this way.
        let list: Vec<Download> = connection.call("model_downloads", ()).await?;
        match list.into_iter().find(|download| download.id == started.id) {
            None => break,
            Some(now) => judge(printer, &now, &name)?,
        }
        let interrupted = tokio::select! {
            changed = changed(&mut events) => {
                if !changed {
                    return Err(Failure::hinted(words.connection_lost(), words.connection_lost_hint()));
                }
                false
            }
            _ = tokio::signal::ctrl_c() => true,
        };
        if interrupted {
            printer.progress("");
            let goes_on = !connection.is_own();
            printer.note(if goes_on { words.download_goes_on(name) } else { words.download_interrupted(name) });
            return Err(Failure::Said);
        }
    }
    printer.progress("");
    let models: ModelList = connection.call("model_list", ()).await?;
    // The list of models names real paths, without links.
    let path = Path::new(&started.path).canonicalize().unwrap_or_else(|_| started.path.clone().into());
    let Some(model) = models.models.iter().find(|model| Path::new(&model.spec.path) == path) else {
        return Err(Failure::plain(words.download_ended(name)));
    };
    if !printer.json {
        printer.line(words.downloaded(one_line(&model.spec.name)))?;
    }
    if use_it {
        return choose_model(connection, printer, model.spec.role, Some(model)).await;
    }
    if printer.json { Ok(printer.value(model)?) } else { Ok(()) }
}

/// Waits until something may have changed with downloads; false when no more events will come.
async fn changed(events: &mut BoxStream<'static, Event>) -> bool {
    loop {
        match events.next().await {
            Some(Event::DownloadsChanged { .. } | Event::Resync {}) => return true,
            Some(_) => {}
            None => return false,
        }
    }
}

fn judge(printer: &Printer, download: &Download, name: &str) -> Result<(), Failure> {
    let words = printer.words;
    let problem = download.problem.clone().unwrap_or_default();
    match download.state {
        DownloadState::Running => {
            let all = download.size.map_or_else(|| "?".to_owned(), size);
            printer.progress(&words.downloading(name, size(download.received), all, size(download.bytes_per_second)));
        }
        DownloadState::Retrying => printer.progress(&words.download_waits(name, problem)),
        DownloadState::Verifying | DownloadState::Done => printer.progress(&words.verifying(name)),
        DownloadState::Queued => printer.progress(&words.queued_download(name)),
        // By another face.
        DownloadState::Paused => {
            printer.progress("");
            return Err(Failure::hinted(words.download_paused(name), words.download_resume_hint()));
        }
        DownloadState::Failed => {
            printer.progress("");
            return Err(Failure::hinted(words.download_failed(name, problem), words.download_resume_hint()));
        }
    }
    Ok(())
}

pub async fn list(connection: &Connection, printer: &Printer) -> Result<(), Failure> {
    let list: Vec<Download> = connection.call("model_downloads", ()).await?;
    if printer.json {
        return Ok(printer.value(&list)?);
    }
    if list.is_empty() {
        return Ok(printer.line(printer.words.no_downloads())?);
    }
    let row = |download: &Download| {
        let all = download.size.map_or_else(|| "?".to_owned(), size);
        vec![
            short(download.id.as_str()).to_owned(),
            download.name.clone(),
            printer.words.download_state(download.state).to_owned(),
            format!("{} / {all}", size(download.received)),
            download.problem.clone().unwrap_or_default(),
        ]
    };
    Ok(printer.line(table(&list.iter().map(row).collect::<Vec<_>>()))?)
}

async fn named(connection: &Connection, printer: &Printer, wanted: &str) -> Result<Download, Failure> {
    let list: Vec<Download> = connection.call("model_downloads", ()).await?;
    let names = |download: &Download| (download.id.to_string(), vec![download.name.clone()]);
    choose(&list, wanted, printer, "moltworker model downloads", names).cloned()
}

pub async fn pause(connection: &Connection, printer: &Printer, wanted: &str) -> Result<(), Failure> {
    let download = named(connection, printer, wanted).await?;
    let paused: Download = connection.call("model_download_pause", DownloadRef { id: download.id }).await?;
    if printer.json {
        return Ok(printer.value(&paused)?);
    }
    Ok(printer.line(printer.words.download_paused(one_line(&paused.name)))?)
}

pub async fn cancel(connection: &Connection, printer: &Printer, wanted: &str) -> Result<(), Failure> {
    let download = named(connection, printer, wanted).await?;
    let id: DownloadId = download.id;
    let left: Vec<Download> = connection.call("model_download_cancel", DownloadRef { id }).await?;
    if printer.json {
        return Ok(printer.value(&left)?);
    }
    Ok(printer.line(printer.words.download_cancelled(one_line(&download.name)))?)
}

pub async fn search(connection: &Connection, printer: &Printer, query: &str) -> Result<(), Failure> {
    let words = printer.words;
    let is_repository = query.split('/').count() == 2 && !query.contains(' ');
    let rows: Vec<Vec<String>> = if is_repository {
        let files: Vec<HubFileView> =
            connection.call("model_hub_files", HubRef { repository: query.to_owned() }).await?;
        if printer.json {
            return Ok(printer.value(&files)?);
        }
        let row = |one: &HubFileView| {
            let fit = one.fit.map(|fit| words.fit(fit)).unwrap_or_default();
            vec![format!("{query}/{}", one.file.path), one.file.size.map(size).unwrap_or_default(), fit.to_owned()]
        };
        files.iter().map(row).collect()
    } else {
        let request = HubSearch { query: query.to_owned(), limit: None };
        let found: Vec<HubModel> = connection.call("model_search_hub", request).await?;
        if printer.json {
            return Ok(printer.value(&found)?);
        }
        let row = |model: &HubModel| {
            let gated = if model.gated { words.gated() } else { String::new() };
            vec![model.repository.clone(), model.licence.clone().unwrap_or_default(), gated]
        };
        found.iter().map(row).collect()
    };
    Ok(printer.line(if rows.is_empty() { words.nothing_found() } else { table(&rows) })?)
}

pub async fn scan(connection: &Connection, printer: &Printer, import: bool) -> Result<(), Failure> {
    let words = printer.words;
    let mut found: Vec<FoundModelView> = connection.call("model_folders_scan", ()).await?;
    if import {
        for one in found.iter().filter(|one| one.model.is_none()) {
            let request = ModelImport { path: one.found.path.clone() };
            match connection.call::<ModelView>("model_import", request).await {
                Ok(model) => printer.note(words.imported(one_line(&model.spec.name))),
                // One that we cannot run does not keep the others out.
                Err(failure) => printer.note(words.import_failed(one_line(&one.found.name), failure.message())),
            }
        }
        found = connection.call("model_folders_scan", Value::Null).await?;
    }
    if printer.json {
        return Ok(printer.value(&found)?);
    }
    if found.is_empty() {
        return Ok(printer.line(words.no_other_models())?);
    }
    let row = |one: &FoundModelView| {
        let known = if one.model.is_some() { words.already_listed() } else { String::new() };
        vec![one.found.program.clone(), one.found.name.clone(), size(one.found.size), known, one.found.path.clone()]
    };
    Ok(printer.line(table(&found.iter().map(row).collect::<Vec<_>>()))?)
}

pub async fn delete(connection: &Connection, printer: &Printer, wanted: &str) -> Result<(), Failure> {
    let list: ModelList = connection.call("model_list", ()).await?;
    let names = |model: &ModelView| (model.spec.id.to_string(), vec![model.spec.name.clone()]);
    let model = choose(&list.models, wanted, printer, "moltworker model list", names)?;
    let deleted: ModelDeleted = connection.call("model_delete", ModelRef { id: model.spec.id.clone() }).await?;
    if printer.json {
        return Ok(printer.value(&deleted)?);
    }
    Ok(printer.line(printer.words.deleted(one_line(&model.spec.name), size(deleted.reclaimed)))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_tell_the_hub_from_the_catalogue() {
        let hub = request("Qwen/Qwen3-4B-GGUF/folder/model.gguf");
        assert_eq!(
            (hub.repository.as_deref(), hub.file.as_deref()),
            (Some("Qwen/Qwen3-4B-GGUF"), Some("folder/model.gguf"))
        );
        for text in ["qwen3-4b", "owner/name", ""] {
            assert_eq!(request(text).catalogue_id.as_deref(), Some(text));
        }
    }
}
