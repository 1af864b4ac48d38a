//! Models that can be had: on a hub, on their way to this disk, in the folders of other programs. And the ports to them.
//!
//! Adapters know how a hub is asked and how a file is checked; nothing of HTTP appears here.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::DownloadId;

/// Whether a model runs on a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum ModelFit {
    FitsWell,
    /// It runs, and hardly anything else does beside it.
    Tight,
    TooLarge,
}

/// A file of a model on a hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct HubFile {
    /// Within the repository, with `/` between its parts.
    pub path: String,
    /// Bytes, where they are known exactly. A file of another size is refused.
    #[ts(type = "number | null")]
    pub size: Option<u64>,
    /// Hex, where it is known. A file with another digest is refused.
    pub sha256: Option<String>,
}

/// A model that the search of a hub found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct HubModel {
    /// `owner/name`.
    pub repository: String,
    /// As the hub counts them, lately.
    #[ts(type = "number")]
    pub downloads: u64,
    pub licence: Option<String>,
    /// Its terms must be accepted on the hub's page first.
    pub gated: bool,
}

/// What is to be downloaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DownloadRequest {
    /// As people read it.
    pub name: String,
    /// `owner/name` on the hub.
    pub repository: String,
    /// A branch or a commit; none is the newest state.
    pub revision: Option<String>,
    /// One GGUF file, or all files of a folder.
    pub files: Vec<HubFile>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum DownloadState {
    /// Others go first.
    Queued,
    Running,
    /// Something is wrong with the connection; it is tried again soon.
    Retrying,
    /// All bytes are here; their digest is computed.
    Verifying,
    /// By the user, or because the program ended.
    Paused,
    /// It does not go on by itself.
    Failed,
    /// Everything lies under its final name.
    Done,
}

/// A download as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Download {
    pub id: DownloadId,
    pub name: String,
    pub repository: String,
    pub state: DownloadState,
    /// Bytes that are on the disk.
    #[ts(type = "number")]
    pub received: u64,
    /// Bytes of all files; none until the hub has told.
    #[ts(type = "number | null")]
    pub size: Option<u64>,
    /// Over the last seconds; 0 while nothing comes.
    #[ts(type = "number")]
    pub bytes_per_second: u64,
    /// One plain sentence while it is tried again, paused for a reason, or failed.
    pub problem: Option<String>,
    /// Where the model lies when it is complete.
    pub path: String,
}

/// A model that another program left on this disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct FoundModel {
    /// The program, as it calls itself.
    pub program: String,
    pub name: String,
    /// Absolute; a GGUF file or a folder.
    pub path: String,
    /// Bytes.
    #[ts(type = "number")]
    pub size: u64,
}

/// The texts are plain sentences for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DownloadError {
    #[error("there is no such download")]
    Unknown,
    /// What was asked for cannot be meant.
    #[error("{0}")]
    Invalid(String),
    /// The hub has no such file or model.
    #[error("{0}")]
    Missing(String),
    /// Terms must be accepted on the hub's page, or a token given.
    #[error("{0}")]
    Gated(String),
    #[error("{0}")]
    DiskFull(String),
    /// The hub does not answer, or not as it should.
    #[error("{0}")]
    Unreachable(String),
    #[error("{0}")]
    Failed(String),
}

/// Brings models to this disk. No connection is opened before a call asks for it.
///
/// A file stands under its final name only when it is complete and its size and digest were checked. What was received survives
/// the end of the program, also a sudden one.
#[async_trait]
pub trait ModelDownloads: Send + Sync {
    /// Oldest first.
    fn list(&self) -> Vec<Download>;
    /// The list each time it has changed. A slow reader gets only the newest.
    fn changes(&self) -> BoxStream<'static, Vec<Download>>;
    /// Begins a download, or goes on with the one of the same files.
    async fn start(&self, request: DownloadRequest) -> Result<Download, DownloadError>;
    /// Closes its connections; what was received stays.
    async fn pause(&self, id: &DownloadId) -> Result<Download, DownloadError>;
    /// Goes on after a pause or a failure.
    async fn resume(&self, id: &DownloadId) -> Result<Download, DownloadError>;
    /// Ends it and deletes what was received.
    async fn cancel(&self, id: &DownloadId) -> Result<(), DownloadError>;
    /// Goes on with those that were under way when the program ended.
    async fn resume_interrupted(&self);
    /// Answers a download that is `Done`: it leaves the list and its files stay, or, with a reason, it counts as failed.
    async fn settle(&self, id: &DownloadId, refused: Option<String>) -> Result<(), DownloadError>;
    /// Where a model of these files lies when it is complete.
    fn place(&self, repository: &str, files: &[HubFile]) -> Result<PathBuf, DownloadError>;
}

/// Asks a hub what it has. Each call opens a connection.
#[async_trait]
pub trait ModelHub: Send + Sync {
    /// Models by words of their name, the most used first, at most `limit`.
    async fn search(&self, query: &str, limit: usize) -> Result<Vec<HubModel>, DownloadError>;
    /// All files of a model.
    async fn files(&self, repository: &str) -> Result<Vec<HubFile>, DownloadError>;
}

/// Model files on this disk: those of other programs, and our own. Blocking.
pub trait ModelFolders: Send + Sync {
    /// Models in the folders of other programs, by program and name.
    fn scan(&self) -> Vec<FoundModel>;
    /// True for what this program downloaded, and so may delete.
    fn owns(&self, path: &Path) -> bool;
    /// Deletes a model file or folder of our own; the bytes that this gave back.
    fn delete(&self, path: &Path) -> Result<u64, DownloadError>;
}
