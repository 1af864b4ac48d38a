//! Tasks from and for other programs: iCalendar (RFC 5545), todo.txt and the CSV files of Todoist.
//!
//! Owns what these formats mean for a task, and the limits that a hostile file meets. It must not know files or servers: text comes
//! in and goes out. What cannot be kept is said, entry by entry; an entry that is broken never takes others with it.

mod alarms;
mod entry;
mod left_out;
mod lines;
mod rules;
mod store;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_programs;
#[cfg(test)]
mod tests_of_todoist;
mod times;
mod todo_txt;
mod todoist;
mod write;
mod zones;

use jiff::{Timestamp, Zoned, tz::TimeZone};

use crate::{NewTask, TaskError};

pub use store::{ImportSummary, import};
pub use todo_txt::read_todo_txt;
pub use todoist::read_todoist;
pub use write::write_calendar;

/// Bytes of a file, below what one request of the local interface may have. The calendars of people have one or two million.
pub const FILE_LIMIT: usize = 10 * 1024 * 1024;
/// Entries of a file; more are no person's tasks.
pub const ENTRY_LIMIT: usize = 20_000;
/// Remarks that are kept; the rest is counted.
const REMARK_LIMIT: usize = 200;

/// A task as another program wrote it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportedTask {
    /// What the other program calls it; the same entry is not imported twice.
    pub uid: Option<String>,
    /// What the other program calls the task that it is a part of. The task's own `parent` is not used.
    pub parent: Option<String>,
    pub task: NewTask,
    pub done_at: Option<Timestamp>,
}

/// What could not be kept of an entry, in one plain sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// Line of the file, from 1.
    pub line: usize,
    /// Title of the entry, when it is known.
    pub title: String,
    pub reason: String,
}

/// What was read of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    pub tasks: Vec<ImportedTask>,
    pub remarks: Vec<Remark>,
    /// Remarks beyond those kept.
    pub more_remarks: usize,
}

impl Imported {
    fn remark(&mut self, line: usize, title: &str, reason: impl Into<String>) {
        if self.remarks.len() < REMARK_LIMIT {
            let title = title.chars().take(80).collect();
            self.remarks.push(Remark { line, title, reason: reason.into() });
        } else {
            self.more_remarks += 1;
        }
    }
}

/// Reads an iCalendar file: every VTODO and VEVENT becomes a task. `local` is the zone of times that name none.
///
/// # Errors
/// A text that is no calendar, or beyond the limits.
pub fn read_calendar(text: &str, local: &TimeZone) -> Result<Imported, TaskError> {
    check_size(text)?;
    let mut imported = Imported::default();
    let mut calendars = 0;
    let entries = lines::entries(text, &mut imported, &mut calendars)?;
    if calendars == 0 {
        return Err(TaskError::Invalid(
            "this is no calendar: no line says BEGIN:VCALENDAR; choose an .ics file".into(),
        ));
    }
    for entry in &entries {
        entry::read(entry, local, &mut imported);
    }
    Ok(imported)
}

/// Reads what a file of this name holds: todo.txt where it ends in `.txt`, a project of Todoist where it ends in `.csv`, else a
/// calendar.
///
/// # Errors
/// As [`read_calendar`], [`read_todo_txt`] and [`read_todoist`].
pub fn read_file(name: &str, text: &str, now: &Zoned) -> Result<Imported, TaskError> {
    let local = now.time_zone();
    match name.to_ascii_lowercase().rsplit('.').next() {
        Some("txt") => read_todo_txt(text, local),
        Some("csv") => read_todoist(name, text, now),
        _ => read_calendar(text, local),
    }
}

fn check_size(text: &str) -> Result<(), TaskError> {
    if text.len() > FILE_LIMIT {
        return Err(TaskError::Invalid("the file is too large (over 10 MiB); import it in parts".into()));
    }
    Ok(())
}

fn too_many() -> TaskError {
    TaskError::Invalid("the file has over 20,000 entries; import it in parts".into())
}
