//! How long a Chinese repetition lasts: 共5次, 连续7天, 持续两周, 直到12月5日, 从12月1日起.

use super::{
    chinese::number,
    says::{Hit, Says},
    token::Line,
};
use crate::Frequency;

const COUNT: &[(&str, ())] =
    &[("一共", ()), ("总共", ()), ("共计", ()), ("重复", ()), ("连续", ()), ("共", ()), ("连", ())];
const LAST: &[(&str, ())] = &[("连续", ()), ("持续", ()), ("为期", ()), ("坚持", ()), ("共", ())];
const UNITS: &[(&str, Frequency)] = &[
    ("个星期", Frequency::Weekly),
    ("星期", Frequency::Weekly),
    ("个礼拜", Frequency::Weekly),
    ("礼拜", Frequency::Weekly),
    ("周", Frequency::Weekly),
    ("个月", Frequency::Monthly),
    ("天", Frequency::Daily),
    ("日", Frequency::Daily),
    ("年", Frequency::Yearly),
];

/// 共5次, 重复三次; 连续7天, 持续两周, 为期三个月.
pub(super) fn find(line: &Line, i: usize) -> Option<Hit> {
    if let Some((_, at)) = line.one_of(i, COUNT)
        && let Some((n, end)) = number(line, at).filter(|(n, _)| *n > 0)
        && line.han(end) == "次"
    {
        return Some(Hit::new(Says { count: Some(n), ..Says::default() }, end + 1));
    }
    let (_, at) = line.one_of(i, LAST)?;
    let (n, end) = number(line, at).filter(|(n, _)| (1..=1_000).contains(n))?;
    let (unit, end) = line.one_of(end, UNITS)?;
    Some(Hit::new(Says { lasting: Some((u16::try_from(n).ok()?, unit)), ..Says::default() }, end))
}

/// A day from `start` to `end` with the words that make it a last day: 直到…, 到…为止, 截至…. Where it then begins and ends.
pub(super) fn until_zh(line: &Line, start: usize, end: usize) -> Option<(usize, usize)> {
    const BEFORE: [&str; 6] = ["一直到", "截止到", "直到", "截至", "到", "至"];
    let found = BEFORE.iter().find_map(|words| {
        let at = start.checked_sub(words.chars().count())?;
        (line.phrase(at, words) == Some(start)).then_some(at)
    })?;
    Some((found, line.phrase(end, "为止").or_else(|| line.phrase(end, "止")).unwrap_or(end)))
}

/// The same for a first day: 从…起, 从…开始, …起.
pub(super) fn from_zh(line: &Line, start: usize, end: usize) -> Option<(usize, usize)> {
    let led = start > 0 && line.is_han(start - 1, "从自");
    let after =
        line.phrase(end, "开始").or_else(|| line.phrase(end, "起").filter(|at| !line.is_han(*at, "床来飞草立诉点")));
    match (led, after) {
        (true, after) => Some((start - 1, after.unwrap_or(end))),
        (false, Some(after)) => Some((start, after)),
        (false, None) => None,
    }
}
