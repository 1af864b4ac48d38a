//! A VTODO or VEVENT as a task.

use jiff::{Timestamp, tz::TimeZone};
use molt_core::{Due, Priority, RepeatFrom};

use super::{
    Imported, ImportedTask, alarms, left_out,
    lines::{Entry, Property, items},
    rules, times,
    write::{CATEGORY, DEADLINE, ESTIMATE, REPEAT_FROM, SECTION},
};
use crate::{NewTask, SeriesStart, actions::ESTIMATE_LIMIT, quick::distinct};

/// Characters of a title; the rest goes into the notes.
const TITLE_LIMIT: usize = 500;
const NOTES_LIMIT: usize = 90_000;
/// Characters of a label or of a project's name.
pub(super) const NAME_LIMIT: usize = 100;
const MOST_LABELS: usize = 20;
const UNTITLED: &str = "?";

pub(super) fn read(entry: &Entry, local: &TimeZone, imported: &mut Imported) {
    let title = entry.title();
    let status = entry.get("STATUS").map(|status| status.value.trim().to_ascii_uppercase()).unwrap_or_default();
    if entry.get("RECURRENCE-ID").is_some() {
        imported.remark(entry.line, &title, "a changed occurrence of a series was left out; the series itself is kept");
        return;
    }
    if status == "CANCELLED" {
        imported.remark(entry.line, &title, "it was cancelled, so it was left out");
        return;
    }
    let mut remarks: Vec<String> = Vec::new();
    let mut task = NewTask { priority: priority(entry), ..NewTask::default() };
    let mut notes: Vec<String> = entry.get("DESCRIPTION").map(Property::text).into_iter().collect();
    notes.extend(["LOCATION", "URL"].iter().filter_map(|name| entry.get(name)).map(Property::text));
    (task.due, task.recurrence) = when(entry, local, &mut notes, &mut remarks);
    if task.recurrence.is_some() {
        task.skipped = left_out::days(entry, task.due.as_ref(), local);
        left_out::begin(&mut task, &mut remarks);
        let counted = entry.get(REPEAT_FROM).is_some_and(|from| from.value.trim().eq_ignore_ascii_case("COMPLETION"));
        task.repeat_from = if counted { RepeatFrom::Completion } else { RepeatFrom::Schedule };
    }
    (task.category, task.labels) = (entry.get(CATEGORY).map(Property::text), labels(entry));
    task.section = entry.get(SECTION).map(Property::text);
    // Some programs write it with an X.
    if let Some(length) = [ESTIMATE, "X-ESTIMATED-DURATION"].iter().find_map(|name| entry.get(name)) {
        task.estimate_minutes = estimate(times::duration(&length.value).map(|seconds| seconds / 60), &mut remarks);
    }
    task.deadline = entry.get(DEADLINE).and_then(|day| match SeriesStart::parse(day.value.trim())? {
        SeriesStart::Day(day) => Some(day),
        SeriesStart::Time(at) => Some(at.date()),
    });
    if let Some(due) = &task.due {
        let edges = Edges::of(entry, due, local);
        for alarm in &entry.alarms {
            match alarms::minutes_before(alarm, due, local, &edges) {
                Ok(minutes) => task.remind_before.push(minutes),
                Err(reason) => remarks.push(reason),
            }
        }
        // The one at the due time comes by itself.
        task.remind_before.retain(|minutes| *minutes > 0);
        task.remind_before.sort_unstable();
        task.remind_before.dedup();
        task.remind_before.truncate(MOST_LABELS);
    }
    fill(&mut task, &title, notes, &mut remarks);
    for reason in remarks {
        imported.remark(entry.line, &title, reason);
    }
    let name =
        |property: Option<&Property>| property.map(|p| p.text().trim().to_owned()).filter(|name| !name.is_empty());
    let (uid, parent) = (name(entry.get("UID")), name(parent(entry)));
    imported.tasks.push(ImportedTask { uid, parent, task, done_at: done_at(entry, &status) });
}

/// RELATED-TO names a parent unless it says otherwise (RFC 5545, 3.8.4.5).
fn parent(entry: &Entry) -> Option<&Property> {
    entry.all("RELATED-TO").find(|to| to.parameter("RELTYPE").is_none_or(|kind| kind.eq_ignore_ascii_case("PARENT")))
}

/// Minutes that a task may be estimated at.
pub(super) fn estimate(minutes: Option<i64>, remarks: &mut Vec<String>) -> Option<u32> {
    let minutes = minutes.and_then(|minutes| u32::try_from(minutes).ok()).filter(|minutes| *minutes <= ESTIMATE_LIMIT);
    if minutes.is_none() {
        remarks.push("its estimate cannot be kept".into());
    }
    minutes.filter(|minutes| *minutes > 0)
}

fn priority(entry: &Entry) -> Priority {
    match entry.get("PRIORITY").and_then(|priority| priority.value.trim().parse::<u8>().ok()) {
        Some(1) => Priority::Urgent,
        Some(2..=4) => Priority::High,
        Some(6..=9) => Priority::Low,
        _ => Priority::Normal,
    }
}

fn labels(entry: &Entry) -> Vec<String> {
    names(entry.all("CATEGORIES").flat_map(|list| items(&list.value)))
}

/// Labels as a task may have them.
pub(super) fn names(labels: impl Iterator<Item = String>) -> Vec<String> {
    distinct(labels.map(|label| label.trim().chars().take(NAME_LIMIT).collect::<String>()).take(MOST_LABELS))
}

/// Gives the task its title and its notes, as far as a task has room for them.
pub(super) fn fill(task: &mut NewTask, title: &str, mut notes: Vec<String>, remarks: &mut Vec<String>) {
    task.title = shortened(title, &mut notes);
    task.notes = notes.iter().map(|note| note.trim()).filter(|note| !note.is_empty()).collect::<Vec<_>>().join("\n\n");
    if task.notes.chars().count() > NOTES_LIMIT {
        task.notes = task.notes.chars().take(NOTES_LIMIT).collect();
        remarks.push("its notes were too long and were cut".into());
    }
}

/// A title in one line, or as much as a title holds; a longer one is kept whole in the notes.
fn shortened(title: &str, notes: &mut Vec<String>) -> String {
    let line = title.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() {
        return UNTITLED.to_owned();
    }
    if line.chars().count() <= TITLE_LIMIT {
        return line;
    }
    notes.insert(0, title.to_owned());
    line.chars().take(TITLE_LIMIT - 1).chain(['…']).collect()
}

/// The due time and the rule. What is due is DUE; of an event, and where a rule counts from it, the start.
fn when(
    entry: &Entry,
    local: &TimeZone,
    notes: &mut Vec<String>,
    remarks: &mut Vec<String>,
) -> (Option<Due>, Option<String>) {
    let rule = entry.get("RRULE");
    let by_day = rule.is_some_and(|rule| rule.value.to_ascii_uppercase().contains("BY"));
    let order = if entry.is_event || by_day { ["DTSTART", "DUE"] } else { ["DUE", "DTSTART"] };
    let Some(property) = order.iter().find_map(|name| entry.get(name)) else { return (None, None) };
    let Some((due, remark)) = times::due(property, local) else {
        remarks.push(format!("its time “{:.40}” cannot be read", property.value));
        notes.push(format!("{}:{}", property.name, property.value));
        return (None, None);
    };
    remarks.extend(remark);
    if entry.get("RDATE").is_some() {
        remarks.push("the days added to its repetition are not kept".into());
    }
    let recurrence = rule.and_then(|property| match rules::rule(&property.value, &due) {
        Ok(rule) => Some(rule),
        Err(reason) => {
            remarks.push(reason);
            notes.push(format!("RRULE:{}", property.value));
            None
        }
    });
    (Some(due), recurrence)
}

/// Seconds from the due time to the start and the end of an entry, from which its alarms are counted.
pub(super) struct Edges {
    pub start: i64,
    pub end: i64,
}

impl Edges {
    fn of(entry: &Entry, due: &Due, local: &TimeZone) -> Self {
        let days = |due: &Due| matches!(due, Due::Date { .. });
        let from_due = |name: &str| {
            let (at, _) = times::due(entry.get(name)?, local).filter(|(at, _)| days(at) == days(due))?;
            Some(crate::remind_at(&at, local).duration_since(crate::remind_at(due, local)).as_secs())
        };
        let start = from_due("DTSTART").unwrap_or(0);
        let length = || entry.get("DURATION").and_then(|length| times::duration(&length.value));
        let end = if entry.is_event { from_due("DTEND") } else { from_due("DUE") };
        Self { start, end: end.or_else(|| Some(start + length()?)).unwrap_or(start) }
    }
}

fn done_at(entry: &Entry, status: &str) -> Option<Timestamp> {
    let completed = entry.get("COMPLETED").and_then(|at| times::utc(&at.value));
    let modified = || entry.get("LAST-MODIFIED").or_else(|| entry.get("DTSTAMP")).and_then(|at| times::utc(&at.value));
    match status {
        "COMPLETED" => completed.or_else(modified).or(Some(Timestamp::UNIX_EPOCH)),
        _ => completed,
    }
}
