//! Runs what a model's file has programmed, under limits of time and memory.
//!
//! A thread cannot be ended from outside. Work that goes beyond a limit is left running, and the process has to end soon after: that
//! costs a reload and nothing else. It must not know what the work is.

use std::{
    path::{Path, PathBuf},
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

/// Of computing. Honest templates take milliseconds.
const TIME: Duration = Duration::from_millis(500);
/// By the clock on the wall, on a machine that is too busy to compute at all.
const LONGEST: Duration = Duration::from_secs(20);
/// Bytes that the process may grow by meanwhile. Honest templates take about what they write.
const MEMORY: u64 = 256 << 20;
/// Bytes of address space. Values nested in each other a million times are written and dropped by recursion: so that this meets the
/// limit of memory, which is told, and not the end of the stack, which is a crash.
const STACK: usize = 512 << 20;
/// Between two looks at the time and the memory.
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
    let (teller, told) = mpsc::channel();
    let begun = Instant::now();
    let allowed = resident().map(|bytes| bytes.saturating_add(MEMORY));
    let work = move || {
        // Errors mean that nobody waits any more.
        let _ = teller.send(figures_of_this_thread());
        let _ = sender.send(work());
    };
    thread::Builder::new().name("limited".into()).stack_size(STACK).spawn(work).map_err(|_| Stop::Failure)?;
    let mut figures = None;
    let stop = loop {
        match result.recv_timeout(LOOK) {
            Ok(result) => return Ok(result),
            Err(RecvTimeoutError::Disconnected) => return Err(Stop::Failure),
            Err(RecvTimeoutError::Timeout) => {}
        }
        figures = figures.or_else(|| told.try_recv().ok().flatten());
        let waited = begun.elapsed();
        let computed = figures.as_deref().and_then(computed).unwrap_or(waited);
        if computed > TIME || waited > LONGEST {
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

/// The file with the scheduler's figures of the thread that asks, where the system has such files.
fn figures_of_this_thread() -> Option<PathBuf> {
    let folder = std::fs::read_link("/proc/thread-self").ok()?;
    Some(Path::new("/proc").join(folder).join("schedstat"))
}

/// For how long the thread of these figures has computed.
fn computed(figures: &Path) -> Option<Duration> {
    let figures = std::fs::read_to_string(figures).ok()?;
    // The first one is in nanoseconds.
    figures.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

/// Bytes of memory that this process holds, where the system tells it at no cost. Elsewhere the time limits the memory as well.
fn resident() -> Option<u64> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    // The size of a page is no less anywhere; where it is larger, the limit is.
    pages.split(' ').nth(1)?.parse::<u64>().ok()?.checked_mul(4096)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_done_and_its_failures_are_told() {
        assert_eq!(within_limits(|| 7), Ok(7));
        assert_eq!(within_limits(|| -> u8 { panic!("at work") }), Err(Stop::Failure));
        // The memory of work that has ended does not count.
        for _ in 0..3 {
            assert_eq!(within_limits(|| vec![1_u8; 100 << 20].len()), Ok(100 << 20));
        }
    }

    #[test]
    fn the_figures_are_those_of_the_system() {
        if cfg!(target_os = "linux") {
            assert!(resident().is_some_and(|bytes| bytes > 1 << 20));
            assert!(computed(&figures_of_this_thread().unwrap()).is_some());
        }
    }
}
