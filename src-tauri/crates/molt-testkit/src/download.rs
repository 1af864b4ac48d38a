//! Downloads that go as far as the test says, a hub that says what it was told, and folders in memory.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Mutex,
};

use async_trait::async_trait;
use futures::{StreamExt, channel::mpsc, stream::BoxStream};
use molt_core::*;

#[derive(Default)]
struct State {
    list: Vec<(Download, Vec<String>)>,
    listeners: Vec<mpsc::UnboundedSender<Vec<Download>>>,
}

/// Nothing arrives by itself: see `receive`, `finish` and `fail`.
pub struct ScriptedDownloads {
    folder: PathBuf,
    state: Mutex<State>,
}

impl ScriptedDownloads {
    /// `folder` is where models are said to be put; nothing is written.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), state: Mutex::default() }
    }

    pub fn receive(&self, id: &DownloadId, bytes: u64) {
        self.change(id, |download| download.received += bytes).unwrap();
    }

    pub fn finish(&self, id: &DownloadId) {
        self.change(id, |download| download.state = DownloadState::Done).unwrap();
    }

    pub fn fail(&self, id: &DownloadId, problem: &str) {
        let fail = |download: &mut Download| {
            (download.state, download.problem) = (DownloadState::Failed, Some(problem.to_owned()));
        };
        self.change(id, fail).unwrap();
    }

    fn change(&self, id: &DownloadId, change: impl FnOnce(&mut Download)) -> Result<Download, DownloadError> {
        let mut state = self.state.lock().unwrap();
        let found = state.list.iter_mut().find(|(download, _)| &download.id == id);
        let (download, _) = found.ok_or(DownloadError::Unknown)?;
        change(download);
        let changed = download.clone();
        tell(&mut state);
        Ok(changed)
    }

    fn forget(&self, id: &DownloadId) -> Result<(), DownloadError> {
        let mut state = self.state.lock().unwrap();
        let place = state.list.iter().position(|(download, _)| &download.id == id).ok_or(DownloadError::Unknown)?;
        state.list.remove(place);
        tell(&mut state);
        Ok(())
    }

    fn go_on(download: &mut Download) {
        if download.state != DownloadState::Done {
            (download.state, download.problem) = (DownloadState::Running, None);
        }
    }
}

fn tell(state: &mut State) {
    let list: Vec<Download> = state.list.iter().map(|(download, _)| download.clone()).collect();
    state.listeners.retain(|listener| listener.unbounded_send(list.clone()).is_ok());
}

#[async_trait]
impl ModelDownloads for ScriptedDownloads {
    fn list(&self) -> Vec<Download> {
        self.state.lock().unwrap().list.iter().map(|(download, _)| download.clone()).collect()
    }

    fn changes(&self) -> BoxStream<'static, Vec<Download>> {
        let (sender, receiver) = mpsc::unbounded();
        let mut state = self.state.lock().unwrap();
        state.listeners.push(sender);
        tell(&mut state);
        receiver.boxed()
    }

    async fn start(&self, request: DownloadRequest) -> Result<Download, DownloadError> {
        let path = self.place(&request.repository, &request.files)?.to_string_lossy().into_owned();
        let files: Vec<String> = request.files.iter().map(|file| file.path.clone()).collect();
        let mut state = self.state.lock().unwrap();
        let known =
            state.list.iter().position(|(download, of)| download.repository == request.repository && of == &files);
        let place = known.unwrap_or_else(|| {
            let download = Download {
                id: DownloadId::random(),
                name: request.name.clone(),
                repository: request.repository.clone(),
                state: DownloadState::Queued,
                received: 0,
                size: request.files.iter().map(|file| file.size).sum(),
                bytes_per_second: 0,
                problem: None,
                path,
            };
            state.list.push((download, files));
            state.list.len() - 1
        });
        Self::go_on(&mut state.list[place].0);
        let download = state.list[place].0.clone();
        tell(&mut state);
        Ok(download)
    }

    async fn pause(&self, id: &DownloadId) -> Result<Download, DownloadError> {
        self.change(id, |download| {
            if !matches!(download.state, DownloadState::Done | DownloadState::Failed) {
                download.state = DownloadState::Paused;
            }
        })
    }

    async fn resume(&self, id: &DownloadId) -> Result<Download, DownloadError> {
        self.change(id, Self::go_on)
    }

    async fn cancel(&self, id: &DownloadId) -> Result<(), DownloadError> {
        self.forget(id)
    }

    async fn resume_interrupted(&self) {}

    async fn settle(&self, id: &DownloadId, refused: Option<String>) -> Result<(), DownloadError> {
        let is_done = |download: &Download| &download.id == id && download.state == DownloadState::Done;
        if self.list().iter().all(|download| &download.id != id) {
            return Err(DownloadError::Unknown);
        }
        if !self.list().iter().any(is_done) {
            return Err(DownloadError::Invalid("the download is not complete".into()));
        }
        match refused {
            None => self.forget(id),
            Some(reason) => {
                self.fail(id, &reason);
                Ok(())
            }
        }
    }

    fn place(&self, repository: &str, files: &[HubFile]) -> Result<PathBuf, DownloadError> {
        if repository.split('/').count() != 2 || repository.contains("..") || files.is_empty() {
            return Err(DownloadError::Invalid(format!("no model on a hub can be named {repository}")));
        }
        Ok(match files {
            [one] => self.folder.join(repository).join(&one.path),
            _ => self.folder.join(repository),
        })
    }
}

/// Has what the test puts into it.
#[derive(Default)]
pub struct ScriptedHub {
    pub models: Mutex<Vec<HubModel>>,
    pub files: Mutex<BTreeMap<String, Vec<HubFile>>>,
}

#[async_trait]
impl ModelHub for ScriptedHub {
    async fn search(&self, query: &str, limit: usize) -> Result<Vec<HubModel>, DownloadError> {
        let models = self.models.lock().unwrap();
        let query = query.to_lowercase();
        let found = models.iter().filter(|model| model.repository.to_lowercase().contains(&query));
        Ok(found.take(limit).cloned().collect())
    }

    async fn files(&self, repository: &str) -> Result<Vec<HubFile>, DownloadError> {
        let files = self.files.lock().unwrap().get(repository).cloned();
        files.ok_or_else(|| DownloadError::Missing(format!("the hub has no {repository}")))
    }
}

/// Deletes nothing: it only knows what is ours, and how large.
#[derive(Default)]
pub struct MemoryFolders {
    pub found: Mutex<Vec<FoundModel>>,
    pub own: Mutex<BTreeMap<PathBuf, u64>>,
}

impl ModelFolders for MemoryFolders {
    fn scan(&self) -> Vec<FoundModel> {
        self.found.lock().unwrap().clone()
    }

    fn owns(&self, path: &Path) -> bool {
        self.own.lock().unwrap().contains_key(path)
    }

    fn delete(&self, path: &Path) -> Result<u64, DownloadError> {
        let deleted = self.own.lock().unwrap().remove(path);
        deleted.ok_or_else(|| DownloadError::Invalid(format!("{} was not downloaded by Moltworker", path.display())))
    }
}
