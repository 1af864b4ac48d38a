//! Reads lines `{"id", "text", "reference_time"}` and writes `{"id", "pred", "rrule", "occurrences"}`: for scoring the
//! parser on collections of times and repetitions.

use std::io::{BufRead, Write};

use jiff::{civil::DateTime, tz::TimeZone};
use molt_core::Due;
use molt_tasks::{occurrences, quick_add};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let case: serde_json::Value = serde_json::from_str(&line?)?;
        let text = |name: &str| case[name].as_str().unwrap_or_default().to_owned();
        let now: DateTime = text("reference_time").parse()?;
        let draft = quick_add(&text("text"), now.to_zoned(TimeZone::UTC)?);
        let rule = draft.recurrence;
        let series = draft.due.as_ref().filter(|_| rule.is_some()).map(|due| occurrences(due, rule.as_deref(), 20));
        let pred = match draft.due {
            None => None,
            Some(Due::Date { date }) => Some(date.at(0, 0, 0, 0).to_string()),
            Some(Due::Time { at, .. }) => Some(at.to_string()),
        };
        let answer = serde_json::json!({
            "id": case["id"], "pred": pred, "rrule": rule, "occurrences": series, "title": draft.title, "repeat_from": draft.repeat_from
        });
        writeln!(out, "{answer}")?;
    }
    Ok(())
}
