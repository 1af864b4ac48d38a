//! From a due date or time to instants.

use jiff::{Timestamp, ToSpan, civil, tz::AmbiguousOffset, tz::TimeZone};
use molt_core::Due;

use crate::Rule;

/// When the reminder of a whole-day task is shown, local time.
pub(crate) const ALL_DAY_TIME: civil::Time = civil::time(9, 0, 0, 0);

/// The instant of a civil time. In a gap (clocks go forward) the first instant after it; in a fold the first of the two.
pub(crate) fn instant(at: civil::DateTime, zone: &TimeZone) -> Timestamp {
    let ambiguous = zone.to_ambiguous_timestamp(at);
    if let AmbiguousOffset::Gap { before, .. } = ambiguous.offset()
        // Read with the old offset, a time in the gap lies after the change.
        && let Ok(after) = before.to_timestamp(at)
        && let Ok(bound) = after.checked_add(1.nanosecond())
        && let Some(change) = zone.preceding(bound).next()
    {
        return change.timestamp();
    }
    // Only the ends of the calendar are out of range.
    ambiguous.compatible().unwrap_or(if at.year() > 0 { Timestamp::MAX } else { Timestamp::MIN })
}

/// The zone of a due time. A zone that is not known (any more) is read as the user's.
pub(crate) fn zone_of(name: &str, local: &TimeZone) -> TimeZone {
    TimeZone::get(name).unwrap_or_else(|_| local.clone())
}

/// The calendar day on which something is due, in its own zone.
pub(crate) fn date_of(due: &Due) -> civil::Date {
    match due {
        Due::Date { date } => *date,
        Due::Time { at, .. } => at.date(),
    }
}

/// The same due time on another day.
pub(crate) fn on_date(due: &Due, date: civil::Date) -> Due {
    match due {
        Due::Date { .. } => Due::Date { date },
        Due::Time { at, zone } => Due::Time { at: date.to_datetime(at.time()), zone: zone.clone() },
    }
}

/// The instant when something is due; for a whole day its last second.
pub fn due_at(due: &Due, local: &TimeZone) -> Timestamp {
    match due {
        Due::Date { date } => {
            let end = date
                .tomorrow()
                .map_or(Timestamp::MAX, |next| instant(next.to_datetime(civil::Time::midnight()), local));
            end.checked_sub(1.second()).unwrap_or(end)
        }
        Due::Time { at, zone } => instant(*at, &zone_of(zone, local)),
    }
}

/// The instant when the reminder is shown: the due time, or 09:00 local on the day.
pub fn remind_at(due: &Due, local: &TimeZone) -> Timestamp {
    match due {
        Due::Date { date } => instant(date.to_datetime(ALL_DAY_TIME), local),
        Due::Time { at, zone } => instant(*at, &zone_of(zone, local)),
    }
}

/// True once the due time, or the whole due day, has passed.
pub fn is_overdue(due: &Due, now: Timestamp, local: &TimeZone) -> bool {
    now > due_at(due, local)
}

/// The first `n` local times of a task: those of its repetition, else the due time alone. Whole days have no time.
pub fn occurrences(due: &Due, recurrence: Option<&str>, n: usize) -> Vec<String> {
    let written = |due: &Due| match due {
        Due::Date { date } => date.to_string(),
        Due::Time { at, .. } => at.to_string(),
    };
    match recurrence.and_then(|text| Rule::parse(text).ok()) {
        None => vec![written(due)],
        Some(rule) => rule.days(date_of(due)).take(n).map(|day| written(&on_date(due, day))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(civil: &str, zone: &str) -> String {
        instant(civil.parse().unwrap(), &TimeZone::get(zone).unwrap()).to_string()
    }

    #[test]
    fn gaps_give_the_first_valid_instant_and_folds_the_first_of_two() {
        assert_eq!(at("2026-03-08T02:00", "America/New_York"), "2026-03-08T07:00:00Z");
        assert_eq!(at("2026-03-08T02:30", "America/New_York"), "2026-03-08T07:00:00Z");
        assert_eq!(at("2026-03-08T03:00", "America/New_York"), "2026-03-08T07:00:00Z");
        assert_eq!(at("2026-11-01T01:30", "America/New_York"), "2026-11-01T05:30:00Z");
        // Half an hour, and a gap at midnight.
        assert_eq!(at("2026-10-04T02:15", "Australia/Lord_Howe"), "2026-10-03T15:30:00Z");
        assert_eq!(at("2026-09-06T00:30", "America/Santiago"), "2026-09-06T04:00:00Z");
        assert_eq!(at("2026-11-21T09:00", "Asia/Shanghai"), "2026-11-21T01:00:00Z");
        // A day that did not exist.
        assert_eq!(at("2011-12-30T12:00", "Pacific/Apia"), "2011-12-30T10:00:00Z");
    }

    #[test]
    fn a_day_ends_with_its_last_second_and_reminds_at_nine() {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let due = Due::Date { date: civil::date(2026, 11, 21) };
        assert_eq!(due_at(&due, &zone).to_string(), "2026-11-21T15:59:59Z");
        assert_eq!(remind_at(&due, &zone).to_string(), "2026-11-21T01:00:00Z");
        assert!(!is_overdue(&due, due_at(&due, &zone), &zone));
        assert!(is_overdue(&due, "2026-11-21T16:00:00Z".parse().unwrap(), &zone));
    }

    #[test]
    fn a_time_keeps_its_zone_and_an_unknown_zone_is_local() {
        let local = TimeZone::get("Asia/Shanghai").unwrap();
        let due = |zone: &str| Due::Time { at: "2026-11-21T09:00".parse().unwrap(), zone: zone.into() };
        assert_eq!(due_at(&due("Europe/Berlin"), &local).to_string(), "2026-11-21T08:00:00Z");
        assert_eq!(due_at(&due("Mars/Olympus"), &local).to_string(), "2026-11-21T01:00:00Z");
        assert_eq!(
            due_at(&Due::Date { date: civil::Date::MAX }, &local),
            Timestamp::MAX.checked_sub(1.second()).unwrap()
        );
    }

    #[test]
    fn occurrences_keep_their_time() {
        let day = Due::Date { date: "2026-11-21".parse().unwrap() };
        assert_eq!(occurrences(&day, None, 3), ["2026-11-21"]);
        assert_eq!(occurrences(&day, Some("FREQ=WEEKLY"), 2), ["2026-11-21", "2026-11-28"]);
        let time = Due::Time { at: "2026-11-21T09:00".parse().unwrap(), zone: "Asia/Shanghai".into() };
        assert_eq!(occurrences(&time, Some("FREQ=DAILY;COUNT=2"), 9), ["2026-11-21T09:00:00", "2026-11-22T09:00:00"]);
    }
}
