//! RRULE of an entry as the rule of a task.

use jiff::{
    ToSpan,
    civil::{Date, DateTime},
    tz::TimeZone,
};
use molt_core::Due;

use crate::{Rule, SeriesStart, due::date_of};

/// The rule of a task that is first due at `due`. A task repeats by days, so that an end within a day becomes the last day that is
/// not beyond it.
///
/// # Errors
/// A rule that tasks cannot have, in one plain sentence.
pub(super) fn rule(text: &str, due: &Due) -> Result<String, String> {
    let parts: Vec<&str> = text.trim().split(';').filter(|part| !part.is_empty()).collect();
    let mut kept: Vec<String> = Vec::new();
    for part in parts {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        if name.eq_ignore_ascii_case("UNTIL") {
            let day =
                last_day(value, due).ok_or_else(|| format!("the end “{value:.40}” of its repetition is no date"))?;
            kept.push(format!("UNTIL={:04}{:02}{:02}", day.year(), day.month(), day.day()));
        } else if !same_as_due(name, value, due) {
            kept.push(part.to_owned());
        }
    }
    Rule::parse(&kept.join(";")).map(|rule| rule.to_string()).map_err(|error| error.to_string())
}

/// BYHOUR and its like say nothing where they repeat the time of the first occurrence.
fn same_as_due(name: &str, value: &str, due: &Due) -> bool {
    let Due::Time { at, .. } = due else { return false };
    let number = value.parse::<i8>().ok();
    match name.to_ascii_uppercase().as_str() {
        "BYHOUR" => number == Some(at.hour()),
        "BYMINUTE" => number == Some(at.minute()),
        "BYSECOND" => number == Some(at.second()),
        _ => false,
    }
}

/// The last day on which something due at this time of day may occur.
fn last_day(value: &str, due: &Due) -> Option<Date> {
    let end: DateTime = match SeriesStart::parse(value.trim())? {
        SeriesStart::Day(day) => return Some(day),
        SeriesStart::Time(at) => at,
    };
    let Due::Time { at, zone } = due else { return Some(end.date()) };
    let end = if value.trim().ends_with(['Z', 'z']) {
        let instant = TimeZone::UTC.to_timestamp(end).ok()?;
        TimeZone::get(zone).ok()?.to_datetime(instant)
    } else {
        end
    };
    let day = if end.time() >= at.time() { end.date() } else { end.date().checked_sub(1.day()).ok()? };
    // A series has its first day.
    Some(day.max(date_of(due)))
}
