//! Chinese distances: 10分钟后, 半小时后, 一个半小时以后, 过两天, 三天后, 三个工作日后, 10天内.

use jiff::Span;

use crate::{Frequency, Rule};

use super::{
    calendar::{plus_days, plus_working_days},
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
    WorkingDay,
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
    ("个工作日", Unit::WorkingDay),
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
    working_days: u32,
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
            Unit::WorkingDay => self.working_days += u32::try_from(n).unwrap_or(0),
            Unit::Week => self.days += 7 * n,
            Unit::Month => self.months += n,
            Unit::Year => self.months += 12 * n,
        }
        self.exact |= matches!(unit, Unit::Second | Unit::Minute | Unit::Hour);
    }

    fn ahead_of_now(&self, line: &Line) -> Option<Says> {
        let span = Span::new().try_months(self.months).ok()?;
        if !self.exact {
            let day = plus_days(line.today.checked_add(span).ok()?, self.days)?;
            let working = self.working_days;
            return Some(Says::day(if working > 0 { plus_working_days(day, working)? } else { day }));
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
    let whole = distance.months == 0 && distance.working_days == 0 && distance.seconds % 60 == 0;
    let minutes = distance.days.checked_mul(24 * 60)?.checked_add(distance.seconds / 60)?;
    Some((u32::try_from(minutes).ok().filter(|_| whole)?, end))
}

/// A length in whole days and more, as a repetition.
pub(super) fn length(line: &Line, i: usize) -> Option<(Rule, usize)> {
    let (distance, end) = distance(line, i)?;
    let every = |frequency, n: i64| u16::try_from(n).ok().map(|n| Rule::every(frequency, n));
    let rule = match (distance.months, distance.days) {
        _ if distance.exact || distance.working_days > 0 => None,
        (0, days) if days > 0 && days % 7 == 0 => every(Frequency::Weekly, days / 7),
        (0, days) if days > 0 => every(Frequency::Daily, days),
        (months, 0) if months > 0 && months % 12 == 0 => every(Frequency::Yearly, months / 12),
        (months, 0) if months > 0 => every(Frequency::Monthly, months),
        _ => None,
    };
    Some((rule?, end))
}

pub(super) fn find(line: &Line, i: usize) -> Option<Hit> {
    if line.is_tied(i) || (i > 0 && line.glued(i) && is_numeral(line, i) && is_numeral(line, i - 1)) {
        return None;
    }
    // 周五前三天, 前两周.
    if line.han(i) == "前"
        && let Some((_, end)) = distance(line, i + 1)
    {
        return Some(Hit::new(Says::unclear(), end));
    }
    let wait = line.one_of(i, WAIT);
    let from = wait.map_or(i, |(_, end)| end);
    let (distance, end) = distance(line, from)?;
    const AGO: &[(&str, ())] = &[("之前", ()), ("以前", ()), ("前", ())];
    // 28日前 is by that day of the month; two words for days past would be 28天前.
    let by_day =
        line.number(from).is_some_and(|(n, _)| (1..=31).contains(&n)) && line.han(from + 1) == "日" && end == from + 2;
    if wait.is_none()
        && !by_day
        && let Some((_, end)) = line.one_of(end, AGO)
    {
        return Some(Hit::new(Says::unclear(), end));
    }
    // 10天内 is done by then at the latest.
    const WITHIN: &[(&str, ())] = &[("之内", ()), ("以内", ()), ("内", ())];
    if wait.is_none()
        && let Some((_, after)) = line.one_of(end, WITHIN).filter(|(_, after)| !line.is_han(*after, "的部容外存"))
        && !by_day
    {
        return Some(Hit::new(distance.ahead_of_now(line)?, after));
    }
    match line.one_of(end, LATER) {
        // 两天后面, 3年后续: 后 begins the next word; in 两个月后续签 it does not.
        Some((_, after))
            if after == end + 1 && line.han(after) == "续" && line.is_han(after + 1, "签费约保租借订期") =>
        {
            Some(Hit::new(distance.ahead_of_now(line)?, after))
        }
        Some((_, after)) if after == end + 1 && line.is_han(after, "面续来者台端悔") => None,
        Some((_, after)) => Some(Hit::new(distance.ahead_of_now(line)?, after)),
        // 过十分钟提醒我; 过三天 of something else is rarely typed.
        None if wait.is_some() && !line.is_han(end, "的前内") => Some(Hit::new(distance.ahead_of_now(line)?, end)),
        None => None,
    }
}
