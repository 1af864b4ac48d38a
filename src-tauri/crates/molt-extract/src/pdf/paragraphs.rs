//! From the lines of a page to its paragraphs.

use molt_core::Block;
use molt_extract_client::Failure;

use super::Line;
use crate::{markdown::is_cjk, output::Output};

/// Characters. A paragraph that grew this long ends at its next sentence, at the latest at twice this length.
const LONG: usize = 1200;

/// Adds a page's lines as paragraphs.
pub fn push(lines: Vec<Line>, page: u32, output: &mut Output) -> Result<(), Failure> {
    let full = typical_length(&lines);
    let mut paragraph = String::new();
    let mut last: Option<Line> = None;
    for mut line in lines {
        let table = is_table_row(&line.text);
        // Wide gaps have done their duty as marks of columns.
        line.text = if table { squeezed(&line.text, " | ") } else { squeezed(&line.text, " ") };
        if let Some(last) = &last {
            if ends_before(&paragraph, last, &line, table, full) {
                output.push(block(std::mem::take(&mut paragraph), page))?;
            } else if table {
                paragraph.push('\n');
            } else {
                join(&mut paragraph, &line.text);
            }
        }
        paragraph.push_str(&line.text);
        last = Some(line);
    }
    output.push(block(paragraph, page))
}

fn block(text: String, page: u32) -> Block {
    Block { text, page: Some(page), headings: Vec::new(), line: None, is_heading: false }
}

/// Length that most full lines have: the upper quartile.
fn typical_length(lines: &[Line]) -> usize {
    let mut lengths: Vec<usize> = lines.iter().map(|line| width(&line.text)).collect();
    lengths.sort_unstable();
    lengths.get(lengths.len() * 3 / 4).copied().unwrap_or(0)
}

/// Chinese characters are as wide as two letters.
fn width(text: &str) -> usize {
    text.chars().map(|c| if is_cjk(c) { 2 } else { 1 }).sum()
}

fn ends_before(paragraph: &str, last: &Line, line: &Line, table: bool, full: usize) -> bool {
    let ended = last.text.trim_end().ends_with(['.', '!', '?', ':', '。', '！', '？', '：', '；', '”', '"']);
    let short = width(&last.text) * 10 < full * 7;
    let length = paragraph.chars().count();
    if table != last.text.contains(" | ") {
        return true;
    }
    if length > 2 * LONG || (length > LONG && (ended || table)) {
        return true;
    }
    // Rows of one table stay together.
    if table {
        return line.apart;
    }
    line.apart || (short && ended) || begins_item(&line.text) || (short && !begins_small(&line.text))
}

fn begins_small(text: &str) -> bool {
    text.chars().next().is_some_and(|c| c.is_lowercase() || is_cjk(c))
}

/// A bullet or a number like `1.`, `(2)`, `a)`, `三、`.
fn begins_item(text: &str) -> bool {
    let mut characters = text.chars();
    let Some(first) = characters.next() else { return false };
    if matches!(first, '•' | '◦' | '▪' | '‣' | '●' | '■' | '–')
        || (matches!(first, '-' | '*') && characters.clone().next() == Some(' '))
    {
        return true;
    }
    let body = text.trim_start_matches(['(', '（']);
    let label: String =
        body.chars().take_while(|c| c.is_ascii_digit() || "一二三四五六七八九十".contains(*c)).collect();
    let rest = body[label.len()..].chars().next();
    let numbered =
        !label.is_empty() && label.chars().count() <= 3 && matches!(rest, Some('.' | ')' | '）' | '、' | '．'));
    // `3.5` is a number.
    let decimal = rest == Some('.') && body[label.len() + 1..].starts_with(|c: char| c.is_ascii_digit());
    numbered && !decimal
}

/// Columns: at least two wide gaps, or a wide gap and digits.
fn is_table_row(text: &str) -> bool {
    let gaps = text.trim().split("  ").filter(|cell| !cell.trim().is_empty()).count().saturating_sub(1);
    gaps >= 2 || (gaps == 1 && text.chars().any(|c| c.is_ascii_digit()))
}

/// One space for each run of them; `wide` for runs of two and more.
fn squeezed(text: &str, wide: &str) -> String {
    let mut squeezed = String::with_capacity(text.len());
    let mut spaces = 0;
    for character in text.trim().chars() {
        if character.is_whitespace() {
            spaces += 1;
            continue;
        }
        match spaces {
            0 => {}
            1 => squeezed.push(' '),
            _ => squeezed.push_str(wide),
        }
        spaces = 0;
        // Many fonts have only this hyphen.
        squeezed.push(if character == '\u{ad}' { '-' } else { character });
    }
    squeezed
}

/// Prepares the end of a line for the next one: a hyphen at a line end joins, Chinese needs no space.
fn join(paragraph: &mut String, next: &str) {
    let mut end = paragraph.chars().rev();
    let (last, before) = (end.next(), end.next());
    let first = next.chars().next();
    let both_cjk = last.is_some_and(is_cjk) && first.is_some_and(is_cjk);
    let hyphen = matches!(last, Some('-' | '\u{2010}'));
    if hyphen && before.is_some_and(char::is_alphabetic) && first.is_some_and(char::is_lowercase) {
        paragraph.pop();
    } else if !hyphen && !both_cjk {
        paragraph.push(' ');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paragraphs(lines: &[&str]) -> Vec<String> {
        // A line that begins with `^` is set apart.
        let lines = lines
            .iter()
            .map(|line| Line { text: line.trim_start_matches('^').into(), apart: line.starts_with('^') })
            .collect();
        let mut output = Output::new("a");
        push(lines, 3, &mut output).unwrap();
        let blocks = output.into_blocks();
        assert!(blocks.iter().all(|block| block.page == Some(3)));
        blocks.into_iter().map(|block| block.text).collect()
    }

    #[test]
    fn lines_become_paragraphs() {
        assert_eq!(
            paragraphs(&[
                "Annual report",
                "The committee met on Wednesday and talked about the bud-",
                "get of the coming year, which is larger than the one of",
                "this year.",
                "A second paragraph begins here and goes on to the very",
                "end of the page.",
                "^Set apart by white space",
            ]),
            [
                "Annual report",
                "The committee met on Wednesday and talked about the budget of the coming year, which is larger than the one of this year.",
                "A second paragraph begins here and goes on to the very end of the page.",
                "Set apart by white space",
            ]
        );
    }

    #[test]
    fn chinese_lines_are_joined_without_a_space() {
        assert_eq!(
            paragraphs(&[
                "会议于星期三举行，讨论了明年的预算，与会者一致认为预算应当增加百分之十",
                "以满足各部门的需要。",
                "第二段从这里开始，内容与第一段没有关系，仅用于检查段落是否被正确分开"
            ]),
            [
                "会议于星期三举行，讨论了明年的预算，与会者一致认为预算应当增加百分之十以满足各部门的需要。",
                "第二段从这里开始，内容与第一段没有关系，仅用于检查段落是否被正确分开"
            ]
        );
    }

    #[test]
    fn lists_and_tables_keep_their_lines() {
        assert_eq!(
            paragraphs(&["• first point of the list", "• second point of the list", "1. third", "（二）第四"]),
            ["• first point of the list", "• second point of the list", "1. third", "（二）第四"]
        );
        assert_eq!(
            paragraphs(&["Name    Price", "Apple   1.20    kg", "Pear    2.40    kg", "and words after it"]),
            ["Name Price", "Apple | 1.20 | kg\nPear | 2.40 | kg", "and words after it"]
        );
        assert!(!begins_item("3.5 percent"));
        assert!(!begins_item("2026 was"));
    }

    #[test]
    fn no_paragraph_grows_without_end() {
        let line = "word ".repeat(12);
        let lines: Vec<&str> = std::iter::repeat_n(line.as_str(), 200).collect();
        assert!(paragraphs(&lines).iter().all(|text| text.chars().count() <= 2 * LONG + 100));
    }
}
