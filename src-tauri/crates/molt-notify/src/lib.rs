//! Desktop notifications for due reminders, with buttons where the desktop has them.
//!
//! Owns what is shown on the desktop and takes it away when the reminder was answered elsewhere. It decides nothing:
//! a button calls the same use case as a page does. A desktop without notifications is no error: the reminder window,
//! the tray and the pages show the same. It must not know windows.

mod words;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use molt_api::{Door, Event, ReminderView};
use molt_core::{Language, ReminderId, Settings};
use notify_rust::{Notification, Timeout};
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::sync::{broadcast::error::RecvError, oneshot};

use crate::words::Words;

const SNOOZE_MINUTES: u32 = 10;

/// The notifications on the desktop.
#[derive(Clone)]
pub struct Notifications {
    door: Door,
    /// Shows the program to the user.
    open: Arc<dyn Fn() + Send + Sync>,
    /// Dropping a reminder's sender takes its notification away.
    shown: Arc<Mutex<HashMap<ReminderId, oneshot::Sender<()>>>>,
}

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
    pub fn new(door: Door, open: impl Fn() + Send + Sync + 'static) -> Self {
        Self { door, open: Arc::new(open), shown: Arc::default() }
    }

    /// Shows one reminder; one that is on the desktop already stays as it is. Called within a runtime.
    pub fn show(&self, view: &ReminderView, language: Language, sound: bool) {
        let words = Words::of(language);
        let id = view.reminder.id.clone();
        let (keep, withdrawn) = oneshot::channel();
        {
            let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
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
        let notifications = self.clone();
        tokio::spawn(async move {
            match on_desktop(notification, words, withdrawn).await {
                Ok(answer) => notifications.act(&id, answer).await,
                Err(error) => tracing::info!(%error, "the desktop shows no notifications"),
            }
        });
    }

    /// Takes away the notifications of all reminders but these.
    pub fn keep_only(&self, waiting: &[ReminderView]) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.retain(|id, _| waiting.iter().any(|view| view.reminder.id == *id));
    }

    /// Shows what is due until the backend ends, for a program without windows. What it cannot read, because the data is locked, it
    /// takes away.
    pub async fn follow(&self) {
        let mut events = self.door.events();
        self.refresh(true).await;
        loop {
            match events.recv().await {
                Ok(Event::ReminderDue { .. } | Event::Resync {} | Event::KeysChanged {})
                | Err(RecvError::Lagged(_)) => {
                    self.refresh(true).await;
                }
                Ok(Event::RemindersChanged {}) => self.refresh(false).await,
                Ok(_) => {}
                Err(RecvError::Closed) => return,
            }
        }
    }

    async fn refresh(&self, shows: bool) {
        let waiting: Vec<ReminderView> = self.read("reminder_list").await.unwrap_or_default();
        self.keep_only(&waiting);
        let Some(settings) = self.read::<Settings>("settings_get").await.filter(|settings| settings.notifications)
        else {
            return;
        };
        for view in waiting.iter().filter(|_| shows) {
            self.show(view, settings.language, settings.notification_sound);
        }
    }

    async fn read<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let answer = self.door.call(name, json!({})).await.ok()?;
        serde_json::from_str(answer.get()).ok()
    }

    async fn act(&self, id: &ReminderId, answer: Answer) {
        let done = match answer {
            Answer::Done => self.door.call("reminder_done", json!({ "id": id })).await,
            Answer::Snooze => self.door.call("reminder_snooze", json!({ "id": id, "minutes": SNOOZE_MINUTES })).await,
            Answer::Show => return (self.open)(),
            Answer::Nothing => return,
        };
        if let Err(error) = done {
            tracing::error!(%error, ?answer, "the answer to a reminder was not taken");
        }
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
    let capabilities = tokio::task::spawn_blocking(notify_rust::get_capabilities).await;
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
    match tokio::task::spawn_blocking(move || notification.show()).await {
        Ok(shown) => shown.map(|_| Answer::Nothing),
        Err(_) => Ok(Answer::Nothing),
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
