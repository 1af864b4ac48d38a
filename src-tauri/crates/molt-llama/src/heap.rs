//! The allocator of the C library, which llama.cpp uses and which keeps what was freed.
#![expect(unsafe_code, reason = "the C library is told by a function of its own")]

/// Gives what was freed back to the system. Milliseconds.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        unsafe extern "C" {
            fn malloc_trim(pad: usize) -> std::ffi::c_int;
        }
        // SAFETY: it may be called at any time from any thread.
        unsafe { malloc_trim(0) };
    }
}
