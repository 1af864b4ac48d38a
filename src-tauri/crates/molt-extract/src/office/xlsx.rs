//! Sheets of Office Open XML. A sheet's number is told as the page, its name as the heading, a row's number as the line.

use molt_core::{DocumentKind, ExtractedDocument};
use molt_extract_client::Failure;

use super::{
    Link, Package, drawing, linked,
    numbers::{self, Format},
    sheet::{MOST_EMPTY, Rows},
};
use crate::{
    flow::Flow,
    xml::{Element, Item, scan},
};

/// Reads the workbook whose main part this is.
pub fn read(mut package: Package, main: String, mut flow: Flow) -> Result<ExtractedDocument, Failure> {
    let workbook = package.main(&main)?;
    let links = package.links(&main)?;
    let properties = workbook.root().at(&["workbook", "workbookPr"]);
    let is_on = |value: &str| matches!(value, "1" | "true");
    let mut book = Book {
        from_1904: properties.and_then(|properties| properties.attribute("date1904")).is_some_and(is_on),
        ..Book::default()
    };
    for link in &links {
        match link.kind.as_str() {
            "sharedStrings" => book.strings = shared_strings(&mut package, &link.part)?,
            "styles" => book.formats = formats(&mut package, &link.part)?,
            _ => {}
        }
    }
    let sheets = workbook.root().descendants().filter(|element| element.name() == "sheet");
    let mut count = 0;
    for sheet in sheets {
        let Some(link) = linked(&links, sheet.link("id")) else { continue };
        count += 1;
        flow.leave(0);
        flow.page = Some(count);
        // A workbook is not named after its first sheet, so the level is not the outermost.
        flow.heading(2, sheet.attribute("name").unwrap_or_default(), None)?;
        self::sheet(&mut package, &link.part, &book, &mut flow)?;
    }
    Ok(flow.finish(DocumentKind::Xlsx, Some(count), "xlsx"))
}

#[derive(Default)]
struct Book {
    strings: Vec<String>,
    /// Of each cell style.
    formats: Vec<Format>,
    from_1904: bool,
}

fn shared_strings(package: &mut Package, part: &str) -> Result<Vec<String>, Failure> {
    let Some(bytes) = package.archive.read(part)? else { return Ok(Vec::new()) };
    let mut strings = Vec::new();
    // Inside `t`, and inside the phonetic guide, which repeats a text in another script.
    let (mut text, mut guide, mut depth) = (false, 0, 0);
    scan(&bytes, &package.name, |item| {
        match item {
            Item::Open(tag) => {
                depth += 1;
                text = tag.name() == "t";
                match tag.name() {
                    "si" => strings.push(String::new()),
                    "rPh" => guide = depth,
                    _ => {}
                }
            }
            Item::Close => {
                text = false;
                if guide == depth {
                    guide = 0;
                }
                depth -= 1;
            }
            Item::Text(piece) if text && guide == 0 => {
                if let Some(string) = strings.last_mut() {
                    string.push_str(piece);
                }
            }
            Item::Text(_) => {}
        }
        Ok(())
    })?;
    Ok(strings)
}

fn formats(package: &mut Package, part: &str) -> Result<Vec<Format>, Failure> {
    let Some(tree) = package.tree(part)? else { return Ok(Vec::new()) };
    let Some(root) = tree.root().child("styleSheet") else { return Ok(Vec::new()) };
    let own = |id: &str| {
        let mut formats = root.child("numFmts").into_iter().flat_map(Element::children);
        let code = formats.find(|format| format.attribute("numFmtId") == Some(id))?.attribute("formatCode")?;
        Some(numbers::format_of(code))
    };
    let styles = root.child("cellXfs").into_iter().flat_map(Element::children);
    let format = |style: Element<'_>| {
        let id = style.attribute("numFmtId").unwrap_or_default();
        own(id).unwrap_or_else(|| id.parse().map_or(Format::Plain, numbers::format_of_id))
    };
    Ok(styles.map(format).collect())
}

fn sheet(package: &mut Package, part: &str, book: &Book, flow: &mut Flow) -> Result<(), Failure> {
    let Some(bytes) = package.archive.read(part)? else { return Ok(()) };
    let links = package.links(part)?;
    let mut cells = Cells::new(book);
    scan(&bytes, &package.name, |item| cells.take(item, flow))?;
    cells.rows.finish(flow)?;
    for text in &cells.margins {
        flow.text(text, None)?;
    }
    for link in &links {
        match link.kind.as_str() {
            "comments" | "threadedComment" => {
                let Some(tree) = package.tree(&link.part)? else { continue };
                for comment in tree.root().descendants().filter(|e| matches!(e.name(), "comment" | "threadedComment")) {
                    flow.text(&comment.child("text").map(Element::text).unwrap_or_default(), None)?;
                }
            }
            "drawing" => drawn(package, link, flow)?,
            _ => {}
        }
    }
    Ok(())
}

/// Text boxes and charts that lie over the cells.
fn drawn(package: &mut Package, link: &Link, flow: &mut Flow) -> Result<(), Failure> {
    let Some(tree) = package.tree(&link.part)? else { return Ok(()) };
    let links = package.links(&link.part)?;
    for shape in tree.root().descendants_named("txBody", &["Fallback"]) {
        flow.text(&drawing::text_of(shape), None)?;
    }
    for text in drawing::graphics(package, tree.root(), &links)? {
        flow.text(&text, None)?;
    }
    Ok(())
}

/// What of a sheet is being read.
struct Cells<'b> {
    book: &'b Book,
    rows: Rows,
    margins: Vec<String>,
    row: Vec<String>,
    number: u32,
    /// Of the cell.
    kind: String,
    style: usize,
    value: String,
    /// The element whose text is a value.
    wanted: bool,
    guide: bool,
    /// Names of open elements.
    open: Vec<Part>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Row,
    Cell,
    /// The text of a cell.
    Value,
    Guide,
    /// A line at the top or bottom of printed pages.
    Margin,
    Other,
}

impl<'b> Cells<'b> {
    fn new(book: &'b Book) -> Self {
        Self {
            book,
            rows: Rows::default(),
            margins: Vec::new(),
            row: Vec::new(),
            number: 0,
            kind: String::new(),
            style: 0,
            value: String::new(),
            wanted: false,
            guide: false,
            open: Vec::new(),
        }
    }

    fn take(&mut self, item: Item<'_>, flow: &mut Flow) -> Result<(), Failure> {
        match item {
            Item::Open(tag) => {
                let part = match tag.name() {
                    "row" => {
                        let number = tag.attribute("r").and_then(|number| number.parse().ok());
                        self.number = number.unwrap_or(self.number.saturating_add(1));
                        self.row.clear();
                        Part::Row
                    }
                    "c" => {
                        self.kind = tag.attribute("t").unwrap_or_default();
                        self.style = tag.attribute("s").and_then(|style| style.parse().ok()).unwrap_or(usize::MAX);
                        self.value.clear();
                        if let Some(column) = tag.attribute("r").and_then(|place| column(&place)) {
                            let gap = column.saturating_sub(self.row.len()).min(MOST_EMPTY);
                            self.row.extend(std::iter::repeat_n(String::new(), gap));
                        }
                        Part::Cell
                    }
                    "v" | "t" => Part::Value,
                    "rPh" => Part::Guide,
                    "oddHeader" | "evenHeader" | "firstHeader" | "oddFooter" | "evenFooter" | "firstFooter" => {
                        self.value.clear();
                        Part::Margin
                    }
                    _ => Part::Other,
                };
                self.guide |= part == Part::Guide;
                self.wanted = matches!(part, Part::Value | Part::Margin);
                self.open.push(part);
            }
            Item::Text(text) => {
                if self.wanted && !self.guide {
                    self.value.push_str(text);
                }
            }
            Item::Close => {
                self.wanted = false;
                match self.open.pop() {
                    Some(Part::Cell) => {
                        let value = self.shown();
                        self.row.push(value);
                    }
                    Some(Part::Row) => {
                        let row = std::mem::take(&mut self.row);
                        self.rows.push(&row, self.number, flow)?;
                    }
                    Some(Part::Margin) => self.margins.push(margin(&self.value)),
                    Some(Part::Guide) => self.guide = false,
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn shown(&self) -> String {
        let value = self.value.trim();
        match self.kind.as_str() {
            "s" => {
                value.parse::<usize>().ok().and_then(|index| self.book.strings.get(index)).cloned().unwrap_or_default()
            }
            "b" => if value == "1" { "TRUE" } else { "FALSE" }.to_owned(),
            "" | "n" => match value.parse::<f64>() {
                Ok(number) => {
                    let format = self.book.formats.get(self.style).copied().unwrap_or(Format::Plain);
                    numbers::shown(number, format, self.book.from_1904)
                }
                Err(_) => value.to_owned(),
            },
            _ => self.value.clone(),
        }
    }
}

/// The column of a cell's name (`AB12`), from 0.
fn column(place: &str) -> Option<usize> {
    let letters = place.bytes().take_while(u8::is_ascii_alphabetic).take(4);
    letters.fold(0, |column, letter| column * 26 + usize::from(letter.to_ascii_uppercase() - b'A') + 1).checked_sub(1)
}

/// Without the codes for fonts and places: `&L&"Arial,Bold"Draft&RPage &P`.
fn margin(text: &str) -> String {
    let mut plain = String::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if character != '&' {
            plain.push(character);
            continue;
        }
        match characters.next() {
            Some('&') => plain.push('&'),
            Some('L' | 'C' | 'R') if !plain.is_empty() => plain.push(' '),
            Some('"') => while characters.next().is_some_and(|character| character != '"') {},
            Some('0'..='9') => while characters.next_if(char::is_ascii_digit).is_some() {},
            _ => {}
        }
    }
    plain.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{archive::tests::pack, office};

    #[test]
    fn cells_are_shown_as_people_see_them() {
        let links = "<Relationships><Relationship Id='r1' Type='x/worksheet' Target='s1.xml'/>
            <Relationship Id='r2' Type='x/sharedStrings' Target='t.xml'/><Relationship Id='r3' Type='x/styles' Target='st.xml'/></Relationships>";
        let strings = "<sst><si><t>名前</t><rPh sb='0' eb='2'><t>ナマエ</t></rPh></si><si><r><t>two </t></r><r><t>runs</t></r></si></sst>";
        let styles = "<styleSheet><numFmts><numFmt numFmtId='164' formatCode='0.0%'/></numFmts>
            <cellXfs><xf numFmtId='0'/><xf numFmtId='14'/><xf numFmtId='164'/></cellXfs></styleSheet>";
        let sheet = "<worksheet><sheetData><row r='2'><c r='A2' t='s'><v>0</v></c><c r='C2' t='s'><v>1</v></c></row>
            <row r='3'><c r='A3' s='1'><f>TODAY()</f><v>45352</v></c><c s='2'><v>0.155</v></c><c t='inlineStr'><is><t>in</t></is></c>
            <c t='b'><v>1</v></c><c t='str'><v>text</v></c><c t='s'><v>99</v></c></row></sheetData>
            <headerFooter><oddHeader>&amp;L&amp;\"Arial,Bold\"&amp;12Draft&amp;RPage &amp;P</oddHeader></headerFooter></worksheet>";
        let parts = [
            (
                "xl/workbook.xml",
                "<workbook><sheets><sheet name='Staff' sheetId='1' r:id='r1'/><sheet name='lost' r:id='r9'/></sheets></workbook>",
            ),
            ("xl/_rels/workbook.xml.rels", links),
            ("xl/t.xml", strings),
            ("xl/st.xml", styles),
            ("xl/s1.xml", sheet),
        ];
        let document = office::read(pack(&parts), DocumentKind::Xlsx, "a.xlsx").unwrap();
        let found: Vec<_> = document.blocks.iter().map(|block| (block.text.as_str(), block.line, block.page)).collect();
        assert_eq!(
            found,
            [
                ("Staff", None, Some(1)),
                ("名前 |  | two runs\n2024-03-01 | 15.5% | in | TRUE | text", Some(2), Some(1)),
                ("Draft Page", None, Some(1)),
            ]
        );
        assert_eq!(document.blocks[1].headings, ["Staff"]);
        assert_eq!((document.pages, document.title), (Some(1), None));
    }

    #[test]
    fn places_are_columns() {
        assert_eq!(["A1", "Z9", "AB12", "", "7"].map(column), [Some(0), Some(25), Some(27), None, None]);
        assert!(column("ZZZZZZZZZZZZZZZZZZZZ").is_some());
    }
}
