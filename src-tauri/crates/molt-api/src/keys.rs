//! The keys of the data: what a face may ask about them, and the one door through which every face calls.
//!
//! Owns [`Door`]: while the data is locked it answers only what is asked about the keys. It must not know how keys are kept.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};
use tokio::sync::broadcast;
use ts_rs::TS;

use crate::{
    ApiError, App, Bus, DocumentRef, Empty, ErrorCode, Event,
    dispatch::{dispatch, from_value, to_json},
};

/// Every call about the keys; they are answered while the data is locked too.
pub const KEY_COMMANDS: &[&str] = &[
    "key_status",
    "key_unlock",
    "key_lock",
    "key_touch",
    "key_set_passphrase",
    "key_remove_passphrase",
    "key_use_keyring",
    "key_recovery_new",
    "key_rotate",
    "data_restore",
];

/// What opens the data, and whether it is open.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct KeyStatus {
    pub locked: bool,
    /// Why the data did not open by itself, where it should have; one plain sentence.
    pub problem: Option<String>,
    /// The system's keyring, by its name, opens the data at every start.
    pub keyring: Option<String>,
    /// A passphrase opens the data.
    pub passphrase: bool,
    /// A recovery code opens the data.
    pub recovery: bool,
    /// The key lies in a file beside the data: whoever has the folder can read everything.
    pub file: bool,
    /// The key lay beside the data at some time, so that an old copy of the folder may open it. New keys end that.
    pub exposed: bool,
    /// Unlocked with the recovery code: a new passphrase can be chosen without the one before.
    pub recovered: bool,
    /// The data is damaged, and a sound copy of this time can be put in its place.
    #[ts(type = "string | null")]
    pub copy: Option<Timestamp>,
}

/// With neither, the system's keyring is tried again.
#[derive(Clone, Default, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct KeyUnlock {
    #[serde(default)]
    pub passphrase: Option<String>,
    #[serde(default)]
    pub recovery_code: Option<String>,
}

#[derive(Clone, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct KeySetPassphrase {
    /// Needed where one is set.
    #[serde(default)]
    pub old: Option<String>,
    pub new: String,
    /// It is needed at every start; else only where the system's keyring does not open the data.
    pub asks_at_start: bool,
}

/// The passphrase, needed where one is set.
#[derive(Clone, Default, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct KeyPassphrase {
    #[serde(default)]
    pub passphrase: Option<String>,
}

/// Shown this once; the one before opens nothing any more.
#[derive(Clone, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct KeyRecoveryCode {
    /// None after new keys were made and there was no code before.
    pub code: Option<String>,
}

/// Why the keys could not be used or changed. The text is one sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    /// What was given does not fit.
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    Unavailable(String),
}

/// What the backend does with the keys, one change at a time.
#[async_trait]
pub trait KeyDesk: Send + Sync {
    /// The use cases, while the data is open.
    fn app(&self) -> Option<App>;
    async fn status(&self) -> Result<KeyStatus, KeyProblem>;
    async fn unlock(&self, request: KeyUnlock) -> Result<(), KeyProblem>;
    /// Puts the copy that the status names in place of the damaged data, which stays under another name, and opens it.
    async fn restore(&self) -> Result<(), KeyProblem>;
    /// Closes the data; it can be opened again without another start.
    async fn lock(&self) -> Result<(), KeyProblem>;
    async fn set_passphrase(&self, request: KeySetPassphrase) -> Result<(), KeyProblem>;
    async fn remove_passphrase(&self, request: KeyPassphrase) -> Result<(), KeyProblem>;
    async fn use_keyring(&self, request: KeyPassphrase) -> Result<(), KeyProblem>;
    async fn new_recovery_code(&self, request: KeyPassphrase) -> Result<String, KeyProblem>;
    /// New keys, and the database encrypted by them. Gives a recovery code where there was one.
    async fn rotate(&self, request: KeyPassphrase) -> Result<Option<String>, KeyProblem>;
}

/// What every face calls and listens to. Cheap to clone.
#[derive(Clone)]
pub struct Door {
    desk: Arc<dyn KeyDesk>,
    bus: Bus,
    is_used: Arc<AtomicBool>,
}

impl Door {
    pub fn new(desk: Arc<dyn KeyDesk>, bus: Bus) -> Self {
        Self { desk, bus, is_used: Arc::default() }
    }

    /// Everything that happens from now on, also over a time of being locked.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.bus.subscribe()
    }

    /// Whether somebody did something since this was asked last. What a page reads by itself does not count.
    pub fn was_used(&self) -> bool {
        self.is_used.swap(false, Ordering::Relaxed)
    }

    /// Tells every face that the data was locked or unlocked, where that was not asked for by a call.
    pub fn tell(&self) {
        self.bus.send(Event::KeysChanged {});
    }

    /// Calls a use case by its name, see [`dispatch`](crate::dispatch).
    pub async fn call(&self, name: &str, arguments: Value) -> Result<Box<RawValue>, ApiError> {
        if !is_reading(name) {
            self.is_used.store(true, Ordering::Relaxed);
        }
        match name {
            "key_status" => to_json(&self.desk.status().await?),
            "key_touch" => to_json(&Empty {}),
            "key_unlock" => self.told(self.desk.unlock(from_value(name, arguments)?).await).await,
            "data_restore" => self.told(self.desk.restore().await).await,
            "key_lock" => self.told(self.desk.lock().await).await,
            _ if KEY_COMMANDS.contains(&name) && self.desk.app().is_none() => Err(locked()),
            "key_set_passphrase" => self.told(self.desk.set_passphrase(from_value(name, arguments)?).await).await,
            "key_remove_passphrase" => self.told(self.desk.remove_passphrase(from_value(name, arguments)?).await).await,
            "key_use_keyring" => self.told(self.desk.use_keyring(from_value(name, arguments)?).await).await,
            "key_recovery_new" => {
                let code = self.desk.new_recovery_code(from_value(name, arguments)?).await?;
                self.tell();
                to_json(&KeyRecoveryCode { code: Some(code) })
            }
            "key_rotate" => {
                let code = self.desk.rotate(from_value(name, arguments)?).await?;
                self.tell();
                to_json(&KeyRecoveryCode { code })
            }
            _ => match self.desk.app() {
                Some(app) => dispatch(&app, name, arguments).await,
                None => Err(locked()),
            },
        }
    }

    /// See [`App::document_file`].
    pub async fn document_file(&self, request: DocumentRef) -> Result<Vec<u8>, ApiError> {
        self.is_used.store(true, Ordering::Relaxed);
        self.desk.app().ok_or_else(locked)?.document_file(request).await
    }

    async fn told(&self, done: Result<(), KeyProblem>) -> Result<Box<RawValue>, ApiError> {
        done?;
        self.tell();
        to_json(&self.desk.status().await?)
    }
}

fn locked() -> ApiError {
    ApiError::new(ErrorCode::Locked, "your data is locked")
        .hint("Unlock it with your passphrase or your recovery code.")
}

/// Calls that a page makes by itself when something changed.
fn is_reading(name: &str) -> bool {
    const READING: [&str; 5] = ["status", "key_status", "suggestions", "model_catalogue", "model_downloads"];
    READING.contains(&name) || ["_list", "_get", "_changes"].iter().any(|ending| name.ends_with(ending))
}
