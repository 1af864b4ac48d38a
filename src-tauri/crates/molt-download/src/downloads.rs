//! All downloads: starting, ending, and what is told of them.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use molt_core::{Download, DownloadError, DownloadId, DownloadRequest, DownloadState, HubFile, ModelDownloads};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    config::DownloadConfig,
    fetch::{Fetch, disk_error, sentence},
    hub::Hub,
    job::{Job, Run, lock},
    names,
    reply::Trouble,
    saved::{self, Saved},
};

/// The downloads of a folder of models. Cheap to clone; all clones are one. Only one may exist for a folder.
#[derive(Clone)]
pub struct Downloads {
    inner: Arc<Inner>,
}

struct Inner {
    config: DownloadConfig,
    hub: Hub,
    /// Oldest first.
    jobs: Mutex<Vec<Arc<Job>>>,
    permits: Arc<Semaphore>,
    changed: watch::Sender<u64>,
}

impl Downloads {
    /// Finds what earlier runs of the program left. Opens no connection and starts nothing.
    pub fn open(config: DownloadConfig, hub: Hub) -> Self {
        let changed = watch::Sender::new(0);
        let job = |saved| Arc::new(Job::new(saved, config.folder.clone(), changed.clone()));
        let jobs = saved::load(&config.folder).into_iter().map(job).collect();
        let permits = Arc::new(Semaphore::new(config.parallel.max(1)));
        Self { inner: Arc::new(Inner { config, hub, jobs: Mutex::new(jobs), permits, changed }) }
    }

    /// Ends all work and waits for its end. What ran goes on after the next start.
    pub async fn stop(&self) {
        let jobs = lock(&self.inner.jobs).clone();
        for job in &jobs {
            if let Some(run) = job.run.lock().await.as_ref() {
                run.cancel.cancel();
            }
        }
        for job in jobs {
            halt(&job).await;
        }
    }

    fn job(&self, id: &DownloadId) -> Result<Arc<Job>, DownloadError> {
        let jobs = lock(&self.inner.jobs);
        jobs.iter().find(|job| &job.saved().id == id).cloned().ok_or(DownloadError::Unknown)
    }

    /// The job of these files, made if there is none.
    fn job_of(&self, request: DownloadRequest) -> Result<Arc<Job>, DownloadError> {
        let inner = &self.inner;
        let mut jobs = lock(&inner.jobs);
        if let Some(known) = jobs.iter().find(|job| job.saved().is_of(&request)) {
            return Ok(known.clone());
        }
        let number = jobs.last().map_or(0, |job| job.saved().number + 1);
        let saved = Saved::new(number, request);
        let made = std::fs::create_dir_all(&inner.config.folder).and_then(|()| saved.save(&inner.config.folder));
        made.map_err(|error| disk_error(&error, &inner.config.folder))?;
        let job = Arc::new(Job::new(saved, inner.config.folder.clone(), inner.changed.clone()));
        jobs.push(job.clone());
        Ok(job)
    }

    async fn run(&self, job: &Arc<Job>) -> Result<(), DownloadError> {
        let mut run = job.run.lock().await;
        let is_running = run.as_ref().is_some_and(|run| !run.task.is_finished());
        if is_running {
            return Ok(());
        }
        job.save(|saved| (saved.wanted, saved.problem) = (true, None))?;
        if job.saved().is_done() {
            // Perhaps it is taken now by those who refused it before.
            job.set(DownloadState::Done, None);
            return Ok(());
        }
        job.set(DownloadState::Queued, None);
        let cancel = CancellationToken::new();
        let task = tokio::spawn(work(self.inner.clone(), job.clone(), cancel.clone()));
        *run = Some(Run { cancel, task });
        Ok(())
    }

    fn forget(&self, job: &Arc<Job>) {
        lock(&self.inner.jobs).retain(|other| !Arc::ptr_eq(other, job));
        job.tell();
    }
}

/// Ends a job's work and waits for its end.
async fn halt(job: &Job) {
    if let Some(run) = job.run.lock().await.take() {
        run.cancel.cancel();
        // A panic in it was reported where it happened; the job is halted either way.
        let _ = run.task.await;
    }
}

async fn work(inner: Arc<Inner>, job: Arc<Job>, cancel: CancellationToken) {
    let ended = fetch_all(&inner, &job, &cancel).await;
    let noted = match ended {
        Ok(()) => {
            job.set(DownloadState::Done, None);
            return;
        }
        Err(Trouble::Stopped) => {
            job.set(DownloadState::Paused, None);
            return;
        }
        Err(Trouble::Fatal(error) | Trouble::Refused(error)) => sentence(&error.to_string()),
        Err(Trouble::Retry { reason, .. } | Trouble::Useless(reason) | Trouble::Wrong(reason)) => sentence(&reason),
    };
    tracing::warn!(problem = %noted, "a download failed");
    if let Err(error) = job.save(|saved| (saved.wanted, saved.problem) = (false, Some(noted.clone()))) {
        // On a full disk this is likely; after a new start the download is paused then.
        tracing::warn!(%error, "the failure could not be noted");
    }
    job.set(DownloadState::Failed, Some(noted));
}

async fn fetch_all(inner: &Inner, job: &Job, cancel: &CancellationToken) -> Result<(), Trouble> {
    let _permit = tokio::select! {
        () = cancel.cancelled() => return Err(Trouble::Stopped),
        // Never closed.
        permit = inner.permits.acquire() => permit,
    };
    job.set(DownloadState::Running, None);
    let count = job.saved().files.len();
    let mut endpoint = 0;
    for index in 0..count {
        let mut fetch = Fetch { hub: &inner.hub, config: &inner.config, job, cancel, endpoint: &mut endpoint };
        fetch.file(index).await?;
    }
    Ok(())
}

#[async_trait]
impl ModelDownloads for Downloads {
    fn list(&self) -> Vec<Download> {
        lock(&self.inner.jobs).iter().map(|job| job.view()).collect()
    }

    fn changes(&self) -> BoxStream<'static, Vec<Download>> {
        let (downloads, mut changed) = (self.clone(), self.inner.changed.subscribe());
        // The first item comes at once.
        changed.mark_changed();
        stream::unfold((downloads, changed), |(downloads, mut changed)| async move {
            changed.changed().await.ok()?;
            changed.borrow_and_update();
            let list = downloads.list();
            Some((list, (downloads, changed)))
        })
        .boxed()
    }

    async fn start(&self, request: DownloadRequest) -> Result<Download, DownloadError> {
        names::repository(&request.repository)?;
        names::files(&request.files)?;
        request.revision.as_deref().map(names::revision).transpose()?;
        let job = self.job_of(request)?;
        self.run(&job).await?;
        Ok(job.view())
    }

    async fn pause(&self, id: &DownloadId) -> Result<Download, DownloadError> {
        let job = self.job(id)?;
        halt(&job).await;
        job.save(|saved| saved.wanted = false)?;
        // It may have ended by itself just before.
        if !matches!(job.state(), DownloadState::Done | DownloadState::Failed) {
            job.set(DownloadState::Paused, None);
        }
        Ok(job.view())
    }

    async fn resume(&self, id: &DownloadId) -> Result<Download, DownloadError> {
        let job = self.job(id)?;
        self.run(&job).await?;
        Ok(job.view())
    }

    async fn cancel(&self, id: &DownloadId) -> Result<(), DownloadError> {
        let job = self.job(id)?;
        halt(&job).await;
        let (folder, saved) = (&self.inner.config.folder, job.saved().clone());
        // Files that are complete are of no use without the others.
        for index in (0..saved.files.len()).filter(|index| saved.files[*index].done && !saved.files[*index].found) {
            remove(&job.final_path(index)).map_err(|error| disk_error(&error, folder))?;
        }
        saved.delete(folder).map_err(|error| disk_error(&error, folder))?;
        remove_empty(&names::folder(folder, &saved.repository)?);
        self.forget(&job);
        Ok(())
    }

    async fn resume_interrupted(&self) {
        let jobs = lock(&self.inner.jobs).clone();
        for job in jobs.into_iter().filter(|job| job.saved().wanted) {
            if let Err(error) = self.run(&job).await {
                job.set(DownloadState::Failed, Some(sentence(&error.to_string())));
            }
        }
    }

    async fn settle(&self, id: &DownloadId, refused: Option<String>) -> Result<(), DownloadError> {
        let job = self.job(id)?;
        if job.state() != DownloadState::Done {
            return Err(DownloadError::Invalid("the download is not complete".into()));
        }
        match refused {
            None => {
                let saved = job.saved().clone();
                saved
                    .delete(&self.inner.config.folder)
                    .map_err(|error| disk_error(&error, &self.inner.config.folder))?;
                self.forget(&job);
            }
            Some(reason) => {
                let reason = sentence(&reason);
                job.save(|saved| (saved.wanted, saved.problem) = (false, Some(reason.clone())))?;
                job.set(DownloadState::Failed, Some(reason));
            }
        }
        Ok(())
    }

    fn place(&self, repository: &str, files: &[HubFile]) -> Result<PathBuf, DownloadError> {
        names::files(files)?;
        let folder = names::folder(&self.inner.config.folder, repository)?;
        Ok(match files {
            [one] => names::file_path(&folder, &one.path),
            _ => folder,
        })
    }
}

fn remove(path: &std::path::Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes the folder of a repository, with what is below and the owner's above it, as far as they are empty.
fn remove_empty(folder: &std::path::Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        // Only an empty one can be removed this way.
        let _ = std::fs::remove_dir(entry.path());
    }
    let _ = std::fs::remove_dir(folder);
    if let Some(owner) = folder.parent() {
        let _ = std::fs::remove_dir(owner);
    }
}
