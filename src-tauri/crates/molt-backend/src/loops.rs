//! The background loops: the beat of reminders, the loading of models, the library, downloads, what is learnt from answers, locking
//! and unloading what nobody uses.

use std::{sync::Arc, time::Duration};

use jiff::SignedDuration;
use molt_api::{App, Door, KeyDesk};
use molt_core::{Clock, CoreShare, SettingsStore};
use molt_tasks::Scheduler;
use tokio::{
    sync::mpsc,
    time::{Interval, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

use crate::{adapters::SystemClock, keeper::Keeper};

/// The wall clock is looked at this often. A beat instead of one long timer: it is right after sleep, a clock that was set, and a
/// changed zone.
const BEAT: Duration = Duration::from_secs(1);

/// How often it is looked whether anybody does anything.
const IDLE_BEAT: Duration = Duration::from_secs(10);

/// How often it is looked whether the computer runs on its battery, and what it is to be spared.
const SPARING_BEAT: Duration = Duration::from_secs(5);
/// How often it is looked whether a copy of the data is due.
const COPY_BEAT: Duration = Duration::from_mins(10);

/// Pause after an index could not be begun (the disk is full).
const REBUILD_AGAIN: Duration = Duration::from_secs(60);

/// Shows reminders when they are due.
pub async fn remind(app: App, cancel: CancellationToken) {
    let mut scheduler = Scheduler::new();
    let mut beat = beat(BEAT);
    while goes_on(&mut beat, &cancel).await {
        if let Err(error) = app.tick(&mut scheduler) {
            app.report("Reminders", error.message);
        }
    }
}

/// Spares the computer as the settings say: lets the library rest while it runs on its battery, and tells which part of the cores
/// reading files may take.
pub async fn spare(
    settings: Arc<dyn SettingsStore>,
    is_on_battery: impl Fn() -> bool + Send,
    rest: impl Fn(bool) + Send,
    take: impl Fn(CoreShare) + Send,
    cancel: CancellationToken,
) {
    let mut beat = beat(SPARING_BEAT);
    while goes_on(&mut beat, &cancel).await {
        // Where they cannot be read, it is as it was.
        let Ok(settings) = settings.settings() else { continue };
        rest(settings.pause_on_battery && is_on_battery());
        take(settings.indexing_cores);
    }
}

/// Unloads the embedder before, each time the index of another has taken the place of its own.
pub async fn unload_replaced(app: App, mut renewed: mpsc::Receiver<()>) {
    while renewed.recv().await.is_some() {
        app.unload_replaced().await;
    }
}

/// Has another index built where one is found damaged.
pub async fn rebuild_index(app: App, mut damaged: mpsc::Receiver<()>) {
    while damaged.recv().await.is_some() {
        if let Err(error) = app.rebuild_index().await {
            // The next search that meets the damage asks for it again.
            tracing::error!(%error, "the index could not be begun again");
            tokio::time::sleep(REBUILD_AGAIN).await;
        }
    }
}

/// Locks the data when nobody has done anything for as long as the settings say. By the wall clock, so that a computer that slept
/// comes back locked.
pub async fn auto_lock(door: Door, keeper: Arc<Keeper>, cancel: CancellationToken) {
    let mut used_at = SystemClock.now();
    let mut beat = beat(IDLE_BEAT);
    while goes_on(&mut beat, &cancel).await {
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
    let mut beat = beat(IDLE_BEAT);
    while goes_on(&mut beat, &cancel).await {
        if let Err(error) = app.unload_idle().await {
            tracing::warn!(%error, "models that nobody uses were not unloaded");
        }
    }
}

/// Keeps copies of the data, see [`Keeper::keep_copy`].
pub async fn keep_copies(keeper: Arc<Keeper>, cancel: CancellationToken) {
    let mut beat = beat(COPY_BEAT);
    while goes_on(&mut beat, &cancel).await {
        keeper.keep_copy().await;
    }
}

fn beat(apart: Duration) -> Interval {
    let mut beat = tokio::time::interval(apart);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    beat
}

/// Waits for the next beat, the first of which is at once; false when it was cancelled before.
async fn goes_on(beat: &mut Interval, cancel: &CancellationToken) -> bool {
    cancel.run_until_cancelled(beat.tick()).await.is_some()
}

/// Work that would go on for ever, until it is cancelled.
pub async fn until(work: impl Future<Output = ()>, cancel: CancellationToken) {
    cancel.run_until_cancelled(work).await;
}
