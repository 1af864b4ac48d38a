//! VALARM of an entry as minutes before a due time.

use jiff::{Timestamp, tz::TimeZone};
use molt_core::Due;

use super::{entry::Edges, lines::Property, times};
use crate::{due::instant, quick::EARLIEST_REMINDER, remind_at};

/// How long before the reminder at the due time an alarm rings, in minutes, 0 with it; or why it cannot be kept.
pub(super) fn minutes_before(alarm: &[Property], due: &Due, local: &TimeZone, edges: &Edges) -> Result<u32, String> {
    let trigger = alarm.iter().find(|property| property.name == "TRIGGER").ok_or("an alarm has no time")?;
    let says = |name: &str, value: &str| trigger.parameter(name).is_some_and(|said| said.eq_ignore_ascii_case(value));
    // A whole day begins at midnight there, and reminds in the morning here.
    let reminds = remind_at(due, local);
    // The Python library leaves out to say that it is an instant.
    let seconds = if says("VALUE", "DATE-TIME") || trigger.value.trim_start().starts_with(|c: char| c.is_ascii_digit())
    {
        times::utc(&trigger.value).map(|at| at.duration_since(reminds).as_secs())
    } else {
        let edge = if says("RELATED", "END") { edges.end } else { edges.start };
        let begins = midnight(due, local).unwrap_or(reminds).duration_since(reminds).as_secs();
        times::duration(&trigger.value).and_then(|seconds| seconds.checked_add(edge)?.checked_add(begins))
    };
    let seconds = seconds.ok_or("the time of an alarm cannot be read")?;
    if seconds > 0 {
        return Err("an alarm after the due time was left out".into());
    }
    u32::try_from(-seconds / 60)
        .ok()
        .filter(|minutes| *minutes <= EARLIEST_REMINDER)
        .ok_or_else(|| "an alarm more than four weeks before the due time was left out".into())
}

fn midnight(due: &Due, local: &TimeZone) -> Option<Timestamp> {
    match due {
        Due::Time { .. } => None,
        Due::Date { date } => Some(instant(date.at(0, 0, 0, 0), local)),
    }
}
