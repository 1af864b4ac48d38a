//! OpenDocument: text, sheets and slides. The number of a sheet or slide is told as the page, a row's number as the line.

use molt_core::{DocumentKind, ExtractedDocument};
use molt_extract_client::Failure;

use super::sheet::{MOST_EMPTY, Rows};
use crate::{
    archive::{Archive, damaged, locked},
    flow::Flow,
    xml::{Element, Node, Tree},
};

/// Objects within objects: a chart in a text. Deeper is not looked.
const MOST_OBJECTS: u8 = 3;

/// Bytes. A row whose cells hold more is one of a page's layout, not of a table.
const LONGEST_ROW: usize = 1500;

/// Reads a document of any of the three forms.
pub fn read(mut archive: Archive, name: &str) -> Result<ExtractedDocument, Failure> {
    if let Some(manifest) = archive.read("META-INF/manifest.xml")?
        && Tree::parse(&manifest, name)?.root().descendants().any(|element| element.name() == "encryption-data")
    {
        return Err(locked(name));
    }
    let content = archive.read("content.xml")?.ok_or_else(|| damaged(name))?;
    let tree = Tree::parse(&content, name)?;
    let body = tree.root().children().find_map(|root| root.child("body")).ok_or_else(|| damaged(name))?;
    let mut walk =
        Walk { flow: Flow::new(name), archive, name: name.to_owned(), pages: 0, folder: String::new(), depth: 0 };
    if let Some(meta) = walk.tree("meta.xml")? {
        let title = meta.root().descendants().find(|element| element.name() == "title");
        walk.flow.name_it(&title.map(Element::text).unwrap_or_default());
    }
    walk.blocks(body)?;
    walk.flow.leave(0);
    walk.flow.page = None;
    if let Some(styles) = walk.tree("styles.xml")? {
        let margins = ["header", "footer", "header-first", "footer-first", "header-left", "footer-left"];
        for part in styles.root().descendants().filter(|element| margins.contains(&element.name())) {
            walk.blocks(part)?;
        }
    }
    let pages = (walk.pages > 0).then_some(walk.pages);
    Ok(walk.flow.finish(DocumentKind::Odf, pages, "odf"))
}

struct Walk {
    flow: Flow,
    archive: Archive,
    name: String,
    pages: u32,
    /// Of the object that is being read, with a slash at its end.
    folder: String,
    depth: u8,
}

/// Boxes, notes and comments, which are told after the paragraph that they stand in.
type Pending<'t> = Vec<Element<'t>>;

impl Walk {
    fn tree(&mut self, part: &str) -> Result<Option<Tree>, Failure> {
        match self.archive.read(part)? {
            Some(bytes) => Tree::parse(&bytes, &self.name).map(Some),
            None => Ok(None),
        }
    }

    fn blocks(&mut self, parent: Element<'_>) -> Result<(), Failure> {
        parent.children().try_for_each(|child| self.block(parent, child))
    }

    fn block(&mut self, parent: Element<'_>, child: Element<'_>) -> Result<(), Failure> {
        match child.name() {
            "h" => {
                let level = child.attribute("outline-level").and_then(|level| level.parse().ok()).unwrap_or(1);
                let (text, pending) = paragraph(child);
                self.flow.heading(level, &text, None)?;
                self.told_after(pending)
            }
            "p" => {
                let (text, pending) = paragraph(child);
                self.flow.text(&text, None)?;
                self.told_after(pending)
            }
            "table" if parent.name() == "spreadsheet" => self.sheet(child),
            "table" => self.table(child),
            "page" => self.slide(child),
            "object" => match (child.attribute("href"), child.child("math")) {
                (Some(link), _) => self.object(link),
                (None, Some(math)) => self.flow.text(&formula_text(math), None),
                (None, None) => self.blocks(child),
            },
            // Words for those who do not see a picture.
            "title" | "desc" => self.flow.text(&child.text(), None),
            // What was deleted; what is set up for the program.
            "tracked-changes"
            | "forms"
            | "sequence-decls"
            | "variable-decls"
            | "user-field-decls"
            | "creator"
            | "date"
            | "date-string"
            | "note-citation"
            | "calculation-settings"
            | "content-validations" => Ok(()),
            _ => self.blocks(child),
        }
    }

    fn told_after(&mut self, pending: Pending<'_>) -> Result<(), Failure> {
        pending.into_iter().try_for_each(|element| self.blocks(element))
    }

    /// A formula or a chart, which is a document of its own in the same archive.
    fn object(&mut self, link: &str) -> Result<(), Failure> {
        if self.depth >= MOST_OBJECTS {
            return Ok(());
        }
        let folder = format!("{}{}/", self.folder, link.trim_start_matches("./").trim_end_matches('/'));
        let Some(tree) = self.tree(&format!("{folder}content.xml"))? else { return Ok(()) };
        let Some(root) = tree.root().children().next() else { return Ok(()) };
        if root.name() == "math" {
            return self.flow.text(&formula_text(root), None);
        }
        let outer = std::mem::replace(&mut self.folder, folder);
        self.depth += 1;
        let result = self.blocks(root);
        self.depth -= 1;
        self.folder = outer;
        result
    }

    fn table(&mut self, table: Element<'_>) -> Result<(), Failure> {
        for line in table.descendants_named("table-row", &["table-cell", "tracked-changes"]) {
            let cells: Vec<Element<'_>> = line.descendants_named("table-cell", &[]).collect();
            let is_layout = cells.len() == 1
                || cells.iter().any(|cell| cell.descendants().any(|element| element.name() == "table"))
                || cells.iter().map(|cell| cell.text().len()).sum::<usize>() > LONGEST_ROW;
            if is_layout {
                cells.into_iter().try_for_each(|cell| self.blocks(cell))?;
                continue;
            }
            let (texts, all): (Vec<String>, Vec<Pending<'_>>) = cells.into_iter().map(cell).unzip();
            self.flow.row(&texts, None)?;
            all.into_iter().try_for_each(|pending| self.told_after(pending))?;
        }
        Ok(())
    }

    fn sheet(&mut self, sheet: Element<'_>) -> Result<(), Failure> {
        self.pages += 1;
        self.flow.leave(0);
        self.flow.page = Some(self.pages);
        // A workbook is not named after its first sheet, so the level is not the outermost.
        self.flow.heading(2, sheet.attribute("name").unwrap_or_default(), None)?;
        let mut rows = Rows::default();
        let mut number: u32 = 1;
        let mut after = Vec::new();
        for line in sheet.descendants_named("table-row", &["table-cell"]) {
            let mut cells: Vec<String> = Vec::new();
            for element in line.children().filter(|cell| matches!(cell.name(), "table-cell" | "covered-table-cell")) {
                let (text, pending) = cell(element);
                after.extend(pending);
                let repeated = repeated(element, "number-columns-repeated").min(MOST_EMPTY as u32);
                cells.extend(std::iter::repeat_n(text, repeated as usize));
            }
            rows.push(&cells, number, &mut self.flow)?;
            number = number.saturating_add(repeated(line, "number-rows-repeated"));
        }
        rows.finish(&mut self.flow)?;
        // Comments, and what lies over the cells.
        self.told_after(after)?;
        sheet.descendants_named("shapes", &["table-row"]).try_for_each(|shapes| self.blocks(shapes))
    }

    fn slide(&mut self, slide: Element<'_>) -> Result<(), Failure> {
        self.pages += 1;
        self.flow.leave(0);
        self.flow.page = Some(self.pages);
        let is_title = |frame: &Element<'_>| frame.name() == "frame" && frame.attribute("class") == Some("title");
        if let Some(title) = slide.children().find(is_title) {
            let lines = title.descendants().filter(|element| element.name() == "p").map(|p| paragraph(p).0);
            self.flow.heading(1, &lines.collect::<Vec<_>>().join(" "), None)?;
        }
        slide.children().filter(|child| !is_title(child)).try_for_each(|child| self.block(slide, child))
    }
}

fn repeated(element: Element<'_>, name: &str) -> u32 {
    element.attribute(name).and_then(|count| count.parse().ok()).unwrap_or(1).max(1)
}

/// A cell's paragraphs in one.
fn cell(element: Element<'_>) -> (String, Pending<'_>) {
    let (mut lines, mut after) = (Vec::new(), Vec::new());
    let mut waiting: Vec<Element<'_>> = element.children().collect();
    waiting.reverse();
    while let Some(part) = waiting.pop() {
        match part.name() {
            "p" | "h" => {
                let (text, pending) = paragraph(part);
                lines.push(text);
                after.extend(pending);
            }
            "annotation" | "frame" | "custom-shape" | "g" => after.push(part),
            _ => {
                let start = waiting.len();
                waiting.extend(part.children());
                waiting[start..].reverse();
            }
        }
    }
    (lines.join(" "), after)
}

fn paragraph(element: Element<'_>) -> (String, Pending<'_>) {
    let mut text = String::new();
    let mut pending = Pending::default();
    inline(element, &mut text, &mut pending);
    (text, pending)
}

fn inline<'t>(element: Element<'t>, text: &mut String, pending: &mut Pending<'t>) {
    for node in element.nodes() {
        let child = match node {
            // White space in the file is not white space in the text.
            Node::Text(piece) => {
                for character in piece.chars() {
                    if !character.is_whitespace() || character == '\u{a0}' || character == '\u{3000}' {
                        text.push(character);
                    } else if !text.ends_with([' ', '\n', '\t']) && !text.is_empty() {
                        text.push(' ');
                    }
                }
                continue;
            }
            Node::Element(child) => child,
        };
        match child.name() {
            "s" => text.extend(std::iter::repeat_n(' ', repeated(child, "c").min(8) as usize)),
            "tab" => text.push('\t'),
            "line-break" => text.push('\n'),
            // Shown or not, it is text that somebody wrote.
            "hidden-text" => text.push_str(child.attribute("string-value").unwrap_or_default()),
            "note" => pending.extend(child.child("note-body")),
            "ruby-text" | "change" | "change-start" | "change-end" | "annotation-end" | "script" => {}
            "annotation" | "frame" | "custom-shape" | "rect" | "ellipse" | "line" | "g" => pending.push(child),
            _ => inline(child, text, pending),
        }
    }
}

/// MathML in one line.
fn formula_text(math: Element<'_>) -> String {
    let mut text = String::new();
    formula(math, &mut text);
    text.trim().to_owned()
}

fn formula(element: Element<'_>, text: &mut String) {
    let mut index = 0;
    for node in element.nodes() {
        match node {
            Node::Text(piece) => text.push_str(piece.trim()),
            // It repeats the formula in another notation.
            Node::Element(child) if child.name() == "annotation" => {}
            Node::Element(child) => {
                match element.name() {
                    "mfrac" if index == 1 => text.push('/'),
                    "msup" if index == 1 => text.push('^'),
                    "msub" if index == 1 => text.push('_'),
                    "mtr" | "mtable" => text.push(' '),
                    _ => {}
                }
                formula(child, text);
                index += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{archive::tests::pack, office};

    fn read(body: &str, more: &[(&str, &str)]) -> Result<ExtractedDocument, Failure> {
        let content = format!("<office:document-content><office:body>{body}</office:body></office:document-content>");
        let mut parts =
            vec![("mimetype", "application/vnd.oasis.opendocument.text"), ("content.xml", content.as_str())];
        parts.extend_from_slice(more);
        office::read(pack(&parts), DocumentKind::Odf, "a.odt")
    }

    fn found(document: &ExtractedDocument) -> Vec<(&str, Option<u32>, Option<u32>, usize)> {
        let blocks = document.blocks.iter();
        blocks.map(|block| (block.text.as_str(), block.page, block.line, block.headings.len())).collect()
    }

    #[test]
    fn texts_have_headings_notes_tables_and_objects() {
        let body = "<office:text><text:tracked-changes><text:p>gone</text:p></text:tracked-changes>
            <text:h text:outline-level='1'>Plan</text:h>
            <text:p>one<text:hidden-text text:string-value=' or'/><text:s text:c='2'/>two<text:line-break/>three\n   four<text:note><text:note-citation>1</text:note-citation>
            <text:note-body><text:p>a note</text:p></text:note-body></text:note></text:p>
            <text:list><text:list-item><text:p>item</text:p></text:list-item></text:list>
            <table:table><table:table-row><table:table-cell><text:p>a</text:p><text:p>b</text:p></table:table-cell>
            <table:table-cell><text:p>c</text:p></table:table-cell></table:table-row></table:table>
            <text:p><draw:frame><draw:text-box><text:p>in a box</text:p></draw:text-box></draw:frame></text:p>
            <text:p><draw:frame><draw:object xlink:href='./Object 1'/><svg:desc>a half</svg:desc></draw:frame></text:p></office:text>";
        let formula =
            "<math><semantics><mfrac><mn>1</mn><mn>2</mn></mfrac><annotation>1 over 2</annotation></semantics></math>";
        let styles = "<office:document-styles><style:footer><text:p>on every page</text:p></style:footer></office:document-styles>";
        let document = read(body, &[("Object 1/content.xml", formula), ("styles.xml", styles)]).unwrap();
        let texts: Vec<&str> = document.blocks.iter().map(|block| block.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "Plan",
                "one or  two\nthree four",
                "a note",
                "item",
                "a b | c",
                "in a box",
                "1/2",
                "a half",
                "on every page"
            ]
        );
        assert_eq!((document.kind, document.title.as_deref(), document.pages), (DocumentKind::Odf, Some("Plan"), None));
        assert_eq!(document.blocks[1].headings, ["Plan"]);
    }

    #[test]
    fn sheets_keep_their_row_numbers() {
        let body = "<office:spreadsheet><table:table table:name='Staff'><table:table-row table:number-rows-repeated='3'>
            <table:table-cell table:number-columns-repeated='1024'/></table:table-row>
            <table:table-row><table:table-cell><text:p>x</text:p></table:table-cell><table:table-cell table:number-columns-repeated='2'>
            <text:p>y</text:p></table:table-cell></table:table-row>
            <table:table-row table:number-rows-repeated='1048576'><table:table-cell/></table:table-row></table:table></office:spreadsheet>";
        let document = read(body, &[]).unwrap();
        assert_eq!(found(&document), [("Staff", Some(1), None, 1), ("x | y | y", Some(1), Some(4), 1)]);
    }

    #[test]
    fn slides_have_titles() {
        let frame = |class: &str, text: &str| {
            format!(
                "<draw:frame presentation:class='{class}'><draw:text-box><text:p>{text}</text:p></draw:text-box></draw:frame>"
            )
        };
        let body = format!(
            "<office:presentation><draw:page>{}{}<presentation:notes>{}</presentation:notes></draw:page></office:presentation>",
            frame("subtitle", "below"),
            frame("title", "Above"),
            frame("notes", "to say")
        );
        let document = read(&body, &[]).unwrap();
        let page = Some(1);
        assert_eq!(found(&document), [("Above", page, None, 1), ("below", page, None, 1), ("to say", page, None, 1)]);
    }

    #[test]
    fn encrypted_and_damaged_files_are_named_failures() {
        let manifest = "<manifest:manifest><manifest:file-entry><manifest:encryption-data/></manifest:file-entry></manifest:manifest>";
        for (document, word) in [
            (read("<office:text/>", &[("META-INF/manifest.xml", manifest)]), "password"),
            (
                office::read(
                    pack(&[("mimetype", "application/vnd.oasis.opendocument.text")]),
                    DocumentKind::Odf,
                    "a.odt",
                ),
                "damaged",
            ),
        ] {
            match document {
                Err(Failure::Unreadable(sentence)) => assert!(sentence.contains(word), "{sentence}"),
                other => panic!("{other:?}"),
            }
        }
    }
}
