//! The days on which a repeating task occurs: those of its rule without those that are left out, or, where it repeats from completion,
//! the one that is due and nothing after it.

use jiff::{Span, Timestamp, ToSpan, civil::Date, tz::TimeZone};
use molt_core::{Due, RepeatFrom, Task};

use crate::{
    Frequency, Rule,
    due::{date_of, due_at, on_date, zone_of},
    scheduler::rule_of,
};

/// The days of a task that repeats by this rule, from `from` on, as far as they are known.
pub(crate) fn days_from(task: &Task, rule: &Rule, start: Date, from: Date) -> Box<dyn Iterator<Item = Date>> {
    if task.repeat_from == RepeatFrom::Completion {
        return Box::new(std::iter::once(start).filter(move |day| *day >= from));
    }
    let skipped = task.skipped.clone();
    // The day that is due was chosen by a person.
    Box::new(rule.days_from(start, from).filter(move |day| *day == start || !skipped.contains(day)))
}

/// The due time after the one that is completed or skipped now, and the rule from there on; none when there is no further one.
pub(crate) fn next_occurrence(task: &Task, now: Timestamp, local: &TimeZone) -> Option<(Due, String)> {
    let due = task.due.as_ref()?;
    let rule = rule_of(task)?;
    if task.repeat_from == RepeatFrom::Completion {
        return after_completion(due, rule, now, local);
    }
    let today = now.to_zoned(local.clone()).date();
    let passed = |due: &Due| match due {
        Due::Date { date } => *date <= today,
        Due::Time { .. } => due_at(due, local) <= now,
    };
    let start = date_of(due);
    let goes_on = |day: &Date| *day > start && !passed(&on_date(due, *day)) && !task.skipped.contains(day);
    let Some(count) = rule.count else {
        // A time of today in another zone may be two days away.
        let from = start.max(today.saturating_sub(2.days()));
        let day = rule.days_from(start, from).find(goes_on)?;
        return Some((on_date(due, day), task.recurrence.clone()?));
    };
    // What is left out counts as well, as in RFC 5545.
    let (n, day) = rule.days(start).enumerate().skip(1).find(|(_, day)| goes_on(day))?;
    let left = count.saturating_sub(u32::try_from(n).unwrap_or(u32::MAX));
    Some((on_date(due, day), Rule { count: Some(left), ..rule }.to_string()))
}

fn after_completion(due: &Due, rule: Rule, now: Timestamp, local: &TimeZone) -> Option<(Due, String)> {
    let zone = match due {
        Due::Date { .. } => local.clone(),
        Due::Time { zone, .. } => zone_of(zone, local),
    };
    let left = match rule.count {
        Some(count) => Some(count.checked_sub(1).filter(|left| *left > 0)?),
        None => None,
    };
    let day = following(&rule, now.to_zoned(zone).date())?;
    let within = rule.until.is_none_or(|last| day <= last);
    within.then(|| (on_date(due, day), Rule { count: left, ..rule }.to_string()))
}

/// The first day of a rule after the day from which it counts. A month after January 31 is the last of February.
fn following(rule: &Rule, day: Date) -> Option<Date> {
    if !(rule.by_day.is_empty() && rule.by_month_day.is_empty() && rule.by_month.is_empty()) {
        return Rule { count: None, until: None, ..rule.clone() }.days(day).nth(1);
    }
    let n = i64::from(rule.interval);
    let span = match rule.frequency {
        Frequency::Daily => Span::new().try_days(n),
        Frequency::Weekly => Span::new().try_weeks(n),
        Frequency::Monthly => Span::new().try_months(n),
        Frequency::Yearly => Span::new().try_years(n),
    };
    day.checked_add(span.ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_after_a_day_is_never_lost() {
        for (rule, day, next) in [
            ("FREQ=DAILY;INTERVAL=3", "2026-11-21", Some("2026-11-24")),
            ("FREQ=MONTHLY", "2027-01-31", Some("2027-02-28")),
            ("FREQ=YEARLY", "2024-02-29", Some("2025-02-28")),
            ("FREQ=WEEKLY;BYDAY=MO", "2026-11-21", Some("2026-11-23")),
            ("FREQ=WEEKLY;BYDAY=MO", "2026-11-23", Some("2026-11-30")),
            ("FREQ=MONTHLY;BYMONTHDAY=1", "2026-11-21", Some("2026-12-01")),
            ("FREQ=YEARLY;INTERVAL=65535", "2026-11-21", None),
        ] {
            let found = following(&Rule::parse(rule).unwrap(), day.parse().unwrap());
            assert_eq!(found.map(|day| day.to_string()).as_deref(), next, "{rule} after {day}");
        }
    }
}
