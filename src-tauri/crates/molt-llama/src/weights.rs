//! The weights of a model: read where they lie, where the system takes back what is not needed of a mapped file, and else copied.
//!
//! llama.cpp lays most matrices out anew for the processor; of a mapped file they would stay in memory a second time. So after loading all
//! of the mapping is let go, and what is still computed from it comes back with the first computation.

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
        let model = LlamaModel::load_from_file(&backend, file, &params).map_err(|error| error.to_string())?;
        #[cfg(target_os = "linux")]
        mapping::let_go(file);
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

#[cfg(target_os = "linux")]
mod mapping {
    #![expect(unsafe_code, reason = "the system is told by a function of the C library")]

    use std::{
        ffi::{c_int, c_void},
        os::unix::fs::MetadataExt,
        path::Path,
    };

    /// `MADV_DONTNEED` of Linux.
    const DONT_NEED: c_int = 4;

    unsafe extern "C" {
        fn madvise(start: *mut c_void, bytes: usize, advice: c_int) -> c_int;
    }

    /// Lets go what is in memory of the file. It is read again where it is looked at.
    pub fn let_go(file: &Path) {
        let (Ok(state), Ok(maps)) = (file.metadata(), std::fs::read_to_string("/proc/self/maps")) else { return };
        for (start, end) in maps.lines().filter_map(|line| part(line, state.ino())) {
            // SAFETY: the mapping is llama.cpp's, shared and only for reading: nothing in it can be lost.
            unsafe { madvise(start as *mut c_void, end - start, DONT_NEED) };
        }
    }

    /// Where a mapping of the file begins and ends: `7f00-7f80 r--s 00000000 fe:00 1234   /path`.
    fn part(line: &str, number: u64) -> Option<(usize, usize)> {
        let mut fields = line.split_ascii_whitespace();
        let (place, rights, inode) = (fields.next()?, fields.next()?, fields.nth(2)?);
        let is_it = inode.parse() == Ok(number) && rights == "r--s";
        let (start, end) = place.split_once('-').filter(|_| is_it)?;
        Some((usize::from_str_radix(start, 16).ok()?, usize::from_str_radix(end, 16).ok()?))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn only_what_is_shared_and_read_of_that_file_is_let_go() {
            let line = "7f10000-7f20000 r--s 00000000 fe:00 1234                     /a model.gguf";
            assert_eq!(part(line, 1234), Some((0x7f1_0000, 0x7f2_0000)));
            assert_eq!(part(line, 123), None);
            assert_eq!(part(&line.replace("r--s", "rw-p"), 1234), None);
            assert_eq!(part("7ffd000-7ffe000 rw-p 00000000 00:00 0", 1234), None);
            assert_eq!(part("", 0), None);
        }
    }
}
