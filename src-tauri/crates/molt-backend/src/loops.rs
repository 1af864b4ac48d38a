//! The background loops: the beat of reminders, the loading of models, the library, downloads.

use std::time::Duration;

use molt_api::App;
use molt_tasks::Scheduler;
use tokio_util::sync::CancellationToken;

/// The wall clock is looked at this often. A beat instead of one long timer: it is right after sleep, a clock that was set, and a
/// changed zone.
const BEAT: Duration = Duration::from_secs(1);

/// Shows reminders when they are due.
pub async fn remind(app: App, cancel: CancellationToken) {
    let mut scheduler = Scheduler::new();
    let mut beat = tokio::time::interval(BEAT);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            _ = beat.tick() => {}
        }
        if let Err(error) = app.tick(&mut scheduler) {
            app.report("Reminders", error.message);
        }
    }
}

/// Work that would go on for ever, until it is cancelled.
pub async fn until(work: impl Future<Output = ()>, cancel: CancellationToken) {
    tokio::select! {
        () = cancel.cancelled() => {}
        () = work => {}
    }
}
