//! English times of day: 3pm, at five-thirty, half past three, noon, in the evening.

use super::{
    english::{half_of_day, number, weekday},
    english_day::part,
    english_stretch::end_of_day_words,
    numeric::clock_hit,
    says::{Clock, Half, Hit, Part, Says},
    token::Line,
};

pub(super) fn find(line: &Line, i: usize, after_day: bool) -> Option<Hit> {
    let hits = [
        hour_with_half(line, i),
        hour_range(line, i),
        past_or_to(line, i),
        noon(line, i),
        part_of_day(line, i, after_day),
        bare_hour(line, i, after_day),
        hour_before_part(line, i),
        now(line, i),
    ];
    hits.into_iter().flatten().reduce(|best, hit| if hit.end > best.end { hit } else { best })
}

fn clock(hour: u32, minute: u32, half: Half) -> Option<Clock> {
    let (hour, minute) = (i8::try_from(hour).ok()?, i8::try_from(minute).ok()?);
    ((0..=24).contains(&hour) && (0..60).contains(&minute)).then_some(Clock { hour, minute, second: 0, half })
}

/// Minutes in words after an hour in words: "nine fifty nine", "five-thirty", "ten oh five".
fn spoken_minute(line: &Line, i: usize) -> Option<(u32, usize)> {
    let at = if line.mark(i, "-") && line.glued(i) { i + 1 } else { i };
    if line.is_word(at, &["oh", "o"]) {
        return number(line, at + 1).filter(|(n, _)| (1..10).contains(n) && line.number(at + 1).is_none());
    }
    number(line, at).filter(|(n, _)| (10..60).contains(n) && line.number(at).is_none())
}

/// An hour, perhaps with spoken minutes, without its half of the day.
fn hour(line: &Line, i: usize) -> Option<(u32, u32, usize)> {
    if line.is_tied(i) {
        return None;
    }
    let (hour, end) = number(line, i).filter(|(n, _)| (1..=12).contains(n))?;
    if line.number(i).is_some() {
        return (line.number(i)?.1 <= 2).then_some((hour, 0, end));
    }
    Some(spoken_minute(line, end).map_or((hour, 0, end), |(minute, end)| (hour, minute, end)))
}

/// 3pm, 3 p.m., 3ish pm, 3 o'clock, nine fifty nine a m.
fn hour_with_half(line: &Line, i: usize) -> Option<Hit> {
    let (h, m, mut end) = hour(line, i)?;
    if line.word(end) == "ish" && line.glued(end) {
        end += 1;
    }
    let sharp = line.is_word(end, &["o'clock", "oclock"]);
    if sharp {
        end += 1;
    }
    // "3 in the am".
    let half = if line.words(end, "in the").is_some() { half_of_day(line, end + 2) } else { half_of_day(line, end) };
    match half {
        Some((half, end)) => Some(clock_hit(line, clock(h, m, half)?, end)),
        None if sharp => Some(clock_hit(line, clock(h, m, Half::Open)?, end)),
        None => None,
    }
}

/// "3-4pm", "from 11 to 1 pm": the half of the day is said once, with the second hour.
fn hour_range(line: &Line, i: usize) -> Option<Hit> {
    let (first, minute, end) = hour(line, i)?;
    let joined = line.mark(end, "-–—~")
        || line.is_word(end, &["to", "until", "till"])
        || (line.word(end) == "and" && i > 0 && line.word(i - 1) == "between");
    let (second, at) = number(line, end + 1).filter(|(n, _)| joined && (1..=12).contains(n))?;
    let (half, end) = half_of_day(line, at)?;
    // From 11 to 1 pm it is noon in between.
    let turned = first % 12 > second % 12;
    let half = match half {
        Half::Pm if turned => Half::Am,
        Half::Am if turned => Half::Pm,
        half => half,
    };
    Some(clock_hit(line, clock(first, minute, half)?, end))
}

/// half past three, a quarter to nine, 15 minutes past 3pm, 20 minutes to 2pm, 15 past noon.
fn past_or_to(line: &Line, i: usize) -> Option<Hit> {
    let from = if line.is_word(i, &["a", "at"]) { i + 1 } else { i };
    let led = line.word(i) == "at";
    let (minutes, at, counted) = match line.word(from) {
        "half" => (30, from + 1, true),
        "quarter" => (15, from + 1, true),
        _ if line.is_tied(from) => return None,
        _ => {
            let (n, end) = number(line, from).filter(|(n, _)| (1..60).contains(n))?;
            let unit = line.is_word(end, &["minute", "minutes", "min", "mins"]);
            (n, if unit { end + 1 } else { end }, unit)
        }
    };
    let before = match line.word(at) {
        "past" | "after" => false,
        // "at 10 to 6" is one time; "10 to 6" is as often a stretch.
        "to" if led && [5, 10, 20, 25].contains(&minutes) => true,
        "to" | "before" | "till" if minutes != 30 && (counted || line.is_word(at + 1, &["noon", "midnight"])) => true,
        _ => return None,
    };
    let (h, half, end) = match line.word(at + 1) {
        "noon" | "midday" => (12, Half::Pm, at + 2),
        "midnight" => (24, Half::Whole, at + 2),
        _ => {
            let (h, end) = number(line, at + 1).filter(|(n, _)| (1..=12).contains(n))?;
            if line.mark(end, ":") || line.is_tied(at + 1) {
                return None;
            }
            let end = if line.is_word(end, &["o'clock", "oclock"]) { end + 1 } else { end };
            half_of_day(line, end).map_or((h, Half::Open, end), |(half, end)| (h, half, end))
        }
    };
    // "twenty past seven" is a time; "ten to eight" is as often a stretch.
    let usual = (!before || led) && [5, 10, 20, 25].contains(&minutes);
    if !counted && !usual && half == Half::Open && from == i {
        return None;
    }
    let total = |h: u32| if before { h * 60 - minutes } else { h * 60 + minutes };
    let clock = match (h, half) {
        // Across noon or midnight the half of the day would turn; count on the 24-hour clock.
        (h, Half::Am | Half::Pm) => {
            let h = h % 12 + if half == Half::Pm { 12 } else { 0 };
            if h == 0 && before {
                clock(23, 60 - minutes, Half::Whole)?
            } else {
                clock(total(h) / 60, total(h) % 60, Half::Whole)?
            }
        }
        (24, _) if !before => clock(0, minutes, Half::Whole)?,
        (h, half) => clock(total(h) / 60, total(h) % 60, if total(h) < 60 { Half::Pm } else { half })?,
    };
    Some(clock_hit(line, clock, end))
}

fn noon(line: &Line, i: usize) -> Option<Hit> {
    let at = if line.is_word(i, &["at", "by"]) { i + 1 } else { i };
    let at = if line.word(at) == "the" { at + 1 } else { at };
    let (hour, end) = match line.word(at) {
        "noon" | "midday" => (12, at + 1),
        "mid" if line.word(at + 1) == "day" => (12, at + 2),
        "midnight" => (24, at + 1),
        _ => return None,
    };
    Some(clock_hit(line, clock(hour, 0, Half::Whole)?, end))
}

/// in the evening, at night; and "morning" directly after a day.
fn part_of_day(line: &Line, i: usize, after_day: bool) -> Option<Hit> {
    if after_day && let Some(part) = part(line.word(i)) {
        return Some(Hit::new(Says::part(part), i + 1));
    }
    // "Friday EOD" is Friday.
    if after_day && let Some(end) = end_of_day_words(line, i) {
        return Some(Hit::new(Says::default(), end));
    }
    if line.words(i, "at night").is_some() {
        return Some(Hit::new(Says::part(Part::Evening), i + 2));
    }
    let mut at = line.words(i, "in the")?;
    if line.is_word(at, &["early", "late"]) {
        at += 1;
    }
    Some(Hit::new(Says::part(part(line.word(at))?), at + 1))
}

/// What may follow a bare hour: the end of a clause or another piece of time.
fn may_follow_hour(line: &Line, i: usize) -> bool {
    line.ends(i)
        || !line.han(i).is_empty()
        || weekday(line.word(i)).is_some()
        || line.is_word(
            i,
            &[
                "today", "tonight", "tomorrow", "on", "in", "this", "next", "every", "each", "to", "and", "with",
                "for", "about", "that",
            ],
        )
        || line.mark(i, "@#")
}

/// "at 5", "@ ten", "at five thirty".
fn bare_hour(line: &Line, i: usize, after_day: bool) -> Option<Hit> {
    if line.word(i) != "at" && !line.mark(i, "@") {
        return None;
    }
    let from = if line.is_word(i + 1, &["about", "around", "exactly"]) { i + 2 } else { i + 1 };
    let (h, m, end) = match line.number(from) {
        // On the 24-hour clock as well.
        Some((h, digits)) if digits <= 2 && h <= 23 && (!line.is_tied(from) || line.mark(i, "@")) => (h, 0, from + 1),
        Some(_) => return None,
        None => hour(line, from)?,
    };
    let end = if line.word(end) == "ish" && line.glued(end) { end + 1 } else { end };
    // "at 3 pm" is another piece; "at 3 15" may be anything.
    if half_of_day(line, end).is_some() || line.number(end).is_some() {
        return None;
    }
    if (line.mark(end, ".,:/-%") && line.glued(end) && line.glued(end + 1) && line.number(end + 1).is_some())
        || (line.glued(end) && !line.word(end).is_empty())
    {
        return None;
    }
    if let Some(end) = more_hours(line, end) {
        return Some(Hit::new(Says::unclear(), end));
    }
    let begins = i == 0 || after_day;
    if !begins && !may_follow_hour(line, end) {
        return None;
    }
    let half = if (1..=12).contains(&h) { Half::Open } else { Half::Whole };
    Some(clock_hit(line, clock(h, m, half)?, end))
}

/// In "at 10, 12 and 17" the hours after the first; which of them is meant is not known. The token after them.
fn more_hours(line: &Line, i: usize) -> Option<usize> {
    let mut end = None;
    let mut at = i;
    loop {
        let mut next = at;
        while line.mark(next, ",&/") || line.is_word(next, &["and", "or"]) {
            next += 1;
        }
        let hour = line.number(next).filter(|(h, digits)| next > at && *digits <= 2 && *h <= 24).map(|_| next + 1);
        // "at 5 and 7 people" counts people.
        match hour.filter(|after| line.ends(*after) || line.is_word(*after, &["and", "or"])) {
            Some(after) => (end, at) = (Some(after), after),
            None => return end,
        }
    }
}

/// "8 tonight", "nine tomorrow morning", "five-thirty in the evening": the part of the day tells that the number is an hour.
fn hour_before_part(line: &Line, i: usize) -> Option<Hit> {
    let (h, m, end) = hour(line, i)?;
    let part = match line.word(end) {
        "tonight" | "tonite" => true,
        "tomorrow" | "this" => part(line.word(end + 1)).is_some(),
        "at" => line.word(end + 1) == "night",
        "in" => line.word(end + 1) == "the" && part(line.word(end + 2)).is_some(),
        _ => false,
    };
    part.then(|| clock(h, m, Half::Open)).flatten().map(|clock| Hit::new(Says::clock(clock), end))
}

/// "now" only where it cannot be a filler: alone, at the end, or as "right now".
fn now(line: &Line, i: usize) -> Option<Hit> {
    let right = line.word(i) == "right";
    let end = if right { i + 2 } else { i + 1 };
    (line.word(end - 1) == "now"
        && (right || (end..line.len()).all(|k| line.ends(k)))
        && !(i > 0 && line.is_word(i - 1, &["until", "from", "by", "for"])))
    .then(|| Hit::new(Says::moment(line.now.datetime()), end))
}
