//! Reading the text of a rule. What is malformed is refused, never repaired: a rule that is half understood reminds on wrong days.

use jiff::civil::Weekday;

use super::{Every, Recur, SeriesStart, Until};
use crate::rule::{RuleError, weekday};

/// Bytes of a rule. All parts with all their values in use have below 8,000.
const TEXT_LIMIT: usize = 10_000;

impl Recur {
    /// Reads the value of an RRULE property, with or without its name.
    ///
    /// # Errors
    /// Anything that is malformed, against RFC 5545, or in another calendar.
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        let shown: String = text.chars().take(80).collect();
        let error = |reason: String| RuleError { rule: shown.clone(), reason };
        if text.len() > TEXT_LIMIT {
            return Err(error("it is too long".into()));
        }
        let text = text.trim().to_ascii_uppercase();
        let (mut rule, mut every) = (Self::empty(), None);
        let mut seen: Vec<&str> = Vec::new();
        for part in text.strip_prefix("RRULE:").unwrap_or(&text).split(';') {
            let (name, value) = part.split_once('=').ok_or_else(|| error(format!("“{part:.40}” has no value")))?;
            let bad = || error(format!("{name:.20} cannot be “{value:.40}”"));
            if seen.contains(&name) {
                return Err(error(format!("{name:.20} is given twice")));
            }
            seen.push(name);
            match name {
                "FREQ" => every = Some(frequency(value).ok_or_else(bad)?),
                "INTERVAL" => rule.interval = positive(value).ok_or_else(bad)?,
                "COUNT" => rule.count = Some(positive(value).ok_or_else(bad)?),
                "UNTIL" => rule.until = Some(until(value).ok_or_else(bad)?),
                "WKST" => rule.week_start = weekday(value).ok_or_else(bad)?,
                "BYMONTH" => rule.by_month = numbers(value, 1, 12, false).ok_or_else(bad)?,
                "BYWEEKNO" => rule.by_week = numbers(value, 1, 53, true).ok_or_else(bad)?,
                "BYYEARDAY" => rule.by_year_day = numbers(value, 1, 366, true).ok_or_else(bad)?,
                "BYMONTHDAY" => rule.by_month_day = numbers(value, 1, 31, true).ok_or_else(bad)?,
                "BYDAY" => rule.by_day = weekdays(value).ok_or_else(bad)?,
                "BYHOUR" => rule.by_hour = numbers(value, 0, 23, false).ok_or_else(bad)?,
                "BYMINUTE" => rule.by_minute = numbers(value, 0, 59, false).ok_or_else(bad)?,
                "BYSECOND" => rule.by_second = numbers(value, 0, 60, false).ok_or_else(bad)?,
                "BYSETPOS" => rule.by_place = numbers(value, 1, 366, true).ok_or_else(bad)?,
                // RFC 7529; other calendars are not known here.
                "RSCALE" if value == "GREGORIAN" => {}
                "SKIP" if value == "OMIT" => {}
                _ => return Err(error(format!("{name:.20} is not supported"))),
            }
        }
        rule.every = every.ok_or_else(|| error("FREQ is missing".into()))?;
        rule.check().map_err(|reason| error(reason.into()))?;
        Ok(rule)
    }

    fn empty() -> Self {
        Self {
            every: Every::Day,
            interval: 1,
            count: None,
            until: None,
            week_start: Weekday::Monday,
            by_month: vec![],
            by_week: vec![],
            by_year_day: vec![],
            by_month_day: vec![],
            by_day: vec![],
            by_hour: vec![],
            by_minute: vec![],
            by_second: vec![],
            by_place: vec![],
        }
    }

    fn check(&self) -> Result<(), &'static str> {
        let numbered = self.by_day.iter().any(|(n, _)| *n != 0);
        if numbered && self.every > Every::Month {
            return Err("numbered weekdays need MONTHLY or YEARLY");
        }
        if numbered && self.every == Every::Year && !self.by_week.is_empty() {
            return Err("numbered weekdays do not go with BYWEEKNO");
        }
        if self.count.is_some() && self.until.is_some() {
            return Err("it has both COUNT and UNTIL");
        }
        Ok(())
    }
}

fn frequency(value: &str) -> Option<Every> {
    Some(match value {
        "YEARLY" => Every::Year,
        "MONTHLY" => Every::Month,
        "WEEKLY" => Every::Week,
        "DAILY" => Every::Day,
        "HOURLY" => Every::Hour,
        "MINUTELY" => Every::Minute,
        "SECONDLY" => Every::Second,
        _ => return None,
    })
}

fn positive(value: &str) -> Option<u32> {
    let digits = value.bytes().all(|b| b.is_ascii_digit());
    value.parse().ok().filter(|n| *n > 0 && digits)
}

fn until(value: &str) -> Option<Until> {
    Some(match SeriesStart::parse(value)? {
        SeriesStart::Day(day) => Until::Day(day),
        SeriesStart::Time(at) if value.ends_with('Z') => Until::Utc(at),
        SeriesStart::Time(at) => Until::Local(at),
    })
}

/// A number from `low` to `high`, or the same from the end.
fn number(text: &str, low: i16, high: i16, negative: bool) -> Option<i16> {
    let n: i16 = text.parse().ok()?;
    let size = if negative { n.checked_abs()? } else { n };
    (low..=high).contains(&size).then_some(n)
}

fn numbers(value: &str, low: i16, high: i16, negative: bool) -> Option<Vec<i16>> {
    let mut items = value.split(',').map(|v| number(v, low, high, negative)).collect::<Option<Vec<_>>>()?;
    items.sort_unstable();
    items.dedup();
    Some(items)
}

/// `MO`, `1FR`, `-1SU`, separated by commas.
fn weekdays(value: &str) -> Option<Vec<(i16, Weekday)>> {
    let one = |item: &str| {
        let (n, name) = item.split_at_checked(item.len().checked_sub(2)?)?;
        let n = if n.is_empty() { 0 } else { number(n, 1, 53, true)? };
        Some((n, weekday(name)?))
    };
    let mut items = value.split(',').map(one).collect::<Option<Vec<_>>>()?;
    items.sort_unstable_by_key(|(n, day)| (*n, day.to_monday_zero_offset()));
    items.dedup();
    Some(items)
}
