//! How downloads are made.

use std::{path::PathBuf, sync::Arc, time::Duration};

use crate::disk::Disk;

/// Names the hub, as it does for the hub's own tools.
pub const HUB_VARIABLE: &str = "HF_ENDPOINT";
/// The user's token at the hub, for models whose terms must be accepted.
pub const HUB_TOKEN_VARIABLE: &str = "HF_TOKEN";
/// The hub, and a mirror of it for places from which it cannot be reached.
const ENDPOINTS: [&str; 2] = ["https://huggingface.co", "https://hf-mirror.com"];

#[derive(Clone)]
pub struct DownloadConfig {
    /// Where models are put; also what is not complete yet, in `.downloads`.
    pub folder: PathBuf,
    /// Hubs with the same content, the preferred one first. Without a slash at the end.
    pub endpoints: Vec<String>,
    /// Sent to the first endpoint only.
    pub token: Option<String>,
    /// Downloads at a time; more wait.
    pub parallel: usize,
    /// How long a server may take to answer or to send the next bytes.
    pub stall: Duration,
    /// The wait before the first new try. It doubles up to `longest_wait`.
    pub first_wait: Duration,
    pub longest_wait: Duration,
    /// Tries without one new byte before a download counts as failed.
    pub tries: u32,
    /// Bytes of the disk that are left to other things.
    pub reserve: u64,
    pub disk: Arc<dyn Disk>,
}

impl DownloadConfig {
    /// With the endpoint and the token that the environment names, else the usual ones.
    pub fn from_environment(folder: PathBuf, disk: Arc<dyn Disk>) -> Self {
        let variable = |name: &str| {
            let value = std::env::var(name).ok()?.trim().trim_end_matches('/').to_owned();
            (!value.is_empty()).then_some(value)
        };
        Self {
            // Who names a hub wants no other one to be asked.
            endpoints: variable(HUB_VARIABLE).map_or_else(|| ENDPOINTS.map(str::to_owned).to_vec(), |one| vec![one]),
            token: variable(HUB_TOKEN_VARIABLE),
            ..Self::new(folder, Vec::new(), disk)
        }
    }

    pub fn new(folder: PathBuf, endpoints: Vec<String>, disk: Arc<dyn Disk>) -> Self {
        Self {
            folder,
            endpoints,
            token: None,
            parallel: 2,
            stall: Duration::from_secs(30),
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(60),
            // About an hour with the waits above.
            tries: 64,
            reserve: 512 << 20,
            disk,
        }
    }
}
