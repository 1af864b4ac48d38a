//! English lists of days: Mon, Wed and Fri; Tuesday to Friday; the first and third Friday; the 4th, 10th and last day.

use jiff::civil::Weekday;

use super::{
    english::{day_number, number, ordinal, weekday, weekdays},
    english_repeat::WORKING_WEEK,
    token::Line,
};

/// The token after what joins two items of a list; the same token when nothing does.
fn joint(line: &Line, i: usize) -> usize {
    let mut at = i;
    while line.mark(at, ",&/+") || line.is_word(at, &["and", "or"]) {
        at += 1;
    }
    at
}

/// "Monday", "Mon, Wed and Fri", "Tuesdays & Thursdays", "Monday to Friday".
pub(super) fn day_list(line: &Line, i: usize) -> Option<(Vec<Weekday>, usize)> {
    let one = |at: usize| weekday(line.word(at)).or_else(|| weekdays(line.word(at)));
    let mut days = vec![one(i)?];
    let mut end = i + 1;
    loop {
        let stretch = line.mark(end, "-–~") || line.is_word(end, &["to", "through", "thru"]);
        if stretch && let Some(last) = one(end + 1) {
            let mut day = *days.last()?;
            while day != last {
                day = day.next();
                days.push(day);
            }
            end += 2;
        }
        let next = joint(line, end);
        // "every mon wed fri" needs no commas.
        match one(next) {
            Some(day) => days.push(day),
            None => return Some((days, end)),
        }
        end = next + 1;
    }
}

/// A place counted from the front, or from the end when negative: "first", "2nd", "last", "2nd to the last", "third last".
fn position(line: &Line, i: usize, most: u32) -> Option<(i8, usize)> {
    if line.word(i) == "last" {
        return Some((-1, i + 1));
    }
    let (n, end) = ordinal(line, i).filter(|(n, _)| (1..=most).contains(n))?;
    let n = i8::try_from(n).ok()?;
    let from_end = ["to the last", "to last", "from the last", "from last", "last"];
    let from_end = from_end.iter().find_map(|words| {
        let at = if line.mark(end, "-") { end + 1 } else { end };
        line.words(at, words)
    });
    Some(from_end.map_or((n, end), |end| (-n, end)))
}

/// "first", "first and third", "1st, 3rd and last", each at most `most`.
fn places(line: &Line, i: usize, most: u32) -> Option<(Vec<i8>, usize)> {
    let (first, mut end) = position(line, i, most)?;
    let mut places = vec![first];
    loop {
        let next = joint(line, end);
        let the = if line.word(next) == "the" { next + 1 } else { next };
        match position(line, the, most).filter(|_| next > end) {
            Some((place, after)) => {
                places.push(place);
                end = after;
            }
            None => break,
        }
    }
    places.sort_unstable();
    places.dedup();
    Some((places, end))
}

/// "first Friday", "2nd and last Fridays", as the numbered weekdays of a rule.
pub(super) fn numbered_weekdays(line: &Line, i: usize, most: u32) -> Option<(Vec<(i8, Weekday)>, usize)> {
    let (places, at) = places(line, i, most)?;
    let day = weekday(line.word(at)).or_else(|| weekdays(line.word(at)))?;
    Some((places.into_iter().map(|n| (n, day)).collect(), at + 1))
}

/// Days of a month, from the end when negative: "4th", "4th and 10th", "the 1st and the last day", "day 20 and 30". Bare numbers
/// need the word "day" before them where `bare` is false.
pub(super) fn month_days(line: &Line, i: usize, bare: bool) -> Option<(Vec<i8>, usize)> {
    let named = line.is_word(i, &["day", "days"]);
    let one = |at: usize| {
        let at = if line.word(at) == "the" { at + 1 } else { at };
        if let Some((n, end)) = position(line, at, 31).filter(|(n, _)| *n < 0) {
            // "the last Friday" is no day of the month.
            return (weekday(line.word(end)).is_none() && weekdays(line.word(end)).is_none())
                .then_some((n, if line.word(end) == "day" { end + 1 } else { end }));
        }
        let (n, end, ordinal) = day_number(line, at).filter(|(.., ordinal)| *ordinal || bare || named)?;
        // "day 20 and 3 apples".
        if !ordinal && number(line, end).is_some() {
            return None;
        }
        Some((i8::try_from(n).ok()?, if ordinal && line.word(end) == "day" { end + 1 } else { end }))
    };
    let (first, mut end) = one(if named { i + 1 } else { i })?;
    let mut days = vec![first];
    loop {
        let next = joint(line, end);
        match one(next).filter(|_| next > end) {
            Some((day, after)) => {
                days.push(day);
                end = after;
            }
            None => break,
        }
    }
    // "the last" alone is no day.
    if days == [-1] && line.word(end - 1) != "day" {
        return None;
    }
    days.sort_unstable();
    days.dedup();
    Some((days, end))
}

/// The token after "working day", "business day", "weekday".
pub(super) fn working_day(line: &Line, i: usize) -> Option<usize> {
    if line.is_word(i, &["weekday", "workday"]) {
        return Some(i + 1);
    }
    (line.is_word(i, &["working", "business", "work"]) && line.word(i + 1) == "day").then_some(i + 2)
}

/// "last working day", "first and last instance of wed and fri": places among days of the week, as BYSETPOS and BYDAY of a rule.
pub(super) fn places_among(line: &Line, i: usize) -> Option<(Vec<i8>, Vec<Weekday>, usize)> {
    let (places, at) = places(line, i, 20)?;
    if let Some(end) = working_day(line, at) {
        return Some((places, WORKING_WEEK.to_vec(), end));
    }
    let counted =
        line.is_word(at, &["instance", "instances", "occurrence", "occurrences"]) && line.word(at + 1) == "of";
    let (days, end) = day_list(line, at + 2).filter(|_| counted)?;
    Some((places, days, end))
}
