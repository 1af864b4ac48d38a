//! Text that flows under headings, as most formats have it: what the readers of documents with markup write into.

use molt_core::{Block, DocumentKind, ExtractedDocument};
use molt_extract_client::Failure;

use crate::output::{Output, Place};

/// Cells of a table's row, as they stand in one block.
pub const BETWEEN_CELLS: &str = " | ";

/// Collects blocks and knows the headings above them.
pub struct Flow {
    output: Output,
    /// Level and text, outermost first; levels ascend.
    headings: Vec<(u8, String)>,
    title: Option<String>,
    /// The page, slide or sheet that the next blocks stand on, from 1.
    pub page: Option<u32>,
    /// Added to the level of every heading, for a document inside another one.
    pub depth: u8,
}

impl Flow {
    pub fn new(name: &str) -> Self {
        Self { output: Output::new(name), headings: Vec::new(), title: None, page: None, depth: 0 }
    }

    /// The first title that is not empty stays.
    pub fn name_it(&mut self, title: &str) {
        let title = in_one_line(title);
        if self.title.is_none() && !title.is_empty() {
            self.title = Some(title);
        }
    }

    /// A heading; `level` is 1 for the outermost.
    pub fn heading(&mut self, level: u8, text: &str, line: Option<u32>) -> Result<(), Failure> {
        let heading = in_one_line(text);
        if heading.is_empty() {
            return Ok(());
        }
        let level = level.saturating_add(self.depth);
        if level == 1 {
            self.name_it(&heading);
        }
        self.leave(level);
        self.headings.push((level, heading.clone()));
        self.output.push(Block { text: heading, page: self.page, headings: self.path(), line, is_heading: true })
    }

    /// Ends the sections of this level and below.
    pub fn leave(&mut self, level: u8) {
        self.headings.retain(|(above, _)| *above < level);
    }

    pub fn text(&mut self, text: &str, line: Option<u32>) -> Result<(), Failure> {
        if text.trim().is_empty() {
            return Ok(());
        }
        let headings = self.path();
        self.output.push_at(text.trim_end(), Place { page: self.page, line, headings: &headings })
    }

    /// A table's row; nothing when all its cells are empty.
    pub fn row(&mut self, cells: &[String], line: Option<u32>) -> Result<(), Failure> {
        self.text(&row(cells), line)
    }

    fn path(&self) -> Vec<String> {
        self.headings.iter().map(|(_, heading)| heading.clone()).collect()
    }

    pub fn finish(self, kind: DocumentKind, pages: Option<u32>, reader: &str) -> ExtractedDocument {
        ExtractedDocument { kind, title: self.title, blocks: self.output.into_blocks(), pages, reader: reader.into() }
    }
}

/// The cells of a row as one text; empty when all of them are.
pub fn row(cells: &[String]) -> String {
    if cells.iter().all(|cell| cell.trim().is_empty()) {
        return String::new();
    }
    let cells: Vec<String> = cells.iter().map(|cell| in_one_line(cell)).collect();
    // Bars at the end tell nothing.
    let last = cells.iter().rposition(|cell| !cell.is_empty()).unwrap_or(0);
    cells[..=last].join(BETWEEN_CELLS)
}

/// Without line ends and repeated spaces.
pub fn in_one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_stand_under_their_headings() {
        let mut flow = Flow::new("a");
        flow.text("before", Some(1)).unwrap();
        flow.heading(1, " One\ntwo ", Some(2)).unwrap();
        flow.heading(3, "Deep", None).unwrap();
        flow.page = Some(4);
        flow.text("inside", None).unwrap();
        flow.heading(2, "Beside", None).unwrap();
        flow.row(&["a".into(), String::new(), "b\nc".into(), " ".into()], Some(9)).unwrap();
        flow.row(&[String::new(), " ".into()], None).unwrap();
        let document = flow.finish(DocumentKind::Html, None, "x");
        let found: Vec<_> = document
            .blocks
            .iter()
            .map(|block| (block.text.as_str(), block.headings.join(" > "), block.page, block.line, block.is_heading))
            .collect();
        assert_eq!(
            found,
            [
                ("before", String::new(), None, Some(1), false),
                ("One two", "One two".into(), None, Some(2), true),
                ("Deep", "One two > Deep".into(), None, None, true),
                ("inside", "One two > Deep".into(), Some(4), None, false),
                ("Beside", "One two > Beside".into(), Some(4), None, true),
                ("a |  | b c", "One two > Beside".into(), Some(4), Some(9), false),
            ]
        );
        assert_eq!(document.title.as_deref(), Some("One two"));
    }

    #[test]
    fn a_document_inside_another_stands_below_its_heading() {
        let mut flow = Flow::new("a");
        flow.heading(1, "Mail", None).unwrap();
        flow.depth = 1;
        flow.heading(1, "Page", None).unwrap();
        flow.text("words", None).unwrap();
        let document = flow.finish(DocumentKind::Eml, None, "x");
        assert_eq!(document.blocks[2].headings, ["Mail", "Page"]);
        assert_eq!(document.title.as_deref(), Some("Mail"));
    }
}
