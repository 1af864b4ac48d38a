//! The place of a worker beside the other programs.

/// Added to the scheduling priority: the index is built in the background, answers are waited for.
const NICE: i32 = 5;

/// For a worker that compares texts.
#[cfg(unix)]
pub fn yield_to_answers() {
    if let Err(error) = rustix::process::nice(NICE) {
        tracing::debug!(%error, "the worker keeps the usual priority");
    }
}

#[cfg(not(unix))]
pub fn yield_to_answers() {
    tracing::debug!(nice = NICE, "the priority is not lowered on this system");
}
