//! Tasks, due times and reminders.

use jiff::{Timestamp, civil};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{ConversationId, MessageId, ReminderId, TaskId};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum Priority {
    Urgent,
    High,
    #[default]
    Normal,
    Low,
}

/// When a task is due: a whole day, or a wall-clock time in the zone where the user chose it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case", tag = "kind")]
#[ts(export)]
pub enum Due {
    Date {
        #[ts(type = "string")]
        date: civil::Date,
    },
    Time {
        /// Civil time without an offset, `2026-11-21T09:00:00`.
        #[ts(type = "string")]
        at: civil::DateTime,
        /// IANA zone name.
        zone: String,
    },
}

/// What the next occurrence of a repeating task is counted from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum RepeatFrom {
    /// The due time, whenever it was completed.
    #[default]
    Schedule,
    /// The day on which it was completed.
    Completion,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Task {
    pub id: TaskId,
    pub title: String,
    pub notes: String,
    pub priority: Priority,
    /// What the user calls a project or a category.
    pub category: Option<String>,
    /// The part of its category that it stands in.
    #[serde(default)]
    pub section: Option<String>,
    /// Words to find it by, beside its category.
    #[serde(default)]
    pub labels: Vec<String>,
    /// The day after which it is of no use; the due time is when it is to be done.
    #[serde(default)]
    #[ts(type = "string | null")]
    pub deadline: Option<civil::Date>,
    /// Minutes before the due time at which it also reminds, besides the reminder at the due time.
    #[serde(default)]
    pub remind_before: Vec<u32>,
    /// Minutes that it will take.
    #[serde(default)]
    pub estimate_minutes: Option<u32>,
    /// The task that it is a part of.
    #[serde(default)]
    pub parent: Option<TaskId>,
    pub due: Option<Due>,
    /// RFC 5545 recurrence rule without the `RRULE:` prefix.
    pub recurrence: Option<String>,
    #[serde(default)]
    pub repeat_from: RepeatFrom,
    /// Days on which it does not occur although its rule says so (EXDATE).
    #[serde(default)]
    #[ts(type = "Array<string>")]
    pub skipped: Vec<civil::Date>,
    #[ts(type = "string | null")]
    pub done_at: Option<Timestamp>,
    pub source: Option<TaskSource>,
    #[ts(type = "string")]
    pub created_at: Timestamp,
    #[ts(type = "string")]
    pub updated_at: Timestamp,
}

/// Where a task came from, for the link back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct TaskSource {
    pub conversation_id: ConversationId,
    pub message_id: MessageId,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum ReminderState {
    Scheduled,
    /// Shown, and not answered yet.
    Shown,
    /// Answered with Done or Dismiss, or the task was completed.
    Answered,
}

/// One occurrence of a reminder. The pair (task, at) is unique, so that an occurrence is shown once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Reminder {
    pub id: ReminderId,
    pub task_id: TaskId,
    #[ts(type = "string")]
    pub at: Timestamp,
    pub state: ReminderState,
    /// It was shown more than a minute after `at` (the computer slept or the program was closed).
    pub late: bool,
}

/// What quick-add understood of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct TaskDraft {
    pub title: String,
    /// What stood behind `//`.
    pub notes: String,
    pub priority: Priority,
    pub category: Option<String>,
    pub section: Option<String>,
    pub labels: Vec<String>,
    #[ts(type = "string | null")]
    pub deadline: Option<civil::Date>,
    /// Minutes before the due time.
    pub remind_before: Vec<u32>,
    pub estimate_minutes: Option<u32>,
    pub due: Option<Due>,
    pub recurrence: Option<String>,
    pub repeat_from: RepeatFrom,
    pub spans: Vec<DraftSpan>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum SpanKind {
    When,
    Recurrence,
    Priority,
    Category,
    Section,
    Label,
    Deadline,
    /// A reminder before the due time.
    Reminder,
    /// How long it will take.
    Estimate,
    Note,
    /// The words that say it is a reminder ("remind me to", "提醒我").
    Verb,
}

/// A recognised piece of the typed line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct DraftSpan {
    pub kind: SpanKind,
    /// UTF-16 code units (what a web view counts in), half open.
    pub start: u32,
    pub end: u32,
}
