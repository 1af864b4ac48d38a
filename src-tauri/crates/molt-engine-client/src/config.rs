//! What the supervision is told once: programs, folders, limits.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use crate::protocol::KeptStates;
use molt_core::{Backend, ModelFormat, ModelRole, ModelSpec};

/// How workers are started and how long they may take.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// The program of the worker that runs every kind of model.
    pub worker: PathBuf,
    /// The program of the worker that runs chat models in GGUF files with llama.cpp. Where it is, it goes first.
    pub llama_worker: Option<PathBuf>,
    /// A private folder that the libraries in a worker may write small files to. It is made when it is missing.
    pub cache_dir: PathBuf,
    /// Where workers may keep what they compute of conversations.
    pub states: Option<KeptStates>,
    /// Computing threads of each worker.
    pub threads: usize,
    /// Generations that may wait for one model; beyond it a request is answered `Busy`.
    pub max_waiting: usize,
    pub timeouts: Timeouts,
}

impl EngineConfig {
    /// The usual limits, and a thread for each core that this process may use, less one for the window above four.
    pub fn new(worker: PathBuf, cache_dir: PathBuf) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = if cores > 4 { cores - 1 } else { cores };
        Self {
            worker,
            llama_worker: None,
            cache_dir,
            states: None,
            threads,
            max_waiting: 32,
            timeouts: Timeouts::default(),
        }
    }
}

impl EngineConfig {
    /// The programs that may run this model, the one to try first at the front. The others are for a model that it cannot load.
    pub(crate) fn workers(&self, spec: &ModelSpec) -> Vec<&Path> {
        let llama =
            self.llama_worker.as_deref().filter(|_| (spec.role, spec.format) == (ModelRole::Chat, ModelFormat::Gguf));
        match (llama, spec.backend) {
            (Some(llama), None) => vec![llama, &self.worker],
            (Some(llama), Some(Backend::LlamaCpp)) => vec![llama],
            _ => vec![&self.worker],
        }
    }
}

/// After which time without a sign of life a worker is stopped and started again.
#[derive(Debug, Clone)]
pub struct Timeouts {
    /// For loading any model, besides the time for its size.
    pub load: Duration,
    /// For loading each GiB of a model.
    pub load_per_gib: Duration,
    /// Between two tokens, and for reading a prompt besides the time for its length.
    pub silence: Duration,
    /// For each token of a prompt, as long as the model's speed is not known.
    pub prompt_token: Duration,
    /// For one batch of embeddings, or one count of tokens.
    pub call: Duration,
    /// For the engine to let go of an answer that has ended, while the next one waits.
    pub release: Duration,
    /// For a worker to take a request from its input.
    pub send: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            load: Duration::from_secs(90),
            load_per_gib: Duration::from_secs(120),
            silence: Duration::from_secs(60),
            prompt_token: Duration::from_secs(1),
            call: Duration::from_secs(180),
            release: Duration::from_secs(5),
            send: Duration::from_secs(20),
        }
    }
}
