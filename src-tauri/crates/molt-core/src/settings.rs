//! What the user can set.

use jiff::civil;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{ModelId, ModelRole};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub enum Language {
    /// Follow the system.
    #[default]
    #[serde(rename = "system")]
    System,
    #[serde(rename = "en")]
    En,
    #[serde(rename = "zh-CN")]
    ZhCn,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum Theme {
    #[default]
    System,
    Light,
    Dark,
}

/// A part of every day, by the clock on the wall; over midnight where it ends before it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct QuietHours {
    /// `22:00:00`
    #[ts(type = "string")]
    pub from: civil::Time,
    /// Excluded.
    #[ts(type = "string")]
    pub to: civil::Time,
}

impl QuietHours {
    pub fn hold(self, time: civil::Time) -> bool {
        if self.from <= self.to { (self.from..self.to).contains(&time) } else { time >= self.from || time < self.to }
    }
}

/// What the user leaves out of the library, besides what is always left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(default)]
#[ts(export)]
pub struct LibraryRules {
    /// Lines as in a `.gitignore` file, for every folder of the library.
    pub ignore: String,
    /// Files of the folders above this many megabytes are left out; 0: none.
    pub largest_mb: u32,
}

/// How many of the processor's cores reading files for the library may take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum CoreShare {
    #[default]
    One,
    Half,
    All,
}

impl CoreShare {
    /// At least one of `cores`.
    pub fn of(self, cores: usize) -> usize {
        match self {
            Self::One => 1,
            Self::Half => (cores / 2).max(1),
            Self::All => cores.max(1),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(default)]
#[ts(export)]
pub struct Settings {
    pub language: Language,
    pub theme: Theme,
    /// The chat model that is loaded at start; none: answers are passages.
    pub chat_model: Option<ModelId>,
    pub embedder: Option<ModelId>,
    /// Puts the best passages of a search in order; none: they stay as words and meaning have them.
    pub reranker: Option<ModelId>,
    /// The program chooses a chat model for every question.
    pub automatic_model: bool,
    /// It may choose one that runs on another server.
    pub automatic_remote: bool,
    pub indexing_paused: bool,
    pub library_rules: LibraryRules,
    /// Cores that compute what new and changed files are found by; questions get all of them.
    pub indexing_cores: CoreShare,
    /// New and changed files wait while the computer runs on its battery.
    pub pause_on_battery: bool,
    /// Closing the window leaves the program in the tray.
    pub close_to_tray: bool,
    /// Seconds that the user is willing to wait for an answer's first word; 0: as long as it takes.
    pub first_word_seconds: u32,
    /// Desktop notifications for reminders.
    pub notifications: bool,
    /// They make the desktop's sound.
    pub notification_sound: bool,
    /// Reminders wait until these end, except those of urgent tasks.
    pub quiet_hours: Option<QuietHours>,
    /// Keys that open the line for a new task wherever the user is, such as `ctrl+alt+n`; none: there are none.
    pub quick_add_keys: Option<String>,
    /// The secret in the address at which other programs on this computer read the tasks; none: they cannot.
    pub calendar_feed: Option<String>,
    /// Minutes without anyone doing anything after which the data is locked, where a passphrase is set; 0: never.
    pub auto_lock_minutes: u32,
    /// Minutes without a question after which a chat model gives its memory back, until the next one; 0: never.
    pub idle_unload_minutes: u32,
    /// The first-run page was finished or skipped.
    pub welcomed: bool,
}

impl Settings {
    /// The model that was chosen for this.
    pub fn model_of(&self, role: ModelRole) -> Option<&ModelId> {
        match role {
            ModelRole::Chat => self.chat_model.as_ref(),
            ModelRole::Embedder => self.embedder.as_ref(),
            ModelRole::Reranker => self.reranker.as_ref(),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            language: Language::System,
            theme: Theme::System,
            chat_model: None,
            embedder: None,
            reranker: None,
            automatic_model: false,
            automatic_remote: false,
            indexing_paused: false,
            library_rules: LibraryRules::default(),
            indexing_cores: CoreShare::One,
            pause_on_battery: true,
            close_to_tray: true,
            first_word_seconds: 3,
            notifications: true,
            notification_sound: true,
            quiet_hours: None,
            quick_add_keys: Some("ctrl+alt+n".into()),
            calendar_feed: None,
            auto_lock_minutes: 0,
            // Between the five minutes of Ollama and the hour of LM Studio: a break for coffee does not cost the time of loading, a
            // meeting does not cost the memory.
            idle_unload_minutes: 15,
            welcomed: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::time;

    use super::*;

    #[test]
    fn quiet_hours_may_go_over_midnight() {
        let at = |hour| time(hour, 0, 0, 0);
        let held = |from, to| {
            (0..24).filter(|hour| QuietHours { from: at(from), to: at(to) }.hold(at(*hour))).collect::<Vec<_>>()
        };
        assert_eq!(held(22, 2), [0, 1, 22, 23]);
        assert_eq!(held(13, 15), [13, 14]);
        assert_eq!(held(9, 9), [0; 0]);
    }
}
