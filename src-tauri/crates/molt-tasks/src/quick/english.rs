//! English: the words for numbers, months, weekdays and halves of the day.

use jiff::civil::Weekday;

use super::{
    english_day, english_repeat, english_span, english_time,
    says::{Half, Hit},
    token::Line,
};

/// The longest English piece at `i`. `after_day` is true directly after a piece that named a day.
pub(super) fn find(line: &Line, i: usize, after_day: bool) -> Option<Hit> {
    let hits = [
        english_repeat::find(line, i),
        english_span::find(line, i),
        english_day::find(line, i),
        english_time::find(line, i, after_day),
    ];
    hits.into_iter().flatten().reduce(|best, hit| if hit.end > best.end { hit } else { best })
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// A month from 1, by its name or abbreviation.
pub(super) fn month(word: &str) -> Option<u32> {
    let short = word.len() == 3 || word == "sept";
    let index = MONTHS.iter().position(|name| *name == word || (short && name.starts_with(word)))?;
    u32::try_from(index).ok().map(|n| n + 1)
}

const WEEKDAYS: [(&str, &str, Weekday); 7] = [
    ("monday", "mon", Weekday::Monday),
    ("tuesday", "tue tues", Weekday::Tuesday),
    ("wednesday", "wed weds", Weekday::Wednesday),
    ("thursday", "thu thur thurs", Weekday::Thursday),
    ("friday", "fri", Weekday::Friday),
    ("saturday", "sat", Weekday::Saturday),
    ("sunday", "sun", Weekday::Sunday),
];

/// A weekday by its name or abbreviation.
pub(super) fn weekday(word: &str) -> Option<Weekday> {
    let found = WEEKDAYS.iter().find(|(name, short, _)| *name == word || short.split(' ').any(|s| s == word));
    found.filter(|_| !word.is_empty()).map(|w| w.2)
}

/// "Mondays".
pub(super) fn weekdays(word: &str) -> Option<Weekday> {
    WEEKDAYS.iter().find(|(name, ..)| word.strip_suffix('s') == Some(name)).map(|w| w.2)
}

const SMALL: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 4] = ["twenty", "thirty", "forty", "fifty"];
const ORDINALS: [&str; 20] = [
    "zeroth",
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
];

fn index(list: &[&str], word: &str) -> Option<u32> {
    list.iter().position(|w| *w == word).and_then(|n| u32::try_from(n).ok())
}

/// The word after a hyphen or a space: the second half of "twenty-one".
fn second_half(line: &Line, i: usize) -> usize {
    if line.mark(i, "-") && line.glued(i) && line.glued(i + 1) { i + 1 } else { i }
}

/// A number in digits or in words up to 59.
pub(super) fn number(line: &Line, i: usize) -> Option<(u32, usize)> {
    if let Some((n, _)) = line.number(i) {
        return Some((n, i + 1));
    }
    let word = line.word(i);
    if let Some(n) = index(&SMALL, word) {
        return Some((n, i + 1));
    }
    let tens = 20 + 10 * index(&TENS, word)?;
    let next = second_half(line, i + 1);
    match index(&SMALL, line.word(next)).filter(|n| (1..10).contains(n)) {
        Some(n) => Some((tens + n, next + 1)),
        None => Some((tens, i + 1)),
    }
}

/// "1st", "21st", "first", "twenty-first".
pub(super) fn ordinal(line: &Line, i: usize) -> Option<(u32, usize)> {
    if let Some((n, digits)) = line.number(i) {
        return (digits <= 2 && line.is_word(i + 1, &["st", "nd", "rd", "th"]) && line.glued(i + 1))
            .then_some((n, i + 2));
    }
    let word = line.word(i);
    if let Some(n) = index(&ORDINALS, word).filter(|n| *n > 0) {
        return Some((n, i + 1));
    }
    match word {
        "twentieth" => return Some((20, i + 1)),
        "thirtieth" => return Some((30, i + 1)),
        _ => {}
    }
    let tens = 20 + 10 * index(&TENS, word)?;
    let next = second_half(line, i + 1);
    let n = index(&ORDINALS, line.word(next)).filter(|n| (1..10).contains(n))?;
    Some((tens + n, next + 1))
}

/// A day of a month: "1", "1st", "first", "twenty one"; the flag tells an ordinal.
pub(super) fn day_number(line: &Line, i: usize) -> Option<(u32, usize, bool)> {
    let ordinal = ordinal(line, i).map(|(n, end)| (n, end, true));
    let plain = || {
        number(line, i).filter(|_| line.number(i).is_none_or(|(_, digits)| digits <= 2)).map(|(n, end)| (n, end, false))
    };
    ordinal.or_else(plain).filter(|(n, ..)| (1..=31).contains(n))
}

/// "am", "p.m.", "p m", and "a" or "p" written close to the number; with the token after.
pub(super) fn half_of_day(line: &Line, i: usize) -> Option<(Half, usize)> {
    let half = |word: &str| match word {
        "a" | "am" => Some(Half::Am),
        "p" | "pm" => Some(Half::Pm),
        _ => None,
    };
    let word = line.word(i);
    let said = half(word)?;
    if word.len() == 2 {
        return Some((said, i + 1));
    }
    let mut m = i + 1;
    if line.mark(m, ".") {
        m += 1;
    }
    if line.word(m) == "m" {
        let point = line.mark(m + 1, ".") && line.glued(m + 1) && m > i + 1;
        return Some((said, if point { m + 2 } else { m + 1 }));
    }
    line.glued(i).then_some((said, i + 1))
}
