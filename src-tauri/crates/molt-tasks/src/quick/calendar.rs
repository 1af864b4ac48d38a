//! Calendar arithmetic of people: the next Friday, the coming 25th.

use jiff::{
    ToSpan,
    civil::{Date, Weekday},
};

pub(super) fn plus_days(day: Date, n: i64) -> Option<Date> {
    day.checked_add(jiff::Span::new().try_days(n).ok()?).ok()
}

/// The next such weekday after today.
pub(super) fn coming_weekday(today: Date, weekday: Weekday) -> Option<Date> {
    today.nth_weekday(1, weekday).ok()
}

/// A weekday of the week that begins on the Monday `weeks` after this one's.
pub(super) fn weekday_in(today: Date, weeks: i64, weekday: Weekday) -> Option<Date> {
    let back = i64::from(today.weekday().to_monday_zero_offset());
    plus_days(today, 7 * weeks - back + i64::from(weekday.to_monday_zero_offset()))
}

/// This week's weekday, or next week's when it has passed.
pub(super) fn this_weekday(today: Date, weekday: Weekday) -> Option<Date> {
    weekday_in(today, 0, weekday).filter(|day| *day >= today).or_else(|| weekday_in(today, 1, weekday))
}

/// The first such day of a month from today on.
pub(super) fn coming_day(today: Date, day: u32) -> Option<Date> {
    let day = i8::try_from(day).ok()?;
    (0..12)
        .filter_map(|n| today.first_of_month().checked_add(n.months()).ok())
        .filter_map(|month| Date::new(month.year(), month.month(), day).ok())
        .find(|date| *date >= today)
}

/// The same as [`coming_day`] for a day that must fall on a weekday ("Friday the 13th"), within two years.
pub(super) fn coming_day_on(today: Date, day: u32, weekday: Weekday) -> Option<Date> {
    let day = i8::try_from(day).ok()?;
    (0..24)
        .filter_map(|n| today.first_of_month().checked_add(n.months()).ok())
        .filter_map(|month| Date::new(month.year(), month.month(), day).ok())
        .find(|date| *date >= today && date.weekday() == weekday)
}

/// A date; without a year the first from today on (February 29 may be years away). One that has passed is not a due date.
pub(super) fn date(today: Date, year: Option<u32>, month: u32, day: u32) -> Option<Date> {
    let (month, day) = (i8::try_from(month).ok()?, i8::try_from(day).ok()?);
    let years = match year {
        Some(year) => i16::try_from(year).ok()?..=i16::try_from(year).ok()?,
        None => today.year()..=today.year().saturating_add(8),
    };
    years.filter_map(|year| Date::new(year, month, day).ok()).find(|date| *date >= today)
}

/// A day of the month `months` after this one.
pub(super) fn day_in_month(today: Date, months: i64, day: u32) -> Option<Date> {
    let month = today.first_of_month().checked_add(months.months()).ok()?;
    Date::new(month.year(), month.month(), i8::try_from(day).ok()?).ok()
}

pub(super) fn end_of_month(today: Date, months: i64) -> Option<Date> {
    Some(today.first_of_month().checked_add(months.months()).ok()?.last_of_month())
}

/// The nth such weekday of a month, from the end when negative.
pub(super) fn nth_in_month(month: Date, n: i8, weekday: Weekday) -> Option<Date> {
    month.nth_weekday_of_month(n, weekday).ok()
}

/// So many working days (Monday to Friday) ahead.
pub(super) fn plus_working_days(today: Date, n: u32) -> Option<Date> {
    let mut day = today;
    for _ in 0..n.min(1_000) {
        day = plus_days(day, 1)?;
        while matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) {
            day = plus_days(day, 1)?;
        }
    }
    Some(day)
}

/// The nth working day (Monday to Friday) of a month, from the end when negative.
pub(super) fn nth_working_day(month: Date, n: i8) -> Option<Date> {
    let working = |day: &Date| !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
    let days = (1..=month.days_in_month()).filter_map(|day| Date::new(month.year(), month.month(), day).ok());
    let days: Vec<Date> = days.filter(working).collect();
    let place = usize::from(n.unsigned_abs()).checked_sub(1)?;
    if n > 0 { days.get(place).copied() } else { days.iter().rev().nth(place).copied() }
}
