//! The keys that open the line for a new task wherever the user is.
//!
//! Owns what was asked of the system and what it said. Which keys they are is a setting.

use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use tauri::{AppHandle, Manager, State};
use tauri_plugin_global_shortcut::{GlobalShortcutExt, Shortcut, ShortcutState};

use crate::{backstage::Backstage, windows};

/// A start with this argument opens the line for a new task, for desktops that give no keys to programs but commands to keys.
pub const ARGUMENT: &str = "--quick-add";

/// Why the keys do nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeysProblem {
    /// Another program has them, or they are no keys.
    Refused,
    /// Wayland gives no program keys while it is in the background.
    NotOffered,
}

#[derive(Default)]
struct Taken {
    keys: Option<String>,
    problem: Option<KeysProblem>,
}

/// Managed by Tauri as state.
#[derive(Default)]
pub struct QuickAddKeys(Mutex<Taken>);

impl QuickAddKeys {
    /// Gives back the keys that were taken and takes these. They look like `ctrl+alt+n`.
    pub fn take(&self, app: &AppHandle, keys: Option<&str>) -> Option<KeysProblem> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.keys.as_deref() == keys {
            return taken.problem;
        }
        let problem = register(app, keys);
        *taken = Taken { keys: keys.map(str::to_owned), problem };
        problem
    }
}

/// Takes keys for as long as the program runs, and tells why they would do nothing.
#[tauri::command]
pub async fn take_quick_add_keys(
    app: AppHandle,
    taken: State<'_, QuickAddKeys>,
    keys: Option<String>,
) -> Result<Option<KeysProblem>, ()> {
    Ok(taken.take(&app, keys.as_deref()))
}

fn register(app: &AppHandle, keys: Option<&str>) -> Option<KeysProblem> {
    let shortcuts = app.global_shortcut();
    if let Err(error) = shortcuts.unregister_all() {
        tracing::warn!(%error, "the keys of before could not be given back");
    }
    let keys = keys?;
    if cfg!(target_os = "linux") && std::env::var_os("WAYLAND_DISPLAY").is_some_and(|name| !name.is_empty()) {
        return Some(KeysProblem::NotOffered);
    }
    let Ok(shortcut) = keys.parse::<Shortcut>() else { return Some(KeysProblem::Refused) };
    let opened = shortcuts.on_shortcut(shortcut, |app, _, event| {
        if event.state == ShortcutState::Pressed
            && let Err(error) = windows::open_quick_add(app, app.state::<Backstage>().words())
        {
            tracing::error!(%error, "the window for a new task could not be opened");
        }
    });
    opened.err().map(|error| {
        tracing::warn!(%error, keys, "the keys for a new task could not be taken");
        KeysProblem::Refused
    })
}
