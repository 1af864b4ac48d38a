//! Web pages. Their tags are read one after the other without building a tree, so that no nesting is too deep.

use std::cell::RefCell;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use html5ever::{
    TokenizerResult,
    tendril::StrTendril,
    tokenizer::{
        BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
        states::RawKind::{Rawtext, Rcdata, ScriptData},
    },
};
use molt_core::{DocumentKind, ExtractedDocument};
use molt_extract_client::Failure;

use crate::{flow::Flow, markdown::is_cjk, plain};

/// Bytes into the file in which its encoding is declared, after the HTML standard's prescan.
const DECLARED_WITHIN: usize = 1024;

/// Bytes. A cell that holds more is a part of the page's layout, not of a table.
const LONGEST_CELL: usize = 1500;

/// Tables and lists within each other that are told apart; deeper ones count as part of the last.
const DEEPEST: usize = 200;

/// Bytes that are read before it is seen whether reading failed.
const PIECE: usize = 64 << 10;

/// Reads a page.
pub fn read(bytes: &[u8], name: &str) -> Result<ExtractedDocument, Failure> {
    let text = decode(bytes).ok_or_else(|| plain::not_text(name))?;
    let mut flow = Flow::new(name);
    push(&text, &mut flow, true)?;
    Ok(flow.finish(DocumentKind::Html, None, "html5ever"))
}

/// The page's text with its tags, or none when it is not text.
pub fn decode(bytes: &[u8]) -> Option<String> {
    if Encoding::for_bom(bytes).is_some() {
        return plain::decode(bytes);
    }
    // Many pages say one thing and are another; what is valid UTF-8 beyond ASCII is UTF-8.
    let utf8 = std::str::from_utf8(bytes);
    if utf8.is_ok_and(|text| !text.is_ascii()) {
        return plain::decode(bytes);
    }
    match declared(&bytes[..bytes.len().min(DECLARED_WITHIN)]) {
        // A declaration that can be read in ASCII is wrong about UTF-16.
        Some(encoding) if encoding != UTF_8 && encoding != UTF_16LE && encoding != UTF_16BE => {
            let text = encoding.decode_without_bom_handling(bytes).0;
            Some(text.replace("\r\n", "\n").replace('\r', "\n"))
        }
        _ => plain::decode(bytes),
    }
}

/// `<meta charset="gbk">`, `content="text/html; charset=gbk"`, `<?xml encoding="gbk"?>`.
fn declared(start: &[u8]) -> Option<&'static Encoding> {
    let text = String::from_utf8_lossy(start).to_ascii_lowercase();
    ["charset", "encoding"].iter().find_map(|word| {
        text.match_indices(word).find_map(|(at, word)| {
            let value = text[at + word.len()..].trim_start().strip_prefix('=')?;
            let value = value.trim_start().trim_start_matches(['"', '\'']);
            Encoding::for_label(value.split(['"', '\'', ';', '>', ' ', '?']).next()?.as_bytes())
        })
    })
}

/// Writes a page into a document. `lines` says whether the page is the file itself, so that its lines are positions.
pub fn push(text: &str, flow: &mut Flow, lines: bool) -> Result<(), Failure> {
    let walk = Walk { lines, ..Walk::new(flow) };
    let tokenizer = Tokenizer::new(Sink(RefCell::new(walk)), TokenizerOpts::default());
    let input = BufferQueue::default();
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, more) = rest.split_at(rest.floor_char_boundary(PIECE));
        rest = more;
        input.push_back(StrTendril::from_slice(piece));
        // It stops at scripts, which others would run, and goes on when it is asked again.
        while !matches!(tokenizer.feed(&input), TokenizerResult::Done) {}
        if tokenizer.sink.0.borrow().failed.is_err() {
            break;
        }
    }
    tokenizer.end();
    let mut walk = tokenizer.sink.0.into_inner();
    walk.failed?;
    walk.failed = Ok(());
    walk.finish()
}

struct Sink<'f>(RefCell<Walk<'f>>);

impl TokenSink for Sink<'_> {
    type Handle = ();

    fn process_token(&self, token: Token, line: u64) -> TokenSinkResult<()> {
        let mut walk = self.0.borrow_mut();
        if walk.failed.is_err() {
            return TokenSinkResult::Continue;
        }
        match token {
            Token::CharacterTokens(text) => walk.characters(&text, line),
            Token::TagToken(tag) => {
                let result = match tag.kind {
                    TagKind::StartTag => walk.open(&tag, line),
                    TagKind::EndTag => walk.close(&tag.name),
                };
                walk.failed = result;
                if tag.kind == TagKind::StartTag && !tag.self_closing {
                    match &*tag.name {
                        "script" => return TokenSinkResult::RawData(ScriptData),
                        "style" | "iframe" | "noembed" | "noframes" | "xmp" => return TokenSinkResult::RawData(Rawtext),
                        "title" | "textarea" => return TokenSinkResult::RawData(Rcdata),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

/// Elements whose text nobody sees, or sees a second time.
fn is_unseen(name: &str) -> bool {
    matches!(name, "script" | "style" | "iframe" | "noembed" | "noframes" | "template" | "rt" | "rp" | "annotation" | "datalist")
}

fn is_block(name: &str) -> bool {
    matches!(
        name,
        "address" | "article" | "aside" | "blockquote" | "body" | "button" | "caption" | "center" | "dd" | "details" | "dialog"
            | "div" | "dl" | "dt" | "fieldset" | "figcaption" | "figure" | "footer" | "form" | "head" | "header" | "hr" | "html"
            | "legend" | "li" | "main" | "menu" | "nav" | "ol" | "option" | "p" | "pre" | "search" | "section" | "select"
            | "summary" | "table" | "tbody" | "text" | "textarea" | "tfoot" | "thead" | "ul" | "xmp"
    )
}

fn heading_level(name: &str) -> Option<u8> {
    match name.as_bytes() {
        [b'h', level @ b'1'..=b'6'] => Some(level - b'0'),
        _ => None,
    }
}

#[derive(Default)]
struct Table {
    cells: Vec<String>,
    in_cell: bool,
    /// It arranges a page: its cells are parts of the text and not values.
    is_layout: bool,
    /// Of the row that is being read.
    line: Option<u32>,
}

struct Walk<'f> {
    flow: &'f mut Flow,
    lines: bool,
    failed: Result<(), Failure>,
    text: String,
    /// Where `text` began.
    line: Option<u32>,
    heading: Option<u8>,
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
    fn new(flow: &'f mut Flow) -> Self {
        Self {
            flow,
            lines: false,
            failed: Ok(()),
            text: String::new(),
            line: None,
            heading: None,
            quotes: 0,
            verbatim: 0,
            unseen: None,
            title: None,
            drawings: 0,
            lists: Vec::new(),
            tables: Vec::new(),
        }
    }

    fn finish(mut self) -> Result<(), Failure> {
        while let Some(mut table) = self.tables.pop() {
            self.end_row(&mut table)?;
        }
        self.flush()
    }

    fn characters(&mut self, text: &str, line: u64) {
        if self.unseen.is_some() {
            return;
        }
        if let Some(title) = &mut self.title {
            title.push_str(text);
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

    fn open(&mut self, tag: &Tag, line: u64) -> Result<(), Failure> {
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
                    "ol" => self.begin_list(Some(attribute(tag, "start").and_then(|start| start.parse().ok()).unwrap_or(1))),
                    "li" => self.begin_item(),
                    _ => {}
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, name: &str) -> Result<(), Failure> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(source: &str) -> Vec<(String, Option<u32>, String)> {
        let document = read(source.as_bytes(), "a.html").unwrap();
        document.blocks.into_iter().map(|block| (block.text, block.line, block.headings.join(" > "))).collect()
    }

    fn texts(source: &str) -> Vec<String> {
        blocks(source).into_iter().map(|(text, _, _)| text).collect()
    }

    #[test]
    fn blocks_know_their_line_and_the_headings_above() {
        let at = |text: &str, line, path: &str| (text.to_owned(), line, path.to_owned());
        assert_eq!(
            blocks("<title>T &amp; U</title>\n<h1>Guide</h1>\n<p>First\n<b>words</b>\n here<div>\n\nnext</div><h2>Sub\npart</h2>\n<p>end"),
            [
                at("T & U", None, ""),
                at("Guide", Some(2), "Guide"),
                at("First words here", Some(3), "Guide"),
                at("next", Some(7), "Guide"),
                at("Sub part", Some(7), "Guide > Sub part"),
                at("end", Some(9), "Guide > Sub part"),
            ]
        );
        let document = read(b"<title>T &amp; U</title><h1>Guide</h1>", "a").unwrap();
        assert_eq!((document.title.as_deref(), document.kind), (Some("T & U"), DocumentKind::Html));
    }

    #[test]
    fn what_nobody_sees_is_left_out() {
        assert_eq!(texts("a<script>if (a<b) { x = '<p>no' }</script><style>p{}</style><!-- no --><template><p>no</template>b"), ["ab"]);
        assert_eq!(texts("<script src='x'/>seen<title/> words"), ["seen words"]);
        assert_eq!(texts("<svg><title>no</title><text>label</text></svg><img alt='a chart'> it"), ["label", "a chart it"]);
        assert_eq!(texts("<ruby>漢字<rt>かんじ</rt></ruby>"), ["漢字"]);
    }

    #[test]
    fn tables_are_rows_and_layout_is_not() {
        assert_eq!(
            texts("<table><caption>C</caption><tr><th>a<th><p>b</p><p>c</p><tr><td>1</td><td></td></tr></table>after"),
            ["C", "a | b c", "1", "after"]
        );
        assert_eq!(
            texts("<table><tr><td>menu<td><h1>Page</h1><table><tr><td>x<td>y</table>text</table>"),
            ["menu", "Page", "x | y", "text"]
        );
        let long = format!("<table><tr><td>one<td><p>{}<p>two</table>", "word ".repeat(400));
        assert_eq!(texts(&long)[0], "one");
        assert_eq!(texts(&long).last().map(String::as_str), Some("two"));
        assert_eq!(texts("<td>stray</td></tr></table><li>item"), ["stray", "item"]);
    }

    #[test]
    fn lists_lines_and_verbatim_text() {
        assert_eq!(texts("<ol start=3><li><p>a</p><li>b<ul><li>c</ul></ol>"), ["3. a", "4. b", "c"]);
        assert_eq!(texts("<p>one<br>two</p><pre>  x\n    y\n</pre>"), ["one\ntwo", "x\n    y"]);
        assert_eq!(texts("<blockquote><p>a</p>b</blockquote>c"), ["> a", "> b", "c"]);
        assert_eq!(texts("<p>这是第一行\n这是第二行\nand words</p>"), ["这是第一行这是第二行 and words"]);
    }

    #[test]
    fn encodings_are_read_as_declared() {
        let gbk = encoding_rs::GBK.encode("<meta http-equiv=x content='text/html; charset=gb2312'><p>你好").0.into_owned();
        assert_eq!(read(&gbk, "a").unwrap().blocks[0].text, "你好");
        let sjis = encoding_rs::SHIFT_JIS.encode("<?xml version='1.0' encoding=\"Shift_JIS\"?><p>こんにちは").0.into_owned();
        assert_eq!(read(&sjis, "a").unwrap().blocks[0].text, "こんにちは");
        assert_eq!(texts("<meta charset=gbk><p>UTF-8 说的"), ["UTF-8 说的"]);
        assert!(read(&[0; 100], "a").is_err());
    }

    #[test]
    fn a_hostile_page_is_finished() {
        for source in [
            "<div>".repeat(200_000),
            "<table><tr><td>".repeat(50_000),
            "<ol><li>".repeat(50_000),
            "<".repeat(100_000),
            "&".repeat(100_000),
            "<a b=".repeat(50_000),
            "<template>".repeat(10_000),
            "</td></tr></table>".repeat(10_000),
        ] {
            read(source.as_bytes(), "a").unwrap();
        }
    }
}
