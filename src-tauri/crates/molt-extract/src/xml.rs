//! XML as small trees, within bounds.
//!
//! Entities that a document defines itself are left out, and nothing outside of it is ever loaded. Names are told without their
//! prefixes: files of the same format use different ones.

use std::{borrow::Cow, collections::HashMap, ops::Range};

use encoding_rs::Encoding;
use molt_extract_client::Failure;
use quick_xml::{
    Reader, XmlVersion,
    escape::resolve_predefined_entity,
    events::{BytesStart, Event},
};

/// Elements within elements. Word processors reach 60 with tables in tables.
const DEEPEST: usize = 400;

/// Nodes of one tree; each takes some 30 bytes and its text.
const MOST_NODES: usize = 8 << 20;

/// What stands in a document, in order.
pub enum Item<'a> {
    Open(Tag<'a>),
    Text(&'a str),
    Close,
}

/// An element's name and attributes.
pub struct Tag<'a>(&'a BytesStart<'a>);

impl Tag<'_> {
    pub fn name(&self) -> &str {
        local(self.0.name().0)
    }

    /// The attribute of this name, whatever its prefix.
    pub fn attribute(&self, name: &str) -> Option<String> {
        self.attributes().into_iter().find(|(key, _)| local(key) == name).map(|(_, value)| value)
    }

    fn attributes(&self) -> Vec<(String, String)> {
        let mut attributes = self.0.attributes();
        let attributes = attributes.with_checks(false).flatten().map(|attribute| {
            let value = match attribute.normalized_value(XmlVersion::Implicit1_0) {
                Ok(value) => value.into_owned(),
                // It names an entity that the document defines.
                Err(_) => attribute.value.clone().into_owned(),
            };
            (attribute.key.0.to_owned(), value)
        });
        attributes.collect()
    }
}

fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

/// Hands out what stands in a document. Damage ends it early; the answer is whether it was whole.
pub fn scan(bytes: &[u8], name: &str, mut take: impl FnMut(Item<'_>) -> Result<(), Failure>) -> Result<bool, Failure> {
    let text = decode(bytes);
    let mut reader = Reader::from_str(&text);
    let config = reader.config_mut();
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    config.allow_dangling_amp = true;
    let mut depth = 0;
    loop {
        match reader.read_event() {
            Ok(Event::Start(start)) => {
                depth += 1;
                if depth > DEEPEST {
                    return Err(Failure::LimitReached(format!(
                        "“{name}” is nested more than {DEEPEST} levels deep, as no real document is"
                    )));
                }
                take(Item::Open(Tag(&start)))?;
            }
            Ok(Event::Empty(start)) => {
                take(Item::Open(Tag(&start)))?;
                take(Item::Close)?;
            }
            Ok(Event::End(_)) => {
                if depth > 0 {
                    depth -= 1;
                    take(Item::Close)?;
                }
            }
            Ok(Event::Text(text)) => take(Item::Text(&text.xml10_content()))?,
            Ok(Event::CData(text)) => take(Item::Text(&text.xml10_content()))?,
            Ok(Event::GeneralRef(reference)) => {
                if let Ok(Some(character)) = reference.resolve_char_ref() {
                    take(Item::Text(character.encode_utf8(&mut [0; 4])))?;
                } else if let Some(text) = resolve_predefined_entity(&reference) {
                    take(Item::Text(text))?;
                }
            }
            Ok(Event::Eof) => return Ok(depth == 0),
            Ok(_) => {}
            Err(_) => return Ok(false),
        }
    }
}

/// The mark decides, then the declaration, else it is UTF-8.
fn decode(bytes: &[u8]) -> Cow<'_, str> {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return encoding.decode_without_bom_handling(&bytes[mark..]).0;
    }
    let start = &bytes[..bytes.len().min(200)];
    if start.starts_with(&[b'<', 0]) {
        return encoding_rs::UTF_16LE.decode_without_bom_handling(bytes).0;
    }
    if start.starts_with(&[0, b'<']) {
        return encoding_rs::UTF_16BE.decode_without_bom_handling(bytes).0;
    }
    let declared = std::str::from_utf8(start.split(|byte| *byte == b'>').next().unwrap_or_default()).ok();
    let label = declared.and_then(|declaration| {
        let (_, rest) = declaration.split_once("encoding")?;
        rest.trim_start().strip_prefix('=')?.trim_start().strip_prefix(['"', '\''])?.split(['"', '\'']).next()
    });
    match label.and_then(|label| Encoding::for_label(label.as_bytes())) {
        Some(encoding) if encoding != encoding_rs::UTF_16LE && encoding != encoding_rs::UTF_16BE => {
            encoding.decode_without_bom_handling(bytes).0
        }
        _ => String::from_utf8_lossy(bytes),
    }
}

/// A parsed document.
#[derive(Default)]
pub struct Tree {
    nodes: Vec<Raw>,
    /// All text and all values of attributes.
    text: String,
    names: Vec<Box<str>>,
    /// Name and place of the value in `text`.
    attributes: Vec<(u32, Range<u32>)>,
}

/// A node; 0 for "none" in its links, as the root is nobody's child or neighbour.
struct Raw {
    /// Its name, plus one; 0 for text.
    name: u32,
    child: u32,
    next: u32,
    /// Places in `text`, or in `attributes`.
    content: Range<u32>,
}

/// A child of an element.
#[derive(Clone, Copy)]
pub enum Node<'t> {
    Element(Element<'t>),
    Text(&'t str),
}

#[derive(Clone, Copy)]
pub struct Element<'t> {
    tree: &'t Tree,
    index: u32,
}

impl Tree {
    /// What could be read of a document; a damaged one ends where the damage is. `name` is the file's, for sentences.
    pub fn parse(bytes: &[u8], name: &str) -> Result<Self, Failure> {
        let mut tree = Self { nodes: vec![Raw { name: 1, child: 0, next: 0, content: 0..0 }], ..Self::default() };
        tree.names.push("".into());
        let mut symbols: HashMap<String, u32> = HashMap::new();
        // The open elements and their last children.
        let mut open: Vec<(u32, u32)> = vec![(0, 0)];
        scan(bytes, name, |item| {
            let node = match item {
                Item::Close => {
                    if open.len() > 1 {
                        open.pop();
                    }
                    return Ok(());
                }
                Item::Text(text) => {
                    let start = tree.text.len() as u32;
                    tree.text.push_str(text);
                    Raw { name: 0, child: 0, next: 0, content: start..tree.text.len() as u32 }
                }
                Item::Open(ref tag) => {
                    let mut symbol = |name: &str, names: &mut Vec<Box<str>>| match symbols.get(name) {
                        Some(symbol) => *symbol,
                        None => {
                            names.push(name.into());
                            symbols.insert(name.to_owned(), names.len() as u32 - 1);
                            names.len() as u32 - 1
                        }
                    };
                    let first = tree.attributes.len() as u32;
                    for (key, value) in tag.attributes() {
                        // Marks of revisions stand on every piece of text in Word's files, and nobody reads them.
                        if local(&key).starts_with("rsid") {
                            continue;
                        }
                        let start = tree.text.len() as u32;
                        tree.text.push_str(&value);
                        let key = symbol(&key, &mut tree.names);
                        tree.attributes.push((key, start..tree.text.len() as u32));
                    }
                    let name = symbol(tag.name(), &mut tree.names) + 1;
                    Raw { name, child: 0, next: 0, content: first..tree.attributes.len() as u32 }
                }
            };
            if tree.nodes.len() >= MOST_NODES || tree.text.len() >= 1 << 30 {
                return Err(Failure::LimitReached(format!("“{name}” is too large; split it into parts")));
            }
            let index = tree.nodes.len() as u32;
            if let Some((parent, last)) = open.last_mut() {
                let link = if *last == 0 {
                    &mut tree.nodes[*parent as usize].child
                } else {
                    &mut tree.nodes[*last as usize].next
                };
                *link = index;
                *last = index;
            }
            tree.nodes.push(node);
            if let Item::Open(_) = item {
                open.push((index, 0));
            }
            Ok(())
        })?;
        Ok(tree)
    }

    /// The document itself, whose child is its outermost element.
    pub fn root(&self) -> Element<'_> {
        Element { tree: self, index: 0 }
    }
}

impl<'t> Element<'t> {
    fn raw(self) -> &'t Raw {
        &self.tree.nodes[self.index as usize]
    }

    pub fn name(self) -> &'t str {
        &self.tree.names[self.raw().name as usize - 1]
    }

    pub fn nodes(self) -> impl Iterator<Item = Node<'t>> {
        let tree = self.tree;
        let mut index = self.raw().child;
        std::iter::from_fn(move || {
            if index == 0 {
                return None;
            }
            let raw = &tree.nodes[index as usize];
            let node = if raw.name == 0 {
                Node::Text(&tree.text[raw.content.start as usize..raw.content.end as usize])
            } else {
                Node::Element(Element { tree, index })
            };
            index = raw.next;
            Some(node)
        })
    }

    pub fn children(self) -> impl Iterator<Item = Element<'t>> {
        self.nodes().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// The first child of this name.
    pub fn child(self, name: &str) -> Option<Element<'t>> {
        self.children().find(|child| child.name() == name)
    }

    /// The element at the end of a path of names.
    pub fn at(self, path: &[&str]) -> Option<Element<'t>> {
        path.iter().try_fold(self, |element, name| element.child(name))
    }

    /// All elements below, in the order of the document.
    pub fn descendants(self) -> impl Iterator<Item = Element<'t>> {
        let mut waiting: Vec<Element<'t>> = self.children().collect();
        waiting.reverse();
        std::iter::from_fn(move || {
            let element = waiting.pop()?;
            let start = waiting.len();
            waiting.extend(element.children());
            waiting[start..].reverse();
            Some(element)
        })
    }

    /// The elements of this name below, without those inside of one another or inside of elements with the other names.
    pub fn descendants_named(self, name: &str, without: &[&str]) -> impl Iterator<Item = Element<'t>> {
        let mut waiting: Vec<Element<'t>> = self.children().collect();
        waiting.reverse();
        std::iter::from_fn(move || {
            loop {
                let element = waiting.pop()?;
                if element.name() == name {
                    return Some(element);
                }
                if !without.contains(&element.name()) {
                    let start = waiting.len();
                    waiting.extend(element.children());
                    waiting[start..].reverse();
                }
            }
        })
    }

    fn attributes(self) -> impl Iterator<Item = (&'t str, &'t str)> {
        let tree = self.tree;
        let content = self.raw().content.clone();
        tree.attributes[content.start as usize..content.end as usize].iter().map(move |(name, value)| {
            (&*tree.names[*name as usize], &tree.text[value.start as usize..value.end as usize])
        })
    }

    /// The attribute of this name, whatever its prefix.
    pub fn attribute(self, name: &str) -> Option<&'t str> {
        self.attributes().find(|(key, _)| local(key) == name).map(|(_, value)| value)
    }

    /// The attribute of this name that has a prefix: a link to another part has the name of a plain attribute beside it.
    pub fn link(self, name: &str) -> Option<&'t str> {
        self.attributes().find(|(key, _)| key.contains(':') && local(key) == name).map(|(_, value)| value)
    }

    /// All text below.
    pub fn text(self) -> String {
        let mut text = String::new();
        let mut waiting: Vec<Node<'t>> = vec![Node::Element(self)];
        while let Some(node) = waiting.pop() {
            match node {
                Node::Text(piece) => text.push_str(piece),
                Node::Element(element) => {
                    let start = waiting.len();
                    waiting.extend(element.nodes());
                    waiting[start..].reverse();
                }
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(source: &str) -> Tree {
        Tree::parse(source.as_bytes(), "a").unwrap()
    }

    #[test]
    fn elements_attributes_and_text() {
        let tree =
            tree("<?xml version='1.0'?><x:a id='1' r:id=\"2\"><b>one &amp; t&#119;o</b><b/><![CDATA[<raw>]]></x:a>");
        let a = tree.root().child("a").unwrap();
        assert_eq!((a.attribute("id"), a.link("id"), a.attribute("none")), (Some("1"), Some("2"), None));
        assert_eq!(a.children().count(), 2);
        assert_eq!(a.text(), "one & two<raw>");
        assert_eq!(tree.root().descendants().map(Element::name).collect::<Vec<_>>(), ["a", "b", "b"]);
        assert!(tree.root().at(&["a", "b"]).is_some());
        let nested = self::tree("<a><b n='1'><b n='2'/></b><x><b n='3'/></x><y><b n='4'/></y></a>");
        let found = nested.root().descendants_named("b", &["x"]).filter_map(|element| element.attribute("n"));
        assert_eq!(found.collect::<Vec<_>>(), ["1", "4"]);
    }

    #[test]
    fn other_encodings_are_read() {
        let text = "<?xml version=\"1.0\" encoding=\"UTF-16\"?><a>汉字</a>";
        let mut utf16 = vec![0xff, 0xfe];
        utf16.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        for bytes in [&utf16, &utf16[2..]] {
            assert_eq!(Tree::parse(bytes, "a").unwrap().root().text().trim(), "汉字");
        }
        let latin = b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe9</a>";
        assert_eq!(Tree::parse(latin, "a").unwrap().root().text(), "é");
    }

    #[test]
    fn entities_of_the_document_are_left_out() {
        let laughs = "<!DOCTYPE a [<!ENTITY b 'ha'><!ENTITY c '&b;&b;'><!ENTITY f SYSTEM 'file:///etc/passwd'>]><a x='&c;'>1&c;&f;2</a>";
        let tree = tree(laughs);
        assert_eq!(tree.root().text(), "12");
    }

    #[test]
    fn deep_nesting_is_a_named_failure() {
        let deep = "<a>".repeat(100_000);
        assert!(matches!(Tree::parse(deep.as_bytes(), "a"), Err(Failure::LimitReached(_))));
    }

    #[test]
    fn damage_ends_the_document_and_nothing_else() {
        assert_eq!(tree("<a>one<b>two</b").root().text(), "onetwo");
        assert_eq!(tree("</x></y>one<a").root().text(), "one");
        for source in ["", "<", "<!DOCTYPE", "<a b=", "&", "&#xffffffff;", "<a b='&#0;'>&#0;</a>", "\u{0}"] {
            tree(source);
        }
    }
}
