//! Chinese distances: 10分钟后, 半小时后, 一个半小时以后, 过两天, 三天后, 2星期后.

use jiff::Span;

use super::{
    calendar::plus_days,
    chinese::{is_numeral, number},
    says::{Hit, Says},
    token::Line,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

/// Longest first.
const UNITS: &[(&str, Unit)] = &[
    ("秒钟", Unit::Second),
    ("秒", Unit::Second),
    ("分钟", Unit::Minute),
    ("分", Unit::Minute),
    ("个小时", Unit::Hour),
    ("小时", Unit::Hour),
    ("个钟头", Unit::Hour),
    ("钟头", Unit::Hour),
    ("个钟", Unit::Hour),
    ("天", Unit::Day),
    ("日", Unit::Day),
    ("个星期", Unit::Week),
    ("星期", Unit::Week),
    ("个礼拜", Unit::Week),
    ("礼拜", Unit::Week),
    ("周", Unit::Week),
    ("个月", Unit::Month),
    ("年", Unit::Year),
];
/// 半 of these is a whole number of a smaller unit.
const HALVES: &[(&str, (i64, Unit))] = &[
    ("半个小时", (30, Unit::Minute)),
    ("半小时", (30, Unit::Minute)),
    ("半个钟头", (30, Unit::Minute)),
    ("半个钟", (30, Unit::Minute)),
    ("半分钟", (30, Unit::Second)),
    ("半个月", (15, Unit::Day)),
    ("半年", (6, Unit::Month)),
    ("一刻钟", (15, Unit::Minute)),
    ("三刻钟", (45, Unit::Minute)),
];
const ONE_AND_A_HALF: &[(&str, ())] = &[("个半小时", ()), ("个半钟头", ()), ("个半钟", ()), ("小时半", ())];
const LATER: &[(&str, ())] = &[("之后", ()), ("以后", ()), ("过后", ()), ("后", ())];
const WAIT: &[(&str, ())] = &[("再过", ()), ("等过", ()), ("过", ()), ("再等", ()), ("等", ())];

#[derive(Debug, Default)]
struct Distance {
    months: i64,
    days: i64,
    seconds: i64,
    exact: bool,
}

impl Distance {
    fn add(&mut self, n: i64, unit: Unit) {
        match unit {
            Unit::Second => self.seconds += n,
            Unit::Minute => self.seconds += 60 * n,
            Unit::Hour => self.seconds += 3_600 * n,
            Unit::Day => self.days += n,
            Unit::Week => self.days += 7 * n,
            Unit::Month => self.months += n,
            Unit::Year => self.months += 12 * n,
        }
        self.exact |= matches!(unit, Unit::Second | Unit::Minute | Unit::Hour);
    }

    fn ahead_of_now(&self, line: &Line) -> Option<Says> {
        let span = Span::new().try_months(self.months).ok()?;
        if !self.exact {
            return Some(Says::day(plus_days(line.today.checked_add(span).ok()?, self.days)?));
        }
        let span = span.try_days(self.days).ok()?.try_seconds(self.seconds).ok()?;
        Some(Says::moment(line.now.checked_add(span).ok()?.datetime()))
    }
}

/// 两小时三十分, 半个小时, 一个半小时.
fn distance(line: &Line, i: usize) -> Option<(Distance, usize)> {
    let (mut sum, mut at) = (Distance::default(), i);
    loop {
        if let Some(((n, unit), end)) = line.one_of(at, HALVES) {
            sum.add(n, unit);
            at = end;
            continue;
        }
        let Some((n, end)) = number(line, at).filter(|(n, _)| *n <= 100_000) else { break };
        if let Some((_, end)) = line.one_of(end, ONE_AND_A_HALF) {
            sum.add(60 * i64::from(n) + 30, Unit::Minute);
            at = end;
            continue;
        }
        let Some((unit, end)) = line.one_of(end, UNITS) else { break };
        // 1976年后 is after that year.
        if unit == Unit::Year && n > 100 {
            return None;
        }
        sum.add(i64::from(n), unit);
        at = if line.is_han(end, "零又") { end + 1 } else { end };
    }
    (at > i).then_some((sum, at))
}

/// A distance in whole minutes.
pub(super) fn minutes(line: &Line, i: usize) -> Option<(u32, usize)> {
    let (distance, end) = distance(line, i)?;
    let whole = distance.months == 0 && distance.seconds % 60 == 0;
    let minutes = distance.days.checked_mul(24 * 60)?.checked_add(distance.seconds / 60)?;
    Some((u32::try_from(minutes).ok().filter(|_| whole)?, end))
}

pub(super) fn find(line: &Line, i: usize) -> Option<Hit> {
    if line.is_tied(i) || (i > 0 && line.glued(i) && is_numeral(line, i) && is_numeral(line, i - 1)) {
        return None;
    }
    let wait = line.one_of(i, WAIT);
    let from = wait.map_or(i, |(_, end)| end);
    let (distance, end) = distance(line, from)?;
    const AGO: &[(&str, ())] = &[("之前", ()), ("以前", ()), ("前", ())];
    if wait.is_none()
        && let Some((_, end)) = line.one_of(end, AGO)
    {
        return Some(Hit::new(Says::unclear(), end));
    }
    match line.one_of(end, LATER) {
        // 两天后面, 3年后续: 后 begins the next word.
        Some((_, after)) if after == end + 1 && line.is_han(after, "面续来者台端悔") => None,
        Some((_, after)) => Some(Hit::new(distance.ahead_of_now(line)?, after)),
        // 过十分钟提醒我; 过三天 of something else is rarely typed.
        None if wait.is_some() && !line.is_han(end, "的前内") => Some(Hit::new(distance.ahead_of_now(line)?, end)),
        None => None,
    }
}
