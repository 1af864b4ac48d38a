//! What the pages may ask of the shell. A use case is passed on to the backend as it is; the rest is the window system's.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use molt_api::{ApiError, DocumentRef, ErrorCode, Event, SourceView};
use molt_core::DocumentId;
use serde_json::{Value, value::RawValue};
use tauri::{
    AppHandle, State, WebviewWindow,
    async_runtime::JoinHandle,
    ipc::{Channel, Response},
};
use tauri_plugin_dialog::DialogExt;
use tauri_plugin_opener::OpenerExt;
use tokio::sync::{broadcast::error::RecvError, oneshot};

use crate::{backstage::Backstage, viewer};

/// Calls a use case of the backend by its name; waits while the backend is still starting.
#[tauri::command]
pub async fn call(backstage: State<'_, Backstage>, name: String, args: Value) -> Result<Box<RawValue>, ApiError> {
    backstage.call(&name, args).await
}

/// The content of a PDF of the library, for drawing its pages. It travels as it is, not as JSON.
#[tauri::command]
pub async fn document_file(backstage: State<'_, Backstage>, document: DocumentId) -> Result<Response, ApiError> {
    let content = backstage.door().await.document_file(DocumentRef { id: document }).await?;
    Ok(Response::new(content))
}

/// The stream of events to each open page, by the label of its window.
#[derive(Default)]
pub struct Streams(Mutex<HashMap<String, JoinHandle<()>>>);

impl Streams {
    /// Ends the stream to a page that is gone, and begins the one to its successor if there is one.
    pub fn replace(&self, label: &str, next: Option<JoinHandle<()>>) {
        let mut streams = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = match next {
            Some(next) => streams.insert(label.to_owned(), next),
            None => streams.remove(label),
        };
        if let Some(ended) = ended {
            ended.abort();
        }
    }
}

/// Sends every event to the page from now on. A page that was reloaded asks again and takes the place of its old self.
#[tauri::command]
pub async fn events(
    window: WebviewWindow,
    backstage: State<'_, Backstage>,
    streams: State<'_, Streams>,
    channel: Channel<Event>,
) -> Result<(), ApiError> {
    let mut events = backstage.door().await.events();
    let stream = tauri::async_runtime::spawn(async move {
        loop {
            let event = match events.recv().await {
                Ok(event) => event,
                Err(RecvError::Lagged(_)) => Event::Resync {},
                Err(RecvError::Closed) => break,
            };
            if channel.send(event).is_err() {
                break;
            }
        }
    });
    streams.replace(window.label(), Some(stream));
    Ok(())
}

/// Opens the system's dialog for files or for folders; an empty list when the user cancelled.
#[tauri::command]
pub async fn pick_paths(window: WebviewWindow, folders: bool) -> Result<Vec<String>, ApiError> {
    let (answer, answered) = oneshot::channel();
    let deliver = move |chosen| {
        // Nobody waits any more when the window was closed under the dialog.
        let _ = answer.send(chosen);
    };
    let dialog = window.dialog().file().set_parent(&window);
    if folders {
        dialog.pick_folders(deliver);
    } else {
        dialog.pick_files(deliver);
    }
    let chosen = answered.await.ok().flatten().unwrap_or_default();
    Ok(chosen.into_iter().filter_map(|path| path.into_path().ok()?.into_os_string().into_string().ok()).collect())
}

/// Asks where to save a text, and saves it there; false when the user cancelled.
#[tauri::command]
pub async fn save_file(window: WebviewWindow, name: String, text: String) -> Result<bool, ApiError> {
    let (answer, answered) = oneshot::channel();
    window.dialog().file().set_parent(&window).set_file_name(name).save_file(move |chosen| {
        // Nobody waits any more when the window was closed under the dialog.
        let _ = answer.send(chosen);
    });
    let Some(path) = answered.await.ok().flatten().and_then(|path| path.into_path().ok()) else { return Ok(false) };
    // The dialog has asked already whether a file that is there may go.
    std::fs::write(&path, text)
        .map(|()| true)
        .map_err(|error| ApiError::new(ErrorCode::Invalid, format!("{} cannot be written: {error}", path.display())))
}

/// Opens a document of the library in the system's program for it, at a page where that program can be told one.
#[tauri::command]
pub async fn open_path(
    app: AppHandle,
    backstage: State<'_, Backstage>,
    path: String,
    page: Option<u32>,
) -> Result<(), ApiError> {
    let path = in_library(&backstage, &path).await?;
    if may_run(&path) {
        return Err(refused(&path, "it is a program, and it is not started from here"));
    }
    if let Some(page) = page
        && viewer::open_at_page(&path, page).await
    {
        return Ok(());
    }
    app.opener().open_path(path.to_string_lossy(), None::<&str>).map_err(|error| refused(&path, &error.to_string()))
}

/// Shows a document of the library in the system's file browser.
#[tauri::command]
pub async fn reveal_path(app: AppHandle, backstage: State<'_, Backstage>, path: String) -> Result<(), ApiError> {
    let path = in_library(&backstage, &path).await?;
    app.opener().reveal_item_in_dir(&path).map_err(|error| refused(&path, &error.to_string()))
}

/// The real path of something that the user added to the library. Nothing else is opened for a page: what stands in
/// one may come from a document.
async fn in_library(backstage: &Backstage, path: &str) -> Result<PathBuf, ApiError> {
    let real = Path::new(path).canonicalize().map_err(|_| {
        ApiError::new(ErrorCode::NotFound, format!("the file {path} is not there any more"))
            .hint("It was moved or deleted; the library notices that by itself.")
    })?;
    let sources: Vec<SourceView> = backstage.read("source_list").await?;
    let added = sources.iter().any(|view| {
        let source = Path::new(&view.source.path);
        real.starts_with(source.canonicalize().unwrap_or_else(|_| source.to_owned()))
    });
    if added { Ok(real) } else { Err(refused(&real, "it is not in the library")) }
}

/// Whether opening the file could start it instead of showing it.
fn may_run(path: &Path) -> bool {
    const PROGRAMS: [&str; 12] =
        ["app", "appimage", "bat", "cmd", "com", "desktop", "exe", "js", "lnk", "msi", "ps1", "vbs"];
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    if extension.is_some_and(|extension| PROGRAMS.contains(&extension.as_str())) {
        return true;
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
    }
    #[cfg(not(unix))]
    false
}

fn refused(path: &Path, reason: &str) -> ApiError {
    ApiError::new(ErrorCode::Invalid, format!("{} cannot be opened: {reason}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_told_from_documents() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, "text").unwrap();
            path
        };
        assert!(!may_run(&file("report.pdf")));
        assert!(may_run(&file("Report.PDF.Desktop")));
        assert!(!may_run(folder.path()));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let script = file("notes.md");
            std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
            assert!(may_run(&script));
        }
    }
}
