//! English stretches of time that mean one of their days: next week, this weekend, in January, the end of the month, the end of the day.

use jiff::civil::{Date, Weekday};

use super::{
    calendar::{date, day_in_month, end_of_month, weekday_in},
    english::month,
    english_day::{find as day_at, past_the, relative_month, year},
    says::{Hit, Says},
    token::Line,
};

pub(super) fn stretch(line: &Line, i: usize) -> Option<Hit> {
    vague(line, i)
        .or_else(|| end_of_day(line, i))
        .or_else(|| end_of(line, i))
        .or_else(|| in_month(line, i))
        .or_else(|| named(line, i))
}

/// "early next month", "late December", "mid-March": people mean different days.
fn vague(line: &Line, i: usize) -> Option<Hit> {
    if !line.is_word(i, &["early", "late", "mid"]) {
        return None;
    }
    let at = if line.mark(i + 1, "-") { i + 2 } else { i + 1 };
    let at = if line.word(at) == "in" { at + 1 } else { at };
    if line.is_word(at, &["next", "this"]) && line.is_word(at + 1, &["week", "month", "year"]) {
        return Some(Hit::new(Says::unclear(), at + 2));
    }
    (month(line.word(at)).is_some() && line.number(at + 1).is_none()).then(|| Hit::new(Says::unclear(), at + 1))
}

/// "end of day", "EOD Friday", "close of business tomorrow": the day that is said with it, else today.
fn end_of_day(line: &Line, i: usize) -> Option<Hit> {
    let end = end_of_day_words(line, i)?;
    let on = if line.word(end) == "on" || line.mark(end, ",") { end + 1 } else { end };
    let day = day_at(line, on).filter(|hit| hit.says.day.is_some() || hit.says.weekday.is_some() || hit.says.unclear);
    Some(day.unwrap_or_else(|| Hit::new(Says::day(line.today), end)))
}

/// The token after words for the end of a day. Which hour that is, is not known.
pub(super) fn end_of_day_words(line: &Line, i: usize) -> Option<usize> {
    let from = past_the(line, i);
    if line.is_word(from, &["eod", "cob", "eob"]) {
        return Some(from + 1);
    }
    let phrases = ["end of the day", "end of day", "close of business", "close of play", "end of business"];
    phrases.iter().find_map(|phrase| line.words(from, phrase))
}

/// the end of the month, the end of next month, the end of December 2027.
fn end_of(line: &Line, i: usize) -> Option<Hit> {
    let hit = |day: Option<Date>, end: usize| Some(Hit::new(Says::day(day?), end));
    let mut at = line.words(past_the(line, i), "end of")?;
    if let Some((months, end)) = relative_month(line, at) {
        return hit(end_of_month(line.today, months), end);
    }
    at = past_the(line, at);
    match line.word(at) {
        "month" => hit(end_of_month(line.today, 0), at + 1),
        "year" => hit(Some(line.today.last_of_year()), at + 1),
        "this" if line.word(at + 1) == "year" => hit(Some(line.today.last_of_year()), at + 2),
        // Friday to some, Sunday to others.
        "week" => Some(Hit::new(Says::unclear(), at + 1)),
        "this" | "next" if line.word(at + 1) == "week" => Some(Hit::new(Says::unclear(), at + 2)),
        word => {
            let m = month(word)?;
            let first = date(line.today.first_of_month(), year(line, at + 1, false).map(|y| y.0), m, 1)?;
            hit(Some(first.last_of_month()), year(line, at + 1, false).map_or(at + 1, |y| y.1))
        }
    }
}

/// "in January", "in March 2027": its first day, as of the next month.
fn in_month(line: &Line, i: usize) -> Option<Hit> {
    if line.word(i) != "in" {
        return None;
    }
    let m = month(line.word(i + 1))?;
    let said = year(line, i + 2, false);
    let end = said.map_or(i + 2, |(_, end)| end);
    // Before a day of it, or within a name ("in May's office", "in April Street").
    let more = line.number(end).is_some() || line.tokens.get(end).is_some_and(|t| t.capital) || line.mark(end, "/-");
    let day = date(line.today, said.map(|(year, _)| year), m, 1).filter(|_| !more)?;
    Some(Hit::new(Says::day(day), end))
}

/// next week, next month, this weekend, on the weekend.
fn named(line: &Line, i: usize) -> Option<Hit> {
    let hit = |day: Option<Date>, end: usize| Some(Hit::new(Says::day(day?), end));
    let weekend = |weeks: i64, end: usize| {
        hit(weekday_in(line.today, weeks, Weekday::Saturday).filter(|day| *day >= line.today), end)
    };
    if line.is_word(i, &["on", "at", "over"])
        && let Some(end) = line.words(i + 1, "the weekend").filter(|end| line.word(*end) != "of")
    {
        return weekend(0, end).or_else(|| weekend(1, end));
    }
    let weeks = match line.word(i) {
        "this" => 0,
        "next" => 1,
        _ => return None,
    };
    match line.word(i + 1) {
        "weekend" => weekend(weeks, i + 2),
        "week" if weeks == 1 => hit(weekday_in(line.today, 1, Weekday::Monday), i + 2),
        "month" if weeks == 1 => hit(day_in_month(line.today, 1, 1), i + 2),
        "year" if weeks == 1 => hit(line.today.last_of_year().tomorrow().ok(), i + 2),
        _ => None,
    }
}
