//! Tasks as an iCalendar file, which other programs and this one read.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, DateTime},
    tz::TimeZone,
};
use molt_core::{Due, Priority, RepeatFrom, Task};

use super::lines::{escape, push_line};
use crate::due::instant;

/// Properties of our own (RFC 5545, 3.8.8.2).
pub(super) const CATEGORY: &str = "X-MOLTWORKER-PROJECT";
pub(super) const DEADLINE: &str = "X-MOLTWORKER-DEADLINE";
pub(super) const REPEAT_FROM: &str = "X-MOLTWORKER-REPEAT-FROM";
pub(super) const SECTION: &str = "X-MOLTWORKER-SECTION";
/// Of the extensions of iCalendar for tasks (draft-ietf-calext-ical-tasks).
pub(super) const ESTIMATE: &str = "ESTIMATED-DURATION";
/// Changes of clocks that are written for a zone: ten years, two a year.
const CHANGES: usize = 20;

/// The file with these tasks, as of `now`.
pub fn write_calendar(tasks: &[Task], now: Timestamp) -> String {
    let mut out = String::new();
    for line in ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Moltworker//Tasks//EN", "CALSCALE:GREGORIAN"] {
        push_line(&mut out, line);
    }
    let mut zones: BTreeMap<&str, DateTime> = BTreeMap::new();
    for task in tasks {
        if let Some(Due::Time { at, zone }) = &task.due
            && zone != "UTC"
        {
            let first = zones.entry(zone).or_insert(*at);
            *first = (*first).min(*at);
        }
    }
    for (name, first) in zones {
        if let Ok(zone) = TimeZone::get(name) {
            write_zone(&mut out, name, &zone, first);
        }
    }
    for task in tasks {
        write_task(&mut out, task, now);
    }
    push_line(&mut out, "END:VCALENDAR");
    out
}

fn write_task(out: &mut String, task: &Task, now: Timestamp) {
    let mut line = |text: String| push_line(out, &text);
    line("BEGIN:VTODO".into());
    line(format!("UID:{}", escape(task.id.as_str())));
    line(format!("DTSTAMP:{}", utc(now)));
    line(format!("CREATED:{}", utc(task.created_at)));
    line(format!("LAST-MODIFIED:{}", utc(task.updated_at)));
    line(format!("SUMMARY:{}", escape(&task.title)));
    if !task.notes.is_empty() {
        line(format!("DESCRIPTION:{}", escape(&task.notes)));
    }
    // 1 is the highest, 9 the lowest, none is normal.
    match task.priority {
        Priority::Urgent => line("PRIORITY:1".into()),
        Priority::High => line("PRIORITY:3".into()),
        Priority::Normal => {}
        Priority::Low => line("PRIORITY:9".into()),
    }
    if let Some(category) = &task.category {
        line(format!("{CATEGORY}:{}", escape(category)));
    }
    if let Some(section) = &task.section {
        line(format!("{SECTION}:{}", escape(section)));
    }
    if let Some(minutes) = task.estimate_minutes {
        line(format!("{ESTIMATE}:PT{minutes}M"));
    }
    if let Some(parent) = &task.parent {
        line(format!("RELATED-TO:{}", escape(parent.as_str())));
    }
    if !task.labels.is_empty() {
        let labels: Vec<String> = task.labels.iter().map(|label| escape(label)).collect();
        line(format!("CATEGORIES:{}", labels.join(",")));
    }
    if let Some(day) = task.deadline {
        line(format!("{DEADLINE};VALUE=DATE:{}", day.strftime("%Y%m%d")));
    }
    if let Some(due) = &task.due {
        // A repetition counts from DTSTART, and DTSTART with DUE would say that it takes time.
        let name = if task.recurrence.is_some() { "DTSTART" } else { "DUE" };
        line(match due {
            Due::Date { date } => format!("{name};VALUE=DATE:{}", date.strftime("%Y%m%d")),
            Due::Time { at, zone } if zone == "UTC" => format!("{name}:{}Z", civil(*at)),
            Due::Time { at, zone } => format!("{name};TZID={zone}:{}", civil(*at)),
        });
    }
    if let Some(rule) = &task.recurrence {
        line(format!("RRULE:{}", until_of_type(rule, task.due.as_ref())));
        if task.repeat_from == RepeatFrom::Completion {
            line(format!("{REPEAT_FROM}:COMPLETION"));
        }
        // EXDATE must be of the type of DTSTART (RFC 5545, 3.8.5.1).
        let list = |day: &dyn Fn(Date) -> String| task.skipped.iter().map(|at| day(*at)).collect::<Vec<_>>().join(",");
        match &task.due {
            Some(due) if !task.skipped.is_empty() => line(match due {
                Due::Date { .. } => format!("EXDATE;VALUE=DATE:{}", list(&|day| day.strftime("%Y%m%d").to_string())),
                Due::Time { at, zone } if zone == "UTC" => {
                    format!("EXDATE:{}", list(&|day| format!("{}Z", civil(day.to_datetime(at.time())))))
                }
                Due::Time { at, zone } => {
                    format!("EXDATE;TZID={zone}:{}", list(&|day| civil(day.to_datetime(at.time()))))
                }
            }),
            _ => {}
        }
    }
    match task.done_at {
        Some(at) => {
            line("STATUS:COMPLETED".into());
            line(format!("COMPLETED:{}", utc(at)));
        }
        None => line("STATUS:NEEDS-ACTION".into()),
    }
    if let Some(due) = &task.due {
        // Times before the due time; a whole day begins at midnight and reminds in the morning.
        let morning = if matches!(due, Due::Date { .. }) { 9 * 60 } else { 0 };
        for minutes in std::iter::once(0).chain(task.remind_before.iter().copied()) {
            let before = i64::from(minutes) - morning;
            let sign = if before > 0 { "-" } else { "" };
            let related = if task.recurrence.is_some() { "" } else { ";RELATED=END" };
            line("BEGIN:VALARM".into());
            line("ACTION:DISPLAY".into());
            line(format!("DESCRIPTION:{}", escape(&task.title)));
            line(format!("TRIGGER{related}:{sign}PT{}M", before.abs()));
            line("END:VALARM".into());
        }
    }
    line("END:VTODO".into());
}

/// UNTIL must be of the type of DTSTART: an instant in UTC where that has a time (RFC 5545, 3.3.10).
fn until_of_type(rule: &str, due: Option<&Due>) -> String {
    let Some(Due::Time { at, zone }) = due else { return rule.to_owned() };
    let parts = rule.split(';').map(|part| {
        let day = part
            .strip_prefix("UNTIL=")
            .and_then(|day| day.get(..8))
            .and_then(|day| jiff::civil::Date::strptime("%Y%m%d", day).ok());
        match (day, TimeZone::get(zone)) {
            (Some(day), Ok(zone)) => format!("UNTIL={}", utc(instant(day.to_datetime(at.time()), &zone))),
            _ => part.to_owned(),
        }
    });
    parts.collect::<Vec<_>>().join(";")
}

fn civil(at: DateTime) -> String {
    at.strftime("%Y%m%dT%H%M%S").to_string()
}

fn utc(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// The changes of a zone's clocks, for programs that do not know its name.
fn write_zone(out: &mut String, name: &str, zone: &TimeZone, first: DateTime) {
    let from = instant(first, zone).checked_sub(48.hours()).unwrap_or(Timestamp::MIN);
    let mut before = zone.to_offset(from);
    push_line(out, "BEGIN:VTIMEZONE");
    push_line(out, &format!("TZID:{name}"));
    let info = zone.to_offset_info(from);
    observance(
        out,
        info.dst().is_dst(),
        zone.to_datetime(from),
        (before.seconds(), before.seconds()),
        info.abbreviation(),
    );
    let mut seen = BTreeSet::new();
    for change in zone.following(from).take(CHANGES) {
        let after = change.offset();
        // The wall clock just before the change.
        let at = before.to_datetime(change.timestamp());
        if seen.insert(at) {
            observance(out, change.dst().is_dst(), at, (before.seconds(), after.seconds()), change.abbreviation());
        }
        before = after;
    }
    push_line(out, "END:VTIMEZONE");
}

fn observance(out: &mut String, summer: bool, at: DateTime, (from, to): (i32, i32), name: &str) {
    let kind = if summer { "DAYLIGHT" } else { "STANDARD" };
    let offset = |seconds: i32| {
        let minutes = seconds.abs() / 60;
        format!("{}{:02}{:02}", if seconds < 0 { '-' } else { '+' }, minutes / 60, minutes % 60)
    };
    push_line(out, &format!("BEGIN:{kind}"));
    push_line(out, &format!("DTSTART:{}", civil(at)));
    push_line(out, &format!("TZOFFSETFROM:{}", offset(from)));
    push_line(out, &format!("TZOFFSETTO:{}", offset(to)));
    push_line(out, &format!("TZNAME:{}", escape(name)));
    push_line(out, &format!("END:{kind}"));
}
