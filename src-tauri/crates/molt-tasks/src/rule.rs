//! Recurrence rules: the part of RFC 5545 that tasks use, over calendar days.
//!
//! DAILY, WEEKLY, MONTHLY and YEARLY with INTERVAL, BYDAY, BYMONTHDAY, BYMONTH, BYSETPOS, WKST, COUNT and UNTIL. What is not
//! understood is refused, never ignored: a rule that is half understood would remind on wrong days.

use std::fmt;

use jiff::{Span, ToSpan, civil::Date, civil::Weekday};

/// How long a rule may go without a day (in periods of its frequency) before it counts as having none left. February 29 on a
/// daily rule needs 8 × 366.
const EMPTY_PERIODS: u32 = 4_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frequency {
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the repetition “{rule}” is not understood ({reason})")]
pub struct RuleError {
    pub rule: String,
    pub reason: String,
}

/// A parsed rule. Lists are sorted and without doubles; empty means that the part is not given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub frequency: Frequency,
    /// At least 1.
    pub interval: u16,
    /// A weekday, with its number in the month or year (from the end when negative) or 0 for every one.
    pub by_day: Vec<(i8, Weekday)>,
    /// Days of the month, from the end when negative.
    pub by_month_day: Vec<i8>,
    /// Months from 1.
    pub by_month: Vec<i8>,
    /// Places among the days of a period that the other parts leave, from the end when negative.
    pub by_set_pos: Vec<i8>,
    pub week_start: Weekday,
    /// Occurrences left, the first included.
    pub count: Option<u32>,
    /// The last day, included.
    pub until: Option<Date>,
}

const DAYS: [(&str, Weekday); 7] = [
    ("MO", Weekday::Monday),
    ("TU", Weekday::Tuesday),
    ("WE", Weekday::Wednesday),
    ("TH", Weekday::Thursday),
    ("FR", Weekday::Friday),
    ("SA", Weekday::Saturday),
    ("SU", Weekday::Sunday),
];

/// The day that a rule names so (RFC 5545, section 3.3.10).
pub(crate) fn weekday(code: &str) -> Option<Weekday> {
    DAYS.iter().find(|(name, _)| *name == code).map(|(_, day)| *day)
}

fn code(day: Weekday) -> &'static str {
    DAYS[day.to_monday_zero_offset() as usize].0
}

impl Rule {
    pub fn every(frequency: Frequency, interval: u16) -> Self {
        Self {
            frequency,
            interval: interval.max(1),
            by_day: vec![],
            by_month_day: vec![],
            by_month: vec![],
            by_set_pos: vec![],
            week_start: Weekday::Monday,
            count: None,
            until: None,
        }
    }

    /// Reads a rule without the `RRULE:` prefix.
    ///
    /// # Errors
    /// Anything that is malformed or not supported.
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        let shown: String = text.chars().take(80).collect();
        let error = |reason: String| RuleError { rule: shown.clone(), reason };
        let (mut rule, mut frequency) = (Self::every(Frequency::Daily, 1), None);
        for part in text.split(';') {
            let (name, value) = part.split_once('=').ok_or_else(|| error(format!("“{part:.40}” has no value")))?;
            let bad = || error(format!("{name:.20} cannot be “{value:.40}”"));
            match name {
                "FREQ" => {
                    frequency = Some(match value {
                        "DAILY" => Frequency::Daily,
                        "WEEKLY" => Frequency::Weekly,
                        "MONTHLY" => Frequency::Monthly,
                        "YEARLY" => Frequency::Yearly,
                        _ => return Err(bad()),
                    });
                }
                "INTERVAL" => rule.interval = value.parse().ok().filter(|n| *n > 0).ok_or_else(bad)?,
                "COUNT" => rule.count = Some(value.parse().ok().filter(|n| *n > 0).ok_or_else(bad)?),
                "UNTIL" => rule.until = Some(until(value).ok_or_else(bad)?),
                "WKST" => rule.week_start = weekday(value).ok_or_else(bad)?,
                "BYDAY" => rule.by_day = weekdays(value).ok_or_else(bad)?,
                "BYMONTHDAY" => rule.by_month_day = numbers(value, 31, true).ok_or_else(bad)?,
                "BYMONTH" => rule.by_month = numbers(value, 12, false).ok_or_else(bad)?,
                "BYSETPOS" => rule.by_set_pos = numbers(value, i8::MAX, true).ok_or_else(bad)?,
                _ => return Err(error(format!("{name:.20} is not supported"))),
            }
        }
        rule.frequency = frequency.ok_or_else(|| error("FREQ is missing".into()))?;
        let numbered = rule.by_day.iter().any(|(n, _)| *n != 0);
        if numbered && matches!(rule.frequency, Frequency::Daily | Frequency::Weekly) {
            return Err(error("numbered weekdays need MONTHLY or YEARLY".into()));
        }
        let chosen = !(rule.by_day.is_empty() && rule.by_month_day.is_empty() && rule.by_month.is_empty());
        if !rule.by_set_pos.is_empty() && (!chosen || rule.frequency == Frequency::Daily) {
            return Err(error("BYSETPOS needs days to choose from".into()));
        }
        if rule.frequency == Frequency::Weekly && !rule.by_month_day.is_empty() {
            return Err(error("BYMONTHDAY does not go with WEEKLY".into()));
        }
        Ok(rule)
    }

    /// The days of a series that begins on `start`, ascending. `start` itself is always the first, as in RFC 5545.
    pub fn days(&self, start: Date) -> impl Iterator<Item = Date> + use<> {
        self.days_from(start, start)
    }

    /// The days of the same series from `from` on, without walking through those before where the rule allows it.
    pub fn days_from(&self, start: Date, from: Date) -> impl Iterator<Item = Date> + use<> {
        let rule = self.clone();
        // A count can only be kept by counting.
        let mut period =
            Some(if self.count.is_some() { rule.period_of(start) } else { rule.period_before(start, from) });
        let mut waiting = Vec::new().into_iter();
        let rest = std::iter::from_fn(move || {
            let mut empty = 0;
            loop {
                if let Some(day) = waiting.next() {
                    return Some(day);
                }
                let current = period?;
                period = rule.next_period(current);
                let mut days = rule.days_of(current, start);
                days.retain(|d| *d > start);
                waiting = days.into_iter();
                empty += 1;
                if empty > EMPTY_PERIODS {
                    period = None;
                }
            }
        });
        let last = self.until.unwrap_or(Date::MAX);
        std::iter::once(start)
            .chain(rest)
            .take(self.count.map_or(usize::MAX, |n| n as usize))
            .take_while(move |d| *d <= last)
            .skip_while(move |d| *d < from)
    }

    /// The first day of the rule from `day` on, `day` included.
    pub fn first_from(&self, day: Date) -> Date {
        let free = self.by_day.is_empty() && self.by_month_day.is_empty() && self.by_month.is_empty();
        let before = day.yesterday().ok().filter(|_| !free);
        before.and_then(|start| Self { interval: 1, count: None, ..self.clone() }.days(start).nth(1)).unwrap_or(day)
    }

    /// The first day of the day, week, month or year of `day`.
    fn period_of(&self, day: Date) -> Date {
        match self.frequency {
            Frequency::Daily => day,
            Frequency::Weekly => {
                let back = day.weekday().since(self.week_start);
                day.checked_sub(i64::from(back).days()).unwrap_or(day)
            }
            Frequency::Monthly => day.first_of_month(),
            Frequency::Yearly => day.first_of_year(),
        }
    }

    /// The last period of the series that begins on or before `from`.
    fn period_before(&self, start: Date, from: Date) -> Date {
        let (first, target) = (self.period_of(start), self.period_of(from.max(start)));
        let months = |d: Date| i64::from(d.year()) * 12 + i64::from(d.month());
        let days = || (target - first).get_days().into();
        let n = i64::from(self.interval);
        let whole = |apart: i64| apart / n * n;
        let span = match self.frequency {
            Frequency::Daily => Span::new().try_days(whole(days())),
            Frequency::Weekly => Span::new().try_weeks(whole(days() / 7)),
            Frequency::Monthly => Span::new().try_months(whole(months(target) - months(first))),
            Frequency::Yearly => Span::new().try_years(whole(i64::from(target.year() - first.year()))),
        };
        span.and_then(|span| first.checked_add(span)).unwrap_or(first)
    }

    fn next_period(&self, period: Date) -> Option<Date> {
        let n = i64::from(self.interval);
        let step = match self.frequency {
            Frequency::Daily => n.days(),
            Frequency::Weekly => n.weeks(),
            Frequency::Monthly => n.months(),
            Frequency::Yearly => Span::new().try_years(n).ok()?,
        };
        period.checked_add(step).ok()
    }

    /// All days of the series in one period, ascending.
    fn days_of(&self, period: Date, start: Date) -> Vec<Date> {
        let in_month = |d: &Date| self.by_month.is_empty() || self.by_month.contains(&d.month());
        let mut days: Vec<Date> = match self.frequency {
            Frequency::Daily => vec![period],
            Frequency::Weekly => (0..7).filter_map(|n| period.checked_add(n.days()).ok()).collect(),
            Frequency::Monthly => month_days(period),
            Frequency::Yearly => {
                (1..=12).filter_map(|m| Date::new(period.year(), m, 1).ok()).flat_map(month_days).collect()
            }
        };
        days.retain(in_month);
        let no_day = self.by_day.is_empty() && self.by_month_day.is_empty();
        match self.frequency {
            Frequency::Weekly if no_day => days.retain(|d| d.weekday() == start.weekday()),
            Frequency::Monthly if no_day => days.retain(|d| d.day() == start.day()),
            Frequency::Yearly if no_day => {
                days.retain(|d| d.day() == start.day() && (!self.by_month.is_empty() || d.month() == start.month()));
            }
            _ => {}
        }
        if !self.by_month_day.is_empty() {
            days.retain(|d| self.by_month_day.iter().any(|n| day_number(*n, d.days_in_month()) == Some(d.day())));
        }
        if !self.by_day.is_empty() {
            // A number counts within the month, but within the year for YEARLY without BYMONTH.
            let whole_year = self.frequency == Frequency::Yearly && self.by_month.is_empty();
            days.retain(|d| {
                self.by_day.iter().any(|(n, day)| *day == d.weekday() && (*n == 0 || is_nth(*d, *n, whole_year)))
            });
        }
        if !self.by_set_pos.is_empty() {
            let count = days.len();
            let place = |n: i8| {
                let n = isize::from(n);
                let at = if n > 0 { n - 1 } else { isize::try_from(count).ok()?.checked_add(n)? };
                usize::try_from(at).ok()
            };
            let kept: Vec<usize> = self.by_set_pos.iter().filter_map(|n| place(*n)).collect();
            days = days.into_iter().enumerate().filter(|(at, _)| kept.contains(at)).map(|(_, day)| day).collect();
        }
        days
    }
}

fn month_days(first: Date) -> Vec<Date> {
    (1..=first.days_in_month()).filter_map(|day| Date::new(first.year(), first.month(), day).ok()).collect()
}

fn day_number(n: i8, days: i8) -> Option<i8> {
    let day = if n > 0 { n } else { days + 1 + n };
    (1..=days).contains(&day).then_some(day)
}

fn is_nth(day: Date, n: i8, whole_year: bool) -> bool {
    let (index, length) = if whole_year {
        (day.day_of_year() - 1, day.days_in_year())
    } else {
        (i16::from(day.day()) - 1, i16::from(day.days_in_month()))
    };
    if n > 0 { index / 7 + 1 == i16::from(n) } else { (length - 1 - index) / 7 + 1 == -i16::from(n) }
}

/// `MO`, `1FR`, `-1SU`.
fn by_day(value: &str) -> Option<(i8, Weekday)> {
    let (number, name) = value.split_at_checked(value.len().checked_sub(2)?)?;
    let number = if number.is_empty() { 0 } else { in_range(number.strip_prefix('+').unwrap_or(number), 53, true)? };
    Some((number, weekday(name)?))
}

fn numbers(value: &str, limit: i8, negative: bool) -> Option<Vec<i8>> {
    let mut items = value.split(',').map(|v| in_range(v, limit, negative)).collect::<Option<Vec<_>>>()?;
    items.sort_unstable();
    items.dedup();
    Some(items)
}

fn weekdays(value: &str) -> Option<Vec<(i8, Weekday)>> {
    let mut items = value.split(',').map(by_day).collect::<Option<Vec<_>>>()?;
    items.sort_unstable_by_key(|(n, day)| (*n, day.to_monday_zero_offset()));
    items.dedup();
    Some(items)
}

fn in_range(value: &str, limit: i8, negative: bool) -> Option<i8> {
    let n: i8 = value.parse().ok()?;
    (n != 0 && n <= limit && n >= if negative { -limit } else { 1 }).then_some(n)
}

fn until(value: &str) -> Option<Date> {
    let digits = value.get(..8).filter(|d| d.bytes().all(|b| b.is_ascii_digit()))?;
    let rest = &value[8..];
    let time = rest.strip_prefix('T').map(|t| t.strip_suffix('Z').unwrap_or(t));
    if !rest.is_empty() && !time.is_some_and(|t| t.len() == 6 && t.bytes().all(|b| b.is_ascii_digit())) {
        return None;
    }
    Date::new(digits[..4].parse().ok()?, digits[4..6].parse().ok()?, digits[6..].parse().ok()?).ok()
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.frequency {
            Frequency::Daily => "DAILY",
            Frequency::Weekly => "WEEKLY",
            Frequency::Monthly => "MONTHLY",
            Frequency::Yearly => "YEARLY",
        };
        write!(f, "FREQ={name}")?;
        if self.interval != 1 {
            write!(f, ";INTERVAL={}", self.interval)?;
        }
        let join = |items: Vec<String>| items.join(",");
        if !self.by_month.is_empty() {
            write!(f, ";BYMONTH={}", join(self.by_month.iter().map(i8::to_string).collect()))?;
        }
        if !self.by_month_day.is_empty() {
            write!(f, ";BYMONTHDAY={}", join(self.by_month_day.iter().map(i8::to_string).collect()))?;
        }
        if !self.by_day.is_empty() {
            let days = self.by_day.iter().map(|(n, day)| match n {
                0 => code(*day).to_owned(),
                n => format!("{n}{}", code(*day)),
            });
            write!(f, ";BYDAY={}", join(days.collect()))?;
        }
        if !self.by_set_pos.is_empty() {
            write!(f, ";BYSETPOS={}", join(self.by_set_pos.iter().map(i8::to_string).collect()))?;
        }
        if self.week_start != Weekday::Monday {
            write!(f, ";WKST={}", code(self.week_start))?;
        }
        if let Some(count) = self.count {
            write!(f, ";COUNT={count}")?;
        }
        if let Some(until) = self.until {
            write!(f, ";UNTIL={:04}{:02}{:02}", until.year(), until.month(), until.day())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(rule: &str, start: &str, n: usize) -> Vec<String> {
        let rule = Rule::parse(rule).unwrap();
        rule.days(start.parse().unwrap()).take(n).map(|d| d.to_string()).collect()
    }

    #[test]
    fn days_follow_the_calendar() {
        assert_eq!(days("FREQ=DAILY;INTERVAL=2", "2026-02-27", 3), ["2026-02-27", "2026-03-01", "2026-03-03"]);
        assert_eq!(days("FREQ=WEEKLY", "2026-11-21", 2), ["2026-11-21", "2026-11-28"]);
        assert_eq!(
            days("FREQ=WEEKLY;INTERVAL=2;BYDAY=FR,MO", "2026-11-20", 4),
            ["2026-11-20", "2026-11-30", "2026-12-04", "2026-12-14"]
        );
        assert_eq!(days("FREQ=MONTHLY", "2026-01-31", 3), ["2026-01-31", "2026-03-31", "2026-05-31"]);
        assert_eq!(days("FREQ=MONTHLY;BYMONTHDAY=-1", "2026-01-31", 3), ["2026-01-31", "2026-02-28", "2026-03-31"]);
        assert_eq!(days("FREQ=MONTHLY;BYDAY=2TU", "2026-11-10", 3), ["2026-11-10", "2026-12-08", "2027-01-12"]);
        assert_eq!(days("FREQ=MONTHLY;BYDAY=-1FR", "2026-11-27", 2), ["2026-11-27", "2026-12-25"]);
        assert_eq!(
            days("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", "2026-02-13", 3),
            ["2026-02-13", "2026-03-13", "2026-11-13"]
        );
        assert_eq!(days("FREQ=YEARLY", "2024-02-29", 2), ["2024-02-29", "2028-02-29"]);
        assert_eq!(days("FREQ=YEARLY;BYMONTH=5;BYDAY=2SU", "2026-05-10", 2), ["2026-05-10", "2027-05-09"]);
        assert_eq!(days("FREQ=YEARLY;BYDAY=20MO", "1997-05-19", 3), ["1997-05-19", "1998-05-18", "1999-05-17"]);
        assert_eq!(days("FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR", "2026-11-20", 2), ["2026-11-20", "2026-11-23"]);
        assert_eq!(
            days("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "2026-11-30", 4),
            ["2026-11-30", "2026-12-31", "2027-01-29", "2027-02-26"]
        );
        assert_eq!(
            days("FREQ=MONTHLY;BYDAY=WE,FR;BYSETPOS=1,-1", "2010-01-01", 4),
            ["2010-01-01", "2010-01-29", "2010-02-03", "2010-02-26"]
        );
        assert_eq!(days("FREQ=MONTHLY;BYDAY=FR;BYSETPOS=5", "2026-10-30", 2), ["2026-10-30", "2027-01-29"]);
    }

    #[test]
    fn a_series_can_be_entered_anywhere() {
        for rule in [
            "FREQ=DAILY;INTERVAL=3",
            "FREQ=DAILY;COUNT=40",
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU",
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;WKST=SU",
            "FREQ=MONTHLY;INTERVAL=5;BYMONTHDAY=31,-1",
            "FREQ=MONTHLY;INTERVAL=2;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
            "FREQ=YEARLY;INTERVAL=3;BYMONTH=2;BYMONTHDAY=29",
            "FREQ=DAILY;UNTIL=20270101",
        ] {
            let rule = Rule::parse(rule).unwrap();
            let start: Date = "2026-11-21".parse().unwrap();
            for ahead in [-400, 0, 1, 2, 9, 30, 31, 365, 3_000] {
                let from = start.checked_add(ahead.days()).unwrap();
                let walked: Vec<_> = rule.days(start).skip_while(|d| *d < from).take(5).collect();
                assert_eq!(rule.days_from(start, from).take(5).collect::<Vec<_>>(), walked, "{rule} from {from}");
            }
        }
    }

    #[test]
    fn series_end() {
        assert_eq!(days("FREQ=DAILY;COUNT=2", "2026-11-21", 9), ["2026-11-21", "2026-11-22"]);
        assert_eq!(days("FREQ=DAILY;UNTIL=20261122T235959Z", "2026-11-21", 9), ["2026-11-21", "2026-11-22"]);
        assert_eq!(days("FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30", "2026-11-21", 9), ["2026-11-21"]);
        assert_eq!(days("FREQ=YEARLY;INTERVAL=65535", "2026-11-21", 9), ["2026-11-21"]);
        assert_eq!(days("FREQ=DAILY", "9999-12-30", 9).len(), 2);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for rule in [
            "",
            "DAILY",
            "FREQ=HOURLY",
            "FREQ=DAILY;INTERVAL=0",
            "FREQ=DAILY;INTERVAL=99999999",
            "FREQ=DAILY;COUNT=-1",
            "FREQ=DAILY;BYSETPOS=1",
            "FREQ=MONTHLY;BYSETPOS=1",
            "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=0",
            "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=900",
            "FREQ=WEEKLY;BYDAY=1MO",
            "FREQ=WEEKLY;BYDAY=日",
            "FREQ=MONTHLY;BYMONTHDAY=32",
            "FREQ=MONTHLY;BYDAY=MX",
            "FREQ=YEARLY;BYMONTH=13",
            "FREQ=DAILY;UNTIL=20260230",
            "FREQ=DAILY;UNTIL=2026年1月1日",
            "INTERVAL=2",
        ] {
            assert!(Rule::parse(rule).is_err(), "{rule}");
        }
    }

    #[test]
    fn a_rule_is_written_as_it_was_read() {
        for rule in [
            "FREQ=DAILY",
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE;WKST=SU;COUNT=4",
            "FREQ=MONTHLY;BYDAY=-1FR,1MO",
            "FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=-1,1",
            "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-1;UNTIL=20300101",
        ] {
            assert_eq!(Rule::parse(rule).unwrap().to_string(), rule);
        }
    }
}
