//! What the supervision is told once: programs, folders, limits.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::protocol::KeptStates;
use molt_core::{Backend, EmbedPurpose, ModelFormat, ModelRole, ModelSpec};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The name of the llama.cpp worker that is built for processors with AVX-512 and its instructions for 8-bit numbers.
const LLAMA_AVX512: &str = "molt-llama-avx512";

/// The builds of the llama.cpp worker that this processor should run, the fastest first; `program` tells where one is, if it is.
pub fn llama_workers(program: impl Fn(&str) -> PathBuf) -> Vec<PathBuf> {
    let fast = has_avx512().then_some(LLAMA_AVX512);
    fast.into_iter().chain(["molt-llama"]).map(program).filter(|program| program.exists()).collect()
}

/// Whether it has what `cargo xtask` builds the worker [`LLAMA_AVX512`] for.
fn has_avx512() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512cd")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512vnni");
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

/// How workers are started and how long they may take.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// The program of the worker that runs every kind of model.
    pub worker: PathBuf,
    /// The builds of the worker that runs GGUF files with llama.cpp, the fastest first. Where there are any, they go first; one that the processor turns out not to run is left out, for as long as this version of the program is used.
    pub llama_workers: Vec<PathBuf>,
    /// A private folder that the libraries in a worker, and this one, may write small files to. It is made when it is missing.
    pub cache_dir: PathBuf,
    /// Where workers may keep what they compute of conversations.
    pub states: Option<KeptStates>,
    /// Computing threads of each worker.
    pub threads: usize,
    /// Those of them that compute the vectors of files, see [`crate::EngineClient::share_for_files`].
    pub passage_threads: Arc<AtomicUsize>,
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
            llama_workers: Vec::new(),
            cache_dir,
            states: None,
            threads,
            passage_threads: Arc::new(AtomicUsize::new(threads)),
            max_waiting: 32,
            timeouts: Timeouts::default(),
        }
    }
}

impl EngineConfig {
    /// Computing threads for vectors.
    pub(crate) fn threads_for(&self, purpose: EmbedPurpose) -> usize {
        let threads = self.threads.max(1);
        match purpose {
            EmbedPurpose::Query => threads,
            EmbedPurpose::Passage => self.passage_threads.load(Ordering::Relaxed).clamp(1, threads),
        }
    }

    /// The programs that may run this model, the one to try first at the front. The others are for a model that it cannot load.
    pub(crate) fn workers(&self, spec: &ModelSpec) -> Vec<&Path> {
        let is_for_llama = spec.format == ModelFormat::Gguf;
        // No other engine makes vectors from GGUF files.
        let is_for_llama_alone =
            is_for_llama && spec.role != ModelRole::Chat || spec.backend == Some(Backend::LlamaCpp);
        let mut workers: Vec<&Path> = Vec::new();
        if is_for_llama && spec.backend.is_none_or(|backend| backend == Backend::LlamaCpp) {
            workers.extend(self.llama_workers.iter().filter(|worker| !self.is_unfit(worker)).map(PathBuf::as_path));
        }
        if workers.is_empty() || !is_for_llama_alone {
            workers.push(&self.worker);
        }
        workers
    }

    /// Where it is noted, with the version of the program, that the processor does not run this build of a worker.
    fn unfit_note(&self, worker: &Path) -> PathBuf {
        let mut name = worker.file_name().unwrap_or_default().to_owned();
        name.push(".unfit");
        self.cache_dir.join(name)
    }

    fn is_unfit(&self, worker: &Path) -> bool {
        std::fs::read_to_string(self.unfit_note(worker)).is_ok_and(|version| version == VERSION)
    }

    pub(crate) fn remember_unfit(&self, worker: &Path) {
        if let Err(error) = std::fs::write(self.unfit_note(worker), VERSION) {
            tracing::warn!(%error, "it cannot be noted that a build of a worker does not run");
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passages_get_between_one_thread_and_all() {
        let config = EngineConfig { threads: 4, ..EngineConfig::new("w".into(), "c".into()) };
        let threads = |set: usize| {
            config.passage_threads.store(set, Ordering::Relaxed);
            (config.threads_for(EmbedPurpose::Passage), config.threads_for(EmbedPurpose::Query))
        };
        assert_eq!([0, 1, 3, 9].map(threads), [(1, 4), (1, 4), (3, 4), (4, 4)]);
    }
}
