//! Chinese days: 明天, 大后天, 下周三, 周末, 11月25日, 下个月15号, 25号, 月底.

use jiff::civil::Weekday;

use super::{
    calendar::{
        coming_day, coming_weekday, date, day_in_month, end_of_month, nth_in_month, nth_working_day, plus_days,
        this_weekday, weekday_in,
    },
    chinese::{is_numeral, number, year},
    chinese_repeat::working_day,
    chinese_span::{length, minutes},
    numeric::date_hit,
    says::{Hit, Part, Says},
    token::Line,
};

/// Days from today, longest first.
const NAMED: &[(&str, i64)] = &[
    ("大大后天", 4),
    ("大后天", 3),
    ("大后日", 3),
    ("后天", 2),
    ("后日", 2),
    ("明天", 1),
    ("明日", 1),
    ("明儿", 1),
    ("听日", 1),
    ("今天", 0),
    ("今日", 0),
    ("今儿", 0),
    ("本日", 0),
];
const NAMED_PARTS: &[(&str, (i64, Part))] = &[
    ("今晚", (0, Part::Evening)),
    ("今夜", (0, Part::Evening)),
    ("今早", (0, Part::Morning)),
    ("今晨", (0, Part::Morning)),
    ("今朝", (0, Part::Morning)),
    ("明晚", (1, Part::Evening)),
    ("明早", (1, Part::Morning)),
    ("明晨", (1, Part::Morning)),
    ("听晚", (1, Part::Evening)),
    ("听朝", (1, Part::Morning)),
];
/// Names that begin like a day.
const NAMES: &[(&str, ())] = &[("今日头条", ()), ("明日之", ()), ("明天系", ()), ("后天性", ())];
const WEEK: &[(&str, ())] = &[("星期", ()), ("礼拜", ()), ("周", ())];
const WEEK_PREFIX: &[(&str, i64)] = &[
    ("下下个", 2),
    ("下下", 2),
    ("下个", 1),
    ("下", 1),
    ("这一", 0),
    ("这个", 0),
    ("这", 0),
    ("本", 0),
    ("今个", 0),
    ("今", 0),
];
const MONTH_PREFIX: &[(&str, i64)] =
    &[("下下个月", 2), ("下个月", 1), ("下月", 1), ("这个月", 0), ("本月", 0), ("当月", 0), ("这月", 0)];
const YEAR_PREFIX: &[(&str, u32)] = &[("今年", 0), ("本年", 0), ("明年", 1), ("后年", 2)];

pub(super) fn find(line: &Line, i: usize) -> Option<Hit> {
    if is_lunar(line, i) {
        return Some(Hit::new(Says::unclear(), i + 1));
    }
    // Nobody counts so far; what follows is not meant without it.
    if let Some(end) = line.phrase(i, "下下下") {
        return Some(Hit::new(Says::unclear(), (end..line.len()).find(|k| line.han(*k) != "下").unwrap_or(line.len())));
    }
    let hits = [
        past(line, i),
        named(line, i),
        week(line, i),
        month_day(line, i),
        day_of_month(line, i),
        nth_weekday(line, i),
        end_of(line, i),
    ];
    let best = hits.into_iter().flatten().reduce(|best, hit| if hit.end > best.end { hit } else { best })?;
    Some(Hit { end: with_deadline(line, best.end), ..best })
}

/// 前 and 之前 after a day or a time ("by then") belong to it; so does 左右.
pub(super) fn with_deadline(line: &Line, end: usize) -> usize {
    const AFTER: &[(&str, ())] = &[("之前", ()), ("以前", ()), ("前后", ()), ("左右", ()), ("前", ())];
    match line.one_of(end, AFTER) {
        // 前往, 前台, 前端…: 前 begins the next word.
        Some((_, after)) if after == end + 1 && begins_word(line, after) => end,
        // 周五前三天 is three days before it.
        Some((_, after)) if minutes(line, after).is_some() || length(line, after).is_some() => end,
        Some((_, after)) => after,
        None => end,
    }
}

/// With 前 before it, what stands here is a word: 前往, 前台, 前端, 前提; not in 前提交, 前进货, 前去.
fn begins_word(line: &Line, i: usize) -> bool {
    match line.han(i) {
        "提" => !line.is_han(i + 1, "交出醒供报取货车款案问早"),
        "进" => !line.is_han(i + 1, "货场站入行校门城组去来群"),
        _ => line.is_han(i, "往台端面方辈任"),
    }
}

/// Past days: 昨天, 上周三, 去年. What stands together with them is past as well.
fn past(line: &Line, i: usize) -> Option<Hit> {
    const PAST: &[(&str, ())] = &[
        ("大前天", ()),
        ("前天", ()),
        ("前日", ()),
        ("前晚", ()),
        ("昨天", ()),
        ("昨日", ()),
        ("昨晚", ()),
        ("昨夜", ()),
        ("昨早", ()),
        ("上个月", ()),
        ("上月", ()),
        ("去年", ()),
        ("前年", ()),
    ];
    if let Some((_, end)) = line.one_of(i, PAST) {
        return Some(Hit::new(Says::unclear(), end));
    }
    let at = line.phrase(i, "上上").or_else(|| line.phrase(i, "上"))?;
    let end = week_word(line, if line.han(at) == "个" { at + 1 } else { at })?;
    let end = week_word(line, end).unwrap_or(end);
    Some(Hit::new(
        Says::unclear(),
        if weekday(line.han(end)).is_some() || line.han(end) == "末" { end + 1 } else { end },
    ))
}

fn named(line: &Line, i: usize) -> Option<Hit> {
    if line.one_of(i, NAMES).is_some() || (i > 0 && line.glued(i) && line.is_han(i - 1, "以之然前最随光聪")) {
        return None;
    }
    if let Some(((n, part), end)) = line.one_of(i, NAMED_PARTS) {
        let end = if line.han(end) == "上" { end + 1 } else { end };
        return Some(Hit::new(Says::day(plus_days(line.today, n)?).with_part(part), end));
    }
    let (n, end) = line.one_of(i, NAMED)?;
    // 时至今日.
    if n == 0 && i > 0 && line.is_han(i - 1, "至") {
        return None;
    }
    Some(Hit::new(Says::day(plus_days(line.today, n)?), end))
}

/// The weekday that a character names.
pub(super) fn weekday(c: &str) -> Option<Weekday> {
    Some(match c {
        "一" => Weekday::Monday,
        "二" => Weekday::Tuesday,
        "三" => Weekday::Wednesday,
        "四" => Weekday::Thursday,
        "五" => Weekday::Friday,
        "六" => Weekday::Saturday,
        "日" | "天" => Weekday::Sunday,
        _ => return None,
    })
}

/// 周, 星期 or 礼拜 at `i`; the token after it.
pub(super) fn week_word(line: &Line, i: usize) -> Option<usize> {
    line.one_of(i, WEEK).map(|(_, end)| end)
}

/// 周三, 下周三, 下周的周三, 这个星期五, 周末.
fn week(line: &Line, i: usize) -> Option<Hit> {
    let (mut weeks, mut at) = (None, i);
    if let Some((n, end)) = line.one_of(i, WEEK_PREFIX) {
        (weeks, at) = (Some(n), end);
    }
    // 上周三 has passed; in 三周一次, 每周三 and 两周后 the 周 counts.
    // In 周一周二 it does not.
    let listed = i > 1 && line.is_han(i - 2, "周期拜");
    if at == i && i > 0 && (line.is_han(i - 1, "上每隔个近前多数下") || (is_numeral(line, i - 1) && !listed)) {
        return None;
    }
    if i > 0 && line.is_han(i - 1, "上每") {
        return None;
    }
    // 双周五 is every other Friday, or the next one of an even week.
    if at == i && i > 0 && line.is_han(i - 1, "双单") && week_word(line, at).is_some() {
        return Some(Hit::new(Says::unclear(), i + 1));
    }
    // 黑色星期五, 复活节星期一, 圣周四.
    if at == i && i > 0 && line.glued(i) && line.is_han(i - 1, "色节圣灰默洁良") && week_word(line, at).is_some()
    {
        return Some(Hit::new(Says::unclear(), i + 1));
    }
    let mut end = week_word(line, at)?;
    // 下周的周三, 下周周三.
    if weeks.is_some() {
        let of = if line.han(end) == "的" { end + 1 } else { end };
        if let Some(again) =
            week_word(line, of).filter(|again| weekday(line.han(*again)).is_some() || line.han(*again) == "末")
        {
            end = again;
        }
    }
    let day = match line.han(end) {
        "末" => weekday_in(line.today, weeks.unwrap_or(0), Weekday::Saturday).filter(|day| *day >= line.today)?,
        c => match (weekday(c), weeks) {
            // 周一次, 周三个: a count.
            (Some(_), _) if line.is_han(end + 1, "次遍个年岁") => return None,
            (Some(weekday), None) => {
                if let Some(end) = range(line, end + 1) {
                    return Some(Hit::new(Says::unclear(), end));
                }
                coming_weekday(line.today, weekday)?;
                return Some(Hit::new(Says { weekday: Some(weekday), ..Says::default() }, end + 1));
            }
            (Some(_), Some(_)) if range(line, end + 1).is_some() => {
                return Some(Hit::new(Says::unclear(), range(line, end + 1)?));
            }
            (Some(weekday), Some(0)) => this_weekday(line.today, weekday)?,
            (Some(weekday), Some(weeks)) => weekday_in(line.today, weeks, weekday)?,
            // 下周 alone is its Monday.
            (None, Some(weeks)) if weeks > 0 && !is_numeral(line, end) => {
                return Some(Hit::new(Says::day(weekday_in(line.today, weeks, Weekday::Monday)?), end));
            }
            _ => return None,
        },
    };
    Some(Hit::new(Says::day(day), end + 1))
}

/// 到周五, 至周五: a stretch of days, not a day. The token after it.
fn range(line: &Line, i: usize) -> Option<usize> {
    if !(line.is_han(i, "至到") || line.mark(i, "-~–")) {
        return None;
    }
    let at = week_word(line, i + 1).unwrap_or(i + 1);
    weekday(line.han(at)).map(|_| at + 1)
}

/// A calendar that is not ours.
fn is_lunar(line: &Line, i: usize) -> bool {
    i >= 2 && (line.phrase(i - 2, "农历").or(line.phrase(i - 2, "阴历")).or(line.phrase(i - 2, "旧历")) == Some(i))
}

fn day_suffix(line: &Line, i: usize) -> bool {
    line.is_han(i, "日号")
}

/// 2026年11月25日, 11月25号, 明年3月1日, 11月25.
fn month_day(line: &Line, i: usize) -> Option<Hit> {
    if line.is_tied(i) || (i > 0 && line.glued(i) && (is_numeral(line, i - 1) || line.han(i - 1) == "年")) {
        return None;
    }
    let (mut said, mut at) = (None, i);
    if let Some((n, end)) = line.one_of(i, YEAR_PREFIX) {
        (said, at) = (Some(u32::try_from(line.today.year()).ok()? + n), end);
    } else if let Some((n, end)) = year(line, i) {
        (said, at) = (Some(n), end);
    }
    if said.is_some() && (line.mark(at, ",，") || line.han(at) == "的") {
        at += 1;
    }
    let (m, end) = number(line, at).filter(|(m, _)| (1..=12).contains(m))?;
    let mut at = line.phrase(end, "月份").or_else(|| line.phrase(end, "月"))?;
    if line.han(at) == "的" {
        at += 1;
    }
    let (d, end) = number(line, at).filter(|(d, _)| (1..=31).contains(d))?;
    let end = if day_suffix(line, end) {
        end + 1
    } else {
        // 11月25 alone; 3月15个 is a count, 3月8点 a time.
        let written = line.number(at).map_or(d > 10, |(_, digits)| digits <= 2);
        let bare = written && line.ends(end) && !line.mark(end, ":");
        if !bare {
            return None;
        }
        end
    };
    Some(date_hit(date(line.today, said, m, d), end))
}

/// 15号, 下个月15号, 本月30日.
fn day_of_month(line: &Line, i: usize) -> Option<Hit> {
    if line.is_tied(i) || (i > 0 && line.glued(i) && is_numeral(line, i - 1)) {
        return None;
    }
    let prefix = line.one_of(i, MONTH_PREFIX);
    let at = prefix.map_or(i, |(_, end)| if line.han(end) == "的" { end + 1 } else { end });
    let (d, end) = number(line, at).filter(|(d, _)| (1..=31).contains(d))?;
    if !day_suffix(line, end) {
        return None;
    }
    let digits = line.number(at).is_some();
    // 3号线, 25号楼, 三日内, 15日报: not a day of the month. 三日 in characters without a month is as often three days.
    let other = line.is_han(end + 1, "内间游报元线楼门店院机车码房桌柜厅馆字文令球选位库井坑台铺仓元子本期");
    let counted = !digits && line.han(end) == "日" && prefix.is_none() && d < 10;
    if other || counted {
        return None;
    }
    let day = match prefix {
        Some((months, _)) => day_in_month(line.today, months, d).filter(|day| *day >= line.today),
        // The month before it was not understood.
        None if i > 0 && line.glued(i) && line.is_han(i - 1, "月年") => None,
        None => coming_day(line.today, d),
    };
    Some(date_hit(day, end + 1))
}

/// 十二月的第一个周五, 下个月最后一个星期一.
fn nth_weekday(line: &Line, i: usize) -> Option<Hit> {
    if line.is_tied(i) || (i > 0 && line.glued(i) && is_numeral(line, i - 1)) {
        return None;
    }
    let (first, at) = match line.one_of(i, MONTH_PREFIX) {
        Some((months, end)) => (day_in_month(line.today, months, 1)?, end),
        None => {
            let (m, end) = number(line, i).filter(|(m, _)| (1..=12).contains(m))?;
            (
                date(line.today.first_of_month(), None, m, 1)?,
                line.phrase(end, "月份").or_else(|| line.phrase(end, "月"))?,
            )
        }
    };
    let at = if line.han(at) == "的" { at + 1 } else { at };
    if let Some((n, end)) = working_day(line, at) {
        return Some(date_hit(nth_working_day(first, n).filter(|day| *day >= line.today), end));
    }
    let (n, at) = match line.phrase(at, "最后一个") {
        Some(end) => (-1, end),
        None => {
            let (n, end) = number(line, line.phrase(at, "第")?).filter(|(n, _)| (1..=5).contains(n))?;
            (i8::try_from(n).ok()?, line.phrase(end, "个")?)
        }
    };
    let at = week_word(line, at)?;
    let day = nth_in_month(first, n, weekday(line.han(at))?);
    Some(date_hit(day.filter(|day| *day >= line.today), at + 1))
}

/// 月底, 下月底, 这个月底, 3月底, 年底; 下个月 is its first day.
fn end_of(line: &Line, i: usize) -> Option<Hit> {
    if i > 0 && line.is_han(i - 1, "上每") {
        return None;
    }
    let hit = |day, end| Some(Hit::new(Says::day(day), end));
    let last = |at: usize| line.is_han(at, "底末").then_some(at + 1).or_else(|| line.phrase(at, "最后一天"));
    if let Some((months, at)) = line.one_of(i, MONTH_PREFIX) {
        let at = if line.han(at) == "的" { at + 1 } else { at };
        if let Some(end) = last(at) {
            return hit(end_of_month(line.today, months)?, end);
        }
        let first = months > 0 && !is_numeral(line, at) && !line.is_han(at, "初中上下");
        return if first { hit(day_in_month(line.today, months, 1)?, at) } else { None };
    }
    if line.han(i) == "月" && last(i + 1).is_some() && (i == 0 || !is_numeral(line, i - 1)) {
        return hit(end_of_month(line.today, 0)?, last(i + 1)?);
    }
    if line.han(i) == "年" && line.han(i + 1) == "底" && (i == 0 || !is_numeral(line, i - 1)) {
        return hit(line.today.last_of_year(), i + 2);
    }
    let said = match line.one_of(i, YEAR_PREFIX) {
        Some((years, at)) => Some((line.today.year().checked_add(i16::try_from(years).ok()?)?, at)),
        None => year(line, i).and_then(|(year, at)| Some((i16::try_from(year).ok()?, at))).filter(|_| !line.is_tied(i)),
    };
    if let Some((year, at)) = said {
        // 明年底, 明年年底, 明年1月底; 明年三月 is its first day.
        if let Some(end) = line.phrase(at, "年底").or_else(|| line.phrase(at, "底")) {
            return hit(jiff::civil::Date::new(year, 12, 31).ok()?, end);
        }
        let (m, end) = number(line, at).filter(|(m, _)| (1..=12).contains(m))?;
        let first = jiff::civil::Date::new(year, i8::try_from(m).ok()?, 1).ok()?;
        let end = line.phrase(end, "月份").or_else(|| line.phrase(end, "月"))?;
        if let Some(end) = last(end) {
            return Some(date_hit(Some(first.last_of_month()).filter(|day| *day >= line.today), end));
        }
        let whole = !is_numeral(line, end) && !line.is_han(end, "的初中上下份第倒最首");
        return (whole && first >= line.today).then(|| Hit::new(Says::day(first), end));
    }
    let (m, end) = number(line, i).filter(|(m, _)| (1..=12).contains(m) && !line.is_tied(i))?;
    let end = line.phrase(end, "月").and_then(last)?;
    hit(date(line.today.first_of_month(), None, m, 1)?.last_of_month(), end)
}
