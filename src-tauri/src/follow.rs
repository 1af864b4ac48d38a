//! Follows the backend's events with what stands outside of the pages: tray, notifications, the reminder window.

use molt_api::{ErrorCode, Event, ReminderView};
use molt_core::{Download, Settings};
use molt_notify::Notifications;
use tauri::{AppHandle, Manager};
use tokio::sync::broadcast::error::RecvError;

use crate::{backstage::Backstage, shortcut::QuickAddKeys, tray::Tray, windows};

/// Runs until the backend ends.
pub async fn follow(app: AppHandle) {
    let door = app.state::<Backstage>().door().await;
    let mut events = door.events();
    let shown = app.clone();
    let notifications = Notifications::new(door, move || {
        if let Err(error) = windows::open_main(&shown) {
            tracing::error!(%error, "the window could not be opened");
        }
    });
    refresh_settings(&app).await;
    refresh_downloads(&app).await;
    // Also those that came due while nobody listened, or while the program was not running.
    for view in &refresh_reminders(&app, &notifications).await {
        remind(&app, &notifications, view);
    }
    loop {
        match events.recv().await {
            Ok(Event::ReminderDue { reminder }) => {
                remind(&app, &notifications, &reminder);
                refresh_reminders(&app, &notifications).await;
            }
            Ok(Event::RemindersChanged {}) => {
                refresh_reminders(&app, &notifications).await;
            }
            Ok(Event::SettingsChanged { settings }) => apply(&app, &settings),
            Ok(Event::DownloadsChanged { downloads }) => show_downloads(&app, &downloads),
            // After unlocking everything is new to the shell as well.
            Ok(Event::Resync {} | Event::KeysChanged {}) | Err(RecvError::Lagged(_)) => {
                refresh_settings(&app).await;
                refresh_downloads(&app).await;
                for view in &refresh_reminders(&app, &notifications).await {
                    remind(&app, &notifications, view);
                }
            }
            Ok(_) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

fn remind(app: &AppHandle, notifications: &Notifications, view: &ReminderView) {
    let backstage = app.state::<Backstage>();
    let words = backstage.words();
    let settings = backstage.settings();
    if settings.notifications {
        notifications.show(view, settings.language, settings.notification_sound);
    }
    if !windows::is_main_in_front(app)
        && let Err(error) = windows::open_reminders(app, words)
    {
        tracing::error!(%error, "the reminder window could not be opened");
    }
}

/// Brings everything in step with the reminders that wait for an answer, and gives them.
async fn refresh_reminders(app: &AppHandle, notifications: &Notifications) -> Vec<ReminderView> {
    let backstage = app.state::<Backstage>();
    let waiting: Vec<ReminderView> = match backstage.read("reminder_list").await {
        Ok(waiting) => waiting,
        // What was waiting must not be read in the tray or in notifications.
        Err(error) if error.code == ErrorCode::Locked => Vec::new(),
        Err(error) => {
            tracing::error!(%error, "the reminders could not be read");
            return Vec::new();
        }
    };
    let count = u32::try_from(waiting.len()).unwrap_or(u32::MAX);
    backstage.set_waiting(count);
    notifications.keep_only(&waiting);
    if waiting.is_empty() {
        windows::close_reminders(app);
    }
    log_failure(app.state::<Tray>().set_waiting(backstage.words(), count));
    waiting
}

async fn refresh_downloads(app: &AppHandle) {
    match app.state::<Backstage>().read::<Vec<Download>>("model_downloads").await {
        Ok(downloads) => show_downloads(app, &downloads),
        // What is fetched must not be read in the tray.
        Err(error) if error.code == ErrorCode::Locked => show_downloads(app, &[]),
        Err(error) => tracing::error!(%error, "the downloads could not be read"),
    }
}

fn show_downloads(app: &AppHandle, downloads: &[Download]) {
    let line = app.state::<Backstage>().words().downloads(downloads);
    log_failure(app.state::<Tray>().set_downloads(line));
}

async fn refresh_settings(app: &AppHandle) {
    match app.state::<Backstage>().read("settings_get").await {
        Ok(settings) => apply(app, &settings),
        Err(error) if error.code == ErrorCode::Locked => {}
        Err(error) => tracing::error!(%error, "the settings could not be read"),
    }
}

fn apply(app: &AppHandle, settings: &Settings) {
    let backstage = app.state::<Backstage>();
    backstage.apply(settings);
    app.state::<QuickAddKeys>().take(app, settings.quick_add_keys.as_deref());
    let tray = app.state::<Tray>();
    log_failure(
        tray.translate(backstage.words(), backstage.waiting()).and_then(|()| tray.set_paused(settings.indexing_paused)),
    );
}

fn log_failure(result: tauri::Result<()>) {
    if let Err(error) = result {
        tracing::warn!(%error, "the tray could not be changed");
    }
}
