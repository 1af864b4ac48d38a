//! Recurrence rules of calendars: the whole of RFC 5545 (3.3.10) over civil times.
//!
//! [`crate::Rule`] is the small part that a task repeats by; this reads and expands what other programs write. It owns what a rule
//! means and the limits that keep a hostile one from costing more than a moment; it must not know time zones beyond the end that
//! a rule gives in UTC, nor tasks.
//!
//! Where the RFC leaves a choice: DTSTART is an occurrence only if the rule yields it; BYWEEKNO, BYYEARDAY and BYMONTHDAY limit
//! the frequencies for which the RFC does not define them; BYWEEKNO without a day means all seven.

mod days;
mod expand;
mod parse;
mod series;
#[cfg(test)]
mod tests;

use jiff::{
    civil::{Date, DateTime, Time, Weekday},
    tz::TimeZone,
};

pub use expand::{ExpandRequest, Expansion, expand};
pub use series::Series;

use crate::RuleError;

/// How often; ascending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Every {
    Year,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
}

/// The end of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    /// That day, included.
    Day(Date),
    Local(DateTime),
    Utc(DateTime),
}

/// A rule as it was read. Lists are ascending and without doubles; empty means that the part is not given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recur {
    every: Every,
    /// At least 1.
    interval: u32,
    count: Option<u32>,
    until: Option<Until>,
    week_start: Weekday,
    by_month: Vec<i16>,
    by_week: Vec<i16>,
    by_year_day: Vec<i16>,
    by_month_day: Vec<i16>,
    /// A weekday with its number in the month or year, or 0 for every one.
    by_day: Vec<(i16, Weekday)>,
    by_hour: Vec<i16>,
    by_minute: Vec<i16>,
    by_second: Vec<i16>,
    by_place: Vec<i16>,
}

/// Where a series begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeriesStart {
    /// A whole day; the series has whole days.
    Day(Date),
    Time(DateTime),
}

impl SeriesStart {
    /// Reads a DTSTART value: `20261121`, `20261121T090000`, the same with `Z`, or written with `-` and `:`. The `Z` is not kept.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = text.strip_suffix(['Z', 'z']).unwrap_or(text);
        let Some((date, time)) = plain.split_once(['T', 't']) else {
            return digits(text, "-", &[4, 2, 2]).and_then(|d| day(&d)).map(Self::Day);
        };
        let date = digits(date, "-", &[4, 2, 2])?;
        let time = digits(time, ":", &[2, 2, 2]).or_else(|| digits(time, ":", &[2, 2]))?;
        let part = |n: usize| time.get(n).map_or(Some(0), |n| i8::try_from(*n).ok());
        Some(Self::Time(day(&date)?.to_datetime(Time::new(part(0)?, part(1)?, part(2)?, 0).ok()?)))
    }

    fn first(self) -> DateTime {
        match self {
            Self::Day(day) => day.to_datetime(Time::midnight()),
            Self::Time(at) => at,
        }
    }
}

/// Numbers of fixed widths, all or none of them separated; nothing else may stand there, such as an offset.
fn digits(text: &str, separator: &str, widths: &[usize]) -> Option<Vec<i16>> {
    let separated = text.contains(separator);
    let (mut rest, mut numbers) = (text, Vec::new());
    for width in widths {
        if separated && !numbers.is_empty() {
            rest = rest.strip_prefix(separator)?;
        }
        let (number, after) = rest.split_at_checked(*width)?;
        numbers.push(number.bytes().all(|b| b.is_ascii_digit()).then(|| number.parse().ok())??);
        rest = after;
    }
    rest.is_empty().then_some(numbers)
}

fn day(numbers: &[i16]) -> Option<Date> {
    let [year, month, day] = numbers else { return None };
    Date::new(*year, i8::try_from(*month).ok()?, i8::try_from(*day).ok()?).ok()
}

impl Recur {
    /// The occurrences from `start` on, ascending, as civil times (whole days at midnight). `zone` is that of the series and is
    /// needed to compare with an end that is given in UTC; without one that end is read as local.
    ///
    /// # Errors
    /// A rule that yields times within the day for a series of whole days.
    pub fn series(&self, start: SeriesStart, zone: Option<&TimeZone>) -> Result<Series, RuleError> {
        if matches!(start, SeriesStart::Day(_)) && self.every >= Every::Hour {
            return Err(RuleError {
                rule: "FREQ".into(),
                reason: "whole days cannot repeat by hour, minute or second".into(),
            });
        }
        let until = self.until.map(|until| match until {
            Until::Day(day) => day.to_datetime(Time::MAX),
            Until::Local(at) => at,
            Until::Utc(at) => {
                let instant = zone.and_then(|zone| Some((zone, at.to_zoned(TimeZone::UTC).ok()?.timestamp())));
                instant.map_or(at, |(zone, instant)| zone.to_datetime(instant))
            }
        });
        Ok(Series::new(self.filled(start), start.first(), until))
    }

    /// The rule with what it leaves to the start, as RFC 5545 says: "information not contained in the rule … is derived from
    /// DTSTART".
    fn filled(&self, start: SeriesStart) -> Self {
        let (first, mut rule) = (start.first(), self.clone());
        if rule.by_week.is_empty()
            && rule.by_year_day.is_empty()
            && rule.by_month_day.is_empty()
            && rule.by_day.is_empty()
        {
            match rule.every {
                Every::Year => {
                    if rule.by_month.is_empty() {
                        rule.by_month = vec![first.month().into()];
                    }
                    rule.by_month_day = vec![first.day().into()];
                }
                Every::Month => rule.by_month_day = vec![first.day().into()],
                Every::Week => rule.by_day = vec![(0, first.date().weekday())],
                _ => {}
            }
        }
        // "These rule parts MUST be ignored" with a DATE.
        let whole_day = matches!(start, SeriesStart::Day(_));
        let fill = |list: &mut Vec<i16>, every: Every, value: i8| {
            if whole_day || (list.is_empty() && rule.every < every) {
                *list = vec![value.into()];
            }
        };
        fill(&mut rule.by_hour, Every::Hour, first.hour());
        fill(&mut rule.by_minute, Every::Minute, first.minute());
        fill(&mut rule.by_second, Every::Second, first.second());
        rule
    }
}
