//! Desktop notifications for due reminders, with buttons where the desktop has them.
//!
//! Owns what is shown on the desktop and takes it away when the reminder was answered elsewhere. It decides nothing:
//! a button calls the same use case as the page does. A desktop without notifications is no error; the reminder window
//! and the tray show the same.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use molt_api::ReminderView;
use molt_core::ReminderId;
use notify_rust::{Notification, Timeout};
use serde_json::json;
use tauri::{AppHandle, Manager};
use tokio::sync::oneshot;

use crate::{backstage::Backstage, windows, words::Words};

const SNOOZE_MINUTES: u32 = 10;

/// The notifications on the desktop; dropping a reminder's sender takes its notification away.
#[derive(Default)]
pub struct Notifications(Mutex<HashMap<ReminderId, oneshot::Sender<()>>>);

/// What the user did with a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Done,
    Snooze,
    Show,
    /// It was put away; the reminder still waits.
    Nothing,
}

impl Answer {
    fn of(action: &str) -> Self {
        match action {
            "done" => Self::Done,
            "snooze" => Self::Snooze,
            "default" | "show" => Self::Show,
            _ => Self::Nothing,
        }
    }
}

impl Notifications {
    /// Shows one reminder; one that is on the desktop already stays as it is.
    pub fn show(&self, app: &AppHandle, view: &ReminderView, words: &'static Words, sound: bool) {
        let id = view.reminder.id.clone();
        let (keep, withdrawn) = oneshot::channel();
        {
            let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            shown.retain(|_, keep| !keep.is_closed());
            if shown.contains_key(&id) {
                return;
            }
            shown.insert(id.clone(), keep);
        }
        let mut notification = Notification::new();
        notification
            .appname("Moltworker")
            .icon("moltworker-desktop")
            // The title is the user's own text; the body is never anything but ours, because some desktops read markup in it.
            .summary(&view.task.title)
            .body(if view.reminder.late { words.missed } else { words.now })
            .timeout(Timeout::Never);
        if sound {
            // The name is of the sound theme of freedesktop.org, which Linux desktops have.
            notification.sound_name("alarm-clock-elapsed");
        }
        #[cfg(all(unix, not(target_os = "macos")))]
        notification.hint(notify_rust::Hint::SuppressSound(!sound));
        let app = app.clone();
        tauri::async_runtime::spawn(async move {
            match on_desktop(notification, words, withdrawn).await {
                Ok(answer) => act(&app, &id, answer).await,
                Err(error) => tracing::info!(%error, "the desktop shows no notifications"),
            }
        });
    }

    /// Takes away the notifications of all reminders but these.
    pub fn keep_only(&self, waiting: &[ReminderView]) {
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shown.retain(|id, _| waiting.iter().any(|view| view.reminder.id == *id));
    }
}

/// Shows a notification until it is answered or withdrawn.
#[cfg(all(unix, not(target_os = "macos")))]
async fn on_desktop(
    mut notification: Notification,
    words: &Words,
    withdrawn: oneshot::Receiver<()>,
) -> Result<Answer, notify_rust::error::Error> {
    // The question blocks its thread, and a desktop that does not answer must not hold up the others.
    let capabilities = tauri::async_runtime::spawn_blocking(notify_rust::get_capabilities).await;
    if capabilities.is_ok_and(|known| known.is_ok_and(|list| list.iter().any(|capability| capability == "actions"))) {
        notification.action("default", words.show).action("done", words.done).action("snooze", words.snooze);
    }
    let shown = notification.show_async().await?;
    let mut answer = Answer::Nothing;
    let gone = tokio::select! {
        () = shown.wait_for_action_async(|response| answer = answer_to(response)) => false,
        // An error means that the sender was dropped, which is how a notification is withdrawn.
        _ = withdrawn => true,
    };
    if gone {
        shown.close_async().await;
    }
    Ok(answer)
}

#[cfg(all(unix, not(target_os = "macos")))]
fn answer_to(response: &notify_rust::NotificationResponse) -> Answer {
    use notify_rust::NotificationResponse::{Action, Default};
    match response {
        Default => Answer::Show,
        Action(action) => Answer::of(action),
        _ => Answer::Nothing,
    }
}

/// Shows a notification; these systems have no buttons for it, and take it away by themselves.
#[cfg(not(all(unix, not(target_os = "macos"))))]
async fn on_desktop(
    notification: Notification,
    _words: &Words,
    _withdrawn: oneshot::Receiver<()>,
) -> Result<Answer, notify_rust::error::Error> {
    match tauri::async_runtime::spawn_blocking(move || notification.show()).await {
        Ok(shown) => shown.map(|_| Answer::Nothing),
        Err(_) => Ok(Answer::Nothing),
    }
}

async fn act(app: &AppHandle, id: &ReminderId, answer: Answer) {
    let backstage = app.state::<Backstage>();
    let done = match answer {
        Answer::Done => backstage.call("reminder_done", json!({ "id": id })).await,
        Answer::Snooze => backstage.call("reminder_snooze", json!({ "id": id, "minutes": SNOOZE_MINUTES })).await,
        Answer::Show => {
            if let Err(error) = windows::open_main(app) {
                tracing::error!(%error, "the window could not be opened");
            }
            return;
        }
        Answer::Nothing => return,
    };
    if let Err(error) = done {
        tracing::error!(%error, ?answer, "the answer to a reminder was not taken");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buttons_and_clicks_are_told_apart() {
        let answers = ["done", "snooze", "default", "__closed"].map(Answer::of);
        assert_eq!(answers, [Answer::Done, Answer::Snooze, Answer::Show, Answer::Nothing]);
    }
}
