//! The second reader: `pdf_oxide`. It mends broken files and knows the character maps of Chinese, Japanese and Korean fonts.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pdf_oxide::document::PdfDocument;

use super::{Line, MOST_PAGES, Page, Reading, Refusal};

/// Reads the pages (from 0) that are wanted.
pub fn read(bytes: Vec<u8>, password: Option<&str>, wanted: impl Fn(usize) -> bool) -> Result<Reading, Refusal> {
    let (document, count) =
        catch_unwind(AssertUnwindSafe(|| open(bytes, password))).unwrap_or(Err(Refusal::Damaged))?;
    if count > MOST_PAGES {
        return Err(Refusal::TooManyPages);
    }
    let read_page = |page: usize| {
        let text = catch_unwind(AssertUnwindSafe(|| document.extract_text(page)));
        text.ok()?.ok().map(|text| lines(&text))
    };
    let pages: Vec<Option<Page>> = (0..count).map(|page| if wanted(page) { read_page(page) } else { None }).collect();
    // A damaged file may open and have no page, or none that can be read.
    if pages.iter().all(Option::is_none) { Err(Refusal::Damaged) } else { Ok(Reading { pages, title: None }) }
}

fn open(bytes: Vec<u8>, password: Option<&str>) -> Result<(PdfDocument, usize), Refusal> {
    let document = PdfDocument::from_bytes(bytes).map_err(|_| Refusal::Damaged)?;
    if document.is_encrypted() {
        let opens = |password: &[u8]| document.authenticate(password).unwrap_or(false);
        if !opens(b"") && !password.is_some_and(|password| opens(password.as_bytes())) {
            return Err(Refusal::Password);
        }
    }
    let count = document.page_count().map_err(|_| Refusal::Damaged)?;
    Ok((document, count))
}

fn lines(text: &str) -> Page {
    let mut page = Page { drawn: text.chars().filter(|c| !c.is_whitespace()).count() as u32, ..Page::default() };
    let mut apart = false;
    for line in text.split('\n') {
        let line = line.trim_end();
        if line.trim().is_empty() {
            apart = true;
        } else {
            page.lines.push(Line { text: line.to_owned(), apart: std::mem::take(&mut apart) });
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blank_line_sets_apart() {
        let page = lines("one\ntwo  \n \n\nthree\n");
        let found: Vec<(&str, bool)> = page.lines.iter().map(|line| (line.text.as_str(), line.apart)).collect();
        assert_eq!(found, [("one", false), ("two", false), ("three", true)]);
        assert_eq!(page.drawn, 11);
    }

    #[test]
    fn what_is_no_document_is_refused() {
        assert_eq!(read(b"%PDF-1.4 nothing".to_vec(), None, |_| true).err(), Some(Refusal::Damaged));
    }
}
