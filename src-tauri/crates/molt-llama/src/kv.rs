//! The state of a context as bytes: the one place that hands memory to llama.cpp. The safe functions of the library would write
//! the state in the clear to a file.
#![expect(unsafe_code, reason = "llama.cpp takes the state as memory alone")]

use llama_cpp_2::context::{LlamaContext, session::LlamaStateSeqFlags};

const SEQUENCE: i32 = 0;

/// Bytes that [`get`] would give.
pub fn size(context: &LlamaContext<'_>) -> usize {
    context.state_seq_get_size_ext(SEQUENCE, LlamaStateSeqFlags::empty())
}

/// The state of the one sequence.
pub fn get(context: &LlamaContext<'_>) -> Option<Vec<u8>> {
    let mut state = vec![0; size(context)];
    // SAFETY: the buffer is as long as llama.cpp has just said that the state is, and nothing is computed in between.
    let written = unsafe { context.state_seq_get_data_ext(state.as_mut_ptr(), SEQUENCE, LlamaStateSeqFlags::empty()) };
    (written > 0 && written == state.len()).then_some(state)
}

/// Takes a state in place of what the context holds; false when it does not fit, and then the context has to be cleared.
pub fn set(context: &mut LlamaContext<'_>, state: &[u8]) -> bool {
    // SAFETY: only what `get` gave for the same model and the same sizes comes here: it is sealed under a name made of these, and a file
    // that was changed does not open. llama.cpp reads no more than the length it is given.
    unsafe { context.state_seq_set_data_ext(state, SEQUENCE, LlamaStateSeqFlags::empty()) }
}
