//! One download: what is saved of it, and how it stands now.

use std::{
    io,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use molt_core::{Download, DownloadError, DownloadState};
use tokio::{sync::watch, task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    fetch::disk_error,
    names,
    saved::{Saved, SavedFile},
    speed::Speed,
};

/// Progress is told this often at most.
const BEAT: Duration = Duration::from_millis(250);

pub struct Job {
    models: PathBuf,
    saved: Mutex<Saved>,
    live: Mutex<Live>,
    /// Who holds it may start or end the work; one at a time.
    pub run: tokio::sync::Mutex<Option<Run>>,
    changed: watch::Sender<u64>,
}

/// Work under way.
pub struct Run {
    pub cancel: CancellationToken,
    pub task: JoinHandle<()>,
}

struct Live {
    state: DownloadState,
    problem: Option<String>,
    /// Bytes of each file that were received.
    received: Vec<u64>,
    speed: Speed,
    told: Option<Instant>,
}

impl Job {
    /// `changed` is raised at each change.
    pub fn new(saved: Saved, models: PathBuf, changed: watch::Sender<u64>) -> Self {
        let state = match (saved.is_done(), &saved.problem) {
            (_, Some(_)) => DownloadState::Failed,
            (true, None) => DownloadState::Done,
            (false, None) => DownloadState::Paused,
        };
        let received = |file: &SavedFile| if file.done { file.size().unwrap_or_default() } else { file.synced };
        let live = Live {
            state,
            problem: saved.problem.clone(),
            received: saved.files.iter().map(received).collect(),
            speed: Speed::default(),
            told: None,
        };
        Self { models, saved: Mutex::new(saved), live: Mutex::new(live), run: tokio::sync::Mutex::default(), changed }
    }

    pub fn view(&self) -> Download {
        let (saved, live) = (self.saved(), lock(&self.live));
        let is_moving = matches!(live.state, DownloadState::Running);
        Download {
            id: saved.id.clone(),
            name: saved.name.clone(),
            repository: saved.repository.clone(),
            state: live.state,
            received: live.received.iter().sum(),
            size: saved.size(),
            bytes_per_second: if is_moving { live.speed.now(Instant::now()) } else { 0 },
            problem: live.problem.clone(),
            path: self.place(&saved).to_string_lossy().into_owned(),
        }
    }

    pub fn saved(&self) -> MutexGuard<'_, Saved> {
        lock(&self.saved)
    }

    pub fn file(&self, index: usize) -> SavedFile {
        self.saved().files[index].clone()
    }

    /// Changes what is saved, durably.
    pub fn save(&self, change: impl FnOnce(&mut Saved)) -> Result<(), DownloadError> {
        let mut saved = self.saved();
        let mut next = saved.clone();
        change(&mut next);
        next.save(&self.models).map_err(|error| self.cannot_save(&error))?;
        *saved = next;
        Ok(())
    }

    pub fn save_file(&self, index: usize, change: impl FnOnce(&mut SavedFile)) -> Result<(), DownloadError> {
        self.save(|saved| change(&mut saved.files[index]))
    }

    fn cannot_save(&self, error: &io::Error) -> DownloadError {
        disk_error(error, &self.models)
    }

    pub fn part(&self, index: usize) -> PathBuf {
        self.saved().part(&self.models, index)
    }

    /// Where a file stands when it is complete.
    pub fn final_path(&self, index: usize) -> PathBuf {
        let saved = self.saved();
        names::file_path(&self.folder(&saved), &saved.files[index].wanted.path)
    }

    /// The model: the one file, or the folder of several.
    fn place(&self, saved: &Saved) -> PathBuf {
        let folder = self.folder(saved);
        match saved.files.as_slice() {
            [one] => names::file_path(&folder, &one.wanted.path),
            _ => folder,
        }
    }

    fn folder(&self, saved: &Saved) -> PathBuf {
        // Names were checked when the download was made or read from the disk.
        names::folder(&self.models, &saved.repository).unwrap_or_else(|_| self.models.join("unnamed"))
    }

    /// A new state, told at once.
    pub fn set(&self, state: DownloadState, problem: Option<String>) {
        let mut live = lock(&self.live);
        if live.state != state {
            live.speed = Speed::default();
        }
        (live.state, live.problem) = (state, problem);
        drop(live);
        self.tell();
    }

    pub fn state(&self) -> DownloadState {
        lock(&self.live).state
    }

    /// `all` bytes of a file are here, `new` of them since the last call. Told now and then.
    pub fn received(&self, index: usize, all: u64, new: u64) {
        let now = Instant::now();
        let mut live = lock(&self.live);
        live.received[index] = all;
        if new > 0 {
            live.speed.add(new, now);
            // Something comes, so whatever was wrong is over.
            (live.state, live.problem) = (DownloadState::Running, None);
        }
        if live.told.is_some_and(|told| now.duration_since(told) < BEAT) {
            return;
        }
        live.told = Some(now);
        drop(live);
        self.tell();
    }

    pub fn tell(&self) {
        self.changed.send_modify(|version| *version += 1);
    }
}

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
