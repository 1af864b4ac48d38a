//! Empty memory without taking it, in place of llama.cpp's zeros.
//!
//! llama.cpp keeps room for the scores of the whole vocabulary for each token of a batch, also where texts are compared and nobody asks for
//! them: half a gigabyte with the vocabularies of today. It writes zeros into this room, and so takes the memory. A page that is given back
//! to the system reads as zeros as well, and takes nothing until something is written to it. The linker leads llama.cpp here (`build.rs`).
#![expect(unsafe_code, reason = "llama.cpp hands over memory as a pointer")]

use std::ffi::{c_int, c_void};

use llama_cpp_sys_2 as sys;

/// Bytes. For less it is not worth asking the system.
const WORTH_ASKING: usize = 1 << 20;
/// Bytes: a multiple of every size of pages that Linux has.
const PAGE: usize = 64 << 10;
/// `MADV_DONTNEED` of Linux.
const DONT_NEED: c_int = 4;

unsafe extern "C" {
    fn __real_ggml_backend_buffer_clear(buffer: sys::ggml_backend_buffer_t, value: u8);
    fn madvise(start: *mut c_void, bytes: usize, advice: c_int) -> c_int;
}

#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_ggml_backend_buffer_clear(buffer: sys::ggml_backend_buffer_t, value: u8) {
    // SAFETY: llama.cpp gives a valid buffer that it has allocated itself: it lies in memory of this process alone, and of no file.
    unsafe {
        let (start, bytes) = (sys::ggml_backend_buffer_get_base(buffer), sys::ggml_backend_buffer_get_size(buffer));
        let is_ours = value == 0 && bytes >= WORTH_ASKING && sys::ggml_backend_buffer_is_host(buffer);
        if !is_ours || !give_back(start.cast(), bytes) {
            __real_ggml_backend_buffer_clear(buffer, value);
        }
    }
}

/// Whether the system took the memory back; what is around its pages is written.
unsafe fn give_back(start: *mut u8, bytes: usize) -> bool {
    unsafe {
        let front = start.align_offset(PAGE).min(bytes);
        let pages = (bytes - front) / PAGE * PAGE;
        if madvise(start.add(front).cast(), pages, DONT_NEED) != 0 {
            return false;
        }
        start.write_bytes(0, front);
        start.add(front + pages).write_bytes(0, bytes - front - pages);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of this process that are in memory.
    fn resident() -> usize {
        let figures = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap();
        let line = figures.lines().find_map(|line| line.strip_prefix("Rss:")).unwrap();
        line.trim().strip_suffix("kB").unwrap().trim().parse::<usize>().unwrap() << 10
    }

    #[test]
    fn a_cleared_buffer_is_all_zeros_and_takes_no_memory() {
        const BYTES: usize = (256 << 20) + 12_345;
        // SAFETY: the buffer is written and read within its size, and freed at the end.
        unsafe {
            let buffer = sys::ggml_backend_buft_alloc_buffer(sys::ggml_backend_cpu_buffer_type(), BYTES);
            let start: *mut u8 = sys::ggml_backend_buffer_get_base(buffer).cast();
            start.write_bytes(7, BYTES);
            let full = resident();
            __wrap_ggml_backend_buffer_clear(buffer, 0);
            assert!(resident() + (200 << 20) < full, "the memory is given back");
            assert!(std::slice::from_raw_parts(start, BYTES).iter().all(|&byte| byte == 0));
            __wrap_ggml_backend_buffer_clear(buffer, 9);
            assert!(std::slice::from_raw_parts(start, BYTES).iter().all(|&byte| byte == 9));
            sys::ggml_backend_buffer_free(buffer);
        }
    }
}
