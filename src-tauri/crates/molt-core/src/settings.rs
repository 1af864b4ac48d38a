//! What the user can set.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::ModelId;

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

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(default)]
#[ts(export)]
pub struct Settings {
    pub language: Language,
    pub theme: Theme,
    /// The chat model that is loaded at start; none: answers are passages.
    pub chat_model: Option<ModelId>,
    pub embedder: Option<ModelId>,
    pub indexing_paused: bool,
    /// Closing the window leaves the program in the tray.
    pub close_to_tray: bool,
    /// Seconds that the user is willing to wait for an answer's first word; 0: as long as it takes.
    pub first_word_seconds: u32,
    /// Desktop notifications for reminders.
    pub notifications: bool,
    /// The first-run page was finished or skipped.
    pub welcomed: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            language: Language::System,
            theme: Theme::System,
            chat_model: None,
            embedder: None,
            indexing_paused: false,
            close_to_tray: true,
            first_word_seconds: 3,
            notifications: true,
            welcomed: false,
        }
    }
}
