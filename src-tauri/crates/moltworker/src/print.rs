//! Writing to the terminal and to pipes.
//!
//! Titles, passages, answers and file names come from untrusted authors. Whatever a terminal would obey (escape sequences, other
//! control characters, marks that turn the reading direction) is taken out before it is printed, and escaped in JSON.

use std::{
    borrow::Cow,
    io::{self, IsTerminal, Write},
};

use molt_core::{Citation, Position};
use serde::Serialize;

use crate::{failure::Failure, words::Words};

/// Characters of a passage for people.
const EXCERPT: usize = 400;

/// How a command speaks: to a person in a language, or to a program in JSON.
#[derive(Debug, Clone, Copy)]
pub struct Printer {
    pub json: bool,
    pub words: Words,
}

impl Printer {
    /// One line for people.
    pub fn line(&self, text: impl AsRef<str>) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(clean(text.as_ref()).as_bytes())?;
        out.write_all(b"\n")?;
        out.flush()
    }

    /// A piece of a text that is still coming.
    pub fn piece(&self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(clean(text).as_bytes())?;
        out.flush()
    }

    /// One JSON value on a line of its own.
    pub fn value(&self, value: &impl Serialize) -> io::Result<()> {
        let mut text = escape_json(&serde_json::to_string(value).map_err(io::Error::other)?);
        text.push('\n');
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    /// A remark that is not the result.
    pub fn note(&self, text: impl AsRef<str>) {
        // Nobody may be listening there.
        let _ = writeln!(io::stderr().lock(), "{}", clean(text.as_ref()));
    }

    /// A failure, as a sentence or as `{"error":{…}}`, on the standard error.
    pub fn failure(&self, failure: &Failure) {
        if failure.is_closed_pipe() || matches!(failure, Failure::Said) {
            return;
        }
        if self.json {
            let object = serde_json::json!({ "error": failure.to_json() });
            let _ = writeln!(io::stderr().lock(), "{}", escape_json(&object.to_string()));
            return;
        }
        self.note(self.words.error(failure.message()));
        if let Some(hint) = failure.hint() {
            self.note(hint);
        }
    }

    /// Says over and over how far something is; only on a terminal.
    pub fn progress(&self, text: &str) {
        let mut err = io::stderr().lock();
        if err.is_terminal() && !self.json {
            // Back to the beginning of the line, and clear what was there.
            let _ = write!(err, "\r\u{1b}[2K{}", clean(text));
            let _ = err.flush();
        }
    }

    /// Numbered sources under an answer.
    pub fn citations(&self, citations: &[&Citation]) -> io::Result<()> {
        if citations.is_empty() {
            return Ok(());
        }
        self.line("")?;
        self.line(self.words.sources())?;
        for citation in citations {
            self.source(citation.number, &citation.document_name, &citation.position)?;
        }
        Ok(())
    }

    /// The number and the place of a passage.
    fn source(&self, number: u32, document: &str, position: &Position) -> io::Result<()> {
        self.line(format!("[{number}] {}{}", one_line(document), place(position, self.words)))
    }

    /// A passage with its beginning, indented.
    pub fn passage(&self, number: u32, document: &str, position: &Position, text: &str) -> io::Result<()> {
        self.source(number, document, position)?;
        let mut excerpt: String = text.chars().take(EXCERPT).collect();
        if excerpt.len() < text.len() {
            excerpt.push('…');
        }
        let lines = excerpt.lines().filter(|line| !line.trim().is_empty());
        let lines: Vec<String> = lines.map(|line| format!("    {}", line.trim_end())).collect();
        self.line(lines.join("\n"))
    }
}

/// Where in a document, with a space in front; empty when nothing is known.
fn place(position: &Position, words: Words) -> String {
    if let Some(page) = position.page {
        return format!(" {}", words.page(page));
    }
    let headings =
        if position.headings.is_empty() { String::new() } else { format!(" › {}", position.headings.join(" › ")) };
    let line = position.line.map(|line| format!(" {}", words.line(line))).unwrap_or_default();
    one_line(&format!("{headings}{line}")).into_owned()
}

/// Rows as aligned columns; the last column is left as long as it is.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| one_line(&clean(cell)).into_owned()).collect()).collect();
    let widths: Vec<usize> = (0..columns)
        .map(|column| rows.iter().filter_map(|row| row.get(column)).map(|cell| width(cell)).max().unwrap_or_default())
        .collect();
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            line.push_str(cell);
            if column + 1 < row.len() {
                line.extend(std::iter::repeat_n(' ', widths[column] - width(cell) + 2));
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.pop();
    text
}

/// Bytes in a size that a person can read.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if value < 10.0 { format!("{value:.1} {}", UNITS[unit]) } else { format!("{value:.0} {}", UNITS[unit]) }
}

/// The beginning of an id, enough to tell a few thousand apart.
pub fn short(id: &str) -> &str {
    id.char_indices().nth(8).map_or(id, |(end, _)| &id[..end])
}

/// Takes out what a terminal would obey; line breaks and tabs stay.
pub fn clean(text: &str) -> Cow<'_, str> {
    if text.chars().any(is_dangerous) {
        text.chars().filter(|c| !is_dangerous(*c)).collect::<String>().into()
    } else {
        text.into()
    }
}

/// With line breaks and tabs as spaces, so that a name cannot look like several lines.
pub fn one_line(text: &str) -> Cow<'_, str> {
    let breaks = |c: char| matches!(c, '\n' | '\t' | '\r' | '\u{2028}' | '\u{2029}');
    if text.contains(breaks) { text.replace(breaks, " ").into() } else { text.into() }
}

fn is_dangerous(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t'))
        // Embeddings, overrides and isolates of the reading direction.
        || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200E}' | '\u{200F}' | '\u{061C}')
}

/// JSON leaves the upper control characters as they are, and some terminals obey them. Outside of strings JSON has none.
fn escape_json(text: &str) -> String {
    if !text.chars().any(is_dangerous) {
        return text.to_owned();
    }
    let escape = |c: char| if is_dangerous(c) { format!("\\u{:04x}", c as u32) } else { c.to_string() };
    text.chars().map(escape).collect()
}

/// Columns in a terminal: East Asian characters and emoji take two, combining marks none.
fn width(text: &str) -> usize {
    text.chars()
        .map(|c| match c as u32 {
            0x0300..=0x036F | 0x200B..=0x200D | 0xFE00..=0xFE0F => 0,
            0x1100..=0x115F | 0x2E80..=0x303E | 0x3041..=0xA4CF | 0xAC00..=0xD7A3 => 2,
            0xF900..=0xFAFF | 0xFE30..=0xFE6F | 0xFF00..=0xFF60 | 0xFFE0..=0xFFE6 => 2,
            0x1F300..=0x1F64F | 0x1F900..=0x1F9FF | 0x20000..=0x3FFFD => 2,
            _ => 1,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        assert_eq!(clean("plain 中文\tand\nmore"), "plain 中文\tand\nmore");
        let evil = "a\u{1b}]0;title\u{7}b\u{1b}[2Jc\u{9b}31md\re\u{8}f\u{7f}\u{0}\u{202e}gnp.exe\u{2066}";
        assert_eq!(clean(evil), "a]0;titleb[2Jc31mdefgnp.exe");
    }

    #[test]
    fn json_stays_json_and_is_harmless() {
        let text = "a\u{1b}[2J\u{9b}31m\u{7f}\u{202e}中\u{2028}";
        let written = escape_json(&serde_json::to_string(text).unwrap());
        assert!(!written.chars().any(is_dangerous), "{written}");
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
    }

    #[test]
    fn columns_line_up_with_wide_characters() {
        let rows =
            [vec!["a".to_owned(), "中文".into(), "x".into()], vec!["bbb".into(), "y".into(), "a\nb\u{1b}[1m".into()]];
        assert_eq!(table(&rows), "a    中文  x\nbbb  y     a b[1m");
        assert_eq!(table(&[]), "");
    }

    #[test]
    fn sizes_are_short() {
        let expected = [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (12_345, "12 kB"),
            (9_800_000, "9.8 MB"),
            (999_999, "1.0 MB"),
        ];
        for (bytes, text) in expected {
            assert_eq!(size(bytes), text);
        }
        assert_eq!(size(u64::MAX), "18446744 TB");
    }

    #[test]
    fn ids_are_cut_at_characters() {
        assert_eq!(short("0123456789"), "01234567");
        assert_eq!(short("短"), "短");
    }

    #[test]
    fn a_place_is_a_page_or_headings_and_a_line() {
        let words = Words::new(molt_core::Language::En);
        let page = Position { page: Some(4), headings: vec!["A".into()], ..Position::default() };
        assert_eq!(place(&page, words), " p. 4");
        let line = Position { headings: vec!["A".into(), "B\nC".into()], line: Some(7), ..Position::default() };
        assert_eq!(place(&line, words), " › A › B C line 7");
        assert_eq!(place(&Position::default(), words), "");
    }
}
