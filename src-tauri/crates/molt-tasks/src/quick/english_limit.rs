//! How long an English repetition lasts: for 8 times, twice, for the next six weeks; starting in April, until March.

use super::{
    calendar::date,
    english::{month, number, weekday, weekdays},
    english_repeat::unit,
    says::{Hit, Says},
    token::Line,
};

/// Words that lead to the last day of a repetition.
pub(super) const LAST: [&str; 6] = ["until", "till", "through", "thru", "ending", "ends"];
/// Words that lead to its first day.
pub(super) const FIRST: [&str; 3] = ["starting", "beginning", "from"];

/// "for 8 times", "5x", "up to 7 times", "twice".
pub(super) fn times(line: &Line, i: usize) -> Option<Hit> {
    let says = |n: u32| Says { count: Some(n), ..Says::default() };
    if line.word(i) == "twice" && !line.is_word(i + 1, &["a", "an", "per", "every", "each"]) {
        return Some(Hit::new(says(2), i + 1));
    }
    let led = line.words(i, "for up to").or_else(|| line.words(i, "up to"));
    let from = led.unwrap_or(if line.word(i) == "for" { i + 1 } else { i });
    let (n, end) = number(line, from).filter(|(n, _)| *n > 0 && !line.is_tied(from))?;
    let counted = line.is_word(end, &["times", "occurrences"]) || (line.word(end) == "x" && line.glued(end));
    // "3 times a week" is something else.
    let rate = line.is_word(end + 1, &["a", "an", "per", "every", "each", "daily", "weekly"]);
    if counted && rate {
        return Some(Hit::new(Says::unclear(), end + 2));
    }
    counted.then(|| Hit::new(says(n), end + 1))
}

/// "for 2 weeks", "for the next six months", "over the next 10 days".
pub(super) fn lasting(line: &Line, i: usize) -> Option<Hit> {
    if !line.is_word(i, &["for", "over", "during"]) {
        return None;
    }
    let from = line.words(i + 1, "the next").or_else(|| line.words(i + 1, "next")).unwrap_or(i + 1);
    let (n, end) = number(line, from).filter(|(n, _)| (1..=1_000).contains(n) && !line.is_tied(from))?;
    let says = Says { lasting: Some((u16::try_from(n).ok()?, unit(line, end)?)), ..Says::default() };
    Some(Hit::new(says, end + 1))
}

/// A month alone as the beginning or the end: "starting in April", "until March". It means the first of that month.
pub(super) fn edge(line: &Line, i: usize) -> Option<Hit> {
    let (first, last) = (line.is_word(i, &FIRST), line.is_word(i, &LAST));
    if !(first || last) {
        return None;
    }
    let at = if line.is_word(i + 1, &["in", "the"]) { i + 2 } else { i + 1 };
    let m = month(line.word(at))?;
    // A day or a year after it makes it another piece.
    if line.number(at + 1).is_some() || number(line, at + 1).is_some() || line.mark(at + 1, "./-") {
        return None;
    }
    let day = date(line.today, None, m, 1)?;
    // "from March to June".
    if first
        && line.is_word(at + 1, &["to", "until", "till", "through", "thru"])
        && let Some(last) = month(line.word(at + 2))
        && line.number(at + 3).is_none()
    {
        let says = Says { since: Some(day), until: Some(date(day, None, last, 1)?), ..Says::default() };
        return Some(Hit::new(says, at + 3));
    }
    let says =
        if first { Says { since: Some(day), ..Says::default() } } else { Says { until: Some(day), ..Says::default() } };
    Some(Hit::new(says, at + 1))
}

/// A limit that is not understood makes the whole repetition not understood. Those that are understood are pieces of their own.
pub(super) fn whole(line: &Line, hit: Hit) -> Option<Hit> {
    let at = hit.end;
    let next = line.words(at, "for the next").or_else(|| line.words(at, "for"));
    let more = next.and_then(|at| number(line, at)).is_some_and(|(_, end)| line.word(end) == "more");
    let strange =
        line.is_word(at, &["except", "excluding", "unless", "besides"]) || line.words(at, "in week").is_some();
    // "every day but Sunday"; "every Friday in May" ends with it.
    let but = line.word(at) == "but"
        && (weekday(line.word(at + 1)).or_else(|| weekdays(line.word(at + 1))).is_some()
            || line.is_word(at + 1, &["not", "weekends", "weekdays", "on", "the"]));
    let in_month = line.word(at) == "in" && month(line.word(at + 1)).is_some();
    Some(if more || strange || but || in_month {
        Hit::new(Says::unclear(), if but || in_month { at + 2 } else { at + 1 })
    } else {
        hit
    })
}
