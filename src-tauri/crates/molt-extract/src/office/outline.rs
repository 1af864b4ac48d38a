//! What Word keeps beside the text: which styles are headings, and the labels in front of list items and numbered headings.

use std::collections::{HashMap, HashSet};

use super::numbers;
use crate::xml::{Element, Tree};

/// Styles are based on others; a damaged file may have a circle.
const MOST_STEPS: usize = 16;

/// Levels of a list.
const LEVELS: usize = 9;

/// What is known of each style.
#[derive(Default)]
pub struct Styles(HashMap<String, Style>);

struct Style {
    based_on: Option<String>,
    /// As a heading; 0 for ordinary text.
    level: Option<u8>,
    list: Option<ListPlace>,
}

/// A paragraph's place in a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListPlace {
    pub list: Option<String>,
    pub level: Option<u8>,
}

impl ListPlace {
    /// From a paragraph's properties.
    pub fn of(properties: Element<'_>) -> Option<Self> {
        let place = properties.child("numPr")?;
        let value = |name| place.child(name).and_then(|element| element.attribute("val"));
        Some(Self {
            list: value("numId").map(str::to_owned),
            level: value("ilvl").and_then(|level| level.parse().ok()).filter(|level| usize::from(*level) < LEVELS),
        })
    }
}

/// The level of a heading by a paragraph's own properties, from 1; 0 for ordinary text.
pub fn outline_level(properties: Element<'_>) -> Option<u8> {
    let level: u8 = properties.child("outlineLvl")?.attribute("val")?.parse().ok()?;
    Some(if level < 9 { level + 1 } else { 0 })
}

impl Styles {
    /// From the part that describes them.
    pub fn new(tree: Option<&Tree>) -> Self {
        let mut styles = HashMap::new();
        let all = tree.and_then(|tree| tree.root().child("styles"));
        for style in all.into_iter().flat_map(Element::children).filter(|element| element.name() == "style") {
            let Some(id) = style.attribute("styleId") else { continue };
            let value = |name| style.child(name).and_then(|element| element.attribute("val"));
            let properties = style.child("pPr");
            // Names of the built-in styles are English in every edition.
            let name = value("name").unwrap_or_default().to_ascii_lowercase();
            let by_name = match name.strip_prefix("heading ") {
                Some(level) => level.parse().ok().filter(|level| (1..=9).contains(level)),
                None => (name == "title").then_some(1),
            };
            let style = Style {
                based_on: value("basedOn").map(str::to_owned),
                level: by_name.or_else(|| outline_level(properties?)),
                list: properties.and_then(ListPlace::of),
            };
            styles.insert(id.to_owned(), style);
        }
        Self(styles)
    }

    fn chain<'s>(&'s self, id: &str) -> impl Iterator<Item = (&'s str, &'s Style)> {
        let mut next = self.0.get_key_value(id);
        let step = move || {
            let (id, style) = next?;
            next = style.based_on.as_ref().and_then(|id| self.0.get_key_value(id));
            Some((id.as_str(), style))
        };
        std::iter::from_fn(step).take(MOST_STEPS)
    }

    /// The level of a heading in this style, from 1; none for ordinary text.
    pub fn level(&self, id: &str) -> Option<u8> {
        self.chain(id).find_map(|(_, style)| style.level).filter(|level| *level > 0)
    }

    /// The list that paragraphs in this style belong to, and the style that says so.
    pub fn list(&self, id: &str) -> Option<(&str, &ListPlace)> {
        self.chain(id).find_map(|(id, style)| Some((id, style.list.as_ref()?)))
    }
}

/// The lists of a document and how far they are counted.
#[derive(Default)]
pub struct Lists {
    /// The definition of each list, and the numbers that its levels begin with anew.
    lists: HashMap<String, (String, HashMap<usize, u32>)>,
    definitions: HashMap<String, Definition>,
    begun: HashSet<String>,
}

#[derive(Default)]
struct Definition {
    levels: HashMap<usize, Level>,
    /// None where the level has not begun.
    counted: [Option<u32>; LEVELS],
}

struct Level {
    start: u32,
    format: String,
    /// `%1.%2` and the like.
    text: String,
    style: Option<String>,
}

impl Lists {
    /// From the part that describes them.
    pub fn new(tree: Option<&Tree>) -> Self {
        let mut all = Self::default();
        let Some(root) = tree.and_then(|tree| tree.root().child("numbering")) else { return all };
        for element in root.children() {
            let id = |name| element.attribute(name).map(str::to_owned);
            if let ("abstractNum", Some(id)) = (element.name(), id("abstractNumId")) {
                let levels = element.children().filter(|child| child.name() == "lvl");
                let levels = levels.filter_map(|level| Some((level_number(level)?, level_of(level)))).collect();
                all.definitions.insert(id, Definition { levels, ..Definition::default() });
            } else if let ("num", Some(id)) = (element.name(), id("numId")) {
                let definition = element.child("abstractNumId").and_then(|element| element.attribute("val"));
                let anew = element.children().filter(|child| child.name() == "lvlOverride");
                let anew = anew.filter_map(|change| {
                    let start = change.child("startOverride")?.attribute("val")?.parse().ok()?;
                    Some((level_number(change)?, start))
                });
                all.lists.insert(id, (definition.unwrap_or_default().to_owned(), anew.collect()));
            }
        }
        all
    }

    /// Counts a paragraph at its place and gives what stands in front of it. `style` is the one that put it into the list.
    pub fn label(&mut self, place: &ListPlace, style: Option<&str>) -> Option<String> {
        let id = place.list.as_ref()?;
        let (definition, anew) = self.lists.get(id)?;
        let definition = self.definitions.get_mut(definition)?;
        let level = match (place.level, style) {
            (Some(level), _) => usize::from(level),
            (None, Some(style)) => {
                let named = definition.levels.iter().find(|(_, level)| level.style.as_deref() == Some(style));
                named.map_or(0, |(level, _)| *level)
            }
            (None, None) => 0,
        };
        if self.begun.insert(id.clone()) {
            for (level, start) in anew {
                definition.counted[*level] = start.checked_sub(1);
            }
        }
        let start = definition.levels.get(&level)?.start;
        let number = definition.counted[level].map_or(start, |number| number.saturating_add(1));
        definition.counted[level] = Some(number);
        definition.counted[level + 1..].fill(None);
        let shape = definition.levels.get(&level)?;
        // Bullets tell nothing.
        numbers::label(number, &shape.format)?;
        let mut label = shape.text.clone();
        for (index, counted) in definition.counted.iter().enumerate().take(level + 1) {
            let mark = format!("%{}", index + 1);
            if label.contains(&mark) {
                let above = definition.levels.get(&index);
                let number = counted.or(above.map(|level| level.start)).unwrap_or(1);
                let text = above.and_then(|level| numbers::label(number, &level.format)).unwrap_or_default();
                label = label.replace(&mark, &text);
            }
        }
        Some(label).filter(|label| !label.trim().is_empty())
    }
}

fn level_number(element: Element<'_>) -> Option<usize> {
    element.attribute("ilvl")?.parse().ok().filter(|level| *level < LEVELS)
}

fn level_of(element: Element<'_>) -> Level {
    let value = |name| element.child(name).and_then(|child| child.attribute("val"));
    Level {
        start: value("start").and_then(|start| start.parse().ok()).unwrap_or(1),
        format: value("numFmt").unwrap_or("decimal").to_owned(),
        text: value("lvlText").unwrap_or_default().to_owned(),
        style: value("pStyle").map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(source: &str) -> Tree {
        Tree::parse(source.as_bytes(), "a").unwrap()
    }

    #[test]
    fn headings_are_told_by_name_outline_and_base() {
        let tree = tree(
            "<w:styles><w:style w:styleId='2'><w:name w:val='heading 2'/></w:style>
             <w:style w:styleId='own'><w:name w:val='Clause'/><w:basedOn w:val='2'/></w:style>
             <w:style w:styleId='flat'><w:basedOn w:val='2'/><w:pPr><w:outlineLvl w:val='9'/></w:pPr></w:style>
             <w:style w:styleId='deep'><w:pPr><w:outlineLvl w:val='3'/></w:pPr></w:style>
             <w:style w:styleId='a'><w:basedOn w:val='b'/></w:style><w:style w:styleId='b'><w:basedOn w:val='a'/></w:style>
             </w:styles>",
        );
        let styles = Styles::new(Some(&tree));
        let levels = ["2", "own", "flat", "deep", "a", "none"].map(|id| styles.level(id));
        assert_eq!(levels, [Some(2), Some(2), None, Some(4), None, None]);
    }

    #[test]
    fn lists_are_counted() {
        let tree = tree(
            "<w:numbering><w:abstractNum w:abstractNumId='0'>
             <w:lvl w:ilvl='0'><w:numFmt w:val='chineseCounting'/><w:lvlText w:val='第%1条'/></w:lvl>
             <w:lvl w:ilvl='1'><w:start w:val='3'/><w:numFmt w:val='decimal'/><w:lvlText w:val='%1.%2)'/><w:pStyle w:val='own'/></w:lvl>
             <w:lvl w:ilvl='2'><w:numFmt w:val='bullet'/><w:lvlText w:val='•'/></w:lvl></w:abstractNum>
             <w:num w:numId='1'><w:abstractNumId w:val='0'/></w:num>
             <w:num w:numId='2'><w:abstractNumId w:val='0'/><w:lvlOverride w:ilvl='0'><w:startOverride w:val='1'/></w:lvlOverride></w:num>
             <w:num w:numId='3'><w:abstractNumId w:val='9'/></w:num></w:numbering>",
        );
        let mut lists = Lists::new(Some(&tree));
        let mut label = |list: &str, level: Option<u8>, style: Option<&str>| {
            lists.label(&ListPlace { list: Some(list.into()), level }, style).unwrap_or_default()
        };
        assert_eq!(label("1", Some(0), None), "第一条");
        assert_eq!(label("1", None, Some("own")), "一.3)");
        assert_eq!(label("1", Some(1), None), "一.4)");
        assert_eq!(label("1", Some(2), None), "");
        assert_eq!(label("1", None, None), "第二条");
        assert_eq!(label("1", Some(1), None), "二.3)");
        assert_eq!(label("2", Some(0), None), "第一条");
        assert_eq!(label("2", Some(0), None), "第二条");
        assert_eq!(label("3", Some(0), None) + &label("0", Some(0), None), "");
    }
}
