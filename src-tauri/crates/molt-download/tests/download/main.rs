//! Downloads from a hub on this machine that stalls, lies, drops and changes its mind.

// Helpers of tests fail on the spot as tests do.
#![allow(clippy::unwrap_used)]

mod faults;
mod hubs;
mod server;
mod states;

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::StreamExt;
use molt_core::*;
use molt_download::{Disk, DownloadConfig, Downloads, Hub};
use server::{Server, Tells, sha256};
use tempfile::TempDir;

const REPOSITORY: &str = "owner/name";
const FILE: &str = "model.gguf";
const PATH: &str = "/owner/name/resolve/main/model.gguf";
/// The same file, once the hub has told which commit it is of.
const PINNED_PATH: &str = "/owner/name/resolve/0123456789abcdef0123456789abcdef01234567/model.gguf";
/// Nothing here takes so long unless it hangs.
const DEADLINE: Duration = Duration::from_secs(60);

/// A disk that has as much room as the test says.
#[derive(Default)]
struct SmallDisk {
    /// What it says is free; 0 for plenty.
    says: AtomicU64,
    /// Bytes after which writing fails; 0 for none.
    full_after: AtomicU64,
    written: AtomicU64,
}

impl Disk for SmallDisk {
    fn free_space(&self, _path: &Path) -> Option<u64> {
        Some(self.says.load(Ordering::SeqCst)).filter(|free| *free > 0)
    }

    fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        let full_after = self.full_after.load(Ordering::SeqCst);
        let before = self.written.fetch_add(bytes.len() as u64, Ordering::SeqCst);
        if full_after > 0 && before + bytes.len() as u64 > full_after {
            // As a real one: some of it is written.
            file.write_all(&bytes[..bytes.len() / 2])?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        file.write_all(bytes)
    }
}

/// A folder of models with what downloads into it.
struct World {
    home: TempDir,
    disk: Arc<SmallDisk>,
    config: DownloadConfig,
    downloads: Downloads,
}

impl World {
    fn new(endpoints: &[&Server]) -> Self {
        Self::with(endpoints, |_| {})
    }

    fn with(endpoints: &[&Server], change: impl FnOnce(&mut DownloadConfig)) -> Self {
        let home = tempfile::tempdir().unwrap();
        let disk = Arc::new(SmallDisk::default());
        let endpoints = endpoints.iter().map(|server| server.address.clone()).collect();
        let mut config = DownloadConfig {
            stall: Duration::from_millis(300),
            first_wait: Duration::from_millis(1),
            longest_wait: Duration::from_millis(4),
            tries: 12,
            reserve: 0,
            ..DownloadConfig::new(home.path().join("models"), endpoints, disk.clone())
        };
        change(&mut config);
        let downloads = Downloads::open(config.clone(), Hub::new(&config).unwrap());
        Self { home, disk, config, downloads }
    }

    /// The program ends in good order and starts again.
    async fn restart(&mut self) {
        self.downloads.stop().await;
        self.downloads = Downloads::open(self.config.clone(), Hub::new(&self.config).unwrap());
    }

    fn target(&self) -> PathBuf {
        self.config.folder.join("owner/name/model.gguf")
    }

    /// What stands under the final name.
    fn content(&self) -> Option<Vec<u8>> {
        fs::read(self.target()).ok()
    }

    async fn start(&self, file: HubFile) -> DownloadId {
        self.downloads.start(request(file)).await.unwrap().id
    }

    /// Waits until the download is in one of these states.
    async fn until(&self, id: &DownloadId, states: &[DownloadState]) -> Download {
        self.until_it(id, |download| states.contains(&download.state)).await
    }

    async fn until_it(&self, id: &DownloadId, wanted: impl Fn(&Download) -> bool) -> Download {
        let mut changes = self.downloads.changes();
        let waited = tokio::time::timeout(DEADLINE, async {
            loop {
                let list = changes.next().await.unwrap();
                if let Some(found) = list.into_iter().find(|download| &download.id == id && wanted(download)) {
                    return found;
                }
            }
        });
        waited.await.unwrap_or_else(|_| panic!("not reached: {:?}", self.downloads.list()))
    }

    /// Downloads a file and waits for the end.
    async fn fetch(&self, file: HubFile) -> Download {
        let id = self.start(file).await;
        self.until(&id, &[DownloadState::Done, DownloadState::Failed]).await
    }

    /// Files below the folder of models, without the notes on downloads.
    fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut folders = vec![self.config.folder.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                } else if entry.file_name() != "state.json" {
                    let path = entry.path();
                    found.push(path.strip_prefix(self.home.path().join("models")).unwrap().display().to_string());
                }
            }
        }
        found.sort();
        found
    }
}

fn request(file: HubFile) -> DownloadRequest {
    DownloadRequest { name: "Model".into(), repository: REPOSITORY.into(), revision: None, files: vec![file] }
}

/// The file, asked for without knowing anything of it.
fn plain() -> HubFile {
    HubFile { path: FILE.into(), size: None, sha256: None }
}

/// The file with its size and digest.
fn pinned(bytes: &[u8]) -> HubFile {
    HubFile { size: Some(bytes.len() as u64), sha256: Some(sha256(bytes)), ..plain() }
}

/// Bytes that do not repeat, so that a piece in a wrong place shows.
fn bytes(length: usize) -> Vec<u8> {
    (0..length as u32).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).take(length).collect()
}

/// A hub that has the file under the branch and under its commit.
async fn hub_with(bytes: &[u8], tells: Tells) -> Server {
    let server = Server::start().await;
    server.put(PATH, bytes, tells);
    server.put(PINNED_PATH, bytes, tells);
    server
}
