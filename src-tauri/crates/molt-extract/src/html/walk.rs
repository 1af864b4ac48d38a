//! What tags mean for the text of a page.

use html5ever::tokenizer::Tag;
use molt_extract_client::Failure;

use crate::{flow::Flow, markdown::is_cjk};

/// Bytes. A cell that holds more is a part of the page's layout, not of a table.
const LONGEST_CELL: usize = 1500;

/// Tables and lists within each other that are told apart; deeper ones count as part of the last.
const DEEPEST: usize = 200;

/// Elements whose text nobody sees, or sees a second time.
fn is_unseen(name: &str) -> bool {
    matches!(
        name,
        "script" | "style" | "iframe" | "noembed" | "noframes" | "template" | "rp" | "annotation" | "datalist"
    )
}

fn is_block(name: &str) -> bool {
    matches!(
        name,
        "address"
            | "article"
            | "aside"
            | "blockquote"
            | "body"
            | "button"
            | "caption"
            | "center"
            | "dd"
            | "details"
            | "dialog"
            | "div"
            | "dl"
            | "dt"
            | "fieldset"
            | "figcaption"
            | "figure"
            | "footer"
            | "form"
            | "head"
            | "header"
            | "hr"
            | "html"
            | "legend"
            | "li"
            | "main"
            | "menu"
            | "nav"
            | "ol"
            | "option"
            | "p"
            | "pre"
            | "search"
            | "section"
            | "select"
            | "summary"
            | "table"
            | "tbody"
            | "text"
            | "textarea"
            | "tfoot"
            | "thead"
            | "ul"
            | "xmp"
    )
}

fn heading_level(name: &str) -> Option<u8> {
    match name.as_bytes() {
        [b'h', level @ b'1'..=b'6'] => Some(level - b'0'),
        _ => None,
    }
}

/// A table that is open.
#[derive(Default)]
struct Table {
    cells: Vec<String>,
    in_cell: bool,
    /// It arranges a page: its cells are parts of the text and not values.
    is_layout: bool,
    /// Of the row that is being read.
    line: Option<u32>,
}

/// What has been read and not yet written.
pub struct Walk<'f> {
    flow: &'f mut Flow,
    /// The page is the file itself, so that its lines are positions.
    lines: bool,
    text: String,
    /// Where `text` began.
    line: Option<u32>,
    heading: Option<u8>,
    /// How the words before are spoken, and whether that is being read.
    guide: String,
    in_guide: bool,
    /// Quotations that are open.
    quotes: u32,
    /// Open elements in which white space means something.
    verbatim: u32,
    /// The element whose text is left out, and how often it is open.
    unseen: Option<(String, u32)>,
    /// The page's title is being read.
    title: Option<String>,
    drawings: u32,
    /// Numbers of the lists we are in; none for bullets.
    lists: Vec<Option<u64>>,
    tables: Vec<Table>,
}

impl<'f> Walk<'f> {
    /// Before a page.
    pub fn new(flow: &'f mut Flow, lines: bool) -> Self {
        Self {
            flow,
            lines,
            text: String::new(),
            line: None,
            heading: None,
            guide: String::new(),
            in_guide: false,
            quotes: 0,
            verbatim: 0,
            unseen: None,
            title: None,
            drawings: 0,
            lists: Vec::new(),
            tables: Vec::new(),
        }
    }

    /// Writes what is left at the end of the page.
    pub fn finish(mut self) -> Result<(), Failure> {
        while let Some(mut table) = self.tables.pop() {
            self.end_row(&mut table)?;
        }
        self.flush()
    }

    /// Takes text; `line` is that of its end.
    pub fn characters(&mut self, text: &str, line: u64) {
        if self.unseen.is_some() {
            return;
        }
        if let Some(title) = &mut self.title {
            title.push_str(text);
            return;
        }
        if self.in_guide {
            self.guide.push_str(text.trim());
            return;
        }
        if self.lines && self.line.is_none() {
            let seen = text.trim_start();
            if !seen.is_empty() {
                // The number is that of the text's end.
                self.line = u32::try_from(line.saturating_sub(seen.matches('\n').count() as u64)).ok();
            }
        }
        if self.verbatim > 0 {
            self.text.push_str(text);
            return;
        }
        for (index, word) in text.split([' ', '\n', '\t', '\r', '\x0c']).enumerate() {
            // Chinese has no spaces between words, and so none where a line was broken.
            let broken = self.text.ends_with(is_cjk) && word.starts_with(is_cjk);
            if index > 0 && !broken {
                self.space();
            }
            self.text.push_str(word);
        }
    }

    /// One, and none at the start.
    fn space(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with([' ', '\n']) {
            self.text.push(' ');
        }
    }

    fn in_cell(&self) -> bool {
        self.tables.last().is_some_and(|table| table.in_cell && !table.is_layout)
    }

    /// Takes an opening tag.
    pub fn open(&mut self, tag: &Tag, line: u64) -> Result<(), Failure> {
        let name = &*tag.name;
        if let Some((unseen, count)) = &mut self.unseen {
            *count += u32::from(unseen == name && !tag.self_closing);
            return Ok(());
        }
        if is_unseen(name) {
            if !tag.self_closing {
                self.unseen = Some((name.to_owned(), 1));
            }
            return Ok(());
        }
        if let Some(level) = heading_level(name) {
            self.part_of_page()?;
            self.end_block()?;
            self.heading = Some(level);
            return Ok(());
        }
        match name {
            "title" if !tag.self_closing => self.title = Some(String::new()),
            "svg" if !tag.self_closing => self.drawings += 1,
            "rt" => self.in_guide = !tag.self_closing,
            "rb" => self.in_guide = false,
            "br" if self.in_cell() || self.heading.is_some() => self.space(),
            "br" => self.text.push('\n'),
            "img" | "area" => {
                if let Some(words) = attribute(tag, "alt") {
                    self.space();
                    self.characters(words, line);
                    self.space();
                }
            }
            "table" => self.begin_table()?,
            "tr" => self.in_table(line, |walk, table, line| {
                walk.end_row(table)?;
                table.line = line;
                Ok(())
            })?,
            "td" | "th" => self.in_table(line, |walk, table, line| {
                walk.end_cell(table)?;
                // What stands between cells.
                walk.flush()?;
                table.line = table.line.or(line);
                table.in_cell = true;
                Ok(())
            })?,
            _ if is_block(name) => {
                self.end_block()?;
                match name {
                    "pre" | "textarea" | "xmp" if !tag.self_closing => self.verbatim += 1,
                    "blockquote" => self.quotes += 1,
                    "ul" | "menu" => self.begin_list(None),
                    "ol" => {
                        self.begin_list(Some(attribute(tag, "start").and_then(|start| start.parse().ok()).unwrap_or(1)))
                    }
                    "li" => self.begin_item(),
                    _ => {}
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes a closing tag.
    pub fn close(&mut self, name: &str) -> Result<(), Failure> {
        if let Some((unseen, count)) = &mut self.unseen {
            *count -= u32::from(unseen == name);
            if *count == 0 {
                self.unseen = None;
            }
            return Ok(());
        }
        match name {
            "title" => {
                let title = self.title.take().unwrap_or_default();
                // Drawings in the page have titles, too.
                if self.drawings == 0 {
                    self.flow.name_it(&title);
                    // A page inside of a book or a message repeats the name of that.
                    if self.lines {
                        self.flow.text(title.trim(), None)?;
                    }
                }
            }
            "svg" => self.drawings = self.drawings.saturating_sub(1),
            "rt" => self.in_guide = false,
            // It must not tear words that people search for.
            "ruby" => self.end_guide(),
            "td" | "th" => self.in_table(0, |walk, table, _| walk.end_cell(table))?,
            "tr" => self.in_table(0, |walk, table, _| walk.end_row(table))?,
            "table" => {
                if let Some(mut table) = self.tables.pop() {
                    self.end_row(&mut table)?;
                }
                self.end_block()?;
            }
            _ if heading_level(name).is_some() => self.end_block()?,
            _ if is_block(name) => {
                self.end_block()?;
                match name {
                    "pre" | "textarea" | "xmp" => self.verbatim = self.verbatim.saturating_sub(1),
                    "blockquote" => self.quotes = self.quotes.saturating_sub(1),
                    "ul" | "menu" | "ol" => {
                        self.lists.pop();
                    }
                    _ => {}
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn end_guide(&mut self) {
        self.in_guide = false;
        let guide = std::mem::take(&mut self.guide);
        if !guide.is_empty() {
            self.text.push_str(&format!(" ({guide})"));
        }
    }

    fn begin_list(&mut self, first: Option<u64>) {
        if self.lists.len() < DEEPEST {
            self.lists.push(first);
        }
    }

    fn begin_item(&mut self) {
        if let Some(Some(number)) = self.lists.last_mut() {
            self.text = format!("{number}. ");
            *number = number.saturating_add(1);
        }
    }

    /// Ends a paragraph; in a cell of a table the text goes on.
    fn end_block(&mut self) -> Result<(), Failure> {
        // The number of an item stays in front of the paragraph inside it.
        if self.text.strip_suffix(". ").is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit())) {
            return Ok(());
        }
        if self.in_cell() && self.text.len() > LONGEST_CELL {
            self.part_of_page()?;
        }
        if self.in_cell() {
            self.space();
            return Ok(());
        }
        self.flush()
    }

    fn flush(&mut self) -> Result<(), Failure> {
        self.end_guide();
        let text = std::mem::take(&mut self.text);
        let line = self.line.take();
        match self.heading.take() {
            Some(level) => self.flow.heading(level, &text, line),
            None => {
                let text = if self.verbatim > 0 { text.trim_matches('\n') } else { text.trim() };
                // Whoever reads a passage should see whose words they are.
                if self.quotes > 0 && !text.is_empty() {
                    return self.flow.text(&format!("> {text}"), line);
                }
                self.flow.text(text, line)
            }
        }
    }

    /// A heading, a table or long text in a cell shows that the table arranges the page.
    fn part_of_page(&mut self) -> Result<(), Failure> {
        if !self.in_cell() {
            return Ok(());
        }
        let Some(table) = self.tables.last_mut() else { return Ok(()) };
        table.is_layout = true;
        let line = table.line;
        for cell in std::mem::take(&mut table.cells) {
            self.flow.text(&cell, line)?;
        }
        self.flush()
    }

    fn begin_table(&mut self) -> Result<(), Failure> {
        self.part_of_page()?;
        self.flush()?;
        if self.tables.len() < DEEPEST {
            self.tables.push(Table::default());
        }
        Ok(())
    }

    /// Does something with the innermost table, if there is one.
    fn in_table(
        &mut self,
        line: u64,
        change: impl FnOnce(&mut Self, &mut Table, Option<u32>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let Some(mut table) = self.tables.pop() else { return self.end_block() };
        let line = u32::try_from(line).ok().filter(|line| self.lines && *line > 0);
        let result = change(self, &mut table, line);
        self.tables.push(table);
        result
    }

    fn end_cell(&mut self, table: &mut Table) -> Result<(), Failure> {
        if !std::mem::take(&mut table.in_cell) {
            return Ok(());
        }
        if table.is_layout {
            return self.flush();
        }
        self.line = None;
        self.heading = None;
        table.cells.push(std::mem::take(&mut self.text));
        Ok(())
    }

    fn end_row(&mut self, table: &mut Table) -> Result<(), Failure> {
        self.end_cell(table)?;
        self.flush()?;
        let line = table.line.take();
        let cells = std::mem::take(&mut table.cells);
        if cells.iter().map(String::len).sum::<usize>() > LONGEST_CELL {
            return cells.iter().try_for_each(|cell| self.flow.text(cell, line));
        }
        self.flow.row(&cells, line)
    }
}

fn attribute<'t>(tag: &'t Tag, name: &str) -> Option<&'t str> {
    tag.attrs.iter().find(|attribute| &*attribute.name.local == name).map(|attribute| &*attribute.value)
}
