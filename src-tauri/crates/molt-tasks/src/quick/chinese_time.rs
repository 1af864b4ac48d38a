//! Chinese times of day: 下午3点半, 晚上八点, 15时30分, 三点一刻, 中午.

use super::{
    chinese::{is_numeral, number},
    chinese_day::with_deadline,
    numeric,
    says::{Clock, Half, Hit, Part, Says},
    token::Line,
};

const PARTS: &[(&str, Part)] = &[
    ("凌晨", Part::Dawn),
    ("拂晓", Part::Dawn),
    ("清早", Part::Morning),
    ("大清早", Part::Morning),
    ("清晨", Part::Morning),
    ("早上", Part::Morning),
    ("早晨", Part::Morning),
    ("一早", Part::Morning),
    ("朝早", Part::Morning),
    ("上午", Part::Morning),
    ("正午", Part::Noon),
    ("中午", Part::Noon),
    ("午间", Part::Noon),
    ("下午", Part::Afternoon),
    ("午后", Part::Afternoon),
    ("晏昼", Part::Afternoon),
    ("傍晚", Part::Evening),
    ("晚上", Part::Evening),
    ("晚间", Part::Evening),
    ("夜里", Part::Evening),
    ("夜晚", Part::Evening),
    ("夜间", Part::Evening),
    ("深夜", Part::Evening),
    ("半夜", Part::Evening),
    ("午夜", Part::Evening),
];
const NOW: &[(&str, ())] = &[("此时此刻", ()), ("现在", ()), ("此刻", ()), ("此时", ()), ("而家", ()), ("依家", ())];
/// Nouns after 三点: "three suggestions", not three o'clock.
const POINTS: &[(&str, ())] = &[
    ("建议", ()),
    ("意见", ()),
    ("要求", ()),
    ("内容", ()),
    ("原因", ()),
    ("理由", ()),
    ("问题", ()),
    ("说明", ()),
    ("注意", ()),
    ("体会", ()),
    ("感想", ()),
    ("感受", ()),
    ("经验", ()),
    ("心得", ()),
    ("思考", ()),
    ("优势", ()),
    ("优点", ()),
    ("缺点", ()),
    ("结论", ()),
    ("改进", ()),
    ("启示", ()),
    ("好处", ()),
    ("水", ()),
    ("钱", ()),
    ("心", ()),
    ("声", ()),
    ("儿", ()),
];

pub(super) fn find(line: &Line, i: usize, after_day: bool) -> Option<Hit> {
    let hits = [clock(line, i, after_day), part(line, i, after_day), now(line, i)];
    let best = hits.into_iter().flatten().reduce(|best, hit| if hit.end > best.end { hit } else { best })?;
    Some(Hit { end: with_deadline(line, best.end), ..best })
}

fn now(line: &Line, i: usize) -> Option<Hit> {
    let (_, end) = line.one_of(i, NOW)?;
    // Elsewhere it is a filler, or part of another word (出现在).
    let alone = i == 0 || (end..line.len()).all(|k| line.ends(k));
    let other = line.is_han(end, "的是起期") || (i > 0 && line.is_han(i - 1, "到从至直自出发体表呈实"));
    (alone && !other).then(|| Hit::new(Says::moment(line.now.datetime()), end))
}

/// A part of the day and the token after it; 早 and 晚 alone only before a number.
pub(super) fn part_of_day(line: &Line, i: usize) -> Option<(Part, usize)> {
    if let Some(found) = line.one_of(i, PARTS) {
        return Some(found);
    }
    let part = match line.han(i) {
        "早" => Part::Morning,
        "晚" => Part::Evening,
        _ => return None,
    };
    // 早一点 and 晚一点 are "a little earlier", "a little later".
    let little = line.phrase(i + 1, "一点").is_some();
    (!little && is_numeral(line, i + 1) && o_clock(line, i + 1).is_some()).then_some((part, i + 1))
}

/// A part of the day says a time only directly after a day; else it must lead to a clock time.
fn part(line: &Line, i: usize, after_day: bool) -> Option<Hit> {
    let (part, end) = part_of_day(line, i)?;
    after_day.then(|| Hit::new(Says::part(part), end))
}

/// N点…, N时…: hour, minute, second and the token after.
fn o_clock(line: &Line, i: usize) -> Option<(u32, u32, u32, usize)> {
    let (hour, at) = number(line, i).filter(|(n, _)| *n <= 24)?;
    let point = line.is_han(at, "点");
    if !point && (line.han(at) != "时" || line.is_han(at + 1, "候间常期代")) {
        return None;
    }
    let mut at = at + 1;
    if line.han(at) == "钟" {
        at += 1;
    }
    for around in ["多钟", "多", "整", "正"] {
        if let Some(end) = line.phrase(at, around) {
            return Some((hour, 0, 0, end));
        }
    }
    let half = if line.han(at) == "踏" { at + 1 } else { at };
    if line.han(half) == "半" {
        // 三点半小时 is no time.
        if line.phrase(half + 1, "小时").is_some() || line.phrase(half + 1, "个").is_some() {
            return None;
        }
        let (second, end) = seconds(line, half + 1).unwrap_or((0, half + 1));
        return Some((hour, 30, second, end));
    }
    // 九点差五分 is before nine, 九点过五分 after it.
    if let Some((minute, end)) = line.phrase(at, "差").and_then(|at| minutes(line, at)) {
        return Some((before(hour), 60 - minute, 0, end));
    }
    if let Some(found) = line.phrase(at, "过").and_then(|at| minutes(line, at)) {
        return Some((hour, found.0, 0, found.1));
    }
    for (quarter, minute) in [("一刻钟", 15), ("一刻", 15), ("三刻", 45)] {
        if let Some(end) = line.phrase(at, quarter) {
            return Some((hour, minute, 0, end));
        }
    }
    // 三点八十分 is no time.
    if number(line, at).is_some_and(|(n, end)| n >= 60 && line.han(end) == "分") {
        return None;
    }
    if let Some((minute, end)) = number(line, at).filter(|(n, end)| *n < 60 && (*end > at)) {
        if line.han(end) == "分" {
            let end = if line.han(end + 1) == "钟" { end + 2 } else { end + 1 };
            let (second, end) = seconds(line, end).unwrap_or((0, end));
            return Some((hour, minute, second, end));
        }
        // 三点零五, 三点十五, 9点20; 三点五 would be a decimal, 三点三个人 a count.
        let zero = line.is_han(at, "零〇");
        let two_digits = line.number(at).is_some_and(|(_, digits)| digits == 2);
        if zero || two_digits || (line.number(at).is_none() && minute >= 10 && !line.is_han(end, "个人次天年月元块"))
        {
            return Some((hour, minute, 0, end));
        }
        return None;
    }
    Some((hour, 0, 0, at))
}

/// 五分, 10分钟, 一刻: minutes from or to the hour.
fn minutes(line: &Line, i: usize) -> Option<(u32, usize)> {
    if let Some(end) = line.phrase(i, "一刻") {
        return Some((15, end));
    }
    let (n, end) = number(line, i).filter(|(n, _)| (1..60).contains(n))?;
    let end = line.phrase(end, "分钟").or_else(|| line.phrase(end, "分"))?;
    Some((n, end))
}

/// The hour before; 12 before 1, as on the dial.
fn before(hour: u32) -> u32 {
    match hour {
        0 => 23,
        1 => 12,
        hour => hour - 1,
    }
}

/// 差五分九点.
fn short_of(line: &Line, i: usize) -> Option<(u32, u32, u32, usize)> {
    let (minute, at) = minutes(line, line.phrase(i, "差")?)?;
    let (hour, 0, 0, end) = o_clock(line, at)? else { return None };
    Some((before(hour), 60 - minute, 0, end))
}

fn seconds(line: &Line, i: usize) -> Option<(u32, usize)> {
    let (n, end) = number(line, i).filter(|(n, _)| *n < 60)?;
    (line.han(end) == "秒").then_some((n, end + 1))
}

/// [part of the day] hour; in characters or 5:30.
fn clock(line: &Line, i: usize, after_day: bool) -> Option<Hit> {
    let (part, mut at) = part_of_day(line, i).map_or((None, i), |(part, end)| (Some(part), end));
    if part.is_some() && line.is_han(at, "的") {
        at += 1;
    }
    if part.is_some()
        && let Some(hit) = numeric::find(line, at).filter(|hit| hit.says.clock.is_some())
    {
        let clock =
            hit.says.clock.map(|clock| if clock.hour <= 12 { Clock { half: Half::Open, ..clock } } else { clock });
        return Some(Hit::new(Says { clock, part, ..hit.says }, hit.end));
    }
    if at == i && (line.is_tied(i) || (i > 0 && line.glued(i) && is_numeral(line, i - 1))) {
        return None;
    }
    let (hour, minute, second, end) = short_of(line, at).or_else(|| o_clock(line, at))?;
    let bare = part.is_none() && !after_day && end == at + number(line, at).map_or(1, |(_, end)| end - at) + 1;
    if bare {
        // 一点 is "a little" as often as one o'clock, and 三点建议 are three suggestions.
        let led = i > 0 && line.is_han(i - 1, "在于");
        let little = line.han(at) == "一" && !led;
        if little || line.one_of(end, POINTS).is_some() || (i > 0 && line.is_han(i - 1, "这那有第早晚快慢差多几"))
        {
            return None;
        }
    }
    let half = if hour > 12 || hour == 0 { Half::Whole } else { Half::Open };
    let number = |n: u32| i8::try_from(n).ok();
    let clock = Clock { hour: number(hour)?, minute: number(minute)?, second: number(second)?, half };
    Some(Hit::new(Says { part, ..Says::clock(clock) }, end))
}
