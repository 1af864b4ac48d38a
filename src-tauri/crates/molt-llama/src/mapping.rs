//! What llama.cpp has copied out of a mapped file is let go.
//!
//! The system maps a file in pieces of up to two megabytes: a matrix that is computed from the file would bring much of its neighbours back.
//! So each part that was copied becomes a mapping of its own, which is never looked at again. The linker leads llama.cpp's copying here
//! (`build.rs`).
#![expect(
    unsafe_code,
    reason = "the system is told by a function of the C library, and matrices are copied by llama.cpp"
)]

use std::{
    cell::RefCell,
    ffi::{c_int, c_void},
    ops::Range,
    os::unix::fs::MetadataExt,
    path::Path,
};

use llama_cpp_sys_2 as sys;

/// Bytes: a multiple of every size of pages that Linux has.
const PAGE: usize = 64 << 10;
/// `MADV_DONTNEED` and `MADV_NOHUGEPAGE` of Linux.
const DONT_NEED: c_int = 4;
const NO_HUGE_PAGE: c_int = 15;

thread_local! {
    /// Where in memory the model that this thread loads was copied from.
    static COPIED: RefCell<Option<Vec<Range<usize>>>> = const { RefCell::new(None) };
}

unsafe extern "C" {
    fn __real_ggml_backend_tensor_set(tensor: *mut sys::ggml_tensor, data: *const c_void, offset: usize, bytes: usize);
    fn madvise(start: *mut c_void, bytes: usize, advice: c_int) -> c_int;
}

#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_ggml_backend_tensor_set(
    tensor: *mut sys::ggml_tensor,
    data: *const c_void,
    offset: usize,
    bytes: usize,
) {
    // SAFETY: as it was called.
    unsafe { __real_ggml_backend_tensor_set(tensor, data, offset, bytes) };
    note(data as usize..data as usize + bytes);
}

fn note(part: Range<usize>) {
    COPIED.with_borrow_mut(|copied| copied.iter_mut().for_each(|copied| copied.push(part.clone())));
}

/// Loads a model, and lets go what was copied out of its file. It would be read again where somebody looked at it.
pub fn without_what_is_copied<T>(file: &Path, load: impl FnOnce() -> T) -> T {
    COPIED.set(Some(Vec::new()));
    let loaded = load();
    let copied = COPIED.take().unwrap_or_default();
    let mappings = mappings(file);
    for part in copied {
        let (start, end) = (part.start.next_multiple_of(PAGE), part.end / PAGE * PAGE);
        if start < end && mappings.iter().any(|mapping| mapping.start <= start && end <= mapping.end) {
            // SAFETY: the mapping is llama.cpp's, shared and only for reading: nothing in it can be lost.
            unsafe {
                madvise(start as *mut c_void, end - start, NO_HUGE_PAGE);
                madvise(start as *mut c_void, end - start, DONT_NEED);
            }
        }
    }
    loaded
}

/// Where a file is mapped.
fn mappings(file: &Path) -> Vec<Range<usize>> {
    let (Ok(state), Ok(maps)) = (file.metadata(), std::fs::read_to_string("/proc/self/maps")) else {
        return Vec::new();
    };
    maps.lines().filter_map(|line| mapping(line, state.ino())).collect()
}

/// Where a mapping of the file begins and ends: `7f00-7f80 r--s 00000000 fe:00 1234   /path`.
fn mapping(line: &str, number: u64) -> Option<Range<usize>> {
    let mut fields = line.split_ascii_whitespace();
    let (place, rights, inode) = (fields.next()?, fields.next()?, fields.nth(2)?);
    let is_it = inode.parse() == Ok(number) && rights == "r--s";
    let (start, end) = place.split_once('-').filter(|_| is_it)?;
    Some(usize::from_str_radix(start, 16).ok()?..usize::from_str_radix(end, 16).ok()?)
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn only_what_is_shared_and_read_of_that_file_is_let_go() {
        let line = "7f10000-7f20000 r--s 00000000 fe:00 1234                     /a model.gguf";
        assert_eq!(mapping(line, 1234), Some(0x7f1_0000..0x7f2_0000));
        assert_eq!(mapping(line, 123), None);
        assert_eq!(mapping(&line.replace("r--s", "rw-p"), 1234), None);
        assert_eq!(mapping("7ffd000-7ffe000 rw-p 00000000 00:00 0", 1234), None);
        assert_eq!(mapping("", 0), None);
    }

    /// Bytes of a file that are in memory of this process.
    fn resident(file: &Path) -> usize {
        let name = file.to_str().unwrap();
        let figures = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let lines: Vec<&str> = figures.lines().collect();
        let parts = lines.iter().enumerate().filter(|(_, line)| line.ends_with(name));
        let rss = |at: usize| lines[at..].iter().find_map(|line| line.strip_prefix("Rss:")).unwrap();
        parts.map(|(at, _)| rss(at).trim().strip_suffix("kB").unwrap().trim().parse::<usize>().unwrap() << 10).sum()
    }

    #[test]
    fn what_was_copied_does_not_come_back_with_its_neighbours() {
        unsafe extern "C" {
            fn mmap(at: *mut c_void, bytes: usize, rights: c_int, flags: c_int, file: c_int, from: i64) -> *mut c_void;
        }
        const BYTES: usize = 16 << 20;
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), vec![1; BYTES]).unwrap();
        // SAFETY: a new mapping of a file of that size (`PROT_READ`, `MAP_SHARED`), which stays until the process ends.
        let all = unsafe {
            let start = mmap(std::ptr::null_mut(), BYTES, 1, 1, file.as_file().as_raw_fd(), 0);
            std::slice::from_raw_parts(start.cast::<u8>(), BYTES)
        };
        let sum = |part: &[u8]| part.iter().map(|&byte| usize::from(byte)).sum::<usize>();
        // One part in three stays.
        let (stays, part) = (|at: usize| at.is_multiple_of(3), 300_000);
        without_what_is_copied(file.path(), || {
            assert_eq!(sum(all), BYTES);
            assert_eq!(resident(file.path()), BYTES);
            let copied = all.chunks(part).enumerate().filter(|(at, _)| !stays(*at));
            copied.for_each(|(_, part)| note(part.as_ptr() as usize..part.as_ptr_range().end as usize));
        });
        let kept: Vec<&[u8]> =
            all.chunks(part).enumerate().filter(|(at, _)| stays(*at)).map(|(_, part)| part).collect();
        assert_eq!(kept.iter().map(|part| sum(part)).sum::<usize>(), kept.concat().len());
        let edges = 2 * PAGE * all.len().div_ceil(part);
        assert!(resident(file.path()) <= kept.concat().len() + edges, "{} are in memory", resident(file.path()));
        assert_eq!(sum(all), BYTES);
    }
}
