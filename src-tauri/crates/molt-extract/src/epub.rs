//! Books: web pages in an archive, in the order that the book says.

use std::collections::{HashMap, HashSet};

use molt_core::{DocumentKind, ExtractedDocument};
use molt_extract_client::Failure;

use crate::{
    archive::{Archive, damaged, locked, resolve},
    flow::{Flow, in_one_line},
    html,
    xml::{Element, Tree},
};

/// Reads a book.
pub fn read(mut archive: Archive, name: &str) -> Result<ExtractedDocument, Failure> {
    let mut tree = |part: &str| -> Result<Option<Tree>, Failure> {
        archive.read(part)?.map(|bytes| Tree::parse(&bytes, name)).transpose()
    };
    let container = tree("META-INF/container.xml")?.ok_or_else(|| damaged(name))?;
    let root = container.root().descendants().find(|element| element.name() == "rootfile");
    let part = root.and_then(|root| root.attribute("full-path")).ok_or_else(|| damaged(name))?;
    let package = tree(part)?.ok_or_else(|| damaged(name))?;
    let package = package.root().child("package").ok_or_else(|| damaged(name))?;
    let encrypted = match tree("META-INF/encryption.xml")? {
        Some(tree) => encrypted(&tree),
        None => HashSet::new(),
    };
    let mut flow = Flow::new(name);
    if let Some(metadata) = package.child("metadata") {
        about(metadata, &mut flow)?;
    }
    let (mut read, mut closed) = (0, 0);
    for page in pages(package, part, &archive) {
        if encrypted.contains(&page) {
            closed += 1;
            continue;
        }
        let Some(bytes) = archive.read(&page)? else { continue };
        let Some(text) = html::decode(&bytes) else { continue };
        read += 1;
        flow.leave(0);
        html::push(&text, &mut flow, false)?;
    }
    match (read, closed) {
        (0, 0) => Err(damaged(name)),
        (0, _) => Err(locked(name)),
        _ => Ok(flow.finish(DocumentKind::Epub, None, "epub")),
    }
}

/// The book's own words about itself.
fn about(metadata: Element<'_>, flow: &mut Flow) -> Result<(), Failure> {
    let all = |name: &'static str| {
        let elements = metadata.descendants().filter(move |element| element.name() == name);
        elements.map(|element| in_one_line(&element.text())).filter(|text| !text.is_empty()).collect::<Vec<_>>()
    };
    let titles = all("title");
    if let Some(title) = titles.first() {
        flow.name_it(title);
    }
    let mut lines = titles;
    for (label, name) in [
        ("Authors", "creator"),
        ("Publisher", "publisher"),
        ("Date", "date"),
        ("Language", "language"),
        ("Identifier", "identifier"),
    ] {
        let values = all(name);
        if !values.is_empty() {
            lines.push(format!("{label}: {}", values.join(", ")));
        }
    }
    flow.text(&lines.join("\n"), None)?;
    // Publishers write it as a piece of a page.
    all("description").iter().try_for_each(|text| html::push(text, flow, false))
}

/// The parts that hold text, in reading order.
fn pages(package: Element<'_>, part: &str, archive: &Archive) -> Vec<String> {
    let items = package.child("manifest").into_iter().flat_map(Element::children);
    let mut parts = HashMap::new();
    for item in items {
        if let (Some(id), Some(link)) = (item.attribute("id"), item.attribute("href")) {
            let kind = item.attribute("media-type").unwrap_or_default();
            if kind.contains("html") || kind.ends_with("/xml") || kind.contains("oeb1-document") {
                parts.insert(id, resolve(part, &unescaped(link)));
            }
        }
    }
    let order = package.child("spine").into_iter().flat_map(Element::children);
    let mut told = HashSet::new();
    let mut pages: Vec<String> = order
        .filter_map(|item| parts.get(item.attribute("idref")?).cloned())
        .filter(|page| told.insert(page.clone()))
        .collect();
    if pages.is_empty() {
        let is_page = |name: &String| name.ends_with("html") || name.ends_with(".htm");
        pages = archive.names().into_iter().filter(is_page).collect();
        pages.sort();
    }
    pages
}

/// Links have spaces and other letters as `%20`.
fn unescaped(link: &str) -> String {
    let mut bytes = Vec::with_capacity(link.len());
    let mut rest = link.as_bytes();
    while let [first, more @ ..] = rest {
        let digits = more.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &more[2..];
            }
            None => {
                bytes.push(*first);
                rest = more;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The parts that only the seller's program can open. Fonts are scrambled in free books, too.
fn encrypted(tree: &Tree) -> HashSet<String> {
    let links = tree.root().descendants().filter(|element| element.name() == "CipherReference");
    links.filter_map(|link| link.attribute("URI")).map(|link| resolve("", &unescaped(link))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{archive::tests::pack, office};

    const CONTAINER: &str = "<container><rootfiles><rootfile full-path='OPS/book.opf'/></rootfiles></container>";
    const PACKAGE: &str = "<package><metadata><dc:title>The Book</dc:title><dc:creator>A. Writer</dc:creator>
        <dc:description>&lt;p&gt;About it.&lt;/p&gt;</dc:description></metadata>
        <manifest><item id='a' href='text/one%20a.xhtml' media-type='application/xhtml+xml'/>
        <item id='b' href='two.xhtml' media-type='application/xhtml+xml'/><item id='c' href='c.png' media-type='image/png'/></manifest>
        <spine><itemref idref='b'/><itemref idref='a'/><itemref idref='c'/><itemref idref='b'/></spine></package>";

    fn book(more: &[(&str, &str)]) -> Result<ExtractedDocument, Failure> {
        let mut parts = vec![
            ("mimetype", "application/epub+zip"),
            ("META-INF/container.xml", CONTAINER),
            ("OPS/book.opf", PACKAGE),
            ("OPS/text/one a.xhtml", "<html><head><title/></head><body><p>second page</p></body></html>"),
            ("OPS/two.xhtml", "<html><body><h1>Chapter</h1><p>first page</p></body></html>"),
        ];
        parts.extend_from_slice(more);
        office::read(pack(&parts), DocumentKind::Epub, "a.epub")
    }

    #[test]
    fn pages_come_in_the_books_order() {
        let document = book(&[]).unwrap();
        let found: Vec<_> =
            document.blocks.iter().map(|block| (block.text.as_str(), block.headings.concat())).collect();
        let none = String::new;
        assert_eq!(
            found,
            [
                ("The Book\nAuthors: A. Writer", none()),
                ("About it.", none()),
                ("Chapter", "Chapter".into()),
                ("first page", "Chapter".into()),
                ("second page", none()),
            ]
        );
        assert_eq!((document.kind, document.title.as_deref()), (DocumentKind::Epub, Some("The Book")));
    }

    #[test]
    fn books_of_a_shop_are_named_failures() {
        let data = |part: &str| format!("<EncryptedData><CipherReference URI='{part}'/></EncryptedData>");
        let one = data("OPS/two.xhtml");
        assert!(book(&[("META-INF/encryption.xml", &format!("<encryption>{one}</encryption>"))]).is_ok());
        let all = format!("<encryption>{one}{}</encryption>", data("OPS/text/one%20a.xhtml"));
        match book(&[("META-INF/encryption.xml", &all)]) {
            Err(Failure::Unreadable(sentence)) => assert!(sentence.contains("password"), "{sentence}"),
            other => panic!("{other:?}"),
        }
        let broken = pack(&[("mimetype", "application/epub+zip")]);
        assert!(matches!(office::read(broken, DocumentKind::Epub, "a"), Err(Failure::Unreadable(_))));
    }
}
