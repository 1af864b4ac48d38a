//! Finding the pieces of a line and putting them together into one due time.

use jiff::{
    Span,
    civil::{Date, Time},
};
use molt_core::Due;

use crate::{Frequency, Rule, due::date_of};

use super::{
    calendar::{coming_weekday, plus_days},
    chinese,
    chinese_limit::{from_zh, until_zh},
    chinese_time, english,
    english_limit::{FIRST, LAST},
    english_time, numeric,
    numeric::zone_before,
    says::{Clock, Half, Hit, Part, Says},
    token::Line,
};

/// A piece of a line that was understood, over tokens, half open.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Piece {
    pub start: usize,
    pub end: usize,
    pub says: Says,
}

/// Small words before a piece that belong to it.
const LEADS: [&str; 13] =
    ["at", "on", "by", "for", "before", "until", "till", "due", "around", "about", "from", "between", "starting"];
/// Days with names of their own, which differ by year and country.
const HOLIDAYS: [&str; 16] = [
    "christmas",
    "xmas",
    "easter",
    "thanksgiving",
    "halloween",
    "ramadan",
    "eid",
    "diwali",
    "hanukkah",
    "passover",
    "pentecost",
    "valentine's",
    "year's",
    "purim",
    "lent",
    "nye",
];
const HOLIDAYS_ZH: [&str; 29] = [
    "春节",
    "除夕",
    "元旦",
    "元宵",
    "清明",
    "端午",
    "七夕",
    "中秋",
    "国庆",
    "重阳",
    "腊八",
    "圣诞",
    "情人节",
    "劳动节",
    "儿童节",
    "母亲节",
    "父亲节",
    "感恩节",
    "万圣节",
    "复活节",
    "开斋节",
    "愚人节",
    "妇女节",
    "教师节",
    "大年初",
    "正月",
    "腊月",
    "冬至",
    "小年夜",
];

/// A day with a name; it is not known when it is.
fn holiday(line: &Line, i: usize) -> Option<Hit> {
    if let Some(end) = HOLIDAYS_ZH.iter().find_map(|name| line.phrase(i, name)) {
        let numeral = if line.han(end - 1) == "初" { end + 1 } else { end };
        return Some(Hit::new(Says::unclear(), numeral.min(line.len())));
    }
    if line.is_word(i, &HOLIDAYS) {
        return Some(Hit::new(Says::unclear(), if line.is_word(i + 1, &["eve", "day"]) { i + 2 } else { i + 1 }));
    }
    // "Labor Day", "mother's day".
    let named = i > 0 && (line.word(i - 1).ends_with("'s") || (line.tokens[i - 1].capital && line.tokens[i].capital));
    (line.is_word(i, &["day", "eve"]) && named).then(|| Hit::new(Says::unclear(), i + 1))
}

/// All pieces, left to right, none of them over a token that is taken.
pub(super) fn pieces(line: &Line, taken: &[bool]) -> Vec<Piece> {
    let free = |i: usize| !taken.get(i).copied().unwrap_or(true);
    let mut pieces: Vec<Piece> = Vec::new();
    let mut i = 0;
    while i < line.len() {
        let after_day = pieces.last().is_some_and(|p| {
            let names_day = p.says.day.is_some() || p.says.weekday.is_some() || p.says.repeat.is_some();
            names_day && (p.end..i).all(|k| line.mark(k, ",，") || line.is_han(k, "的在"))
        });
        let hits = [
            holiday(line, i),
            numeric::find(line, i),
            english::find(line, i, after_day),
            chinese::find(line, i, after_day),
        ];
        let best = hits.into_iter().flatten().reduce(|best, hit| if hit.end > best.end { hit } else { best });
        match best.filter(|hit| (i..hit.end).all(free)) {
            Some(hit) => {
                let floor = pieces.last().map_or(0, |p| p.end);
                let end = range_end(line, &hit).filter(|end| (hit.end..*end).all(free)).unwrap_or(hit.end);
                let hit = Hit { end, ..hit };
                let mut start = i;
                while start > floor
                    && free(start - 1)
                    && (line.is_word(start - 1, &LEADS) || line.mark(start - 1, "@") || leads_zh(line, start))
                {
                    start -= 1;
                }
                let says = if zone_before(line, start) { Says::unclear() } else { hit.says };
                pieces.push(Piece { start, end: hit.end, says });
                i = hit.end;
            }
            None => i += 1,
        }
    }
    pieces
}

/// "3pm to 5pm", 下午两点到四点: something begins at the first time and lasts to the second. The token after the second.
fn range_end(line: &Line, hit: &Hit) -> Option<usize> {
    hit.says.clock?;
    let at = hit.end;
    let joined = line.mark(at, "-–—~")
        || line.is_word(at, &["to", "until", "till", "through"])
        || (line.word(at) == "and" && (0..at).any(|k| line.word(k) == "between"))
        || line.is_han(at, "到至");
    let hits = [
        numeric::find_free(line, at + 1),
        english_time::find(line, at + 1, true),
        chinese_time::find(line, at + 1, true),
    ];
    let clock = |hit: &Hit| hit.says.clock.is_some() && hit.says.day.is_none();
    hits.into_iter().flatten().filter(clock).map(|hit| hit.end).max().filter(|_| joined)
}

fn leads_zh(line: &Line, start: usize) -> bool {
    line.is_han(start - 1, "在于") && !(start > 1 && line.is_han(start - 2, "不正实现存由对关至等"))
}

/// Only small words and marks stand between two pieces.
fn together(line: &Line, a: &Piece, b: &Piece) -> bool {
    (a.end..b.start).all(|k| {
        line.mark(k, ",，、()（）-–@") || line.is_word(k, &["the", "of", "and", "or"]) || line.is_han(k, "的和或与及")
    })
}

/// What was understood, and which pieces said it.
#[derive(Debug, Default)]
pub(super) struct Understood {
    pub says: Says,
    pub pieces: Vec<Piece>,
}

/// Puts the pieces together. Of two that contradict each other the first counts, unless they stand together: then which of them is
/// meant is anybody's guess, and neither counts.
pub(super) fn combine(line: &Line, taken: &[bool], mut pieces: Vec<Piece>) -> Understood {
    drop_descriptions(line, taken, &mut pieces);
    last_days(line, taken, &mut pieces);
    // "not today".
    if pieces.iter().any(|p| p.start > 0 && line.word(p.start - 1) == "not") {
        return Understood::default();
    }
    let doubtful = pieces.iter().any(|p| p.says.unclear);
    if pieces.iter().any(|p| p.says.repeat.is_some() || p.says.unclear) && pieces.iter().any(|p| is_excepted(line, p)) {
        return Understood::default();
    }
    let mut sum = Understood::default();
    for cluster in clusters(line, pieces) {
        let mut says = Some(Says::default());
        for piece in &cluster {
            says = says.and_then(|says| join(&says, &piece.says));
        }
        let Some(says) = says.filter(|says| !says.unclear) else { continue };
        match join(&sum.says, &says) {
            Some(says) => {
                sum.says = says;
                sum.pieces.extend(cluster);
            }
            None => {
                // What adds to what is known already still counts.
                for piece in cluster {
                    if let Some(says) = join(&sum.says, &piece.says) {
                        sum.says = says;
                        sum.pieces.push(piece);
                    }
                }
            }
        }
    }
    // A bare time beside a day that is not known ("Labor Day party at 5pm") is hardly today's.
    let says = &sum.says;
    let dated = says.day.is_some() || says.weekday.is_some() || says.moment.is_some() || says.repeat.is_some();
    if doubtful && !dated {
        return Understood::default();
    }
    // "three times" without a repetition is something else.
    if sum.says.repeat.is_none() {
        sum.pieces.retain(|p| !p.says.limits());
        sum.says = Says { count: None, until: None, since: None, lasting: None, ..sum.says };
    }
    next_year(line, &mut sum);
    sum
}

/// "every day except on Fridays", 每天除了周末: what is left out cannot be said by a rule.
fn is_excepted(line: &Line, piece: &Piece) -> bool {
    let Some(before) = piece.start.checked_sub(1) else { return false };
    line.is_word(before, &["except", "excluding", "unless", "besides", "not"])
        || line.han(before) == "除"
        || (before > 0 && line.han(before - 1) == "除" && line.is_han(before, "了去开"))
}

/// In "from April until March" the March is that of the year after, unless a year is said.
fn next_year(line: &Line, sum: &mut Understood) {
    let (Some(until), Some(start)) = (sum.says.until, sum.says.day.or(sum.says.since)) else { return };
    let year = |p: &Piece| (p.start..p.end).any(|k| line.number(k).is_some_and(|(_, digits)| digits == 4));
    let said = sum.pieces.iter().any(|p| p.says.until.is_some() && year(p));
    if until < start && !said {
        sum.says.until = until.checked_add(jiff::Span::new().years(1)).ok();
    }
}

/// With a repetition, "until May 5" is its last day and not its first.
fn last_days(line: &Line, taken: &[bool], pieces: &mut [Piece]) {
    if !pieces.iter().any(|p| p.says.repeat.is_some()) {
        return;
    }
    let mut floor = 0;
    for piece in pieces.iter_mut() {
        let free = |k: usize| k >= floor && !taken.get(k).copied().unwrap_or(true);
        let dated = piece.says.day.is_some() || piece.says.weekday.is_some();
        // Words that lead only where there is a repetition.
        let before = piece.start.checked_sub(1).filter(|k| dated && free(*k));
        if before.is_some_and(|k| line.is_word(k, &LAST) || line.is_word(k, &FIRST)) {
            piece.start -= 1;
        }
        let led = (piece.start..piece.end).any(|k| line.is_word(k, &LAST));
        let chinese = until_zh(line, piece.start, piece.end).filter(|(start, _)| dated && free(*start));
        if let Some((start, end)) = chinese.or_else(|| from_zh(line, piece.start, piece.end).filter(|_| dated)) {
            (piece.start, piece.end) = (start.max(floor), end);
        }
        floor = piece.end;
        if (led || chinese.is_some())
            && let Some(day) = piece.says.day.or_else(|| coming_weekday(line.today, piece.says.weekday?))
        {
            piece.says = Says { day: None, weekday: None, until: Some(day), ..piece.says.clone() };
        }
    }
}

/// Runs of pieces that stand together.
fn clusters(line: &Line, pieces: Vec<Piece>) -> Vec<Vec<Piece>> {
    let mut clusters: Vec<Vec<Piece>> = Vec::new();
    for piece in pieces {
        match clusters.last_mut() {
            Some(cluster) if cluster.last().is_some_and(|last| together(line, last, &piece)) => cluster.push(piece),
            _ => clusters.push(vec![piece]),
        }
    }
    clusters
}

/// Both, unless they contradict each other.
fn join(a: &Says, b: &Says) -> Option<Says> {
    fn one<T: Clone + PartialEq>(a: &Option<T>, b: &Option<T>) -> Option<Option<T>> {
        match (a, b) {
            (Some(x), Some(y)) if x != y => None,
            (Some(x), Some(_)) => Some(Some(x.clone())),
            (Some(x), None) | (None, Some(x)) => Some(Some(x.clone())),
            (None, None) => Some(None),
        }
    }
    let says = Says {
        day: one(&a.day, &b.day)?,
        weekday: one(&a.weekday, &b.weekday)?,
        clock: one(&a.clock, &b.clock)?,
        // "8pm this evening": the second says nothing new.
        part: a.part.or(b.part),
        moment: one(&a.moment, &b.moment)?,
        repeat: one(&a.repeat, &b.repeat)?,
        count: one(&a.count, &b.count)?,
        until: one(&a.until, &b.until)?,
        since: one(&a.since, &b.since)?,
        lasting: one(&a.lasting, &b.lasting)?,
        from_this_week: a.from_this_week || b.from_this_week,
        from_completion: a.from_completion || b.from_completion,
        unclear: a.unclear || b.unclear,
    };
    if let (Some(day), Some(weekday)) = (says.day, says.weekday)
        && day.weekday() != weekday
    {
        return None;
    }
    if let Some(moment) = says.moment
        && (says.clock.is_some() || says.repeat.is_some() || says.day.is_some_and(|day| day != moment.date()))
    {
        return None;
    }
    Some(says)
}

/// In 准备明天的会议 the day describes the meeting; it does not say when to prepare it. At the beginning of a line it does.
fn drop_descriptions(line: &Line, taken: &[bool], pieces: &mut Vec<Piece>) {
    let mut n = 0;
    while n < pieces.len() {
        let mut last = n;
        while last + 1 < pieces.len() && together(line, &pieces[last], &pieces[last + 1]) {
            last += 1;
        }
        let begins = (0..pieces[n].start)
            .all(|k| taken.get(k).copied().unwrap_or(false) || pieces.iter().any(|p| (p.start..p.end).contains(&k)));
        let described = line.han(pieces[last].end) == "的";
        if described && begins {
            pieces[last].end += 1;
        } else if described {
            pieces.drain(n..=last);
            continue;
        }
        n = last + 1;
    }
}

/// The readings of a clock time in order of likelihood: days to add, and the time.
fn readings(clock: Clock, part: Option<Part>) -> Vec<(i64, Time)> {
    let h = clock.hour;
    let hours: Vec<(i64, i8)> = match (clock.half, part) {
        (Half::Whole, _) if h == 24 => vec![(1, 0)],
        // 今晚零点 is the end of the evening.
        (Half::Whole, Some(Part::Evening)) if h == 0 => vec![(1, 0)],
        // 明晚9:30 is on no 24-hour clock.
        (Half::Whole, Some(Part::Afternoon | Part::Evening)) if h <= 12 => {
            return readings(Clock { half: Half::Open, ..clock }, part);
        }
        (Half::Whole, _) => vec![(0, h)],
        // Tonight at 2 a.m. is after midnight.
        (Half::Am, Some(Part::Evening)) if h % 12 < 6 => vec![(0, h % 12), (1, h % 12)],
        (Half::Am, _) => vec![(0, h % 12)],
        (Half::Pm, _) => vec![(0, h % 12 + 12)],
        (Half::Open, Some(Part::Dawn)) => vec![(0, h % 12)],
        (Half::Open, Some(Part::Morning)) => vec![(0, h)],
        (Half::Open, Some(Part::Noon)) => vec![(0, if h < 4 { h + 12 } else { h })],
        (Half::Open, Some(Part::Afternoon)) => vec![(0, h % 12 + 12)],
        (Half::Open, Some(Part::Evening)) => vec![match h {
            12 => (1, 0),
            1..=4 => (1, h),
            _ => (0, h + 12),
        }],
        // Waking hours.
        (Half::Open, None) => match h {
            1..=6 => vec![(0, h + 12)],
            7..=10 => vec![(0, h), (0, h + 12)],
            _ => vec![(0, h)],
        },
    };
    hours
        .into_iter()
        .filter_map(|(add, hour)| Some((add, Time::new(hour, clock.minute, clock.second, 0).ok()?)))
        .collect()
}

fn at(line: &Line, day: Date, add: i64, time: Time) -> Option<Due> {
    let civil = plus_days(day, add)?.to_datetime(time);
    let zone = line.now.time_zone();
    Some(match zone.iana_name() {
        Some(name) => Due::Time { at: civil, zone: name.to_owned() },
        None => Due::Time {
            at: civil.to_zoned(zone.clone()).ok()?.timestamp().to_zoned(jiff::tz::TimeZone::UTC).datetime(),
            zone: "UTC".into(),
        },
    })
}

/// The repetition that was understood, if any, for a task that is first due at `due`.
pub(super) fn rule(says: &Says, due: &Due) -> Option<Rule> {
    let lasts = says.lasting.and_then(|(n, unit)| {
        let n = i64::from(n);
        let span = match unit {
            Frequency::Daily => Span::new().try_days(n),
            Frequency::Weekly => Span::new().try_weeks(n),
            Frequency::Monthly => Span::new().try_months(n),
            Frequency::Yearly => Span::new().try_years(n),
        };
        // The first day is one of them.
        date_of(due).checked_add(span.ok()?).ok()?.yesterday().ok()
    });
    says.repeat.clone().map(|rule| Rule {
        count: says.count.or(rule.count),
        until: says.until.or(lasts).or(rule.until),
        ..rule
    })
}

/// The first day of a weekly rule with an interval whose weeks are counted from the one of `today`.
fn from_this_week(rule: &Rule, today: Date) -> Date {
    let first = rule.first_from(today);
    let endless = Rule { count: None, until: None, ..rule.clone() };
    // A series begins with its start, whatever the rule says of that day.
    if first == today { first } else { endless.days(today).nth(1).unwrap_or(first) }
}

/// The due time that was understood, if any.
pub(super) fn due(line: &Line, says: &Says) -> Option<Due> {
    if let Some(moment) = says.moment {
        return at(line, moment.date(), 0, moment.time());
    }
    let day = match (says.day, says.weekday) {
        (Some(day), _) => Some(day),
        (None, Some(weekday)) => Some(coming_weekday(line.today, weekday)?),
        (None, None) => None,
    };
    let future = |day: Date, add: i64, time: Time| {
        plus_days(day, add).is_some_and(|d| d.to_datetime(time) > line.now.datetime())
    };
    // A part of the day alone means its usual hour.
    let usual = |part: Part| Some(vec![(0, Time::new(part.hour()?, 0, 0, 0).ok()?)]);
    let times = match says.clock {
        Some(clock) => readings(clock, says.part),
        None => says.part.and_then(usual).unwrap_or_default(),
    };
    if let Some(rule) = &says.repeat {
        let first = match day.or(says.since) {
            None if says.from_this_week => from_this_week(rule, line.today),
            said => rule.first_from(said.unwrap_or(line.today)),
        };
        // One that ends before it begins is not understood.
        let within = |day: &Date| says.until.is_none_or(|until| *day <= until);
        let Some((add, time)) = times.first().copied() else {
            return Some(first).filter(within).map(|date| Due::Date { date });
        };
        // A repetition may begin this minute.
        let now = plus_days(first, add).is_some_and(|day| day.to_datetime(time) == line.now.datetime());
        let first = if now || future(first, add, time) { first } else { rule.first_from(plus_days(first, 1)?) };
        return within(&first).then(|| at(line, first, add, time))?;
    }
    let (add, time) = match (times.first().copied(), day) {
        (None, Some(day)) => return Some(Due::Date { date: day }),
        (None, None) => return None,
        (Some(first), _) => first,
    };
    let start = day.unwrap_or(line.today);
    if start == line.today
        && let Some((add, time)) = times.iter().copied().find(|(add, time)| future(start, *add, *time))
    {
        return at(line, start, add, time);
    }
    match day {
        // The usual hour of this morning has passed: the day remains.
        Some(day) if says.clock.is_none() && day == line.today => Some(Due::Date { date: day }),
        Some(day) => at(line, day, add, time),
        None => at(line, plus_days(line.today, 1)?, add, time),
    }
}
