//! EXDATE of an entry: the days left out of its repetition (RFC 5545, 3.8.5.1).

use jiff::{civil::Date, tz::TimeZone};
use molt_core::Due;

use super::{lines::Entry, lines::Property, times};
use crate::{
    NewTask, Rule,
    actions::SKIPPED_LIMIT,
    due::{date_of, on_date},
};

/// The days on which a task that is first due at `due` does not occur. A time that is none of its times leaves nothing out.
pub(super) fn days(entry: &Entry, due: Option<&Due>, local: &TimeZone) -> Vec<Date> {
    let Some(due) = due else { return vec![] };
    let mut days: Vec<Date> = Vec::new();
    for property in entry.all("EXDATE") {
        for value in property.value.split(',').take(SKIPPED_LIMIT) {
            let one = Property { value: value.trim().to_owned(), ..property.clone() };
            let Some((out, _)) = times::due(&one, local) else { continue };
            days.extend(same_time(due, &out));
        }
    }
    days.sort_unstable();
    days.dedup();
    days.truncate(SKIPPED_LIMIT);
    days
}

/// The day of the series on which `out` lies. Programs also write whole days for series of times, and times for whole days.
fn same_time(due: &Due, out: &Due) -> Option<Date> {
    let (Due::Time { at, zone }, Due::Time { at: out_at, zone: out_zone }) = (due, out) else {
        return Some(date_of(out));
    };
    let out_at = match zone == out_zone {
        true => *out_at,
        false => out_at.in_tz(out_zone).ok()?.in_tz(zone).ok()?.datetime(),
    };
    (out_at.time() == at.time()).then(|| out_at.date())
}

/// Moves a task whose first day is left out to the first that is not.
pub(super) fn begin(task: &mut NewTask, remarks: &mut Vec<String>) {
    let Some(due) = task.due.clone().filter(|due| task.skipped.contains(&date_of(due))) else { return };
    let Some(rule) = task.recurrence.as_deref().and_then(|rule| Rule::parse(rule).ok()) else { return };
    // No more days than are left out can stand before the first that is kept.
    let days = rule.days(date_of(&due)).take(task.skipped.len() + 1).enumerate();
    match days.into_iter().find(|(_, day)| !task.skipped.contains(day)) {
        Some((n, day)) => {
            task.due = Some(on_date(&due, day));
            let count = rule.count.map(|count| count.saturating_sub(u32::try_from(n).unwrap_or(u32::MAX)).max(1));
            task.recurrence = Some(Rule { count, ..rule }.to_string());
        }
        None => {
            remarks.push("all days of its repetition are left out; it was kept without one".into());
            (task.recurrence, task.skipped) = (None, vec![]);
        }
    }
}
