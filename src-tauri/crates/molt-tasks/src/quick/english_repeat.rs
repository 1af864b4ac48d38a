//! English repetitions: every day, every other Monday, the first Friday of each month, daily, Mondays and Thursdays.
//!
//! A repetition that is only half understood is not read at all.

use jiff::civil::Weekday;

use super::{
    english::{month, number, ordinal, weekday, weekdays},
    english_day::part,
    english_limit::{edge, lasting, times, whole},
    english_list::{day_list, month_days, numbered_weekdays, places_among},
    finished::after_finishing,
    numeric,
    says::{Hit, Part, Says},
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

/// On these places among these days of a month: the last working day.
pub(super) fn among(rule: Rule, places: Vec<i8>, days: &[Weekday]) -> Rule {
    Rule { by_day: weekly(1, days).by_day, by_set_pos: places, ..rule }
}

pub(super) fn monthly(interval: u16, day: i8) -> Rule {
    Rule { by_month_day: vec![day], ..Rule::every(Frequency::Monthly, interval) }
}

pub(super) fn find(line: &Line, i: usize) -> Option<Hit> {
    // Of "first weekday of every month" only the end would be understood.
    if line.is_word(i, &["every", "each"]) && i > 0 && line.word(i - 1) == "of" {
        return Some(Hit::new(Says::unclear(), i + 1));
    }
    let repeat = every_year(line, i)
        .or_else(|| every(line, i))
        .or_else(|| adverb(line, i))
        .or_else(|| plural_days(line, i))
        .or_else(|| of_every_month(line, i))
        .or_else(|| edge_of_month(line, i));
    match repeat {
        Some(hit) => whole(line, after_finishing(line, hit)),
        None => {
            times(line, i).or_else(|| lasting(line, i)).or_else(|| edge(line, i)).or_else(|| half_understood(line, i))
        }
    }
}

/// "every 4th instance", "monthly on the first and last": a repetition that is none of ours must not become a single day.
fn half_understood(line: &Line, i: usize) -> Option<Hit> {
    let times = |k: usize| {
        unit(line, k).is_some()
            || weekday(line.word(k)).or_else(|| weekdays(line.word(k))).is_some()
            || month(line.word(k)).is_some()
            || number(line, k).is_some()
            || ordinal(line, k).is_some()
            || line.is_word(
                k,
                &[
                    "st", "nd", "rd", "th", "and", "on", "of", "in", "the", "day", "week", "last", "hour", "minute",
                    "hours", "minutes", "second", "seconds", "secs", "mins", "hrs", "instance", "other", "few", "to",
                ],
            )
    };
    let each = line.is_word(i, &["every", "each"]) && times(i + 1);
    let on = ADVERBS.contains(&line.word(i)) && line.word(i + 1) == "on" && times(i + 2);
    // "twice a week" is not on a day.
    let counted = line.is_word(i, &["twice", "thrice", "times"])
        && line.is_word(i + 1, &["a", "an", "per", "every", "each"])
        && unit(line, i + 2).is_some();
    if counted {
        return Some(Hit::new(Says::unclear(), i + 3));
    }
    // "biweekly" is twice a week to some, every two weeks to others.
    let doubled =
        ["bi", "semi"].iter().any(|half| line.word(i).strip_prefix(half).is_some_and(|rest| ADVERBS.contains(&rest)));
    if doubled || line.word(i) == "hourly" {
        return Some(Hit::new(Says::unclear(), i + 1));
    }
    if line.is_word(i, &["bi", "semi"]) && line.mark(i + 1, "-") && ADVERBS.contains(&line.word(i + 2)) {
        return Some(Hit::new(Says::unclear(), i + 3));
    }
    (each || on).then(|| Hit::new(Says::unclear(), (i + 1..line.len()).find(|k| !times(*k)).unwrap_or(line.len())))
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

/// "every …", and "every! …", which counts from the day of completion (as Todoist writes it).
fn every(line: &Line, i: usize) -> Option<Hit> {
    if !line.is_word(i, &["every", "each"]) {
        return None;
    }
    if line.mark(i + 1, "!") && line.glued(i + 1) {
        let hit = repeated(line, i + 2)?;
        return Some(Hit { says: Says { from_completion: true, ..hit.says }, ..hit });
    }
    repeated(line, i + 1)
}

/// What stands after "every".
fn repeated(line: &Line, i: usize) -> Option<Hit> {
    let (mut interval, mut at) = (1, i);
    if line.is_word(at, &["other", "second"]) {
        (interval, at) = (2, at + 1);
    } else if let Some((n, end)) =
        ordinal(line, at).filter(|(_, end)| unit(line, *end).is_some() || weekday(line.word(*end)).is_some())
    {
        (interval, at) = (u16::try_from(n).ok()?, end);
    } else if let Some((n, end)) = number(line, at).filter(|(n, end)| *n > 0 && unit(line, *end).is_some()) {
        (interval, at) = (u16::try_from(n).ok()?, end);
    }
    // "every couple of days".
    if let Some(end) = line.words(i, "couple of").filter(|end| unit(line, *end).is_some()) {
        (interval, at) = (2, end);
    }
    // "every last working day of the month".
    if let Some((places, days, end)) = places_among(line, i) {
        let rule = among(Rule::every(Frequency::Monthly, 1), places, &days);
        let of_month = of_the_month(line, end);
        return (of_month.is_some() || line.ends(end)).then(|| Hit::new(Says::repeat(rule), of_month.unwrap_or(end)));
    }
    // "every first Friday of the month".
    if let Some((by_day, end)) = numbered_weekdays(line, i, 5)
        && let Some(end) = of_the_month(line, end)
    {
        let rule = Rule { by_day, ..Rule::every(Frequency::Monthly, 1) };
        return Some(Hit::new(Says::repeat(rule), end));
    }
    // "every 2nd and 4th Wednesday".
    if let Some((by_day, end)) = numbered_weekdays(line, i, 5).filter(|(days, _)| days.len() > 1) {
        let rule = Rule { by_day, ..Rule::every(Frequency::Monthly, 1) };
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
        && let Some(said) = part(word)
    {
        // "every morning and evening" is twice a day.
        let joined = line.is_word(at + 1, &["and", "or"]) || line.mark(at + 1, "&/+,");
        if joined && part(line.word(at + 2)).is_some() {
            return Some(Hit::new(Says::unclear(), at + 3));
        }
        return Some(Hit::new(Says::repeat(Rule::every(Frequency::Daily, 1)).with_part(said), at + 1));
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
        "fortnight" => detail(line, Rule::every(Frequency::Weekly, 2 * interval.min(100)), at + 1),
        // "every 15th", "every 4th and 10th of the month", "every 20th of August".
        _ if interval == 1 => {
            let (days, end) = month_days(line, at, false)?;
            let of = if line.word(end) == "of" { end + 1 } else { end };
            if let Some(m) = month(line.word(of)) {
                return Some(Hit::new(Says::repeat(yearly(m, days)?), of + 1));
            }
            let of_month = of_the_month(line, end);
            let alone = line.ends(end) || line.is_word(end, &["at", "to", "for"]);
            let rule = Rule { by_month_day: days, ..Rule::every(Frequency::Monthly, 1) };
            (of_month.is_some() || alone).then(|| Hit::new(Says::repeat(rule), of_month.unwrap_or(end)))
        }
        _ => None,
    }
}

/// The token after "of the month".
fn of_the_month(line: &Line, i: usize) -> Option<usize> {
    ["of the month", "of month", "of every month", "of each month"].iter().find_map(|words| line.words(i, words))
}

/// A unit of days and above.
pub(super) fn unit(line: &Line, i: usize) -> Option<Frequency> {
    Some(match line.word(i) {
        "day" | "days" => Frequency::Daily,
        "week" | "weeks" => Frequency::Weekly,
        "month" | "months" => Frequency::Monthly,
        "year" | "years" => Frequency::Yearly,
        _ => return None,
    })
}

/// These days of a month in every year; none when a month never has one of them.
fn yearly(m: u32, days: Vec<i8>) -> Option<Rule> {
    let m = i8::try_from(m).ok()?;
    // 2028 has a February 29.
    let exists = |day: &i8| *day < 0 || jiff::civil::Date::new(2028, m, *day).is_ok();
    days.iter().all(exists).then(|| Rule { by_month: vec![m], by_month_day: days, ..Rule::every(Frequency::Yearly, 1) })
}

/// "December 31st", "August on day 20 and 30", "the 4th of July", "the fourth Thursday in November".
fn day_of_year(line: &Line, i: usize) -> Option<(Rule, usize)> {
    let at = if line.word(i) == "the" { i + 1 } else { i };
    if let Some(m) = month(line.word(at)) {
        let on = if line.word(at + 1) == "on" { at + 2 } else { at + 1 };
        let the = if line.word(on) == "the" { on + 1 } else { on };
        if let Some((by_day, end)) = numbered_weekdays(line, the, 5) {
            let by_month = vec![i8::try_from(m).ok()?];
            return Some((Rule { by_month, by_day, ..Rule::every(Frequency::Yearly, 1) }, end));
        }
        let (days, end) = month_days(line, the, true)?;
        return Some((yearly(m, days)?, end));
    }
    let of = |at: usize| if line.is_word(at, &["of", "in"]) { at + 1 } else { at };
    if let Some((by_day, end)) = numbered_weekdays(line, at, 5) {
        let by_month = vec![i8::try_from(month(line.word(of(end)))?).ok()?];
        return Some((Rule { by_month, by_day, ..Rule::every(Frequency::Yearly, 1) }, of(end) + 1));
    }
    let (days, end) = month_days(line, at, true)?;
    Some((yearly(month(line.word(of(end)))?, days)?, of(end) + 1))
}

/// "the first Monday of January every year".
fn every_year(line: &Line, i: usize) -> Option<Hit> {
    let (rule, end) = day_of_year(line, i)?;
    let at = if line.mark(end, ",") { end + 1 } else { end };
    let end = line.words(at, "every year").or_else(|| line.words(at, "each year"))?;
    Some(Hit::new(Says::repeat(rule), end))
}

/// What may stand after "every week", "every month", "every year".
fn detail(line: &Line, rule: Rule, end: usize) -> Option<Hit> {
    let plain = Some(Hit::new(Says::repeat(rule.clone()), end));
    // "every day Monday to Friday".
    let from = if line.word(end) == "from" { end + 1 } else { end };
    if rule == Rule::every(Frequency::Daily, 1)
        && let Some((days, end)) = day_list(line, from).filter(|(days, _)| days.len() > 1)
    {
        return Some(Hit::new(Says::repeat(weekly(1, &days)), end));
    }
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
            let (days, end) = match line.word(the) {
                "weekend" | "weekends" => (WEEKEND.to_vec(), the + 1),
                "weekday" | "weekdays" | "workdays" => (WORKING_WEEK.to_vec(), the + 1),
                _ => day_list(line, at)?,
            };
            let says = Says { from_this_week: rule.interval > 1, ..Says::repeat(weekly(rule.interval, &days)) };
            Some(Hit::new(says, end))
        }
        Frequency::Monthly => {
            if let Some((by_day, end)) = numbered_weekdays(line, the, 5) {
                return Some(Hit::new(Says::repeat(Rule { by_day, ..rule }), end));
            }
            if let Some((places, days, end)) = places_among(line, the) {
                return Some(Hit::new(Says::repeat(among(rule, places, &days)), end));
            }
            let (by_month_day, end) = month_days(line, the, true)?;
            // "on the first weekend": no days of the month.
            let counted = line.is_word(end, &COUNTED) || unit(line, end).is_some();
            (!counted).then(|| Hit::new(Says::repeat(Rule { by_month_day, ..rule }), end))
        }
        Frequency::Yearly => {
            if let Some((of, end)) = day_of_year(line, at) {
                return Some(Hit::new(Says::repeat(Rule { interval: rule.interval, ..of }), end));
            }
            if let Some(Hit { says: Says { day: Some(day), .. }, end }) = numeric::find(line, the) {
                let (by_month, by_month_day) = (vec![day.month()], vec![day.day()]);
                return Some(Hit::new(Says::repeat(Rule { by_month, by_month_day, ..rule }), end));
            }
            // "every year on the 13th Friday".
            let (by_day, end) = numbered_weekdays(line, the, 53)?;
            Some(Hit::new(Says::repeat(Rule { by_day, ..rule }), end))
        }
    }
}

/// What may be counted within a month other than its days.
const COUNTED: [&str; 13] = [
    "instance",
    "instances",
    "occurrence",
    "occurrences",
    "weekday",
    "weekdays",
    "weekend",
    "weekends",
    "workday",
    "workdays",
    "business",
    "working",
    "work",
];
/// Words that are a repetition by themselves.
const ADVERBS: [&str; 9] =
    ["daily", "nightly", "everyday", "weekly", "fortnightly", "monthly", "quarterly", "yearly", "annually"];

/// daily, weekly on Monday, monthly on the 4th, once a week. Before a noun ("the weekly report") it is none.
fn adverb(line: &Line, i: usize) -> Option<Hit> {
    if line.word(i) == "once" && line.is_word(i + 1, &["a", "per"]) {
        let frequency = unit(line, i + 2).filter(|_| !line.word(i + 2).ends_with('s'))?;
        return detail(line, Rule::every(frequency, 1), i + 3);
    }
    // "once every two weeks".
    if line.word(i) == "once" && line.is_word(i + 1, &["every", "each"]) {
        return every(line, i + 1);
    }
    let rule = match line.word(i) {
        "daily" | "everyday" | "nightly" => Rule::every(Frequency::Daily, 1),
        "weekly" => Rule::every(Frequency::Weekly, 1),
        "fortnightly" => Rule::every(Frequency::Weekly, 2),
        "monthly" => Rule::every(Frequency::Monthly, 1),
        "quarterly" => Rule::every(Frequency::Monthly, 3),
        "yearly" | "annually" => Rule::every(Frequency::Yearly, 1),
        _ => return None,
    };
    let follows = [
        "at",
        "on",
        "in",
        "from",
        "starting",
        "beginning",
        "until",
        "till",
        "through",
        "thru",
        "for",
        "to",
        "up",
        "except",
        "excluding",
    ];
    let noun =
        !line.ends(i + 1) && !line.is_word(i + 1, &follows) && number(line, i + 1).is_none() && !line.mark(i + 1, "@#");
    let hit = if noun { None } else { detail(line, rule, i + 1) }?;
    let night = line.word(i) == "nightly";
    Some(if night { Hit { says: hit.says.with_part(Part::Evening), ..hit } } else { hit })
}

/// Mondays, "Tuesdays and Thursdays".
fn plural_days(line: &Line, i: usize) -> Option<Hit> {
    let at = if line.word(i) == "on" { i + 1 } else { i };
    match line.word(at) {
        "weekdays" => return Some(Hit::new(Says::repeat(weekly(1, &WORKING_WEEK)), at + 1)),
        "weekends" => return Some(Hit::new(Says::repeat(weekly(1, &WEEKEND)), at + 1)),
        _ => {}
    }
    // "Tuesday and Thursday evenings".
    if let Some((days, end)) = day_list(line, at)
        && let Some(part) = line.word(end).strip_suffix('s').and_then(part)
    {
        return Some(Hit::new(Says::repeat(weekly(1, &days)).with_part(part), end + 1));
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
    let (by_day, by_month_day);
    let mut by_set_pos = vec![];
    if let Some((places, days, end)) = places_among(line, at) {
        (by_day, by_month_day, at) = (weekly(1, &days).by_day, vec![], end);
        by_set_pos = places;
    } else if let Some((days, end)) = numbered_weekdays(line, at, 5) {
        (by_day, by_month_day, at) = (days, vec![], end);
    } else {
        if line.is_tied(at) {
            return None;
        }
        let (days, end) = month_days(line, at, true)?;
        (by_day, by_month_day, at) = (vec![], days, end);
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
    let rule = Rule { by_day, by_month_day, by_set_pos, ..Rule::every(Frequency::Monthly, interval) };
    Some(Hit::new(Says::repeat(rule), end + 1))
}
