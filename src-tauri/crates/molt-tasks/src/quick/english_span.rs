//! English distances: in 10 minutes, 3 days from now, +15min, two days after tomorrow, in four business days.

use jiff::{Span, civil::Date};

use crate::{Frequency, Rule};

use super::{
    calendar::{coming_weekday, plus_days, plus_working_days},
    english::{number, weekday},
    finished::finished,
    says::{Hit, Says},
    token::Line,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    WorkingDay,
    Week,
    Fortnight,
    Month,
    Year,
}

/// A unit and the token after it. Single letters count only close to their number.
fn unit_of(line: &Line, i: usize) -> Option<(Unit, usize)> {
    if line.is_word(i, &["business", "working", "work"]) && line.is_word(i + 1, &["day", "days"]) {
        return Some((Unit::WorkingDay, i + 2));
    }
    let unit = match line.word(i) {
        "second" | "seconds" | "sec" | "secs" => Unit::Second,
        "minute" | "minutes" | "min" | "mins" => Unit::Minute,
        "hour" | "hours" | "hr" | "hrs" => Unit::Hour,
        "day" | "days" => Unit::Day,
        "week" | "weeks" | "wk" | "wks" => Unit::Week,
        "fortnight" | "fortnights" => Unit::Fortnight,
        "month" | "months" => Unit::Month,
        "year" | "years" | "yr" | "yrs" => Unit::Year,
        "s" if line.glued(i) => Unit::Second,
        "m" if line.glued(i) => Unit::Minute,
        "h" if line.glued(i) => Unit::Hour,
        "d" if line.glued(i) => Unit::Day,
        "w" if line.glued(i) => Unit::Week,
        _ => return None,
    };
    Some((unit, i + 1))
}

/// A distance in whole units, with seconds for those below a day.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Distance {
    months: i64,
    days: i64,
    working_days: u32,
    seconds: i64,
    exact: bool,
}

impl Distance {
    fn add(&mut self, n: i64, unit: Unit) -> Option<()> {
        match unit {
            Unit::Second => self.seconds += n,
            Unit::Minute => self.seconds += 60 * n,
            Unit::Hour => self.seconds += 3_600 * n,
            Unit::Day => self.days += n,
            Unit::WorkingDay => self.working_days += u32::try_from(n).ok()?,
            Unit::Week => self.days += 7 * n,
            Unit::Fortnight => self.days += 14 * n,
            Unit::Month => self.months += n,
            Unit::Year => self.months += 12 * n,
        }
        self.exact |= matches!(unit, Unit::Second | Unit::Minute | Unit::Hour);
        Some(())
    }

    fn ahead_of(&self, day: Date) -> Option<Date> {
        let day = day.checked_add(Span::new().try_months(self.months).ok()?).ok()?;
        let day = plus_days(day, self.days)?;
        if self.working_days > 0 { plus_working_days(day, self.working_days) } else { Some(day) }
    }

    /// The same length as a repetition, in whole days and more.
    pub(super) fn rule(&self) -> Option<Rule> {
        let every = |frequency, n: i64| u16::try_from(n).ok().map(|n| Rule::every(frequency, n));
        match (self.months, self.days) {
            _ if self.exact || self.working_days > 0 => None,
            (0, days) if days > 0 && days % 7 == 0 => every(Frequency::Weekly, days / 7),
            (0, days) if days > 0 => every(Frequency::Daily, days),
            (months, 0) if months > 0 && months % 12 == 0 => every(Frequency::Yearly, months / 12),
            (months, 0) if months > 0 => every(Frequency::Monthly, months),
            _ => None,
        }
    }

    fn ahead_of_now(&self, line: &Line) -> Option<Says> {
        if !self.exact {
            return Some(Says::day(self.ahead_of(line.today)?));
        }
        let span =
            Span::new().try_months(self.months).ok()?.try_days(self.days).ok()?.try_seconds(self.seconds).ok()?;
        Some(Says::moment(line.now.checked_add(span).ok()?.datetime()))
    }
}

/// How many: 2, two, a, an, a few, a couple of, half an, 1.5, three-quarters of an; in sixtieths so that halves and quarters of an
/// hour are whole.
fn amount(line: &Line, i: usize) -> Option<(i64, usize)> {
    const WHOLE: i64 = 60;
    let article = |at: usize| if line.is_word(at, &["a", "an"]) { at + 1 } else { at };
    let of = |at: usize| if line.word(at) == "of" { at + 1 } else { at };
    let from = article(i);
    match line.word(from) {
        "half" => return Some((WHOLE / 2, article(from + 1))),
        "quarter" => return Some((WHOLE / 4, article(of(from + 1)))),
        "few" => return Some((3 * WHOLE, from + 1)),
        "couple" | "pair" => return Some((2 * WHOLE, of(from + 1))),
        "three" if line.mark(from + 1, "-") && line.word(from + 2) == "quarters" => {
            return Some((WHOLE / 4 * 3, article(of(from + 3))));
        }
        "three" if line.word(from + 1) == "quarters" => return Some((WHOLE / 4 * 3, article(of(from + 2)))),
        _ => {}
    }
    if from > i {
        return Some((WHOLE, from));
    }
    if line.is_tied(i) && !line.mark(i.checked_sub(1)?, "+") {
        return None;
    }
    let (whole, end) = number(line, i).filter(|(n, _)| *n <= 100_000)?;
    let whole = i64::from(whole) * WHOLE;
    if line.mark(end, ".") && line.glued(end) && line.glued(end + 1) {
        let (digit, 1) = line.number(end + 1)? else { return None };
        return Some((whole + i64::from(digit) * WHOLE / 10, end + 2));
    }
    // "1/4 h".
    if line.mark(end, "/") && line.glued(end) && line.glued(end + 1) {
        let (parts, 1) = line.number(end + 1)? else { return None };
        return (parts > 0 && whole % i64::from(parts) == 0).then(|| (whole / i64::from(parts), end + 2));
    }
    let half = line.words(end, "and a half").or_else(|| line.words(end, "and an half"));
    half.map_or(Some((whole, end)), |end| Some((whole + WHOLE / 2, end)))
}

/// "1 day 2 hours", "5 minutes and 30 seconds", "2 more minutes", "an hour and a half".
fn distance(line: &Line, i: usize) -> Option<(Distance, usize)> {
    let mut sum = Distance::default();
    let (mut at, mut end) = (i, i);
    while let Some((sixtieths, after)) = amount(line, at) {
        let after = if line.is_word(after, &["more", "full", "upcoming"]) { after + 1 } else { after };
        let Some((unit, after)) = unit_of(line, after) else { break };
        match unit {
            Unit::Hour => sum.add(sixtieths * 60, Unit::Second)?,
            Unit::Minute => sum.add(sixtieths, Unit::Second)?,
            Unit::Day if sixtieths % 60 > 0 => sum.add(sixtieths * 24 * 60, Unit::Second)?,
            Unit::Year if sixtieths % 60 > 0 && sixtieths % 5 == 0 => sum.add(sixtieths * 12 / 60, Unit::Month)?,
            unit if sixtieths % 60 == 0 => sum.add(sixtieths / 60, unit)?,
            _ => return None,
        }
        end = after;
        // "1h30".
        if line.word(end - 1) == "h"
            && line.glued(end)
            && let Some((minutes, 2)) = line.number(end)
            && unit_of(line, end + 1).is_none()
        {
            sum.add(i64::from(minutes), Unit::Minute)?;
            end += 1;
        }
        for (words, minutes) in [("and a half", 30), ("and a quarter", 15), ("and three quarters", 45)] {
            if unit == Unit::Hour
                && let Some(part) = line.words(end, words)
            {
                sum.add(minutes, Unit::Minute)?;
                end = part;
                break;
            }
        }
        at = if line.word(end) == "and" || line.mark(end, ",") { end + 1 } else { end };
    }
    (end > i).then_some((sum, end))
}

/// What a distance is counted from: now, today, tomorrow, a weekday.
fn anchor(line: &Line, i: usize) -> Option<(Option<Date>, usize)> {
    match line.word(i) {
        "now" => Some((None, i + 1)),
        "today" => Some((Some(line.today), i + 1)),
        "tomorrow" => Some((Some(plus_days(line.today, 1)?), i + 1)),
        word => Some((Some(coming_weekday(line.today, weekday(word)?)?), i + 1)),
    }
}

/// A distance in whole minutes.
pub(super) fn minutes(line: &Line, i: usize) -> Option<(u32, usize)> {
    let (distance, end) = distance(line, i)?;
    let whole = distance.months == 0 && distance.working_days == 0 && distance.seconds % 60 == 0;
    let minutes = distance.days.checked_mul(24 * 60)?.checked_add(distance.seconds / 60)?;
    Some((u32::try_from(minutes).ok().filter(|_| whole)?, end))
}

pub(super) fn find(line: &Line, i: usize) -> Option<Hit> {
    let skip = |at: usize| {
        let at = line.words(at, "the next").unwrap_or(at);
        if line.is_word(at, &["about", "around", "exactly", "just", "another"]) { at + 1 } else { at }
    };
    // A timer runs for its time; anything else that lasts is not due then.
    let timer = || line.tokens.iter().any(|t| matches!(t.text.as_str(), "timer" | "alarm"));
    let led = match line.word(i) {
        // What must be done within a time is due at its end.
        "in" | "upcoming" | "within" => true,
        // "the next 2 days" end then.
        "next" => number(line, i + 1).is_some() || line.word(i + 1) == "few",
        "for" => timer(),
        _ => false,
    };
    // "half a century from now" is not a century from now.
    if i > 0 && line.is_word(i - 1, &["half", "quarter", "quarters"]) {
        return None;
    }
    let plus = line.mark(i, "+") && line.glued(i + 1);
    let from = if led || plus || line.is_word(i, &["in", "after", "within"]) { skip(i + 1) } else { i };
    let (distance, end) = distance(line, from)?;
    if line.is_word(end, &["ago", "before", "earlier"]) {
        return Some(Hit::new(Says::unclear(), end + 1));
    }
    // "3 days after I finish".
    if !led && let Some(end) = finished(line, end) {
        return Some(Hit::new(Says { from_completion: true, ..Says::repeat(distance.rule()?) }, end));
    }
    // "a week on Tuesday", "two weeks today".
    let weeks = distance.rule().is_some_and(|rule| rule.frequency == Frequency::Weekly);
    if weeks && !led && !(i > 0 && line.is_word(i - 1, &["for", "every", "last", "past"])) {
        let on = line.word(end) == "on";
        let day = anchor(line, if on { end + 1 } else { end });
        if let Some((Some(day), end)) = day.filter(|(_, after)| on != line.is_word(after - 1, &["today", "tomorrow"])) {
            return Some(Hit::new(Says::day(distance.ahead_of(day)?), end));
        }
    }
    // "in 10 days' time".
    let time = if line.mark(end, "'’") { end + 1 } else { end };
    let end = if led && line.word(time) == "time" { time + 1 } else { end };
    if line.is_word(end, &["from", "after"])
        && let Some((anchor, end)) = anchor(line, end + 1)
    {
        let says = match anchor {
            Some(day) if !distance.exact => Says::day(distance.ahead_of(day)?),
            Some(day) if day != line.today => return None,
            _ => distance.ahead_of_now(line)?,
        };
        return Some(Hit::new(says, end));
    }
    let later = line.is_word(end, &["later", "hence"]) || (0..end).rev().take(3).any(|k| line.word(k) == "upcoming");
    // "after 2 hours" alone; "after 2 hours of work" is not a time.
    let after = line.word(i) == "after" && line.ends(end);
    if !(led || plus || later || after) {
        return None;
    }
    Some(Hit::new(distance.ahead_of_now(line)?, if line.is_word(end, &["later", "hence"]) { end + 1 } else { end }))
}
