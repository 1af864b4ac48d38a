//! English repetitions: every day, every other Monday, the first Friday of each month, daily, Mondays and Thursdays.
//!
//! A repetition that is only half understood is not read at all.

use jiff::civil::Weekday;

use super::{
    english::{day_number, month, number, ordinal, weekday, weekdays},
    english_day::part,
    says::{Hit, Says},
    token::Line,
};
use crate::{Frequency, Rule};

pub(super) const WORKING_WEEK: [Weekday; 5] =
    [Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday, Weekday::Thursday, Weekday::Friday];
pub(super) const WEEKEND: [Weekday; 2] = [Weekday::Saturday, Weekday::Sunday];

/// Weekly on these days.
pub(super) fn weekly(interval: u16, days: &[Weekday]) -> Rule {
    let mut by_day: Vec<_> = days.iter().map(|day| (0, *day)).collect();
    by_day.sort_unstable_by_key(|(_, day)| day.to_monday_zero_offset());
    by_day.dedup();
    Rule { by_day, ..Rule::every(Frequency::Weekly, interval) }
}

pub(super) fn monthly(interval: u16, day: i8) -> Rule {
    Rule { by_month_day: vec![day], ..Rule::every(Frequency::Monthly, interval) }
}

pub(super) fn find(line: &Line, i: usize) -> Option<Hit> {
    let repeat = every(line, i)
        .or_else(|| adverb(line, i))
        .or_else(|| plural_days(line, i))
        .or_else(|| of_every_month(line, i))
        .or_else(|| edge_of_month(line, i));
    match repeat {
        Some(hit) => limits(line, hit),
        None => times(line, i).or_else(|| half_understood(line, i)),
    }
}

/// "every 4th and 10th", "every aug on day 20": a repetition that is none of ours must not become a single day.
fn half_understood(line: &Line, i: usize) -> Option<Hit> {
    let times = |k: usize| {
        unit(line, k).is_some()
            || weekday(line.word(k)).is_some()
            || month(line.word(k)).is_some()
            || number(line, k).is_some()
            || ordinal(line, k).is_some()
            || line.is_word(
                k,
                &[
                    "st", "nd", "rd", "th", "and", "on", "of", "in", "the", "day", "week", "last", "hour", "minute",
                    "hours", "minutes",
                ],
            )
    };
    if !line.is_word(i, &["every", "each"]) || !times(i + 1) {
        return None;
    }
    Some(Hit::new(Says::unclear(), (i + 1..line.len()).find(|k| !times(*k)).unwrap_or(line.len())))
}

/// the beginning of each month, the end of every month.
fn edge_of_month(line: &Line, i: usize) -> Option<Hit> {
    let at = if line.word(i) == "the" { i + 1 } else { i };
    let day = match line.word(at) {
        "beginning" | "start" => 1,
        "end" => -1,
        _ => return None,
    };
    let each = line.word(at + 1) == "of" && line.is_word(at + 2, &["every", "each"]) && line.word(at + 3) == "month";
    each.then(|| Hit::new(Says::repeat(monthly(1, day)), at + 4))
}

fn every(line: &Line, i: usize) -> Option<Hit> {
    if !line.is_word(i, &["every", "each"]) {
        return None;
    }
    let (mut interval, mut at) = (1, i + 1);
    if line.is_word(at, &["other", "second"]) {
        (interval, at) = (2, at + 1);
    } else if let Some((n, end)) =
        ordinal(line, at).filter(|(_, end)| unit(line, *end).is_some() || weekday(line.word(*end)).is_some())
    {
        (interval, at) = (u16::try_from(n).ok()?, end);
    } else if let Some((n, end)) = number(line, at).filter(|(n, end)| *n > 0 && unit(line, *end).is_some()) {
        (interval, at) = (u16::try_from(n).ok()?, end);
    }
    // "every first Friday of the month".
    if let Some((n, day, end)) = numbered_weekday(line, i + 1)
        && let Some(end) = line.words(end, "of the month").or_else(|| line.words(end, "of month"))
    {
        let rule = Rule { by_day: vec![(n, day)], ..Rule::every(Frequency::Monthly, 1) };
        return Some(Hit::new(Says::repeat(rule), end));
    }
    if let Some(frequency) = unit(line, at) {
        return detail(line, Rule::every(frequency, interval), at + 1);
    }
    if let Some((days, end)) = day_list(line, at) {
        return Some(Hit::new(Says::repeat(weekly(interval, &days)), end));
    }
    let word = line.word(at);
    if interval == 1
        && let Some(part) = part(word)
    {
        return Some(Hit::new(Says::repeat(Rule::every(Frequency::Daily, 1)).with_part(part), at + 1));
    }
    match word {
        "weekday" | "weekdays" | "workday" if interval == 1 => {
            Some(Hit::new(Says::repeat(weekly(1, &WORKING_WEEK)), at + 1))
        }
        "business" | "working" | "work" if interval == 1 && line.word(at + 1) == "day" => {
            Some(Hit::new(Says::repeat(weekly(1, &WORKING_WEEK)), at + 2))
        }
        "weekend" | "weekends" => Some(Hit::new(Says::repeat(weekly(interval, &WEEKEND)), at + 1)),
        "quarter" => Some(Hit::new(Says::repeat(Rule::every(Frequency::Monthly, 3 * interval.min(100))), at + 1)),
        _ if month(word).is_some() => {
            let (rule, end) = day_of_year(line, at)?;
            Some(Hit::new(Says::repeat(Rule { interval, ..rule }), end))
        }
        // "every 15th", "every 20th of August".
        _ if interval == 1 => {
            let (day, end) = ordinal(line, at).filter(|(n, _)| (1..=31).contains(n))?;
            if let Some(m) = month(line.word(if line.word(end) == "of" { end + 1 } else { end })) {
                let end = if line.word(end) == "of" { end + 2 } else { end + 1 };
                return Some(Hit::new(Says::repeat(yearly(m, day)?), end));
            }
            let of_month = line.words(end, "of the month").or_else(|| line.words(end, "of month"));
            (of_month.is_some() || line.ends(end) || line.is_word(end, &["at", "to", "for"]))
                .then(|| Some(Hit::new(Says::repeat(monthly(1, i8::try_from(day).ok()?)), of_month.unwrap_or(end))))?
        }
        _ => None,
    }
}

fn unit(line: &Line, i: usize) -> Option<Frequency> {
    Some(match line.word(i) {
        "day" | "days" => Frequency::Daily,
        "week" | "weeks" => Frequency::Weekly,
        "month" | "months" => Frequency::Monthly,
        "year" | "years" => Frequency::Yearly,
        _ => return None,
    })
}

/// "Monday", "Mon, Wed and Fri", "Tuesdays & Thursdays".
fn day_list(line: &Line, i: usize) -> Option<(Vec<Weekday>, usize)> {
    let one = |at: usize| weekday(line.word(at)).or_else(|| weekdays(line.word(at)));
    let mut days = vec![one(i)?];
    let mut end = i + 1;
    loop {
        let mut next = end;
        while line.mark(next, ",&/+") || line.is_word(next, &["and", "or"]) {
            next += 1;
        }
        match one(next).filter(|_| next > end) {
            Some(day) => days.push(day),
            None => return Some((days, end)),
        }
        end = next + 1;
    }
}

fn yearly(m: u32, day: u32) -> Option<Rule> {
    let (m, day) = (i8::try_from(m).ok()?, i8::try_from(day).ok()?);
    // 2028 has a February 29.
    jiff::civil::Date::new(2028, m, day).ok()?;
    Some(Rule { by_month: vec![m], by_month_day: vec![day], ..Rule::every(Frequency::Yearly, 1) })
}

/// "December 31st", "the 4th of July", "the fourth Thursday in November".
fn day_of_year(line: &Line, i: usize) -> Option<(Rule, usize)> {
    let at = if line.word(i) == "the" { i + 1 } else { i };
    if let Some(m) = month(line.word(at)) {
        let (day, end, _) = day_number(line, if line.word(at + 1) == "the" { at + 2 } else { at + 1 })?;
        return Some((yearly(m, day)?, end));
    }
    let of = |at: usize| if line.is_word(at, &["of", "in"]) { at + 1 } else { at };
    if let Some((n, day, end)) = numbered_weekday(line, at) {
        let m = i8::try_from(month(line.word(of(end)))?).ok()?;
        let rule = Rule { by_month: vec![m], by_day: vec![(n, day)], ..Rule::every(Frequency::Yearly, 1) };
        return Some((rule, of(end) + 1));
    }
    let (day, end, _) = day_number(line, at)?;
    Some((yearly(month(line.word(of(end)))?, day)?, of(end) + 1))
}

/// "first Friday", "last Monday".
fn numbered_weekday(line: &Line, i: usize) -> Option<(i8, Weekday, usize)> {
    let (n, at) = position(line, i)?;
    let word = line.word(at);
    Some((n, weekday(word).or_else(|| weekdays(word))?, at + 1))
}

/// "first", "2nd", "last" as a place in a month.
fn position(line: &Line, i: usize) -> Option<(i8, usize)> {
    if line.word(i) == "last" {
        return Some((-1, i + 1));
    }
    let (n, end) = ordinal(line, i).filter(|(n, _)| (1..=5).contains(n))?;
    Some((i8::try_from(n).ok()?, end))
}

/// What may stand after "every week", "every month", "every year".
fn detail(line: &Line, rule: Rule, end: usize) -> Option<Hit> {
    let plain = Some(Hit::new(Says::repeat(rule.clone()), end));
    if line.word(end) != "on" {
        // "every week in May" is not understood.
        let strange = line.is_word(end, &["in", "except", "of"]) && part(line.word(end + 2)).is_none();
        return if strange { None } else { plain };
    }
    let at = end + 1;
    let the = if line.word(at) == "the" { at + 1 } else { at };
    match rule.frequency {
        Frequency::Daily => plain,
        Frequency::Weekly => {
            let (days, end) = day_list(line, at)?;
            Some(Hit::new(Says::repeat(weekly(rule.interval, &days)), end))
        }
        Frequency::Monthly => {
            if let Some((n, day, end)) = numbered_weekday(line, the) {
                return Some(Hit::new(Says::repeat(Rule { by_day: vec![(n, day)], ..rule }), end));
            }
            if let Some(end) = line.words(the, "last day") {
                return Some(Hit::new(Says::repeat(monthly(rule.interval, -1)), end));
            }
            let the = if line.word(the) == "day" { the + 1 } else { the };
            let (day, end, _) = day_number(line, the).filter(|(_, end, _)| line.word(*end) != "and")?;
            Some(Hit::new(Says::repeat(monthly(rule.interval, i8::try_from(day).ok()?)), end))
        }
        Frequency::Yearly => {
            let (of, end) = day_of_year(line, at)?;
            Some(Hit::new(Says::repeat(Rule { interval: rule.interval, ..of }), end))
        }
    }
}

/// daily, weekly on Monday, monthly on the 4th. Before a noun ("the weekly report") it is none.
fn adverb(line: &Line, i: usize) -> Option<Hit> {
    let rule = match line.word(i) {
        "daily" | "everyday" => Rule::every(Frequency::Daily, 1),
        "weekly" => Rule::every(Frequency::Weekly, 1),
        "monthly" => Rule::every(Frequency::Monthly, 1),
        "quarterly" => Rule::every(Frequency::Monthly, 3),
        "yearly" | "annually" => Rule::every(Frequency::Yearly, 1),
        _ => return None,
    };
    let noun = !line.ends(i + 1)
        && !line.is_word(i + 1, &["at", "on", "in", "from", "starting", "until", "till", "for", "to"])
        && !line.mark(i + 1, "@#");
    if noun { None } else { detail(line, rule, i + 1) }
}

/// Mondays, "Tuesdays and Thursdays".
fn plural_days(line: &Line, i: usize) -> Option<Hit> {
    let at = if line.word(i) == "on" { i + 1 } else { i };
    match line.word(at) {
        "weekdays" => return Some(Hit::new(Says::repeat(weekly(1, &WORKING_WEEK)), at + 1)),
        "weekends" => return Some(Hit::new(Says::repeat(weekly(1, &WEEKEND)), at + 1)),
        _ => {}
    }
    weekdays(line.word(at))?;
    let (days, end) = day_list(line, at)?;
    Some(Hit::new(Says::repeat(weekly(1, &days)), end))
}

/// the 15th of every month, the first and third Friday of each month, the last day of every other month.
fn of_every_month(line: &Line, i: usize) -> Option<Hit> {
    let mut at = if line.word(i) == "on" { i + 1 } else { i };
    if line.word(at) == "the" {
        at += 1;
    }
    // "the second to the last Friday".
    let before = i.checked_sub(if i > 1 && line.word(i - 1) == "the" { 2 } else { 1 });
    let part = before.is_some_and(|k| {
        line.is_word(k, &["to", "and"])
            && k > 0
            && (ordinal(line, k - 1).is_some() || line.is_word(k - 1, &["nd", "rd", "th", "st"]))
    });
    let (mut by_day, mut by_month_day) = (Vec::new(), Vec::new());
    if let Some((first, mut next)) = position(line, at) {
        let mut places = vec![first];
        while line.word(next) == "and"
            && let Some((n, end)) = position(line, next + 1)
        {
            places.push(n);
            next = end;
        }
        if let Some(day) = weekday(line.word(next)).or_else(|| weekdays(line.word(next))) {
            places.sort_unstable();
            by_day = places.iter().map(|n| (*n, day)).collect();
            at = next + 1;
        } else if first == -1 && line.word(next) == "day" {
            by_month_day = vec![-1];
            at = next + 1;
        }
    }
    if by_day.is_empty() && by_month_day.is_empty() {
        if line.is_tied(at) {
            return None;
        }
        let (day, end, _) = day_number(line, at)?;
        by_month_day = vec![i8::try_from(day).ok()?];
        at = if line.word(end) == "day" { end + 1 } else { end };
    }
    if !line.is_word(at, &["of", "in"]) || !line.is_word(at + 1, &["every", "each"]) {
        return None;
    }
    let (mut interval, mut end) = (1, at + 2);
    if line.word(end) == "other" {
        (interval, end) = (2, end + 1);
    } else if let Some((n, after)) = ordinal(line, end).or_else(|| number(line, end)) {
        (interval, end) = (u16::try_from(n).ok()?, after);
    }
    if !line.is_word(end, &["month", "months"]) {
        return None;
    }
    if part {
        return Some(Hit::new(Says::unclear(), end + 1));
    }
    Some(Hit::new(Says::repeat(Rule { by_day, by_month_day, ..Rule::every(Frequency::Monthly, interval) }), end + 1))
}

/// "for 8 times", "5x", "twice".
fn times(line: &Line, i: usize) -> Option<Hit> {
    let says = |n: u32| Says { count: Some(n), ..Says::default() };
    if line.word(i) == "twice" {
        return Some(Hit::new(says(2), i + 1));
    }
    let led = line.word(i) == "for";
    let from = if led { i + 1 } else { i };
    let (n, end) = number(line, from).filter(|(n, _)| *n > 0 && !line.is_tied(from))?;
    let counted = line.is_word(end, &["times", "occurrences"]) || (line.word(end) == "x" && line.glued(end));
    counted.then(|| Hit::new(says(n), end + 1))
}

/// An end that is not understood makes the whole repetition not understood. "until May 5" is a piece of its own.
fn limits(line: &Line, hit: Hit) -> Option<Hit> {
    let at = hit.end;
    let next = line.words(at, "for the next").or_else(|| line.words(at, "for"));
    let stretch = next.and_then(|at| number(line, at)).map(|(_, end)| end);
    let stretch = stretch.filter(|end| line.is_word(*end, &["days", "weeks", "months", "years", "more"]));
    let strange = line.is_word(at, &["through", "except"]) || line.words(at, "in week").is_some();
    match stretch {
        Some(end) => Some(Hit::new(Says::unclear(), end + 1)),
        None if strange => Some(Hit::new(Says::unclear(), at + 1)),
        None => Some(hit),
    }
}
