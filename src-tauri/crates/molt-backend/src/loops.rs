//! The background loops: the beat of reminders, the loading of models, the library, downloads, what is learnt from answers, locking
//! and unloading what nobody uses.

use std::{sync::Arc, time::Duration};

use jiff::SignedDuration;
use molt_api::{App, Door, KeyDesk};
use molt_core::{Clock, SettingsStore};
use molt_tasks::Scheduler;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{adapters::SystemClock, keeper::Keeper};

/// The wall clock is looked at this often. A beat instead of one long timer: it is right after sleep, a clock that was set, and a
/// changed zone.
const BEAT: Duration = Duration::from_secs(1);

/// How often it is looked whether anybody does anything.
const IDLE_BEAT: Duration = Duration::from_secs(10);

/// How often it is looked whether the computer runs on its battery.
const BATTERY_BEAT: Duration = Duration::from_secs(5);
/// How often it is looked whether a copy of the data is due.
const COPY_BEAT: Duration = Duration::from_mins(10);

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

/// Lets the library rest while the computer runs on its battery, where the settings say so.
pub async fn rest_on_battery(
    settings: Arc<dyn SettingsStore>,
    is_on_battery: impl Fn() -> bool + Send,
    rest: impl Fn(bool) + Send,
    cancel: CancellationToken,
) {
    let mut beat = tokio::time::interval(BATTERY_BEAT);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            _ = beat.tick() => {}
        }
        rest(is_on_battery() && settings.settings().is_ok_and(|settings| settings.pause_on_battery));
    }
}

/// Unloads the embedder before, each time the index of another has taken the place of its own.
pub async fn unload_replaced(app: App, mut renewed: mpsc::Receiver<()>) {
    while renewed.recv().await.is_some() {
        app.unload_replaced().await;
    }
}

/// Locks the data when nobody has done anything for as long as the settings say. By the wall clock, so that a computer that slept
/// comes back locked.
pub async fn auto_lock(door: Door, keeper: Arc<Keeper>, cancel: CancellationToken) {
    let mut used_at = SystemClock.now();
    let mut beat = tokio::time::interval(IDLE_BEAT);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            _ = beat.tick() => {}
        }
        let now = SystemClock.now();
        // A clock that was set back must not keep it open for ever.
        if door.was_used() || keeper.is_answering() || now < used_at {
            used_at = now;
            continue;
        }
        let Some(minutes) = keeper.auto_lock_minutes() else { continue };
        if now.duration_since(used_at) >= SignedDuration::from_mins(i64::from(minutes)) {
            used_at = now;
            if let Err(problem) = keeper.lock().await {
                tracing::warn!(%problem, "the data was not locked");
            } else {
                door.tell();
            }
        }
    }
}

/// Unloads models that nobody uses.
pub async fn unload_idle(app: App, cancel: CancellationToken) {
    let mut beat = tokio::time::interval(IDLE_BEAT);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            _ = beat.tick() => {}
        }
        if let Err(error) = app.unload_idle().await {
            tracing::warn!(%error, "models that nobody uses were not unloaded");
        }
    }
}

/// Keeps copies of the data, see [`Keeper::keep_copy`].
pub async fn keep_copies(keeper: Arc<Keeper>, cancel: CancellationToken) {
    let mut beat = tokio::time::interval(COPY_BEAT);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            _ = beat.tick() => keeper.keep_copy().await,
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
