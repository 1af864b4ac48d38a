//! PDF: two readers, page by page, and the better text of each page.
//!
//! `pdf-extract` goes first; `pdf_oxide` reads the pages (or the whole file) that the first one could not read or read poorly. Both
//! give up by panicking, so every call is caught; what cannot be caught (an abort, an endless loop) is the client's to handle.

mod annotations;
mod cmaps;
mod direction;
mod first;
mod mojibake;
mod paragraphs;
mod quality;
mod second;
mod table;

use std::time::{Duration, Instant};

use molt_core::{DocumentKind, ExtractedDocument};
use molt_extract_client::{Failure, Reader, Request};

use crate::output::Output;

const MOST_PAGES: usize = 20_000;

/// A mark may stand this many bytes into the file: some programs write headers of their own before it.
const MARK_WITHIN: usize = 1024;

/// A line of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub text: String,
    /// White space above sets it apart from the line before.
    pub apart: bool,
}

/// What one reader made of one page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    pub lines: Vec<Line>,
    /// Characters that the page draws.
    pub drawn: u32,
    /// Drawn characters that the reader has no letter for.
    pub lost: u32,
    /// The reader broke off in the middle.
    pub broken: bool,
}

/// What one reader made of a document.
#[derive(Debug, Default)]
pub struct Reading {
    /// One for each page; none where the reader was not asked or failed.
    pub pages: Vec<Option<Page>>,
    pub title: Option<String>,
}

/// Why a reader cannot read a document at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    Password,
    Damaged,
    TooManyPages,
}

pub fn has_mark(bytes: &[u8]) -> bool {
    bytes[..bytes.len().min(MARK_WITHIN)].windows(5).any(|window| window == b"%PDF-")
}

pub fn read(
    bytes: Vec<u8>,
    request: &Request,
    name: &str,
    announce: &mut dyn FnMut(Reader),
) -> Result<ExtractedDocument, Failure> {
    if !has_mark(&bytes) {
        return Err(Failure::Unreadable(format!("“{name}” is not a PDF, whatever its name says")));
    }
    let password = request.password.as_deref();
    let first = if request.skip == Some(Reader::PdfExtract) {
        None
    } else {
        announce(Reader::PdfExtract);
        let mut reading =
            first::read(&bytes, password, Instant::now() + Duration::from_millis(request.first_reader_ms));
        reading.iter_mut().for_each(Reading::repair);
        Some(reading)
    };
    let needs_second = match &first {
        Some(Ok(reading)) => {
            reading.pages.iter().any(|page| quality::is_poor(page.as_ref())) || reading.pages.is_empty()
        }
        Some(Err(Refusal::TooManyPages)) => return Err(too_many_pages(name)),
        _ => true,
    };
    let second = if needs_second && request.skip != Some(Reader::PdfOxide) {
        announce(Reader::PdfOxide);
        // All pages when there is no first reading to compare with.
        let wanted = |page: usize| match &first {
            Some(Ok(reading)) => reading.pages.get(page).is_none_or(|page| quality::is_poor(page.as_ref())),
            _ => true,
        };
        let mut reading = second::read(bytes, password, wanted);
        reading.iter_mut().for_each(Reading::repair);
        Some(reading)
    } else {
        None
    };
    let (first, second) = match (first, second) {
        (Some(Ok(first)), Some(Ok(second))) if first.is_anything() || second.has_text() => (first, second),
        // A file is not taken for an empty one because nobody could read its pages.
        (Some(Ok(first)), None | Some(Err(_))) if first.is_anything() => (first, Reading::default()),
        (None, Some(Ok(second))) => (Reading::default(), second),
        (_, Some(Ok(second))) if second.has_text() => (Reading::default(), second),
        (first, second) => {
            let refusals = [first.and_then(Result::err), second.and_then(Result::err)];
            return Err(if refusals.contains(&Some(Refusal::Password)) {
                Failure::PasswordNeeded
            } else if refusals.contains(&Some(Refusal::TooManyPages)) {
                too_many_pages(name)
            } else {
                Failure::Unreadable(format!(
                    "“{name}” is damaged: its pages could not be read; opening it in another program and saving it anew may help"
                ))
            });
        }
    };
    join(first, second, name)
}

impl Reading {
    /// At least one page was read to its end, or in part.
    fn is_anything(&self) -> bool {
        self.pages.iter().flatten().any(|page| !page.broken || !page.lines.is_empty())
    }

    fn has_text(&self) -> bool {
        self.pages.iter().flatten().any(|page| !page.lines.is_empty())
    }

    fn repair(&mut self) {
        for page in self.pages.iter_mut().flatten() {
            mojibake::repair(&mut page.lines);
        }
    }
}

fn too_many_pages(name: &str) -> Failure {
    Failure::LimitReached(format!("“{name}” has more than {MOST_PAGES} pages; split it into parts"))
}

/// The better text of each page.
fn join(first: Reading, second: Reading, name: &str) -> Result<ExtractedDocument, Failure> {
    let count = first.pages.len().max(second.pages.len());
    let (mut from_first, mut from_second) = (first.pages.into_iter(), second.pages.into_iter());
    let mut used = [false; 2];
    let mut output = Output::new(name);
    for number in 1..=count {
        let pages = [from_first.next().flatten(), from_second.next().flatten()];
        let best = usize::from(quality::score(pages[1].as_ref()) > quality::score(pages[0].as_ref()));
        let [one, two] = pages;
        if let Some(page) = if best == 0 { one } else { two } {
            used[best] |= !page.lines.is_empty();
            paragraphs::push(page.lines, number as u32, &mut output)?;
        }
    }
    let readers = [(used[0], Reader::PdfExtract), (used[1], Reader::PdfOxide)];
    let names: Vec<&str> = readers.iter().filter(|(used, _)| *used).map(|(_, reader)| reader.name()).collect();
    Ok(ExtractedDocument {
        kind: DocumentKind::Pdf,
        title: first.title.or(second.title),
        blocks: output.into_blocks(),
        pages: Some(count as u32),
        reader: if names.is_empty() { Reader::PdfExtract.name().to_owned() } else { names.join(" + ") },
    })
}
