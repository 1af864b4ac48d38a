//! Notes panics, in whatever thread they happen: the libraries run threads of their own, whose end nobody reports.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicU32, Ordering},
};

static COUNT: AtomicU32 = AtomicU32::new(0);

/// From now on every panic is counted, and printed to standard error as usual.
pub fn note() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |information| {
        COUNT.fetch_add(1, Ordering::SeqCst);
        usual(information);
    }));
}

/// Panics so far.
pub fn count() -> u32 {
    COUNT.load(Ordering::SeqCst)
}

/// Runs `work`; a panic inside becomes its message.
///
/// What `work` has touched must not be used after a panic.
pub fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| message(&*payload))
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no reason given").chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_message() {
        assert_eq!(guarded(|| 3), Ok(3));
        assert_eq!(guarded(|| -> u32 { panic!("at the {}", "disco") }), Err("at the disco".into()));
        assert_eq!(guarded(|| std::panic::panic_any(7)), Err("no reason given".into()));
    }
}
