//! Tasks, reminders, recurrence and quick-add.
//!
//! Owns what a due time means, when a reminder is shown, what completing a recurring task does, and the reading of a line such as
//! "call Anna tomorrow at 3pm" or 明天下午3点给安娜打电话. Everything is decided from the arguments: it must not know the system clock,
//! a disk, a runtime or a model.
//!
//! The functions read, decide and write through the ports. Calls on one store must not overlap: the caller holds one lock over
//! them and over [`Scheduler::tick`].

mod actions;
mod changes;
mod completing;
mod due;
mod error;
mod exchange;
mod parts;
mod quick;
mod recur;
mod reminding;
mod repeating;
mod rule;
mod scheduler;
pub mod talk;

pub use actions::{Listed, NewTask, add, add_line, delete, describe, list, restore, update};
pub use changes::changes;
pub use completing::{set_done, skip};
pub use due::{due_at, is_overdue, occurrences, remind_at};
pub use error::TaskError;
pub use exchange::{
    ENTRY_LIMIT, FILE_LIMIT, ImportSummary, Imported, ImportedTask, Remark, import, read_calendar, read_file,
    read_todo_txt, read_todoist, write_calendar,
};
pub use quick::{byte_spans, check_line, is_reminder, quick_add};
pub use recur::{ExpandRequest, Expansion, Recur, Series, SeriesStart, expand};
pub use reminding::{ShownReminder, complete, dismiss, shown, snooze};
pub use rule::{Frequency, Rule, RuleError};
pub use scheduler::{Effect, Scheduler, reminders_for};
