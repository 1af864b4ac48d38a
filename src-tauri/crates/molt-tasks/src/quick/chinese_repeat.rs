//! Chinese repetitions: 每天, 每周一三五, 每个工作日, 每两周, 隔天, 每月1号, 每月最后一天, 每年5月1日.
//!
//! A repetition that is only half understood is not read at all.

use jiff::civil::Weekday;

use super::{
    chinese::number,
    chinese_day::{week_word, weekday},
    english_repeat::{WEEKEND, WORKING_WEEK, monthly, weekly},
    says::{Hit, Part, Says},
    token::Line,
};
use crate::{Frequency, Rule};

pub(super) fn find(line: &Line, i: usize) -> Option<Hit> {
    every(line, i).or_else(|| every_other(line, i)).or_else(|| line.phrase(i, "天天").map(|end| hit(daily(1), end)))
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
    let mut at = line.phrase(i, "每逢").or_else(|| line.phrase(i, "每"))?;
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
        if let Some(end) = line.phrase(at, name) {
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
    let place = match line.phrase(at, "最后一个") {
        Some(end) => Some((-1, end)),
        None => line.phrase(at, "第").and_then(|at| {
            let (place, end) = number(line, at).filter(|(n, _)| (1..=5).contains(n))?;
            Some((i8::try_from(place).ok()?, line.phrase(end, "个")?))
        }),
    };
    if let Some((place, at)) = place {
        let at = week_word(line, at)?;
        let day = weekday(line.han(at))?;
        let rule = Rule { by_day: vec![(place, day)], ..Rule::every(Frequency::Monthly, n) };
        return Some(hit(rule, at + 1));
    }
    if let Some((day, end)) = number(line, at) {
        let day = i8::try_from(day).ok().filter(|day| (1..=31).contains(day) && line.is_han(end, "号日"))?;
        return Some(hit(monthly(n, day), end + 1));
    }
    // 每月初, 每月一次: not a day.
    if line.is_han(at, "初中旬薪") { None } else { Some(hit(Rule::every(Frequency::Monthly, n), i)) }
}

/// What stands after 每年: 5月1日, or nothing. A holiday is not known.
fn years(line: &Line, n: u16, i: usize) -> Option<Hit> {
    let at = if line.han(i) == "的" { i + 1 } else { i };
    if let Some((m, end)) = number(line, at) {
        let end = line.phrase(end, "月")?;
        let (day, end) = number(line, end)?;
        let (m, day) = (i8::try_from(m).ok()?, i8::try_from(day).ok()?);
        jiff::civil::Date::new(2028, m, day).ok().filter(|_| line.is_han(end, "号日"))?;
        let rule = Rule { by_month: vec![m], by_month_day: vec![day], ..Rule::every(Frequency::Yearly, n) };
        return Some(hit(rule, end + 1));
    }
    let holiday = (i..i + 6).any(|k| line.is_han(k, "节夕旦诞"));
    if holiday || line.is_han(at, "底初中春夏秋冬") {
        None
    } else {
        Some(hit(Rule::every(Frequency::Yearly, n), i))
    }
}
