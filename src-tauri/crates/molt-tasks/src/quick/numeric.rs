//! Dates and times in digits, the same in both languages: 2026-11-25, 11/25, 25.11.2026, 15:30, 3:15pm.

use jiff::civil::Date;

use super::{
    calendar::date,
    chinese_time::part_of_day,
    english::{half_of_day, month},
    says::{Clock, Half, Hit, Says},
    token::Line,
};

/// Abbreviations of zones. A time in a named zone is not the user's local time, so it is not read as one.
const ZONES: [&str; 25] = [
    "gmt", "utc", "pst", "pdt", "est", "edt", "cst", "cdt", "mst", "mdt", "cet", "cest", "bst", "ist", "jst", "kst",
    "aest", "aedt", "msk", "hkt", "sgt", "pt", "et", "ct", "mt",
];

/// Places whose time is named before a clock time: 纽约时间9点, UTC 15:00. Beijing's is the user's own where the clocks agree.
pub(super) fn zone_before(line: &Line, i: usize) -> bool {
    const PLACES: [&str; 16] = [
        "纽约", "伦敦", "东京", "巴黎", "美东", "美西", "美国", "欧洲", "英国", "日本", "欧美", "当地", "东部", "西部",
        "世界", "北京",
    ];
    if i > 0 && ["utc", "gmt"].contains(&line.word(i - 1)) {
        return true;
    }
    let Some(place) = i.checked_sub(4).filter(|at| line.phrase(at + 2, "时间") == Some(i)) else { return false };
    let beijing = line.phrase(place, "北京").is_some() && line.now.offset().seconds() == 8 * 3_600;
    !beijing && PLACES.iter().any(|name| line.phrase(place, name).is_some())
}

/// A clock time that a piece ended with, unless a zone is named after it.
pub(super) fn clock_hit(line: &Line, clock: Clock, end: usize) -> Hit {
    let at = if line.mark(end, "(") { end + 1 } else { end };
    let offset = line.mark(end, "+") && line.glued(end) && line.glued(end + 1) && line.mark(end + 2, ":");
    let zone = offset || (ZONES.contains(&line.word(at)) && !line.word(at).is_empty());
    if zone { Hit::new(Says::unclear(), at + 1) } else { Hit::new(Says::clock(clock), end) }
}

/// A written date, which is unclear when it is no date or has passed.
pub(super) fn date_hit(day: Option<Date>, end: usize) -> Hit {
    Hit::new(day.map_or_else(Says::unclear, Says::day), end)
}

pub(super) fn find(line: &Line, i: usize) -> Option<Hit> {
    if line.is_tied(i) { None } else { find_free(line, i) }
}

/// The same where what stands before is known not to belong to the number.
pub(super) fn find_free(line: &Line, i: usize) -> Option<Hit> {
    if let Some(hit) = no_clock(line, i) {
        return Some(hit);
    }
    [year_first(line, i), year_last(line, i), month_and_day(line, i), month_point_day(line, i), clock(line, i)]
        .into_iter()
        .flatten()
        .max_by_key(|hit| hit.end)
}

fn part_of_date(line: &Line, i: usize) -> Option<(u32, usize)> {
    line.number(i).filter(|(n, digits)| *digits <= 2 && *n > 0)
}

/// 2026-11-25, 2026/11/25, 2026.11.25, 2026/Nov/25 and 2026/25/Nov.
fn year_first(line: &Line, i: usize) -> Option<Hit> {
    let (year, 4) = line.number(i)? else { return None };
    let separator = ["-", "/", "."].into_iter().find(|s| line.mark(i + 1, s))?;
    if !line.mark(i + 3, separator) {
        return None;
    }
    let (m, d) = match (month(line.word(i + 2)), month(line.word(i + 4))) {
        (Some(m), None) => (m, part_of_date(line, i + 4)?.0),
        (None, Some(m)) => (m, part_of_date(line, i + 2)?.0),
        _ => (part_of_date(line, i + 2)?.0, part_of_date(line, i + 4)?.0),
    };
    // 2026-12-01.pdf names a file.
    if line.mark(i + 5, ".") && line.glued(i + 5) && line.glued(i + 6) && !line.word(i + 6).is_empty() {
        return None;
    }
    let hit = date_hit(date(line.today, Some(year), m, d), i + 5);
    // 2026-11-25T15:30.
    if line.word(hit.end) == "t"
        && line.glued(hit.end)
        && line.glued(hit.end + 1)
        && let Some(time) = clock_at(line, hit.end + 1)
    {
        let offset = line.glued(time.end) && (line.word(time.end) == "z" || line.mark(time.end, "+-"));
        let unclear = hit.says.unclear || time.says.unclear || offset;
        return Some(Hit::new(Says { clock: time.says.clock, unclear, ..hit.says }, time.end));
    }
    Some(hit)
}

/// Month first, as in America, unless that is no date; with points day first.
fn readings(separator: &str, first: u32, second: u32) -> [(u32, u32); 2] {
    if separator == "." { [(second, first), (first, second)] } else { [(first, second), (second, first)] }
}

/// 11/25/2026, 25/11/2026, 25.11.2026, 11-25-26 and 25/Nov/2026.
fn year_last(line: &Line, i: usize) -> Option<Hit> {
    let (first, _) = part_of_date(line, i)?;
    let separator = ["/", "-", "."].into_iter().find(|s| line.mark(i + 1, s) && line.mark(i + 3, s))?;
    if (i + 1..i + 5).any(|k| !line.glued(k)) {
        return None;
    }
    let year = match line.number(i + 4)? {
        (year, 4) => year,
        (year, 2) if separator != "." => 2000 + year,
        _ => return None,
    };
    // '89 has passed.
    let passed = i64::from(year) > i64::from(line.today.year()) + 50;
    if line.mark(i + 5, ":") && line.glued(i + 5) {
        return None;
    }
    let day = match month(line.word(i + 2)) {
        Some(m) => date(line.today, Some(year), m, first),
        None => {
            let (second, _) = part_of_date(line, i + 2)?;
            readings(separator, first, second).into_iter().find_map(|(m, d)| date(line.today, Some(year), m, d))
        }
    };
    Some(date_hit(day.filter(|_| !passed), i + 5))
}

/// 11/25 and 25/11.
fn month_and_day(line: &Line, i: usize) -> Option<Hit> {
    let (first, _) = part_of_date(line, i)?;
    let (second, _) = part_of_date(line, i + 2)?;
    if !line.mark(i + 1, "/") || !line.glued(i + 1) || !line.glued(i + 2) {
        return None;
    }
    // Around the clock, parts of something, and amounts.
    let follows = i + 3 < line.len() && !line.ends(i + 3);
    let counts = follows && line.glued(i + 3) && line.han(i + 3).is_empty();
    let fraction = first < second && [2, 3, 4, 5, 8].contains(&second) && first < 6;
    let noun = !line.word(i + 3).is_empty()
        && !line.is_word(i + 3, &["at", "by", "for", "on", "in", "to", "and", "with", "from", "until", "every"]);
    if (first, second) == (24, 7) || line.mark(i + 3, "/%") || counts || (fraction && noun) {
        return None;
    }
    let day = readings("/", first, second).into_iter().find_map(|(m, d)| date(line.today, None, m, d));
    Some(date_hit(day, i + 3))
}

/// "at 25:00", "at 13:75": no time of day, and what stands with it is not meant without it.
fn no_clock(line: &Line, i: usize) -> Option<Hit> {
    let led = i > 0 && (line.is_word(i - 1, &["at", "by", "from", "until", "till", "before"]) || line.mark(i - 1, "@"));
    let (hour, hour_digits) = line.number(i)?;
    let (minute, 2) = line.number(i + 2)? else { return None };
    let written = hour_digits <= 2 && line.mark(i + 1, ":") && line.glued(i + 1) && line.glued(i + 2);
    (led && written && (hour > 24 || minute > 59)).then(|| Hit::new(Says::unclear(), i + 3))
}

/// 12.3 directly before a Chinese part of the day (12.3下午): December 3, where it begins a word; within one it may be anything.
fn month_point_day(line: &Line, i: usize) -> Option<Hit> {
    let (m, _) = part_of_date(line, i)?;
    let (d, _) = part_of_date(line, i + 2)?;
    let written = line.mark(i + 1, ".") && line.glued(i + 1) && line.glued(i + 2) && line.glued(i + 3);
    if !written || part_of_day(line, i + 3).is_none() {
        return None;
    }
    Some(if line.glued(i) { Hit::new(Says::unclear(), i + 3) } else { date_hit(date(line.today, None, m, d), i + 3) })
}

fn clock(line: &Line, i: usize) -> Option<Hit> {
    clock_at(line, i).or_else(|| military(line, i))
}

/// "1140 a.m.", "0930 hours", "at 1530".
fn military(line: &Line, i: usize) -> Option<Hit> {
    let (n, digits) = line.number(i).filter(|(_, digits)| (3..=4).contains(digits))?;
    let clock = |half| Clock { hour: (n / 100) as i8, minute: (n % 100) as i8, second: 0, half };
    if n % 100 > 59 {
        return None;
    }
    if let Some((half, end)) = half_of_day(line, i + 1).filter(|_| (100..1300).contains(&n)) {
        return Some(clock_hit(line, clock(half), end));
    }
    if digits != 4 || n >= 2400 {
        return None;
    }
    let led = i > 0 && line.word(i - 1) == "at" && line.ends(i + 1);
    let end = if line.is_word(i + 1, &["hours", "hrs"]) { i + 2 } else { i + 1 };
    (led || end > i + 1).then(|| clock_hit(line, clock(Half::Whole), end))
}

/// 15:30, 3:15pm, 8.30 pm, 13h30, 15h, 17:49:19.
fn clock_at(line: &Line, i: usize) -> Option<Hit> {
    let (hour, digits) = line.number(i).filter(|(n, digits)| *n <= 24 && *digits <= 2)?;
    let two =
        |k: usize| line.number(k).filter(|(n, digits)| *n < 60 && *digits == 2 && line.glued(k)).map(|(n, _)| n as i8);
    let glued_h = line.word(i + 1) == "h" && line.glued(i + 1);
    let (mut minute, mut second, mut end) = (0, 0, i + 2);
    let colon = line.mark(i + 1, ":") && line.glued(i + 1);
    if colon || glued_h {
        match two(i + 2) {
            Some(m) => (minute, end) = (m, i + 3),
            None if glued_h => {}
            None => return None,
        }
        if colon && line.mark(end, ":") && line.glued(end) {
            (second, end) = (two(end + 1)?, end + 2);
        }
    } else if line.mark(i + 1, ".") && line.glued(i + 1) {
        // A point is only a clock's with am or pm after it, or "at" before it and nothing after.
        minute = two(i + 2)?;
        let at = i > 0 && line.word(i - 1) == "at" && line.ends(i + 3);
        if !at && half_of_day(line, i + 3).is_none() {
            return None;
        }
        end = i + 3;
    } else {
        return None;
    }
    let mut clock = Clock { hour: hour as i8, minute, second, half: Half::Open };
    match half_of_day(line, end) {
        Some((half, after)) if (1..=12).contains(&hour) => (clock.half, end) = (half, after),
        // Written like a timetable; only the small hours are more likely meant for the afternoon.
        _ if digits == 2 || hour == 0 || hour >= 7 || glued_h => clock.half = Half::Whole,
        _ => {}
    }
    if hour == 24 && (minute, second) != (0, 0) {
        return None;
    }
    Some(clock_hit(line, clock, end))
}
