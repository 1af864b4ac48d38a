//! Markdown: a block for each paragraph, list item, table row and piece of code, under the path of its headings.

use std::ops::Range;

use molt_core::{Block, DocumentKind, ExtractedDocument};
use molt_extract_client::Failure;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::{output::Output, plain};

pub fn read(bytes: &[u8], name: &str) -> Result<ExtractedDocument, Failure> {
    let source = plain::decode(bytes).ok_or_else(|| plain::not_text(name))?;
    let mut walk = Walk::new(&source, name);
    for (event, range) in Parser::new_ext(&source, options()).into_offset_iter() {
        walk.event(event, range)?;
    }
    walk.flush()?;
    let title = walk.title.take();
    Ok(ExtractedDocument {
        kind: DocumentKind::Markdown,
        title,
        blocks: walk.output.into_blocks(),
        pages: None,
        reader: "pulldown-cmark".into(),
    })
}

fn options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_HEADING_ATTRIBUTES
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS
        | Options::ENABLE_PLUSES_DELIMITED_METADATA_BLOCKS
        | Options::ENABLE_MATH
        | Options::ENABLE_GFM
        | Options::ENABLE_DEFINITION_LIST
        | Options::ENABLE_WIKILINKS
}

/// What the text that is being collected belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Prose,
    /// Its level, 1 to 6.
    Heading(usize),
    TableRow,
    /// Line ends mean something.
    Lines,
    Html,
    /// The block between `---` at the start.
    Metadata,
}

struct Walk {
    output: Output,
    /// Byte offset of each line's start.
    line_starts: Vec<usize>,
    /// Level and text of the headings above, outermost first; levels ascend.
    headings: Vec<(usize, String)>,
    title: Option<String>,
    mode: Mode,
    text: String,
    /// Byte offset where `text` began.
    start: usize,
    /// Numbers of the lists we are in; none for bullets.
    lists: Vec<Option<u64>>,
}

impl Walk {
    fn new(source: &str, name: &str) -> Self {
        let line_starts = std::iter::once(0).chain(source.match_indices('\n').map(|(index, _)| index + 1)).collect();
        Self {
            output: Output::new(name),
            line_starts,
            headings: Vec::new(),
            title: None,
            mode: Mode::Prose,
            text: String::new(),
            start: 0,
            lists: Vec::new(),
        }
    }

    fn event(&mut self, event: Event<'_>, range: Range<usize>) -> Result<(), Failure> {
        match event {
            Event::Start(tag) => return self.open(&tag, range.start),
            Event::End(tag) => return self.close(tag),
            Event::Text(text) | Event::Code(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                self.add(&text, range.start)
            }
            Event::SoftBreak if self.mode == Mode::Prose => {
                // Chinese has no spaces between words, and so none where a line was broken.
                if !self.text.ends_with(is_cjk) {
                    self.add(" ", range.start);
                }
            }
            Event::SoftBreak => self.add(" ", range.start),
            Event::HardBreak => self.add("\n", range.start),
            Event::Html(html) => self.add(&html, range.start),
            Event::InlineHtml(html) => {
                if html.starts_with("<br") {
                    self.add("\n", range.start);
                }
            }
            Event::TaskListMarker(done) => self.add(if done { "[x] " } else { "[ ] " }, range.start),
            Event::FootnoteReference(_) | Event::Rule => {}
        }
        Ok(())
    }

    fn open(&mut self, tag: &Tag<'_>, start: usize) -> Result<(), Failure> {
        let mode = match tag {
            Tag::Heading { level, .. } => Mode::Heading(*level as usize),
            Tag::CodeBlock(_) => Mode::Lines,
            Tag::HtmlBlock => Mode::Html,
            Tag::MetadataBlock(_) => Mode::Metadata,
            Tag::TableHead | Tag::TableRow => Mode::TableRow,
            Tag::TableCell => {
                if !self.text.is_empty() {
                    self.text.push_str(" | ");
                }
                return Ok(());
            }
            Tag::List(first) => {
                self.flush()?;
                self.lists.push(*first);
                return Ok(());
            }
            Tag::Paragraph
            | Tag::BlockQuote(_)
            | Tag::Item
            | Tag::FootnoteDefinition(_)
            | Tag::DefinitionList
            | Tag::DefinitionListTitle
            | Tag::DefinitionListDefinition
            | Tag::Table(_) => Mode::Prose,
            // Inside a block: its text is what counts, for an image its description.
            _ => return Ok(()),
        };
        // The number of an item stays in front of the paragraph inside it.
        if !(matches!(tag, Tag::Paragraph) && self.is_item_number()) {
            self.flush()?;
        }
        self.mode = mode;
        if matches!(tag, Tag::Item)
            && let Some(Some(number)) = self.lists.last_mut()
        {
            let marker = format!("{number}. ");
            *number += 1;
            self.add(&marker, start);
        }
        Ok(())
    }

    fn is_item_number(&self) -> bool {
        self.text
            .strip_suffix(". ")
            .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    }

    fn close(&mut self, tag: TagEnd) -> Result<(), Failure> {
        match tag {
            TagEnd::Heading(_)
            | TagEnd::Paragraph
            | TagEnd::BlockQuote(_)
            | TagEnd::CodeBlock
            | TagEnd::HtmlBlock
            | TagEnd::MetadataBlock(_)
            | TagEnd::Item
            | TagEnd::FootnoteDefinition
            | TagEnd::DefinitionListTitle
            | TagEnd::DefinitionListDefinition
            | TagEnd::TableHead
            | TagEnd::TableRow => self.flush(),
            TagEnd::List(_) => {
                self.flush()?;
                self.lists.pop();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn add(&mut self, text: &str, start: usize) {
        if self.text.is_empty() {
            self.start = start;
        }
        self.text.push_str(text);
    }

    /// Ends the block that is being collected.
    fn flush(&mut self) -> Result<(), Failure> {
        let mode = std::mem::replace(&mut self.mode, Mode::Prose);
        let text = std::mem::take(&mut self.text);
        if text.trim().is_empty() {
            return Ok(());
        }
        let line = self.line_starts.partition_point(|start| *start <= self.start) as u32;
        match mode {
            Mode::Heading(level) => {
                let heading = text.trim().replace('\n', " ");
                self.headings.retain(|(above, _)| *above < level);
                self.headings.push((level, heading.clone()));
                if level == 1 && self.title.is_none() {
                    self.title = Some(heading.clone());
                }
                let headings = self.path();
                self.output.push(Block { text: heading, page: None, headings, line: Some(line), is_heading: true })
            }
            Mode::Metadata => {
                // An explicit title goes before the first heading, which has not come yet.
                let named =
                    text.lines().find_map(|line| line.strip_prefix("title")?.trim_start().strip_prefix([':', '=']));
                self.title = named
                    .map(|title| title.trim().trim_matches(['"', '\'']).to_owned())
                    .filter(|title| !title.is_empty());
                self.output.push_lines(text.trim_end(), line, &[])
            }
            Mode::Lines => self.output.push_lines(text.trim_end(), line, &self.path()),
            Mode::Html => self.output.push_lines(&without_tags(&text), line, &self.path()),
            Mode::Prose | Mode::TableRow => self.output.push_lines(text.trim(), line, &self.path()),
        }
    }

    fn path(&self) -> Vec<String> {
        self.headings.iter().map(|(_, heading)| heading.clone()).collect()
    }
}

/// Characters of scripts that put no space between words.
pub fn is_cjk(character: char) -> bool {
    matches!(character,
        '\u{2e80}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe4f}' | '\u{ff00}'..='\u{ffef}' | '\u{20000}'..='\u{3ffff}')
}

/// The text of a piece of HTML. Line ends stay, so that positions do.
fn without_tags(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(open) = rest.find('<') {
        text.push_str(&rest[..open]);
        let (end, length) = if rest[open..].starts_with("<!--") { ("-->", 3) } else { (">", 1) };
        let Some(close) = rest[open..].find(end) else {
            rest = "";
            break;
        };
        let skipped = &rest[open..open + close + length];
        text.extend(skipped.matches('\n'));
        rest = &rest[open + close + length..];
    }
    text.push_str(rest);
    for (entity, character) in
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&nbsp;", " "), ("&amp;", "&")]
    {
        text = text.replace(entity, character);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(source: &str) -> Vec<(String, Option<u32>, String)> {
        let document = read(source.as_bytes(), "a.md").unwrap();
        document.blocks.into_iter().map(|block| (block.text, block.line, block.headings.join(" > "))).collect()
    }

    fn texts(source: &str) -> Vec<String> {
        blocks(source).into_iter().map(|(text, _, _)| text).collect()
    }

    fn at(text: &str, line: u32, path: &str) -> (String, Option<u32>, String) {
        (text.into(), Some(line), path.into())
    }

    #[test]
    fn blocks_know_their_line_and_the_headings_above() {
        let source = "# Guide\n\nIntro *here*\nand `there`.\n\n## Setup ##\n\n- one\n- two\n  more\n\nSub\n---\n\n```sh\ncargo run\n\ncargo test\n```\n\n# Other\n\nend\n";
        assert_eq!(
            blocks(source),
            [
                at("Guide", 1, "Guide"),
                at("Intro here and there.", 3, "Guide"),
                at("Setup", 6, "Guide > Setup"),
                at("one", 8, "Guide > Setup"),
                at("two more", 9, "Guide > Setup"),
                at("Sub", 12, "Guide > Sub"),
                at("cargo run\n\ncargo test", 16, "Guide > Sub"),
                at("Other", 21, "Other"),
                at("end", 23, "Other"),
            ]
        );
        let document = read(source.as_bytes(), "a.md").unwrap();
        assert_eq!(document.title.as_deref(), Some("Guide"));
        assert_eq!(document.blocks.iter().filter(|block| block.is_heading).count(), 4);
    }

    #[test]
    fn tables_are_rows_and_lists_are_items() {
        assert_eq!(
            texts("| 姓名 | 电话 |\n|---|---|\n| 王 *明* | 123 |\n| 李 | |\n"),
            ["姓名 | 电话", "王 明 | 123", "李 |"]
        );
        assert_eq!(texts("3. a\n4. b\n   - c\n\n   d\n5. e\n"), ["3. a", "4. b", "c", "d", "5. e"]);
        assert_eq!(texts("- [ ] buy milk\n- [x] call\n"), ["[ ] buy milk", "[x] call"]);
        assert_eq!(texts("1. loose\n\n2. list\n"), ["1. loose", "2. list"]);
        assert_eq!(texts("> quoted\n> words\n\nTerm\n: its meaning\n"), ["quoted words", "Term", "its meaning"]);
    }

    #[test]
    fn chinese_lines_are_joined_without_a_space() {
        assert_eq!(texts("这是第一行\n这是第二行\nand English\nwords"), ["这是第一行这是第二行and English words"]);
    }

    #[test]
    fn links_images_html_and_notes_give_their_words() {
        assert_eq!(
            texts(
                "See [the guide](https://example.org/x) and ![a chart](c.png).[^1]\n\n[^1]: A note.\n\n<details>\n<summary>More &amp; more</summary>\n</details>\n\na<br>b <b>c</b>\n"
            ),
            ["See the guide and a chart.", "A note.", "More & more", "a\nb c"]
        );
        assert_eq!(texts("<!-- hidden\nwords -->\n\n<p>seen"), ["seen"]);
        assert_eq!(texts("$a+b$ and\n\n---\n\n\\*not emphasis\\*"), ["a+b and", "*not emphasis*"]);
    }

    #[test]
    fn front_matter_names_the_document() {
        let document = read("---\ntitle: \"Plan 2026\"\ntags: [a]\n---\n\n# Heading\n".as_bytes(), "a.md").unwrap();
        assert_eq!(document.title.as_deref(), Some("Plan 2026"));
        assert!(document.blocks[0].text.contains("tags"));
        assert_eq!(document.blocks[0].line, Some(2));
    }

    #[test]
    fn a_hostile_document_is_finished() {
        for source in [
            "[".repeat(50_000),
            "> ".repeat(5_000),
            "*a ".repeat(20_000),
            "- ".repeat(2_000),
            "|".repeat(20_000),
            "<".repeat(50_000),
        ] {
            read(source.as_bytes(), "a.md").unwrap();
        }
    }
}
