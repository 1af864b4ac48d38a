//! Word processor documents of Office Open XML.

use std::collections::HashMap;

use molt_core::{DocumentKind, ExtractedDocument};
use molt_extract_client::Failure;

use super::{
    Link, Package, drawing, linked,
    outline::{ListPlace, Lists, Styles, outline_level},
};
use crate::{
    flow::Flow,
    html, mail, plain,
    xml::{Element, Node, Tree},
};

/// Bytes. A row whose cells hold more is one of a page's layout, not of a table.
const LONGEST_ROW: usize = 1500;

/// Reads the document whose main part this is.
pub fn read(mut package: Package, main: String, flow: Flow) -> Result<ExtractedDocument, Failure> {
    let name = package.name.clone();
    let body = package.main(&main)?;
    let links = package.links(&main)?;
    let mut parts = Parts::default();
    for kind in ["styles", "numbering", "footnotes", "endnotes", "comments"] {
        if let Some(link) = links.iter().find(|link| link.kind == kind) {
            let tree = package.tree(&link.part)?;
            match kind {
                "styles" => parts.styles = Styles::new(tree.as_ref()),
                "numbering" => parts.lists = Lists::new(tree.as_ref()),
                _ => parts.notes.push((kind, tree.unwrap_or_default())),
            }
        }
    }
    let Parts { styles, lists, notes } = parts;
    let mut by_id: HashMap<&'static str, HashMap<&str, Element<'_>>> = HashMap::new();
    for (kind, tree) in &notes {
        for note in tree.root().children().flat_map(Element::children) {
            if let Some(id) = note.attribute("id") {
                by_id.entry(kind).or_default().insert(id, note);
            }
        }
    }
    let mut walk =
        Walk { package: &mut package, links: &links, flow, styles, lists, initial: String::new(), notes: by_id };
    walk.blocks(body.root())?;
    walk.flow.leave(0);
    // They repeat on every page, and often each other.
    let mut margins: Vec<String> = Vec::new();
    for link in links.iter().filter(|link| matches!(link.kind.as_str(), "header" | "footer")) {
        let Some(tree) = walk.package.tree(&link.part)? else { continue };
        let outer = std::mem::replace(&mut walk.flow, Flow::new(&name));
        walk.blocks(tree.root())?;
        let margin = std::mem::replace(&mut walk.flow, outer).finish(DocumentKind::Docx, None, "");
        let text = margin.blocks.into_iter().map(|block| block.text).collect::<Vec<_>>().join("\n");
        if !margins.contains(&text) {
            walk.flow.text(&text, None)?;
            margins.push(text);
        }
    }
    Ok(walk.flow.finish(DocumentKind::Docx, None, "docx"))
}

#[derive(Default)]
struct Parts {
    styles: Styles,
    lists: Lists,
    notes: Vec<(&'static str, Tree)>,
}

struct Walk<'w> {
    package: &'w mut Package,
    /// Of the part that is being read.
    links: &'w [Link],
    flow: Flow,
    styles: Styles,
    lists: Lists,
    /// Of the paragraph that follows.
    initial: String,
    /// By the part they are in and their id.
    notes: HashMap<&'static str, HashMap<&'w str, Element<'w>>>,
}

/// What a paragraph mentions and what is told after it.
#[derive(Default)]
struct Pending<'t> {
    boxes: Vec<Element<'t>>,
    drawings: Vec<Element<'t>>,
    notes: Vec<(&'static str, &'t str)>,
}

impl<'w> Walk<'w> {
    fn blocks(&mut self, parent: Element<'_>) -> Result<(), Failure> {
        for child in parent.children() {
            match child.name() {
                "p" => self.paragraph(child)?,
                "tbl" => self.table(child)?,
                "altChunk" => self.foreign(child)?,
                "AlternateContent" => self.blocks(drawing::alternative(child))?,
                "sectPr" | "pPr" | "tblPr" | "tblGrid" | "tcPr" | "trPr" | "sdtPr" | "del" | "moveFrom" => {}
                _ => self.blocks(child)?,
            }
        }
        Ok(())
    }

    fn paragraph(&mut self, element: Element<'_>) -> Result<(), Failure> {
        let (mut text, level, pending) = self.paragraph_text(element);
        // A large first letter is a paragraph of its own.
        let frame = element.at(&["pPr", "framePr"]).and_then(|frame| frame.attribute("dropCap"));
        if frame.is_some_and(|drop| drop != "none") {
            self.initial = text.trim().to_owned();
            return self.told_after(pending);
        }
        text.insert_str(0, &std::mem::take(&mut self.initial));
        match level {
            Some(level) => self.flow.heading(level, &text, None)?,
            None => self.flow.text(&text, None)?,
        }
        self.told_after(pending)
    }

    /// With the label of a list in front, and its level if it is a heading.
    fn paragraph_text<'t>(&mut self, element: Element<'t>) -> (String, Option<u8>, Pending<'t>) {
        let mut pending = Pending::default();
        let mut text = String::new();
        self.inline(element, &mut text, &mut pending);
        let properties = element.child("pPr");
        let style = properties.and_then(|properties| properties.child("pStyle")?.attribute("val"));
        let level = match properties.and_then(outline_level) {
            Some(level) => Some(level).filter(|level| *level > 0),
            None => style.and_then(|style| self.styles.level(style)),
        };
        let own = properties.and_then(ListPlace::of);
        let by_style = style.and_then(|style| self.styles.list(style));
        let place = match (own, by_style) {
            (Some(own), Some((_, style))) => {
                Some((ListPlace { list: own.list.or(style.list.clone()), level: own.level.or(style.level) }, None))
            }
            (Some(own), None) => Some((own, None)),
            (None, Some((id, place))) => Some((place.clone(), Some(id.to_owned()))),
            (None, None) => None,
        };
        // An empty paragraph is not counted.
        if let Some((place, style)) = place.filter(|_| !text.trim().is_empty())
            && let Some(label) = self.lists.label(&place, style.as_deref())
        {
            text.insert_str(0, &format!("{label} "));
        }
        (text, level, pending)
    }

    /// Text boxes, charts and notes.
    fn told_after(&mut self, pending: Pending<'_>) -> Result<(), Failure> {
        for content in pending.boxes {
            self.blocks(content)?;
        }
        for element in pending.drawings {
            for text in drawing::graphics(self.package, element, self.links)? {
                self.flow.text(&text, None)?;
            }
        }
        for (part, id) in pending.notes {
            // Each is told once, however often it is mentioned; this also ends circles.
            if let Some(note) = self.notes.get_mut(part).and_then(|notes| notes.remove(id)) {
                self.blocks(note)?;
            }
        }
        Ok(())
    }

    fn table(&mut self, table: Element<'_>) -> Result<(), Failure> {
        for row in rows(table) {
            let cells: Vec<Element<'_>> = row.descendants_named("tc", &["tbl", "del"]).collect();
            let is_layout = cells.len() == 1
                || cells
                    .iter()
                    .any(|cell| cell.descendants().any(|element| matches!(element.name(), "tbl" | "altChunk")))
                || cells.iter().map(|cell| text_length(*cell)).sum::<usize>() > LONGEST_ROW;
            if is_layout {
                for cell in cells {
                    self.blocks(cell)?;
                }
                continue;
            }
            let mut texts = Vec::new();
            let mut all = Vec::new();
            for cell in cells {
                let mut lines = Vec::new();
                for paragraph in cell.descendants_named("p", &["del", "moveFrom", "txbxContent"]) {
                    let (text, _, pending) = self.paragraph_text(paragraph);
                    lines.push(text);
                    all.push(pending);
                }
                texts.push(lines.join(" "));
            }
            self.flow.row(&texts, None)?;
            all.into_iter().try_for_each(|pending| self.told_after(pending))?;
        }
        Ok(())
    }

    /// A document of another format that Word would turn into paragraphs when it opens this one.
    fn foreign(&mut self, chunk: Element<'_>) -> Result<(), Failure> {
        let Some(link) = linked(self.links, chunk.link("id")) else { return Ok(()) };
        let Some(bytes) = self.package.archive.read(&link.part)? else { return Ok(()) };
        let extension = link.part.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
        match extension.as_str() {
            "htm" | "html" | "xhtml" => html::push(&html::decode(&bytes).unwrap_or_default(), &mut self.flow, false),
            "mht" | "mhtml" => mail::push_parts(&bytes, &mut self.flow),
            "txt" => self.flow.text(&plain::decode(&bytes).unwrap_or_default(), None),
            _ => Ok(()),
        }
    }

    fn inline<'t>(&self, element: Element<'t>, text: &mut String, pending: &mut Pending<'t>) {
        for child in element.children() {
            match child.name() {
                "t" => text.push_str(&child.text()),
                "tab" | "ptab" => text.push('\t'),
                "br" | "cr" => text.push('\n'),
                "noBreakHyphen" => text.push('-'),
                "pPr" | "rPr" | "del" | "moveFrom" | "delText" | "instrText" | "rt" | "sdtPr" | "fldData"
                | "ffData" => {}
                "footnoteReference" => pending.mention("footnotes", child),
                "endnoteReference" => pending.mention("endnotes", child),
                "commentReference" => pending.mention("comments", child),
                "oMath" | "oMathPara" => drawing::math(child, text),
                "AlternateContent" => self.inline(drawing::alternative(child), text, pending),
                "drawing" | "pict" | "object" => self.drawing(child, text, pending),
                _ => self.inline(child, text, pending),
            }
        }
    }

    fn drawing<'t>(&self, element: Element<'t>, text: &mut String, pending: &mut Pending<'t>) {
        for child in element.children() {
            match child.name() {
                "txbxContent" => pending.boxes.push(child),
                "chart" | "relIds" => pending.drawings.push(element),
                // The description that people wrote for those who do not see the picture.
                "docPr" => say(child.attribute("descr"), text),
                "textpath" => say(child.attribute("string"), text),
                "AlternateContent" => self.drawing(drawing::alternative(child), text, pending),
                _ => self.drawing(child, text, pending),
            }
        }
    }
}

impl<'t> Pending<'t> {
    fn mention(&mut self, part: &'static str, reference: Element<'t>) {
        if let Some(id) = reference.attribute("id") {
            self.notes.push((part, id));
        }
    }
}

fn say(words: Option<&str>, text: &mut String) {
    let Some(words) = words.filter(|words| !words.trim().is_empty()) else { return };
    if !text.is_empty() && !text.ends_with(char::is_whitespace) {
        text.push(' ');
    }
    text.push_str(words);
}

/// The rows of a table, without those of tables inside it.
fn rows(table: Element<'_>) -> impl Iterator<Item = Element<'_>> {
    table.descendants_named("tr", &["tc", "del"])
}

fn text_length(element: Element<'_>) -> usize {
    let texts = element.descendants().filter(|element| element.name() == "t");
    texts.flat_map(Element::nodes).map(|node| if let Node::Text(text) = node { text.len() } else { 0 }).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{archive::tests::pack, office};

    fn read(body: &str, more: &[(&str, &str)]) -> ExtractedDocument {
        let document = format!("<w:document><w:body>{body}</w:body></w:document>");
        let mut parts = vec![("word/document.xml", document.as_str())];
        parts.extend_from_slice(more);
        office::read(pack(&parts), DocumentKind::Docx, "a.docx").unwrap()
    }

    fn texts(body: &str) -> Vec<String> {
        read(body, &[]).blocks.into_iter().map(|block| block.text).collect()
    }

    fn p(text: &str) -> String {
        format!("<w:p><w:r><w:t>{text}</w:t></w:r></w:p>")
    }

    #[test]
    fn paragraphs_stand_under_headings() {
        let styles = "<w:styles><w:style w:styleId='berschrift1'><w:name w:val='heading 1'/></w:style></w:styles>";
        let links = "<Relationships><Relationship Id='r1' Type='x/styles' Target='styles.xml'/></Relationships>";
        let heading = "<w:p><w:pPr><w:pStyle w:val='berschrift1'/></w:pPr><w:r><w:t>Plan</w:t></w:r></w:p>";
        let body = format!("{}{heading}{}", p("before"), p("inside"));
        let document = read(&body, &[("word/styles.xml", styles), ("word/_rels/document.xml.rels", links)]);
        let found: Vec<_> = document.blocks.iter().map(|block| (block.text.as_str(), block.headings.len())).collect();
        assert_eq!(found, [("before", 0), ("Plan", 1), ("inside", 1)]);
        assert_eq!((document.kind, document.title.as_deref()), (DocumentKind::Docx, Some("Plan")));
    }

    #[test]
    fn what_was_deleted_and_what_is_no_text_is_left_out() {
        let body = "<w:p><w:r><w:t>one</w:t><w:tab/><w:t xml:space='preserve'>two </w:t></w:r>
            <w:del><w:r><w:delText>gone</w:delText><w:t>gone</w:t></w:r></w:del><w:ins><w:r><w:t>three</w:t></w:r></w:ins>
            <w:r><w:instrText>PAGE</w:instrText></w:r><w:hyperlink><w:r><w:t> four</w:t></w:r></w:hyperlink></w:p>";
        assert_eq!(texts(body), ["one\ttwo three four"]);
    }

    #[test]
    fn a_large_first_letter_belongs_to_its_word() {
        let initial = "<w:p><w:pPr><w:framePr w:dropCap='drop'/></w:pPr><w:r><w:t>O</w:t></w:r></w:p>";
        assert_eq!(texts(&format!("{initial}{}{}", p("nce upon"), p("a time"))), ["Once upon", "a time"]);
    }

    #[test]
    fn tables_are_rows_and_layout_is_paragraphs() {
        let cell = |content: &str| format!("<w:tc>{content}</w:tc>");
        let row = |cells: &[String]| format!("<w:tr>{}</w:tr>", cells.concat());
        let inner = format!("<w:tbl>{}</w:tbl>", row(&[cell(&p("x")), cell(&p("y"))]));
        let table = format!(
            "<w:tbl>{}{}{}</w:tbl>",
            row(&[cell(&(p("a") + &p("b"))), cell(&p("c"))]),
            row(&[cell(&p("alone"))]),
            row(&[cell(&p("left")), cell(&inner)])
        );
        assert_eq!(texts(&table), ["a b | c", "alone", "left", "x | y"]);
    }

    #[test]
    fn notes_boxes_and_margins_are_read_once() {
        let body = format!(
            "<w:p><w:r><w:t>words</w:t><w:footnoteReference w:id='2'/></w:r></w:p>
             <w:p><w:r><mc:AlternateContent><mc:Choice><w:drawing><w:txbxContent>{0}</w:txbxContent></w:drawing></mc:Choice>
             <mc:Fallback><w:pict><w:txbxContent>{0}</w:txbxContent></w:pict></mc:Fallback></mc:AlternateContent></w:r>
             <w:r><w:footnoteReference w:id='2'/></w:r></w:p>",
            p("in a box")
        );
        let notes = format!("<w:footnotes><w:footnote w:id='2'>{}</w:footnote></w:footnotes>", p("a note"));
        let header = format!("<w:hdr>{}</w:hdr>", p("on every page"));
        let links = "<Relationships><Relationship Id='r1' Type='x/footnotes' Target='notes.xml'/>
            <Relationship Id='r2' Type='x/header' Target='h.xml'/><Relationship Id='r3' Type='x/header' Target='h.xml'/></Relationships>";
        let document = read(
            &body,
            &[("word/notes.xml", &notes), ("word/h.xml", &header), ("word/_rels/document.xml.rels", links)],
        );
        let found: Vec<&str> = document.blocks.iter().map(|block| block.text.as_str()).collect();
        assert_eq!(found, ["words", "a note", "in a box", "on every page"]);
    }

    #[test]
    fn damaged_documents_are_named_failures() {
        for parts in [vec![("word/document.xml", "")], vec![("other.xml", "<a/>")]] {
            match office::read(pack(&parts), DocumentKind::Docx, "a.docx") {
                Err(Failure::Unreadable(sentence)) => assert!(sentence.contains("a.docx"), "{sentence}"),
                other => panic!("{other:?}"),
            }
        }
    }
}
