//! Slides of Office Open XML. A slide's number is told as the page.

use std::collections::HashSet;

use molt_core::{DocumentKind, ExtractedDocument};
use molt_extract_client::Failure;

use super::{Link, Package, drawing, linked};
use crate::{
    flow::Flow,
    xml::{Element, Tree},
};

/// Reads the presentation whose main part this is.
pub fn read(mut package: Package, main: String, mut flow: Flow) -> Result<ExtractedDocument, Failure> {
    let presentation = package.main(&main)?;
    let links = package.links(&main)?;
    let order = presentation.root().descendants().filter(|element| element.name() == "sldId");
    let mut slides: Vec<&Link> = order.filter_map(|slide| linked(&links, slide.link("id"))).collect();
    if slides.is_empty() {
        // The list is damaged or lost.
        slides = links.iter().filter(|link| link.kind == "slide").collect();
    }
    // What layouts and masters put on slides is told once, where it stands first.
    let mut told = HashSet::new();
    for (number, slide) in (1..).zip(&slides) {
        flow.leave(0);
        flow.page = Some(number);
        self::slide(&mut package, &slide.part, &mut flow, &mut told)?;
    }
    let count = slides.len() as u32;
    Ok(flow.finish(DocumentKind::Pptx, Some(count), "pptx"))
}

fn slide(package: &mut Package, part: &str, flow: &mut Flow, told: &mut HashSet<String>) -> Result<(), Failure> {
    let Some(tree) = package.tree(part)? else { return Ok(()) };
    let links = package.links(part)?;
    let title = tree.root().descendants().find(|shape| shape.name() == "sp" && is_title(*shape));
    if let Some(text) = title.and_then(|title| title.child("txBody")).map(drawing::text_of) {
        flow.heading(1, &text, None)?;
    }
    shapes(package, tree.root(), &links, flow, &|shape| !is_title(shape))?;
    for link in &links {
        match link.kind.as_str() {
            "notesSlide" => {
                let Some(tree) = package.tree(&link.part)? else { continue };
                let links = package.links(&link.part)?;
                // The slide's picture and number stand on the notes, too.
                let is_note = |shape: Element<'_>| !matches!(placeholder(shape), Some("sldImg" | "sldNum"));
                shapes(package, tree.root(), &links, flow, &is_note)?;
                behind(package, &links, "notesMaster", flow, told)?;
            }
            "comments" => {
                if let Some(tree) = package.tree(&link.part)? {
                    comments(&tree, flow)?;
                }
            }
            "slideLayout" => {
                behind(package, &links, "slideLayout", flow, told)?;
                let links = package.links(&link.part)?;
                behind(package, &links, "slideMaster", flow, told)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Text on the slide or page that lies behind. Its placeholders hold instructions, except for the lines at the margin.
fn behind(
    package: &mut Package,
    links: &[Link],
    kind: &str,
    flow: &mut Flow,
    told: &mut HashSet<String>,
) -> Result<(), Failure> {
    let Some(link) = links.iter().find(|link| link.kind == kind) else { return Ok(()) };
    if !told.insert(link.part.clone()) {
        return Ok(());
    }
    let Some(tree) = package.tree(&link.part)? else { return Ok(()) };
    let links = package.links(&link.part)?;
    shapes(package, tree.root(), &links, flow, &|shape| matches!(placeholder(shape), None | Some("ftr" | "hdr")))
}

fn comments(tree: &Tree, flow: &mut Flow) -> Result<(), Failure> {
    for comment in tree.root().descendants() {
        match comment.name() {
            // The old form and the new.
            "cm" => {
                let text = comment.child("text").map(Element::text);
                let text = text.or_else(|| comment.child("txBody").map(drawing::text_of));
                flow.text(&text.unwrap_or_default(), None)?;
            }
            "reply" => flow.text(&comment.child("txBody").map(drawing::text_of).unwrap_or_default(), None)?,
            _ => {}
        }
    }
    Ok(())
}

fn placeholder(shape: Element<'_>) -> Option<&str> {
    let place = shape.children().find_map(|child| child.at(&["nvPr", "ph"]))?;
    Some(place.attribute("type").unwrap_or("body"))
}

fn is_title(shape: Element<'_>) -> bool {
    matches!(placeholder(shape), Some("title" | "ctrTitle"))
}

fn shapes(
    package: &mut Package,
    parent: Element<'_>,
    links: &[Link],
    flow: &mut Flow,
    wanted: &dyn Fn(Element<'_>) -> bool,
) -> Result<(), Failure> {
    for child in parent.children() {
        match child.name() {
            "sp" | "cxnSp" if wanted(child) => {
                flow.text(&child.child("txBody").map(drawing::text_of).unwrap_or_default(), None)?;
                describe(child, flow)?;
            }
            "pic" => describe(child, flow)?,
            "graphicFrame" => {
                describe(child, flow)?;
                for table in child.descendants_named("tbl", &[]) {
                    for row in drawing::rows(table) {
                        flow.row(&row, None)?;
                    }
                }
                for text in drawing::graphics(package, child, links)? {
                    flow.text(&text, None)?;
                }
            }
            "AlternateContent" => shapes(package, drawing::alternative(child), links, flow, wanted)?,
            "cSld" | "spTree" | "grpSp" | "sld" | "notes" | "sldLayout" | "sldMaster" | "notesMaster" => {
                shapes(package, child, links, flow, wanted)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// The description that people wrote for those who do not see the picture.
fn describe(shape: Element<'_>, flow: &mut Flow) -> Result<(), Failure> {
    let properties = shape.children().find_map(|child| child.child("cNvPr"));
    flow.text(properties.and_then(|properties| properties.attribute("descr")).unwrap_or_default(), None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{archive::tests::pack, office};

    fn shape(placeholder: &str, text: &str) -> String {
        let text: String = text.split('\n').map(|line| format!("<a:p><a:r><a:t>{line}</a:t></a:r></a:p>")).collect();
        let place = if placeholder.is_empty() { String::new() } else { format!("<p:ph type='{placeholder}'/>") };
        format!("<p:sp><p:nvSpPr><p:nvPr>{place}</p:nvPr></p:nvSpPr><p:txBody>{text}</p:txBody></p:sp>")
    }

    fn on(kind: &str, shapes: &str) -> String {
        format!("<p:{kind}><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:{kind}>")
    }

    #[test]
    fn slides_come_in_their_order_with_titles_and_notes() {
        let table = "<p:graphicFrame><a:tbl><a:tr><a:tc><a:txBody><a:p><a:r><a:t>1</a:t></a:r></a:p></a:txBody></a:tc>
            <a:tc><a:txBody><a:p><a:r><a:t>2</a:t></a:r></a:p></a:txBody></a:tc></a:tr></a:tbl></p:graphicFrame>";
        let one =
            on("sld", &format!("<p:grpSp>{}</p:grpSp>{}{table}", shape("", "in a\ngroup"), shape("ctrTitle", "Plan")));
        let two = on("sld", &shape("body", "second"));
        let notes = on("notes", &(shape("sldNum", "7") + &shape("body", "to say")));
        let master = on("sldMaster", &(shape("title", "Click to edit") + &shape("ftr", "Confidential")));
        let link = |id: &str, kind: &str, target: &str| {
            format!("<Relationship Id='{id}' Type='http://x/{kind}' Target='{target}'/>")
        };
        let links = |links: &[String]| format!("<Relationships>{}</Relationships>", links.concat());
        let main = links(&[link("r1", "slide", "slides/b.xml"), link("r2", "slide", "/ppt/slides/a.xml")]);
        let first = links(&[link("r1", "notesSlide", "../n.xml"), link("r2", "slideLayout", "../l.xml")]);
        let layout = links(&[link("r1", "slideMaster", "m.xml")]);
        let parts = [
            (
                "ppt/presentation.xml",
                "<p:presentation><p:sldIdLst><p:sldId id='9' r:id='r2'/><p:sldId r:id='r1'/></p:sldIdLst></p:presentation>",
            ),
            ("ppt/_rels/presentation.xml.rels", &main),
            ("ppt/slides/a.xml", &one),
            ("ppt/slides/_rels/a.xml.rels", &first),
            ("ppt/slides/b.xml", &two),
            ("ppt/n.xml", &notes),
            ("ppt/l.xml", &on("sldLayout", "")),
            ("ppt/_rels/l.xml.rels", &layout),
            ("ppt/m.xml", &master),
        ];
        let document = office::read(pack(&parts), DocumentKind::Pptx, "a.pptx").unwrap();
        let found: Vec<_> = document
            .blocks
            .iter()
            .map(|block| (block.page.unwrap_or(0), block.text.as_str(), block.headings.concat()))
            .collect();
        assert_eq!(
            found,
            [
                (1, "Plan", "Plan".to_owned()),
                (1, "in a\ngroup", "Plan".to_owned()),
                (1, "1 | 2", "Plan".to_owned()),
                (1, "to say", "Plan".to_owned()),
                (1, "Confidential", "Plan".to_owned()),
                (2, "second", String::new()),
            ]
        );
        assert_eq!((document.pages, document.title.as_deref()), (Some(2), Some("Plan")));
    }
}
