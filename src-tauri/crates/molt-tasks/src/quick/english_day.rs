//! English days: tomorrow, next Friday, Nov 25, the 25th, the first Friday of July, the end of the month.

use jiff::{ToSpan, civil::Date};

use super::{
    calendar::{
        coming_day, coming_day_on, date, day_in_month, nth_in_month, nth_working_day, plus_days, this_weekday,
        weekday_in,
    },
    english::{day_number, half_of_day, month, number, ordinal, weekday},
    english_list::working_day,
    english_stretch::stretch,
    numeric::date_hit,
    says::{Hit, Part, Says},
    token::Line,
};

/// Words before a weekday that make it a holiday or a past day.
const OTHER_DAYS: [&str; 24] = [
    "last",
    "past",
    "previous",
    "good",
    "great",
    "black",
    "cyber",
    "holy",
    "ash",
    "easter",
    "palm",
    "shrove",
    "maundy",
    "fat",
    "giving",
    "super",
    "duper",
    "whit",
    "trinity",
    "lazarus",
    "mothering",
    "clean",
    "spy",
    "closest",
];
/// Words that lead to a time.
const LEADS: [&str; 17] = [
    "on",
    "by",
    "this",
    "next",
    "until",
    "till",
    "before",
    "from",
    "due",
    "around",
    "for",
    "since",
    "starting",
    "beginning",
    "through",
    "thru",
    "ending",
];

pub(super) fn find(line: &Line, i: usize) -> Option<Hit> {
    let hits = [
        named(line, i),
        month_first(line, i),
        day_first(line, i),
        day_of_relative_month(line, i),
        nth_weekday(line, i),
        weekday_piece(line, i),
        numbered(line, i),
        stretch(line, i),
    ];
    hits.into_iter().flatten().reduce(|best, hit| if hit.end > best.end { hit } else { best })
}

/// "morning" and its like.
pub(super) fn part(word: &str) -> Option<Part> {
    Some(match word {
        "morning" => Part::Morning,
        "afternoon" => Part::Afternoon,
        "evening" | "night" => Part::Evening,
        _ => return None,
    })
}

pub(super) fn past_the(line: &Line, i: usize) -> usize {
    if line.word(i) == "the" { i + 1 } else { i }
}

/// today, tonight, tomorrow, the day after tomorrow, this morning, next day.
fn named(line: &Line, i: usize) -> Option<Hit> {
    let day = |n: i64, end: usize| Some(Hit::new(Says::day(plus_days(line.today, n)?), end));
    let from = past_the(line, i);
    if let Some(end) = line.words(from, "day after tomorrow") {
        return day(2, end);
    }
    if let Some(end) = past(line, i) {
        return Some(Hit::new(Says::unclear(), end));
    }
    // "the day before Dec 5".
    if line.is_word(from, &["day", "night", "week", "evening", "morning"]) && line.word(from + 1) == "before" {
        return Some(Hit::new(Says::unclear(), from + 2));
    }
    if let Some(end) = line.words(from, "next day").or_else(|| line.words(from, "following day")) {
        return day(1, end);
    }
    match line.word(i) {
        "today" => day(0, i + 1),
        "later" if line.word(i + 1) == "today" => day(0, i + 2),
        "tomorrow" | "tmr" | "tmrw" | "tmw" | "tomorow" | "tommorow" | "tommorrow" => day(1, i + 1),
        "tonight" | "tonite" => Some(Hit::new(Says::day(line.today).with_part(Part::Evening), i + 1)),
        "this" if line.word(i + 1) == "day" => day(0, i + 2),
        "this" => Some(Hit::new(Says::day(line.today).with_part(part(line.word(i + 1))?), i + 2)),
        _ => None,
    }
}

/// yesterday, last night, last week: and what stands together with them is past as well.
fn past(line: &Line, i: usize) -> Option<usize> {
    let from = past_the(line, i);
    if let Some(end) = line.words(from, "day before yesterday") {
        return Some(end);
    }
    if line.is_word(from, &["yesterday", "yesterday's"]) {
        return Some(from + 1);
    }
    let stretch = ["night", "week", "weekend", "month", "year", "evening", "afternoon", "morning"];
    let named = line.is_word(from + 1, &stretch) || weekday(line.word(from + 1)).is_some();
    let of_month = line.is_word(from + 2, &["of", "in"]);
    (line.is_word(from, &["last", "past", "previous"]) && named && !of_month).then_some(from + 2)
}

/// A year at `i`, perhaps after a comma, "of" or "in".
pub(super) fn year(line: &Line, i: usize, ordinal_day: bool) -> Option<(u32, usize)> {
    let at = if line.mark(i, ",/-") || line.is_word(i, &["of", "in"]) { i + 1 } else { i };
    let (n, digits) = line.number(at)?;
    let clock = (line.mark(at + 1, ":") && line.glued(at + 1))
        || half_of_day(line, at + 1).is_some()
        || line.word(at + 1) == "h";
    match digits {
        4 if (1900..3000).contains(&n) && !clock => Some((n, at + 1)),
        2 if ordinal_day && at == i && !clock && line.ends(at + 1) => Some((2000 + n, at + 1)),
        _ => None,
    }
}

fn with_year(line: &Line, m: u32, d: u32, end: usize, ordinal_day: bool) -> Option<Hit> {
    let (year, end) = year(line, end, ordinal_day).map_or((None, end), |(year, end)| (Some(year), end));
    // "January first, nineteen ten".
    let spoken = if line.mark(end, ",") { end + 1 } else { end };
    if year.is_none() && line.is_word(spoken, &["eighteen", "nineteen"]) {
        return Some(Hit::new(Says::unclear(), spoken + 1));
    }
    Some(date_hit(date(line.today, year, m, d), end))
}

/// A number that begins a clock time is no day.
fn is_clock(line: &Line, end: usize) -> bool {
    (line.mark(end, ":.") && line.glued(end) && line.glued(end + 1) && line.number(end + 1).is_some())
        || half_of_day(line, end).is_some()
        || line.is_word(end, &["h", "o'clock", "oclock"])
}

/// November 25, Nov. 25th, Oct/2, October, 1st, May twenty one; with or without a year.
fn month_first(line: &Line, i: usize) -> Option<Hit> {
    let m = month(line.word(i))?;
    let mut at = i + 1;
    if line.mark(at, ".,/-") {
        at += 1;
    }
    let (d, end, ordinal) = day_number(line, past_the(line, at))?;
    if is_clock(line, end) || (line.is_tied(at) && !line.glued(at)) {
        return None;
    }
    let hit = with_year(line, m, d, end, ordinal)?;
    // "Dec 3-5" begins on its first day.
    let last = line.number(hit.end + 1).filter(|(last, digits)| *digits <= 2 && (d + 1..=31).contains(last));
    let lasts = line.mark(hit.end, "-–~") && line.glued(hit.end) && line.glued(hit.end + 1) && line.ends(hit.end + 2);
    let hit = if last.is_some() && lasts { Hit { end: hit.end + 2, ..hit } } else { hit };
    // "may" and "march" are verbs as well.
    let verb = line.is_word(i, &["may", "march"]) && !line.tokens[i].capital;
    let led = i == 0 || line.is_word(i - 1, &LEADS) || line.mark(i - 1, ",");
    (!verb || led || line.ends(hit.end)).then_some(hit)
}

/// 25 November, the 25th of Nov., 23/Sep/2020, 15Sep, 16. Nov. 2016.
fn day_first(line: &Line, i: usize) -> Option<Hit> {
    let from = past_the(line, i);
    if line.is_tied(from) {
        return None;
    }
    let (d, mut at, ordinal) = day_number(line, from)?;
    if ordinal && line.word(at) == "day" {
        at += 1;
    }
    if line.mark(at, ".-/") || line.word(at) == "of" {
        at += 1;
    }
    let m = month(line.word(at))?;
    at += 1;
    if line.mark(at, ".") && !line.ends(at + 1) {
        at += 1;
    }
    with_year(line, m, d, at, ordinal)
}

/// "next month", "this month", "the current month": how many months from now.
pub(super) fn relative_month(line: &Line, i: usize) -> Option<(i64, usize)> {
    let at = past_the(line, i);
    let months = match line.word(at) {
        "next" | "following" | "coming" => 1,
        "this" | "current" => 0,
        "last" | "previous" => -1,
        "month" if at > i => return Some((0, at + 1)),
        _ => return None,
    };
    (line.word(at + 1) == "month").then_some((months, at + 2))
}

/// 20 of next month, the 20th day of this month, the 21st next month.
fn day_of_relative_month(line: &Line, i: usize) -> Option<Hit> {
    let from = past_the(line, i);
    if line.is_tied(from) {
        return None;
    }
    let (d, mut at, ordinal) = day_number(line, from)?;
    if line.word(at) == "day" {
        at += 1;
    }
    let of = line.is_word(at, &["of", "in"]);
    let (months, end) = relative_month(line, if of { at + 1 } else { at })?;
    (of || ordinal).then(|| date_hit(day_in_month(line.today, months, d).filter(|day| *day >= line.today), end))
}

/// the first Friday of July, the last Monday of next month, the last day of October.
fn nth_weekday(line: &Line, i: usize) -> Option<Hit> {
    let from = past_the(line, i);
    let (n, at) = match line.word(from) {
        "last" => (-1, from + 1),
        _ => ordinal(line, from)
            .filter(|(n, _)| (1..=5).contains(n))
            .and_then(|(n, at)| Some((i8::try_from(n).ok()?, at)))?,
    };
    // A week of a month is not a day, with or without a weekday.
    if line.word(at) == "week" && line.word(at + 1) == "of" {
        let end = if month(line.word(at + 2)).is_some() { at + 3 } else { at + 2 };
        return Some(Hit::new(Says::unclear(), if line.mark(end, ".") { end + 1 } else { end }));
    }
    let weekday = weekday(line.word(at));
    let last_day = n == -1 && line.word(at) == "day";
    let working = working_day(line, at);
    let end = if weekday.is_some() || last_day { at + 1 } else { working? };
    if !line.is_word(end, &["of", "in"]) {
        // "third Tuesday", "second closest Monday": of what is not said.
        return weekday.map(|_| Hit::new(Says::unclear(), end));
    }
    let pick = |month: Date| match weekday {
        Some(day) => nth_in_month(month, n, day),
        None if last_day => Some(month.last_of_month()),
        None => nth_working_day(month, n),
    };
    let of = end + 1;
    if let Some((months, end)) = relative_month(line, of) {
        let month = line.today.first_of_month().checked_add(months.months()).ok()?;
        return Some(date_hit(pick(month).filter(|day| *day >= line.today), end));
    }
    let m = i8::try_from(month(line.word(of))?).ok()?;
    let (years, end) = match year(line, of + 1, false) {
        Some((year, end)) => (i16::try_from(year).ok()?..=i16::try_from(year).ok()?, end),
        None => (line.today.year()..=line.today.year().saturating_add(1), of + 1),
    };
    let day = years.filter_map(|year| pick(Date::new(year, m, 1).ok()?)).find(|day| *day >= line.today);
    Some(date_hit(day, end))
}

/// "this week", "next week", "the week after next": how many weeks from now.
fn relative_week(line: &Line, i: usize) -> Option<(i64, usize)> {
    let of = line.is_word(i, &["of", "in"]) || line.mark(i, ",");
    let at = past_the(line, if of { i + 1 } else { i });
    if let Some(end) = line.words(at, "week after next") {
        return Some((2, end));
    }
    let weeks = match line.word(at) {
        "next" | "following" => 1,
        "this" | "current" => 0,
        _ => return None,
    };
    (line.word(at + 1) == "week").then_some((weeks, at + 2))
}

/// Friday, this Friday, next Friday, Friday next week, Friday the 13th, 2 Sundays from now.
fn weekday_piece(line: &Line, i: usize) -> Option<Hit> {
    if let Some((n, at)) = number(line, i).filter(|(n, _)| (1..=52).contains(n) && !line.is_tied(i)) {
        let plural = line.word(at).strip_suffix('s').and_then(weekday).or_else(|| weekday(line.word(at)))?;
        let end = line.words(at + 1, "from now").or_else(|| line.words(at + 1, "from today"))?;
        let day = line.today.nth_weekday(i32::try_from(n).ok()?, plural).ok()?;
        return Some(Hit::new(Says::day(day), end));
    }
    // "next week Tuesday", "this week on Friday".
    if let Some((weeks, end)) = relative_week(line, i).filter(|_| !line.is_word(i, &["of", "in"])) {
        let at = if line.word(end) == "on" || line.mark(end, ",") { end + 1 } else { end };
        let day = weekday_in(line.today, weeks, weekday(line.word(at))?).filter(|day| *day >= line.today);
        return Some(date_hit(day, at + 1));
    }
    // "the Tuesday after next", and "Monday week" as the British say.
    let the = past_the(line, i);
    if let Some(day) = weekday(line.word(the)) {
        let week = line.word(the + 1) == "week" && (line.ends(the + 2) || line.is_word(the + 2, &["at", "in", "to"]));
        let end = line.words(the + 1, "after next").or(week.then_some(the + 2));
        if let Some(end) = end.filter(|_| i == 0 || !line.is_word(i - 1, &OTHER_DAYS)) {
            return Some(date_hit(line.today.nth_weekday(2, day).ok(), end));
        }
    }
    let (mut weeks, mut at) = (None, i);
    match line.word(at) {
        "next" => (weeks, at) = (Some(1), at + 1),
        "this" => (weeks, at) = (Some(0), at + 1),
        _ => {}
    }
    let coming = weeks != Some(1) && line.is_word(at, &["coming", "upcoming"]);
    if coming {
        at += 1;
    }
    let word = line.word(at);
    let day = weekday(word)?;
    let tail = at > 1 && line.mark(at - 1, "-") && line.glued(at) && line.glued(at - 1);
    if at > 0 && (tail || line.is_word(at - 1, &OTHER_DAYS)) {
        return Some(Hit::new(Says::unclear(), at + 1));
    }
    let mut end = at + 1;
    if coming {
        return Some(date_hit(line.today.nth_weekday(1, day).ok(), end));
    }
    // "the sun", "he sat": short forms that are words need company.
    let led = at > 0 && (line.is_word(at - 1, &LEADS) || line.mark(at - 1, ",(-"));
    let marked = line.mark(end, ".,)")
        || (line.number(end).is_some() && (line.glued(end) || is_clock(line, end + 1)))
        || month(line.word(end)).is_some();
    if matches!(word, "sat" | "sun" | "wed" | "mon") && !(led || marked || line.len() == 1 || line.tokens[at].capital) {
        return None;
    }
    if line.mark(end, ".") && word.len() <= 5 && line.glued(end) {
        end += 1;
    }
    // A stretch of days is not a day.
    let until = if line.mark(end, "-–~") || line.is_word(end, &["to", "through", "till", "until", "thru"]) {
        end + 1
    } else {
        end
    };
    if until > end && weekday(line.word(until)).is_some() {
        return Some(Hit::new(Says::unclear(), until + 1));
    }
    // Of "tue/thu" neither is meant alone.
    if line.mark(end, "/&") && weekday(line.word(end + 1)).is_some() {
        return Some(Hit::new(Says::unclear(), end + 2));
    }
    if weeks.is_none()
        && let Some((weeks, end)) = relative_week(line, end)
    {
        return Some(date_hit(weekday_in(line.today, weeks, day).filter(|day| *day >= line.today), end));
    }
    match weeks {
        Some(0) => return Some(Hit::new(Says::day(this_weekday(line.today, day)?), end)),
        Some(weeks) => return Some(Hit::new(Says::day(weekday_in(line.today, weeks, day)?), end)),
        None => {}
    }
    // "Friday the 13th", "Friday 31"; a month after the number makes it another piece.
    let the = past_the(line, end);
    if let Some((n, after, ordinal)) = day_number(line, the)
        && (ordinal || (line.number(the).is_some_and(|(_, digits)| digits <= 2) && line.ends(after)) || the > end)
        && month(line.word(after)).is_none()
        && !is_clock(line, after)
        && !(line.mark(after, "/-.") && line.glued(after) && line.number(after + 1).is_some())
        && line.word(after) != "of"
    {
        return Some(Hit::new(Says::day(coming_day_on(line.today, n, day)?), after));
    }
    Some(Hit::new(Says { weekday: Some(day), ..Says::default() }, end))
}

/// "on the 4th", "the 4th", "on 15 at 8:00". A noun after it makes it something else ("on the 4th floor").
fn numbered(line: &Line, i: usize) -> Option<Hit> {
    // "the 25th" leads itself.
    let bare = line.word(i) == "the";
    if !bare && !line.is_word(i, &["on", "by", "until", "till", "before", "around", "from"]) {
        return None;
    }
    let from = past_the(line, if bare { i } else { i + 1 });
    let (n, end, ordinal) = day_number(line, from)?;
    if bare && !(ordinal && line.word(i.wrapping_sub(1)) != "of") {
        return None;
    }
    let digits = line.number(from).is_some();
    let time = line.is_word(end, &["at", "@"]) || line.mark(end, "@");
    let closed = line.ends(end) || time || line.is_word(end, &["to", "and", "with", "for"]);
    let plain = from > i + 1 || time;
    if !digits || !closed || is_clock(line, end) || !(ordinal || plain) || (line.word(i) != "on" && !ordinal) {
        return None;
    }
    Some(Hit::new(Says::day(coming_day(line.today, n)?), end))
}
