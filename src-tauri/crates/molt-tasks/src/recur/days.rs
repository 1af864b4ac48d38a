//! Which days a rule allows: months, weeks of the year, days of the year and of the month, weekdays.

use jiff::{
    Span,
    civil::{Date, Weekday},
};

use super::{Every, Recur};

/// So many days later; none beyond the calendar's ends.
pub(super) fn plus(day: Date, n: i64) -> Option<Date> {
    day.checked_add(Span::new().try_days(n).ok()?).ok()
}

/// Days from one day to another.
pub(super) fn between(from: Date, to: Date) -> i64 {
    (to - from).get_days().into()
}

/// The first day of the week of a day.
pub(super) fn week_of(day: Date, week_start: Weekday) -> Option<Date> {
    plus(day, -i64::from(day.weekday().since(week_start)))
}

/// The first day of week 1 of a year: the first week with four days or more in that year, as in ISO 8601.
pub(super) fn first_week(year: i16, week_start: Weekday) -> Option<Date> {
    week_of(Date::new(year, 1, 4).ok()?, week_start)
}

/// Weeks of a year; only the calendar's last year cannot tell.
pub(super) fn weeks_in(year: i16, week_start: Weekday) -> i64 {
    let weeks = || Some(between(first_week(year, week_start)?, first_week(year.checked_add(1)?, week_start)?) / 7);
    weeks().unwrap_or(52)
}

/// The year to which the week of a day belongs: that of the week's fourth day.
pub(super) fn week_year(day: Date, week_start: Weekday) -> Option<i16> {
    Some(plus(week_of(day, week_start)?, 3)?.year())
}

/// True when `list` has the place `n` (from 1) of `length`, from the front or, negative, from the end.
fn has(list: &[i16], n: i64, length: i64) -> bool {
    list.iter().any(|item| i64::from(*item) == n || i64::from(*item) == n - length - 1)
}

impl Recur {
    /// True for a day that no part of the rule excludes.
    pub(super) fn allows(&self, day: Date) -> bool {
        (self.by_month.is_empty() || self.by_month.contains(&day.month().into()))
            && (self.by_month_day.is_empty() || has(&self.by_month_day, day.day().into(), day.days_in_month().into()))
            && (self.by_year_day.is_empty()
                || has(&self.by_year_day, day.day_of_year().into(), day.days_in_year().into()))
            && (self.by_day.is_empty() || self.allows_weekday(day))
            && (self.by_week.is_empty() || self.allows_week(day))
    }

    fn allows_weekday(&self, day: Date) -> bool {
        // A number counts within the month, but within the year for YEARLY without BYMONTH.
        let (place, length) = if self.every == Every::Year && self.by_month.is_empty() {
            (day.day_of_year(), day.days_in_year())
        } else {
            (day.day().into(), day.days_in_month().into())
        };
        let (front, back) = ((place - 1) / 7 + 1, -((length - place) / 7 + 1));
        self.by_day.iter().any(|(n, weekday)| *weekday == day.weekday() && [0, front, back].contains(n))
    }

    fn allows_week(&self, day: Date) -> bool {
        let found = || {
            let year = week_year(day, self.week_start)?;
            let n = between(first_week(year, self.week_start)?, day) / 7 + 1;
            Some(has(&self.by_week, n, weeks_in(year, self.week_start)))
        };
        found().unwrap_or(false)
    }
}
