//! Chinese repetitions: 每天, 每周一三五, 每个工作日, 每两周, 隔天, 每月1号, 每月最后一天, 每年5月1日.
//!
//! A repetition that is only half understood is not read at all.

use jiff::civil::Weekday;

use super::{
    chinese::number,
    chinese_day::{week_word, weekday},
    chinese_time::part_of_day,
    english_repeat::{WEEKEND, WORKING_WEEK, among, monthly, weekly},
    finished::{after_finishing_zh, find_zh},
    says::{Hit, Part, Says},
    token::Line,
};
use crate::{Frequency, Rule};

pub(super) fn find(line: &Line, i: usize) -> Option<Hit> {
    if let Some(hit) = find_zh(line, i) {
        return Some(hit);
    }
    let found = every(line, i)
        .or_else(|| every_other(line, i))
        .or_else(|| line.phrase(i, "天天").map(|end| hit(daily(1), end)))
        .or_else(|| line.phrase(i, "工作日每天").map(|end| hit(weekly(1, &WORKING_WEEK), end)))
        .or_else(|| working_days(line, i))
        .or_else(|| daily_from_to(line, i));
    let Some(found) = found else { return half_understood(line, i) };
    // 每三天一次 is what 每三天 says.
    let end = line.phrase(found.end, "一次").unwrap_or(found.end);
    // 每天三次 and 每天早晚 are several times a day.
    let several = number(line, end).is_some_and(|(_, after)| line.is_han(after, "次遍回趟"))
        || line.phrase(end, "早晚").is_some()
        || line.phrase(end, "早中晚").is_some();
    if several {
        return Some(Hit::new(Says::unclear(), end));
    }
    Some(after_finishing_zh(line, Hit { end, ..found }))
}

/// 每双周一, 每月初, 每年农历八月十五: what follows must not become a single day.
fn half_understood(line: &Line, i: usize) -> Option<Hit> {
    if line.phrase(i, "每次").is_some() {
        return None;
    }
    const TIMES: &str =
        "个双单半零〇一二两三四五六七八九十廿几小时分钟秒周月年天日号星期礼拜季度初中旬底末第倒数最后工作农历阴旧逢隔";
    let at = line.phrase(i, "每")?;
    let end = (at..line.len()).find(|k| !(line.is_han(*k, TIMES) || line.number(*k).is_some())).unwrap_or(line.len());
    (end > at).then(|| Hit::new(Says::unclear(), end))
}

/// 工作日早上9点: on every one of them.
fn working_days(line: &Line, i: usize) -> Option<Hit> {
    let end = line.phrase(i, "工作日")?;
    let other = i > 0 && line.is_han(i - 1, "个非到至下上第天后前");
    let timed = part_of_day(line, end).is_some() || number(line, end).is_some_and(|(_, at)| line.is_han(at, "点时"));
    (timed && !other).then(|| hit(weekly(1, &WORKING_WEEK), end))
}

/// 周一至周五每天.
fn daily_from_to(line: &Line, i: usize) -> Option<Hit> {
    let at = week_word(line, i)?;
    let first = weekday(line.han(at))?;
    if !(line.is_han(at + 1, "到至") || line.mark(at + 1, "-~–")) {
        return None;
    }
    let to = week_word(line, at + 2).unwrap_or(at + 2);
    let last = weekday(line.han(to))?;
    let end = line.phrase(to + 1, "每天").or_else(|| line.phrase(to + 1, "每日"))?;
    let mut days = vec![first];
    days.extend(between(first, last));
    Some(hit(weekly(1, &days), end))
}

fn hit(rule: Rule, end: usize) -> Hit {
    Hit::new(Says::repeat(rule), end)
}

fn daily(interval: u16) -> Rule {
    Rule::every(Frequency::Daily, interval)
}

fn interval(n: u32) -> Option<u16> {
    u16::try_from(n).ok().filter(|n| (1..=1_000).contains(n))
}

fn every(line: &Line, i: usize) -> Option<Hit> {
    let at = line.phrase(i, "每逢").or_else(|| line.phrase(i, "每"))?;
    if line.mark(at, "!") && line.glued(at) {
        let hit = counted(line, at + 1)?;
        return Some(Hit { says: Says { from_completion: true, ..hit.says }, ..hit });
    }
    if line.phrase(at, "次").is_some() {
        return None;
    }
    counted(line, at)
}

/// What stands after 每.
fn counted(line: &Line, mut at: usize) -> Option<Hit> {
    if line.han(at) == "隔" {
        return every_other(line, at);
    }
    if line.han(at) == "个" {
        at += 1;
    }
    if let Some(end) = line.phrase(at, "工作日") {
        return Some(hit(weekly(1, &WORKING_WEEK), end));
    }
    if let Some(end) = line.phrase(at, "晚上").or_else(|| line.phrase(at, "晚")) {
        return Some(Hit::new(Says::repeat(daily(1)).with_part(Part::Evening), end));
    }
    for morning in ["早上", "早晨", "早"] {
        if let Some(end) = line.phrase(at, morning) {
            return Some(Hit::new(Says::repeat(daily(1)).with_part(Part::Morning), end));
        }
    }
    for (name, months) in [("季度", 3), ("半年", 6), ("季", 3)] {
        if let Some(end) = line.phrase(at, name).filter(|end| !line.is_han(*end, "度初中末底第倒最")) {
            return Some(hit(Rule::every(Frequency::Monthly, months), end));
        }
    }
    // 每两天, 每3个月, 每2周.
    let (n, counted) =
        number(line, at).map_or((1, at), |(n, end)| (n, if line.han(end) == "个" { end + 1 } else { end }));
    if n == 0 {
        return None;
    }
    let n = interval(n)?;
    if line.is_han(counted, "天日") {
        return Some(hit(daily(n), counted + 1));
    }
    if let Some(end) = week_word(line, counted) {
        return weeks(line, n, end);
    }
    match line.han(counted) {
        "月" => months(line, n, counted + 1),
        "年" => years(line, n, counted + 1),
        _ => None,
    }
}

/// 隔天, 隔周, 每隔两天 (two days between: every third).
fn every_other(line: &Line, i: usize) -> Option<Hit> {
    let at = line.phrase(i, "隔")?;
    let (between, end) = number(line, at).unwrap_or((1, at));
    let n = interval(between + 1)?;
    let end = if line.han(end) == "个" { end + 1 } else { end };
    if line.is_han(end, "天日") {
        return Some(hit(daily(n), end + 1));
    }
    if let Some(end) = week_word(line, end) {
        return weeks(line, n, end);
    }
    match line.han(end) {
        "月" if between == 1 || end > at => months(line, n, end + 1),
        "年" => years(line, n, end + 1),
        _ => None,
    }
}

/// What stands after 每周: 一三五, 一、三、五, 一到五, 末, or nothing.
fn weeks(line: &Line, n: u16, i: usize) -> Option<Hit> {
    // Not 周一.
    if line.phrase(i, "一次").is_some() {
        return Some(hit(Rule::every(Frequency::Weekly, n), i));
    }
    if line.han(i) == "末" {
        return Some(hit(weekly(n, &WEEKEND), i + 1));
    }
    // 每两周的周一, 每两周周一.
    let of = if line.han(i) == "的" { i + 1 } else { i };
    let start = week_word(line, of).unwrap_or(i);
    let (mut days, mut end) = (Vec::new(), start);
    while let Some(day) = weekday(line.han(end)) {
        days.push(day);
        end += 1;
        if line.is_han(end, "到至") || line.mark(end, "-~–") {
            let next = week_word(line, end + 1).unwrap_or(end + 1);
            if let Some(last) = weekday(line.han(next)) {
                days.extend(between(day, last));
                end = next + 1;
            }
        }
        let next = if line.is_han(end, "和与及") || line.mark(end, "、,，/") { end + 1 } else { end };
        let next = week_word(line, next).unwrap_or(next);
        if weekday(line.han(next)).is_some() {
            end = next;
        }
    }
    if days.is_empty() {
        return (start == i).then(|| hit(Rule::every(Frequency::Weekly, n), i));
    }
    // 每周一次, 每周三个.
    if line.is_han(end, "次遍个回趟") {
        return None;
    }
    Some(hit(weekly(n, &days), end))
}

fn between(first: Weekday, last: Weekday) -> Vec<Weekday> {
    let mut days = Vec::new();
    let mut day = first;
    while day != last && days.len() < 7 {
        day = day.next();
        days.push(day);
    }
    days
}

/// What stands after 每月: 1号, 最后一天, 底, 第一个周一, or nothing.
fn months(line: &Line, n: u16, i: usize) -> Option<Hit> {
    let at = if line.han(i) == "的" { i + 1 } else { i };
    for last in ["最后一天", "最后一日", "月底", "底", "末"] {
        if let Some(end) = line.phrase(at, last) {
            return Some(hit(monthly(n, -1), end));
        }
    }
    if let Some((by_day, end)) = numbered_weekday(line, at) {
        return Some(hit(Rule { by_day: vec![by_day], ..Rule::every(Frequency::Monthly, n) }, end));
    }
    if let Some((place, end)) = working_day(line, at) {
        return Some(hit(among(Rule::every(Frequency::Monthly, n), vec![place], &WORKING_WEEK), end));
    }
    // 倒数第二天.
    if let Some((day, end)) = line.phrase(at, "倒数第").and_then(|at| number(line, at))
        && (1..=31).contains(&day)
        && line.is_han(end, "天日")
    {
        return Some(hit(monthly(n, -i8::try_from(day).ok()?), end + 1));
    }
    if number(line, at).is_some() {
        let (by_month_day, end) = days(line, at)?;
        return Some(hit(Rule { by_month_day, ..Rule::every(Frequency::Monthly, n) }, end));
    }
    // 每月初, 每月一次: not a day.
    if line.is_han(at, "初中旬薪第倒最") { None } else { Some(hit(Rule::every(Frequency::Monthly, n), i)) }
}

/// 第二个, 最后一个, 倒数第二个, 首个; at most `most`.
fn place(line: &Line, i: usize, most: u32) -> Option<(i8, usize)> {
    if let Some(end) = line.phrase(i, "最后一个") {
        return Some((-1, end));
    }
    if let Some(end) = line.phrase(i, "首个").or_else(|| line.phrase(i, "头一个")) {
        return Some((1, end));
    }
    let back = line.phrase(i, "倒数");
    let (place, end) = number(line, line.phrase(back.unwrap_or(i), "第")?).filter(|(n, _)| (1..=most).contains(n))?;
    let place = i8::try_from(place).ok()?;
    Some((if back.is_some() { -place } else { place }, line.phrase(end, "个")?))
}

/// 最后一个工作日, 第三个工作日.
pub(super) fn working_day(line: &Line, i: usize) -> Option<(i8, usize)> {
    let (place, end) = place(line, i, 20)?;
    Some((place, line.phrase(end, "工作日")?))
}

/// 第二个周五, 最后一个周五, 倒数第二个周五.
fn numbered_weekday(line: &Line, i: usize) -> Option<((i8, Weekday), usize)> {
    let (place, at) = place(line, i, 5)?;
    let at = week_word(line, at)?;
    Some(((place, weekday(line.han(at))?), at + 1))
}

/// Days of a month: 1号, 1号和15号, 1、15号. A stretch (1号到5号) is not understood.
fn days(line: &Line, i: usize) -> Option<(Vec<i8>, usize)> {
    let (mut days, mut at) = (Vec::new(), i);
    loop {
        let (day, end) = number(line, at).filter(|(day, _)| (1..=31).contains(day))?;
        days.push(i8::try_from(day).ok()?);
        let named = line.is_han(end, "号日");
        let end = if named { end + 1 } else { end };
        let joined = line.is_han(end, "和与及") || line.mark(end, "、,，/");
        if joined && number(line, end + 1).is_some_and(|(_, after)| !named || line.is_han(after, "号日")) {
            at = end + 1;
            continue;
        }
        if !named || ((line.is_han(end, "到至") || line.mark(end, "-~–")) && number(line, end + 1).is_some()) {
            return None;
        }
        days.sort_unstable();
        days.dedup();
        return Some((days, end));
    }
}

/// What stands after 每年: 5月1日, or nothing. A holiday is not known.
fn years(line: &Line, n: u16, i: usize) -> Option<Hit> {
    let at = if line.han(i) == "的" { i + 1 } else { i };
    if let Some((m, end)) = number(line, at) {
        let end = line.phrase(end, "月份").or_else(|| line.phrase(end, "月"))?;
        let end = if line.han(end) == "的" { end + 1 } else { end };
        let by_month = vec![i8::try_from(m).ok().filter(|m| (1..=12).contains(m))?];
        let rule = Rule { by_month, ..Rule::every(Frequency::Yearly, n) };
        if let Some((by_day, end)) = numbered_weekday(line, end) {
            return Some(hit(Rule { by_day: vec![by_day], ..rule }, end));
        }
        for last in ["最后一天", "最后一日", "底", "末"] {
            if let Some(end) = line.phrase(end, last) {
                return Some(hit(Rule { by_month_day: vec![-1], ..rule }, end));
            }
        }
        let (day, end) = number(line, end)?;
        let (m, day) = (i8::try_from(m).ok()?, i8::try_from(day).ok()?);
        jiff::civil::Date::new(2028, m, day).ok().filter(|_| line.is_han(end, "号日"))?;
        return Some(hit(Rule { by_month_day: vec![day], ..rule }, end + 1));
    }
    let holiday = (i..i + 6).any(|k| line.is_han(k, "节夕旦诞"));
    let other_calendar = ["农历", "阴历", "旧历"].iter().any(|name| line.phrase(at, name).is_some());
    if holiday || other_calendar || line.is_han(at, "底初中春夏秋冬第倒最") {
        None
    } else {
        Some(hit(Rule::every(Frequency::Yearly, n), i))
    }
}
