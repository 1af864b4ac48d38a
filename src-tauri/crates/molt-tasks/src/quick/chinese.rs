//! Chinese: numerals and the order in which pieces are tried.

use super::{chinese_day, chinese_limit, chinese_repeat, chinese_span, chinese_time, says::Hit, token::Line};

/// The longest Chinese piece at `i`. `after_day` is true directly after a piece that named a day.
pub(super) fn find(line: &Line, i: usize, after_day: bool) -> Option<Hit> {
    let hits = [
        chinese_repeat::find(line, i),
        chinese_limit::find(line, i),
        chinese_span::find(line, i),
        chinese_day::find(line, i),
        chinese_time::find(line, i, after_day),
    ];
    hits.into_iter().flatten().reduce(|best, hit| if hit.end > best.end { hit } else { best })
}

fn digit(c: &str) -> Option<u32> {
    Some(match c {
        "零" | "〇" => 0,
        "一" => 1,
        "二" | "两" => 2,
        "三" => 3,
        "四" => 4,
        "五" => 5,
        "六" => 6,
        "七" => 7,
        "八" => 8,
        "九" => 9,
        _ => return None,
    })
}

/// True for a character that a Chinese number is made of.
pub(super) fn is_numeral(line: &Line, i: usize) -> bool {
    line.is_han(i, "零〇一二两三四五六七八九十百廿卅几半") || line.number(i).is_some()
}

/// A number below 1,000 in digits or characters: 15, 十五, 二十, 廿六, 三百六十五.
pub(super) fn number(line: &Line, i: usize) -> Option<(u32, usize)> {
    if let Some((n, _)) = line.number(i) {
        return Some((n, i + 1));
    }
    let (mut sum, mut pending, mut end) = (0, None, i);
    loop {
        let c = line.han(end);
        if let Some(n) = digit(c) {
            if pending.is_some_and(|p| p != 0) {
                return None;
            }
            pending = Some(n);
        } else {
            match c {
                "十" => sum += 10 * pending.take().filter(|n| *n > 0).unwrap_or(1),
                "百" => sum += 100 * pending.take().filter(|n| *n > 0)?,
                "廿" => sum += 20,
                "卅" => sum += 30,
                _ => break,
            }
        }
        end += 1;
    }
    (end > i).then_some((sum + pending.unwrap_or(0), end))
}

/// A year of four digits: 2026 or 二零二六, before 年.
pub(super) fn year(line: &Line, i: usize) -> Option<(u32, usize)> {
    let (year, end) = match line.number(i) {
        Some((n, 4)) => (n, i + 1),
        Some(_) => return None,
        None => {
            let digits = (i..i + 4).map(|k| digit(line.han(k))).collect::<Option<Vec<_>>>()?;
            (digits.iter().fold(0, |n, d| 10 * n + d), i + 4)
        }
    };
    (line.han(end) == "年" && (1900..3000).contains(&year)).then_some((year, end + 1))
}
