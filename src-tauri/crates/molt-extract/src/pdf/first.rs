//! The first reader: `pdf-extract`. It interprets the pages; lines and words are made here from where it draws each character.

use std::{
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Instant,
};

use pdf_extract::{
    Document, LoadOptions, MediaBox, Object, OutputDev, OutputError, Transform, output_doc, output_doc_page,
};
use unicode_normalization::UnicodeNormalization;

use super::{Line, MOST_PAGES, Page, Reading, Refusal, annotations, cmaps, direction, table};
use crate::markdown::is_cjk;

/// Each page read by itself costs a walk through the whole page tree, so a file in which page after page fails goes to the other reader.
const MOST_SINGLE_PAGES: usize = 500;

// Distances as parts of the font size.
/// A gap between two strings this wide is a space between words.
const WORD_GAP: f64 = 0.15;
/// Chinese characters stand apart by nature, more so in justified lines.
const CJK_WORD_GAP: f64 = 0.6;
/// A gap this wide is one between columns or table cells.
const COLUMN_GAP: f64 = 1.5;
/// A baseline this far away begins another line; index figures stay closer.
const LINE_STEP: f64 = 0.5;
/// A baseline this far below is set apart.
const PARAGRAPH_STEP: f64 = 1.8;
/// The same string this near is the shadow that some programs draw for bold type.
const SHADOW: f64 = 0.1;

pub fn read(bytes: &[u8], password: Option<&str>, deadline: Instant) -> Result<Reading, Refusal> {
    let mut document = catch_unwind(AssertUnwindSafe(|| open(bytes, password))).unwrap_or(Err(Refusal::Damaged))?;
    // Where this fails, the other reader has its turn as before.
    let _ = catch_unwind(AssertUnwindSafe(|| cmaps::embed(&mut document)));
    let count = catch_unwind(AssertUnwindSafe(|| document.get_pages().len())).map_err(|_| Refusal::Damaged)?;
    if count > MOST_PAGES {
        return Err(Refusal::TooManyPages);
    }
    let mut collector = Collector { pages: vec![None; count], current: None, deadline };
    let mut next = 1;
    let mut alone = 0;
    while next <= count && Instant::now() < deadline {
        // All pages in one go, as long as none fails; after that one by one.
        let finished = catch_unwind(AssertUnwindSafe(|| {
            if next == 1 {
                output_doc(&document, &mut collector)
            } else {
                output_doc_page(&document, &mut collector, next as u32)
            }
        }));
        let reached = collector.break_off();
        let failed = !matches!(finished, Ok(Ok(())));
        if next == 1 && !failed {
            break;
        }
        next = reached.unwrap_or(next).max(next) + 1;
        alone += usize::from(failed);
        if alone > MOST_SINGLE_PAGES {
            break;
        }
    }
    let title = catch_unwind(AssertUnwindSafe(|| title(&document))).ok().flatten();
    let mut pages = collector.pages;
    let _ = catch_unwind(AssertUnwindSafe(|| mark_cut_pages(&document, &mut pages)));
    // Pages without notes and forms are as good as before when this fails.
    let _ = catch_unwind(AssertUnwindSafe(|| add_annotations(&document, &mut pages, deadline)));
    Ok(Reading { pages, title })
}

/// An encrypted file opens with the empty password or the given one.
fn open(bytes: &[u8], password: Option<&str>) -> Result<Document, Refusal> {
    let document = match Document::load_mem(bytes) {
        Ok(document) => document,
        Err(_) => {
            let mended = table::rebuilt(bytes).ok_or(Refusal::Damaged)?;
            Document::load_mem(&mended).map_err(|_| Refusal::Damaged)?
        }
    };
    if !document.is_encrypted() {
        return Ok(document);
    }
    let options = LoadOptions::with_password(password.ok_or(Refusal::Password)?);
    match Document::load_mem_with_options(bytes, options) {
        Ok(document) if !document.is_encrypted() => Ok(document),
        _ => Err(Refusal::Password),
    }
}

/// A page whose drawing instructions are not in the file was cut off; it is not an empty one.
fn mark_cut_pages(document: &Document, pages: &mut [Option<Page>]) {
    for ((_, id), page) in document.get_pages().into_iter().zip(pages) {
        let Some(page) = page else { continue };
        let is_whole = document.get_dictionary(id).is_ok()
            && document.get_page_contents(id).into_iter().all(|contents| document.get_object(contents).is_ok());
        page.broken |= !is_whole;
    }
}

/// Notes and form fields, which the library does not draw.
fn add_annotations(document: &Document, pages: &mut [Option<Page>], deadline: Instant) {
    for ((_, id), page) in document.get_pages().into_iter().zip(pages) {
        if Instant::now() > deadline {
            return;
        }
        if let Some(page) = page {
            page.lines.extend(annotations::texts(document, id).into_iter().map(|text| Line { text, apart: true }));
        }
    }
}

fn title(document: &Document) -> Option<String> {
    let info = match document.trailer.get(b"Info").ok()? {
        Object::Reference(id) => document.get_dictionary(*id).ok()?,
        Object::Dictionary(info) => info,
        _ => return None,
    };
    let raw = match info.get(b"Title").ok()? {
        Object::Reference(id) => document.get_object(*id).ok()?.as_str().ok()?,
        title => title.as_str().ok()?,
    };
    useful_title(&annotations::text_string(raw)?)
}

/// Programs put their own names and file names there.
fn useful_title(text: &str) -> Option<String> {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    let text = text.strip_prefix("Microsoft Word - ").unwrap_or(text).trim();
    let lower = text.to_lowercase();
    let file_name = [".doc", ".docx", ".dvi", ".tex", ".indd", ".qxd", ".pdf", ".ppt", ".pptx", ".xls", ".xlsx"]
        .iter()
        .any(|end| lower.ends_with(end));
    let useless = text.is_empty()
        || text.chars().count() > 300
        || file_name
        || lower.starts_with("untitled")
        || text.contains(char::is_control);
    (!useless).then(|| text.to_owned())
}

/// Receives the drawn characters of page after page.
struct Collector {
    pages: Vec<Option<Page>>,
    current: Option<(usize, Lines)>,
    deadline: Instant,
}

impl Collector {
    /// Keeps what was read of a page that did not end. Returns its number.
    fn break_off(&mut self) -> Option<usize> {
        let (number, lines) = self.current.take()?;
        let mut page = lines.finish();
        page.broken = true;
        if let Some(place) = self.pages.get_mut(number - 1) {
            *place = Some(page);
        }
        Some(number)
    }
}

impl OutputDev for Collector {
    fn begin_page(
        &mut self,
        page_num: u32,
        _media_box: &MediaBox,
        _art_box: Option<(f64, f64, f64, f64)>,
    ) -> Result<(), OutputError> {
        self.current = Some((page_num as usize, Lines::default()));
        // Stopping is an error to the library like any other.
        if Instant::now() < self.deadline { Ok(()) } else { Err(OutputError::FormatError(std::fmt::Error)) }
    }

    fn end_page(&mut self) -> Result<(), OutputError> {
        if let Some((number, lines)) = self.current.take()
            && let Some(place) = self.pages.get_mut(number - 1)
        {
            *place = Some(lines.finish());
        }
        Ok(())
    }

    fn output_character(
        &mut self,
        trm: &Transform,
        width: f64,
        _spacing: f64,
        font_size: f64,
        char: &str,
    ) -> Result<(), OutputError> {
        if let Some((_, lines)) = &mut self.current {
            lines.draw(trm, width, font_size, char);
            // A page can draw for minutes.
            if lines.page.drawn.is_multiple_of(4096) && Instant::now() >= self.deadline {
                return Err(OutputError::FormatError(std::fmt::Error));
            }
        }
        Ok(())
    }

    fn begin_word(&mut self) -> Result<(), OutputError> {
        if let Some((_, lines)) = &mut self.current {
            lines.end_string();
        }
        Ok(())
    }

    fn end_word(&mut self) -> Result<(), OutputError> {
        Ok(())
    }

    fn end_line(&mut self) -> Result<(), OutputError> {
        Ok(())
    }
}

/// Makes lines of characters in the order in which they are drawn, which is nearly always the reading order.
#[derive(Default)]
struct Lines {
    page: Page,
    line: String,
    apart: bool,
    /// The string that is being drawn; each may stand anywhere.
    string: Vec<Glyph>,
    last: Option<End>,
    /// To find shadows.
    seen: HashSet<Place>,
}

/// A character and the step of a grid where it is drawn.
type Place = (char, i64, i64);

struct Glyph {
    /// Empty when the reader has no letter for it.
    text: String,
    x: f64,
    y: f64,
    /// Unit vector of the writing direction.
    direction: (f64, f64),
    size: f64,
    advance: f64,
}

impl Glyph {
    fn place(&self) -> Option<Place> {
        let step = (self.size * SHADOW).max(1e-3);
        let character = self.text.chars().next().filter(|c| !c.is_whitespace())?;
        Some((character, (self.x / step).round() as i64, (self.y / step).round() as i64))
    }
}

/// Where the last string ended.
#[derive(Clone, Copy)]
struct End {
    x: f64,
    y: f64,
    direction: (f64, f64),
    size: f64,
}

impl Lines {
    fn draw(&mut self, trm: &Transform, width: f64, font_size: f64, text: &str) {
        self.page.drawn += 1;
        let horizontal = trm.m11.hypot(trm.m12);
        let size = (trm.m21.hypot(trm.m22) * font_size).abs();
        let sign = if font_size < 0.0 { -1.0 } else { 1.0 };
        let direction =
            if horizontal > 0.0 { (sign * trm.m11 / horizontal, sign * trm.m12 / horizontal) } else { (1.0, 0.0) };
        let advance = width * font_size.abs() * horizontal;
        let text = self.clean(text);
        self.string.push(Glyph { text, x: trm.m31, y: trm.m32, direction, size, advance });
    }

    /// Adds the string that was drawn to the line, unless it is a shadow.
    fn end_string(&mut self) {
        let string = std::mem::take(&mut self.string);
        let (Some(first), Some(last)) = (string.first(), string.last()) else { return };
        let advance: f64 = string.iter().map(|glyph| glyph.advance).sum();
        // Fonts without widths put all characters into one place.
        let wide = advance > first.size * WORD_GAP;
        let places: Vec<_> = string.iter().filter_map(Glyph::place).collect();
        if wide && !places.is_empty() && places.iter().all(|place| self.is_drawn(*place)) {
            return;
        }
        self.seen.extend(places);
        if let Some(next) = string.iter().find(|glyph| !glyph.text.is_empty()) {
            self.separate(next);
            self.line.extend(string.iter().map(|glyph| glyph.text.as_str()));
        }
        let (x, y) = (last.x + last.direction.0 * last.advance, last.y + last.direction.1 * last.advance);
        self.last = Some(End { x, y, direction: last.direction, size: last.size });
    }

    /// Whether the same character was drawn at this place or a step beside it.
    fn is_drawn(&self, (character, column, row): Place) -> bool {
        (-1..=1).any(|dx| (-1..=1).any(|dy| self.seen.contains(&(character, column + dx, row + dy))))
    }

    /// The letters of one drawn character; what has none is counted.
    fn clean(&mut self, text: &str) -> String {
        let mut clean = String::with_capacity(text.len());
        for character in text.chars() {
            match character {
                '\u{fffd}' | '\0'..='\x08' | '\x0b'..='\x1f' | '\x7f'..='\u{9f}' => {}
                '\t' | '\n' | '\u{a0}' => clean.push(' '),
                // Bullets of Symbol and Wingdings.
                '\u{f0b7}' | '\u{f0a7}' | '\u{f076}' | '\u{f0d8}' | '\u{f0fc}' => clean.push('•'),
                '\u{e000}'..='\u{f8ff}' | '\u{f0000}'.. => {}
                // Ligatures, and the forms of Chinese characters that fonts use in their place: the plain letters are searched for.
                '\u{fb00}'..='\u{fb06}' | '\u{2e80}'..='\u{2fdf}' | '\u{f900}'..='\u{faff}' => {
                    clean.extend(std::iter::once(character).nfkc())
                }
                _ => clean.push(character),
            }
        }
        if clean.is_empty() {
            self.page.lost += 1;
        }
        clean
    }

    /// Decides what stands between the last character and one that is drawn somewhere else.
    fn separate(&mut self, next: &Glyph) {
        let (Some(last), direction) = (self.last, next.direction) else { return };
        let size = next.size.max(last.size).max(1e-6);
        let (dx, dy) = (next.x - last.x, next.y - last.y);
        let along = (dx * direction.0 + dy * direction.1) / size;
        // Downwards is positive.
        let across = (dx * direction.1 - dy * direction.0) / size;
        let turned = direction.0 * last.direction.0 + direction.1 * last.direction.1 < 0.95;
        if turned || across.abs() > LINE_STEP {
            // A step up begins another column or a box.
            self.end_line(turned || !(0.0..=PARAGRAPH_STEP).contains(&across));
        } else if along < -LINE_STEP {
            self.end_line(false);
        } else if along > COLUMN_GAP {
            self.line.push_str("  ");
        } else if along > self.word_gap(&next.text) && !self.line.ends_with(' ') {
            self.line.push(' ');
        }
    }

    fn word_gap(&self, next: &str) -> f64 {
        if self.line.ends_with(is_cjk) && next.starts_with(is_cjk) { CJK_WORD_GAP } else { WORD_GAP }
    }

    fn end_line(&mut self, next_apart: bool) {
        let line = std::mem::take(&mut self.line);
        if line.trim().is_empty() {
            self.apart |= next_apart;
            return;
        }
        self.page.lines.push(Line { text: direction::logical(&line), apart: self.apart });
        self.apart = next_apart;
    }

    fn finish(mut self) -> Page {
        self.end_string();
        self.end_line(false);
        self.page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Draws strings of characters half as wide as high.
    fn page(strings: &[(f64, f64, &str)]) -> Page {
        let mut lines = Lines::default();
        for (x, y, text) in strings {
            lines.end_string();
            for (index, character) in text.chars().enumerate() {
                lines.draw(
                    &Transform::row_major(1.0, 0.0, 0.0, 1.0, x + index as f64 * 5.0, *y),
                    0.5,
                    10.0,
                    &character.to_string(),
                );
            }
        }
        lines.finish()
    }

    fn texts(strings: &[(f64, f64, &str)]) -> Vec<(String, bool)> {
        page(strings).lines.into_iter().map(|line| (line.text, line.apart)).collect()
    }

    fn line(text: &str, apart: bool) -> (String, bool) {
        (text.into(), apart)
    }

    #[test]
    fn words_and_lines_are_told_by_distance() {
        assert_eq!(
            texts(&[
                (0.0, 100.0, "He"),
                (10.5, 100.0, "llo"),
                (28.0, 100.0, "you"),
                (43.0, 103.0, "2"),
                (0.0, 88.0, "next"),
                (0.0, 60.0, "far"),
                (200.0, 100.0, "up")
            ]),
            [line("Hello you2", false), line("next", false), line("far", true), line("up", true)]
        );
        assert_eq!(texts(&[(0.0, 0.0, "cell"), (60.0, 0.0, "7")]), [line("cell  7", false)]);
        assert_eq!(texts(&[(0.0, 0.0, "会"), (8.0, 0.0, "议"), (20.0, 0.0, "纪要")]), [line("会议 纪要", false)]);
    }

    #[test]
    fn a_shadow_is_drawn_once() {
        assert_eq!(texts(&[(0.0, 0.0, "bold"), (0.3, 0.0, "bold"), (20.0, 0.0, "er")]), [line("bolder", false)]);
        assert_eq!(texts(&[(0.0, 0.0, "lll")]), [line("lll", false)]);
    }

    #[test]
    fn letters_are_plain_and_losses_counted() {
        let page = page(&[(0.0, 0.0, "ﬁ⽂\u{f0b7}\u{e123}\u{fffd}\u{1}")]);
        assert_eq!(page.lines[0].text, "fi文•");
        assert_eq!((page.drawn, page.lost), (6, 3));
    }

    #[test]
    fn titles_that_programs_invent_do_not_count() {
        assert_eq!(useful_title("Microsoft Word - Annual plan"), Some("Annual plan".into()));
        for text in ["", " \0", "Untitled-1", "Microsoft Word - a.doc", "paper.dvi"] {
            assert_eq!(useful_title(text), None, "{text}");
        }
    }
}
