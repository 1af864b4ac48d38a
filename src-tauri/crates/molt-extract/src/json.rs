//! JSON: laid out a line for each member, with characters instead of their codes; and notebooks, whose cells are what counts.

use std::iter::Peekable;

use molt_core::{DocumentKind, ExtractedDocument};
use molt_extract_client::Failure;
use serde_json::Value;

use crate::{flow::Flow, markdown, plain};

/// Bytes. A block is closed at the next line when it has grown longer than this.
const LONG: usize = 1200;

/// Spaces in front of a line; deeper nesting is not shown.
const WIDEST: usize = 24;

/// Reads a value, or one for each line.
pub fn read(bytes: &[u8], name: &str) -> Result<ExtractedDocument, Failure> {
    let text = plain::decode(bytes).ok_or_else(|| plain::not_text(name))?;
    if let Some(source) = notebook(&text) {
        let mut document = markdown::read(source.as_bytes(), name)?;
        // Lines of what was made here are lines of no file.
        document.blocks.iter_mut().for_each(|block| block.line = None);
        return Ok(ExtractedDocument { kind: DocumentKind::Json, ..document });
    }
    let mut flow = Flow::new(name);
    let mut layout = Layout::default();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        layout.take(character, &mut characters, &mut flow)?;
    }
    layout.end_line(&mut flow)?;
    layout.finish(&mut flow)?;
    Ok(flow.finish(DocumentKind::Json, None, "json"))
}

#[derive(Default)]
struct Layout {
    block: String,
    /// Of the block's first line and of the line that is being written.
    first: u32,
    began: u32,
    line: String,
    /// Line ends passed.
    passed: u32,
    depth: usize,
}

impl Layout {
    fn take(
        &mut self,
        character: char,
        rest: &mut Peekable<impl Iterator<Item = char>>,
        flow: &mut Flow,
    ) -> Result<(), Failure> {
        match character {
            '\n' => self.passed += 1,
            // Brackets tell nothing; the name of what is inside ends its line.
            '{' | '[' => {
                self.end_line(flow)?;
                self.depth += 1;
            }
            '}' | ']' => {
                self.end_line(flow)?;
                self.depth = self.depth.saturating_sub(1);
                // What follows is of another value.
                if self.depth <= 1 && self.block.len() > LONG / 4 {
                    self.finish(flow)?;
                }
            }
            ',' => self.end_line(flow)?,
            ':' => self.write_all(": "),
            '"' => self.string(rest),
            _ if character.is_whitespace() => {}
            _ => self.write(character),
        }
        Ok(())
    }

    fn string(&mut self, rest: &mut Peekable<impl Iterator<Item = char>>) {
        while let Some(character) = rest.next() {
            match character {
                '"' => return,
                '\\' => match rest.next() {
                    Some('n' | 'r') => self.write(' '),
                    Some('t') => self.write(' '),
                    Some('b' | 'f') | None => {}
                    Some('u') => {
                        let character = coded(rest);
                        self.write(character);
                    }
                    Some(other) => self.write(other),
                },
                // Not allowed, and yet seen.
                '\n' => {
                    self.passed += 1;
                    self.write(' ');
                }
                _ => self.write(character),
            }
        }
    }

    fn write(&mut self, character: char) {
        if self.line.is_empty() {
            self.began = self.passed + 1;
            self.line.extend(std::iter::repeat_n(' ', (self.depth.saturating_sub(1) * 2).min(WIDEST)));
        }
        self.line.push(character);
    }

    fn write_all(&mut self, text: &str) {
        text.chars().for_each(|character| self.write(character));
    }

    fn end_line(&mut self, flow: &mut Flow) -> Result<(), Failure> {
        let line = std::mem::take(&mut self.line);
        let line = line.trim_end();
        if line.is_empty() {
            return Ok(());
        }
        if self.block.len() + line.len() > LONG {
            self.finish(flow)?;
        }
        if self.block.is_empty() {
            self.first = self.began;
        } else {
            self.block.push('\n');
        }
        self.block.push_str(line);
        Ok(())
    }

    fn finish(&mut self, flow: &mut Flow) -> Result<(), Failure> {
        flow.text(&std::mem::take(&mut self.block), Some(self.first))
    }
}

/// The character of `\u4f60`, or of two such codes that form one.
fn coded(rest: &mut Peekable<impl Iterator<Item = char>>) -> char {
    let Some(first) = unit(rest) else { return char::REPLACEMENT_CHARACTER };
    if !(0xd800..0xdc00).contains(&first) {
        return char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER);
    }
    if rest.next_if_eq(&'\\').is_none() || rest.next_if_eq(&'u').is_none() {
        return char::REPLACEMENT_CHARACTER;
    }
    let second = unit(rest).filter(|second| (0xdc00..0xe000).contains(second));
    let character = second.and_then(|second| char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)));
    character.unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// Four hexadecimal digits.
fn unit(rest: &mut Peekable<impl Iterator<Item = char>>) -> Option<u32> {
    (0..4).try_fold(0, |unit, _| Some(unit << 4 | rest.next_if(char::is_ascii_hexdigit)?.to_digit(16)?))
}

/// A notebook as Markdown; none when it is something else.
fn notebook(text: &str) -> Option<String> {
    // Cheaper than reading every large file twice.
    if !text.contains("\"cells\"") || !text.contains("\"cell_type\"") {
        return None;
    }
    let notebook: Value = serde_json::from_str(text).ok()?;
    let language =
        notebook.pointer("/metadata/kernelspec/language").or(notebook.pointer("/metadata/language_info/name"));
    let language = language.and_then(Value::as_str).unwrap_or_default();
    let mut source = String::new();
    let fenced = |language: &str, text: &str| format!("````{language}\n{}\n````\n\n", text.trim_end());
    for cell in notebook.get("cells")?.as_array()? {
        let content = lines(cell.get("source"));
        match cell.get("cell_type")?.as_str()? {
            "markdown" => source.push_str(&format!("{content}\n\n")),
            "code" => source.push_str(&fenced(language, &content)),
            _ => source.push_str(&fenced("", &content)),
        }
        for output in cell.get("outputs").and_then(Value::as_array).into_iter().flatten() {
            let text = output.get("text").or_else(|| output.pointer("/data/text~1plain"));
            let text = lines(text);
            if !text.trim().is_empty() {
                source.push_str(&fenced("", &text));
            }
        }
    }
    Some(source)
}

/// Texts are kept whole or as a list of lines.
fn lines(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(lines)) => lines.iter().filter_map(Value::as_str).collect(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(source: &str) -> Vec<(String, Option<u32>)> {
        let document = read(source.as_bytes(), "a.json").unwrap();
        assert_eq!(document.kind, DocumentKind::Json);
        document.blocks.into_iter().map(|block| (block.text, block.line)).collect()
    }

    #[test]
    fn members_are_lines() {
        let expected = "name: 王, \"小\" 明 😀\ntags:\n  a\n  b\naddress:\n  town: Bonn\n  zip: 53111";
        let source = r#"{"name": "\u738b, \"小\" 明 \ud83d\ude00", "tags": ["a", "b"], "address": {"town": "Bonn", "zip": 53111}}"#;
        assert_eq!(blocks(source), [(expected.to_owned(), Some(1))]);
        assert_eq!(blocks("\n\n{\n \"a\":\n 1,\n\"b\": [true]}\n"), [("a: 1\nb:\n  true".to_owned(), Some(4))]);
    }

    #[test]
    fn values_know_their_line() {
        let source: String =
            (1..=200).map(|number| format!("{{\"number\": {number}, \"text\": \"{}\"}}\n", "x".repeat(300))).collect();
        let blocks = blocks(&source);
        assert!(blocks.len() >= 100);
        for (text, line) in blocks {
            assert!(text.starts_with(&format!("number: {}", line.unwrap())), "{text}");
        }
    }

    #[test]
    fn notebooks_are_their_cells() {
        let source = r##"{"cells": [{"cell_type": "markdown", "source": ["# Title\n", "words"]},
            {"cell_type": "code", "source": "print(1)", "outputs": [{"text": ["1\n"]}, {"data": {"text/plain": "out", "image/png": "AAAA"}}]}],
            "metadata": {"kernelspec": {"language": "python"}}, "nbformat": 4}"##;
        let found: Vec<String> = blocks(source).into_iter().map(|(text, _)| text).collect();
        assert_eq!(found, ["Title", "words", "print(1)", "1", "out"]);
    }

    #[test]
    fn damaged_and_hostile_values_are_finished() {
        for source in ["{", "\"\\", "\"\\u12", "\"\\ud800\\u0041\"", "{\"a\": \"b\nc", "}}}]", "words only"] {
            read(source.as_bytes(), "a.json").unwrap();
        }
        assert_eq!(blocks("\"\\ud800x\"")[0].0, "\u{fffd}x");
        read("[".repeat(500_000).as_bytes(), "a.json").unwrap();
        read("{\"cells\": \"cell_type\"}".as_bytes(), "a.json").unwrap();
        assert!(matches!(read(&[0; 50], "a.json"), Err(Failure::Unreadable(_))));
    }
}
