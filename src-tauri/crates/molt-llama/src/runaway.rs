//! Runs what a model's file has programmed, under limits of time and memory.
//!
//! A thread cannot be ended from outside. Work that goes beyond a limit is left running, and the process has to end soon after: that
//! costs a reload and nothing else. It must not know what the work is.

use std::{
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

/// Honest templates take milliseconds.
const TIME: Duration = Duration::from_secs(1);
/// Bytes that the process may grow by meanwhile. Honest templates take about what they write.
const MEMORY: u64 = 256 << 20;
/// Bytes of address space. Values nested in each other a million times are written and dropped by recursion: so that this meets the
/// limit of memory, which is told, and not the end of the stack, which is a crash.
const STACK: usize = 512 << 20;
/// Between two looks at the clock and the memory.
const LOOK: Duration = Duration::from_millis(5);

static LEFT_RUNNING: AtomicBool = AtomicBool::new(false);

/// Why there is no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    Time,
    Memory,
    /// It panicked, or there is no thread for it.
    Failure,
}

/// Whether work was left running: then this process has to end.
pub fn is_left_running() -> bool {
    LEFT_RUNNING.load(Ordering::Relaxed)
}

/// Waits for the result of `work`, as long as it keeps the limits.
pub fn within_limits<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Stop> {
    let (sender, result) = mpsc::channel();
    let begun = Instant::now();
    let allowed = resident().map(|bytes| bytes.saturating_add(MEMORY));
    let work = move || {
        // An error means that nobody waits any more.
        let _ = sender.send(work());
    };
    thread::Builder::new().name("limited".into()).stack_size(STACK).spawn(work).map_err(|_| Stop::Failure)?;
    let stop = loop {
        match result.recv_timeout(LOOK) {
            Ok(result) => return Ok(result),
            Err(RecvTimeoutError::Disconnected) => return Err(Stop::Failure),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if begun.elapsed() > TIME {
            break Stop::Time;
        }
        if let (Some(allowed), Some(bytes)) = (allowed, resident())
            && bytes > allowed
        {
            break Stop::Memory;
        }
    };
    LEFT_RUNNING.store(true, Ordering::Relaxed);
    Err(stop)
}

/// Bytes of memory that this process holds, where the system tells it at no cost. Elsewhere the time limits the memory as well.
fn resident() -> Option<u64> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    // The size of a page is no less anywhere; where it is larger, the limit is.
    pages.split(' ').nth(1)?.parse::<u64>().ok()?.checked_mul(4096)
}
