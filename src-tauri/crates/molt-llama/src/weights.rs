//! The weights of a model: read where they lie, where the system takes back what is not needed of a mapped file, and else copied.
//!
//! llama.cpp lays most matrices out anew for the processor. Of a mapped file they would stay in memory a second time, so they are let go
//! ([`crate::mapping`]).

use std::{
    fs::Metadata,
    path::{Path, PathBuf},
};

use llama_cpp_2::{
    LogOptions,
    context::{LlamaContext, params::LlamaContextParams},
    llama_backend::LlamaBackend,
    model::{LlamaModel, params::LlamaModelParams},
    send_logs_to_tracing,
};
use molt_engine_client::protocol::WireError;

/// Whether files are mapped.
const MAPPED: bool = cfg!(target_os = "linux");

pub struct Weights {
    backend: LlamaBackend,
    pub model: LlamaModel,
    file: PathBuf,
    state: Option<Metadata>,
}

impl Weights {
    /// Starts llama.cpp and loads a file; the error is llama.cpp's.
    pub fn load(file: &Path) -> Result<Self, String> {
        send_logs_to_tracing(LogOptions::default());
        let state = file.metadata().ok();
        let backend = LlamaBackend::init().map_err(|error| error.to_string())?;
        let params = LlamaModelParams::default().with_use_mmap(MAPPED);
        let load = || LlamaModel::load_from_file(&backend, file, &params);
        #[cfg(target_os = "linux")]
        let load = || crate::mapping::without_what_is_copied(file, load);
        let model = load().map_err(|error| error.to_string())?;
        Ok(Self { backend, model, file: file.to_owned(), state })
    }

    /// A working space.
    pub fn context(&self, params: LlamaContextParams) -> Result<LlamaContext<'_>, WireError> {
        self.model.new_context(&self.backend, params).map_err(|error| WireError::Failed {
            text: format!(
                "There is no working space for this model: {error}. Close other programs or choose a smaller model."
            ),
        })
    }

    /// Whether somebody has written to the file since it was loaded, so that the weights are not those any more. A file that took its place
    /// or that is gone changes nothing: the old one stays as long as it is mapped.
    pub fn are_changed(&self) -> bool {
        let Some(state) = self.state.as_ref().filter(|_| MAPPED) else { return false };
        self.file.metadata().is_ok_and(|now| is_written_to(state, &now))
    }
}

#[cfg(unix)]
fn is_written_to(before: &Metadata, now: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    let content = |file: &Metadata| (file.len(), file.mtime(), file.mtime_nsec());
    (before.dev(), before.ino()) == (now.dev(), now.ino()) && content(before) != content(now)
}

#[cfg(not(unix))]
fn is_written_to(_before: &Metadata, _now: &Metadata) -> bool {
    false
}
