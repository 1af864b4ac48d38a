//! Ends a computation of llama.cpp in its middle, so that a cancellation is heard within one product of matrices and not only after a whole
//! batch of a prompt.
//!
//! llama.cpp asks a function after each step of a computation whether to go on. Its library for Rust has no way to name that function, so
//! the linker leads the making of a context here (`build.rs`).
#![expect(unsafe_code, reason = "the function is called by llama.cpp, and a context is made by it")]

use std::{
    cell::RefCell,
    ffi::c_void,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use llama_cpp_sys_2 as sys;

thread_local! {
    /// What ends the computation that this thread has begun. llama.cpp asks in the thread that called it.
    static ENDS: RefCell<Option<Arc<AtomicBool>>> = const { RefCell::new(None) };
}

unsafe extern "C" {
    fn __real_llama_new_context_with_model(
        model: *mut sys::llama_model,
        params: sys::llama_context_params,
    ) -> *mut sys::llama_context;
}

#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_llama_new_context_with_model(
    model: *mut sys::llama_model,
    mut params: sys::llama_context_params,
) -> *mut sys::llama_context {
    params.abort_callback = Some(is_ended);
    // SAFETY: as it was called; the function lives as long as the program and takes no data.
    unsafe { __real_llama_new_context_with_model(model, params) }
}

unsafe extern "C" fn is_ended(_: *mut c_void) -> bool {
    ENDS.with_borrow(|ends| ends.as_ref().is_some_and(|ends| ends.load(Ordering::Relaxed)))
}

/// Computes, and ends early as soon as `ended` is set.
pub fn until<T>(ended: &Arc<AtomicBool>, compute: impl FnOnce() -> T) -> T {
    ENDS.set(Some(ended.clone()));
    let computed = compute();
    ENDS.set(None);
    computed
}
