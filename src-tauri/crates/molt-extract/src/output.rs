//! The growing result, within bounds.

use molt_core::Block;
use molt_extract_client::Failure;

/// Bytes of text of one document.
const MOST_TEXT: usize = 32 << 20;

/// Each block costs more than its text; a document of nothing but line ends must not fill the memory.
const MOST_BLOCKS: usize = 1 << 20;

/// Characters. A longer piece is split, so that its lines keep an honest position.
const LONGEST_BLOCK: usize = 2000;

/// Bytes of one heading in the path of a block. Every block below it repeats the path.
const LONGEST_HEADING: usize = 300;

/// Where a piece of text stands.
#[derive(Debug, Clone, Copy, Default)]
pub struct Place<'a> {
    /// From 1.
    pub page: Option<u32>,
    /// Of the first line, from 1.
    pub line: Option<u32>,
    pub headings: &'a [String],
}

/// Collects blocks in reading order.
pub struct Output {
    blocks: Vec<Block>,
    bytes: usize,
    name: String,
}

impl Output {
    pub fn new(name: &str) -> Self {
        Self { blocks: Vec::new(), bytes: 0, name: name.to_owned() }
    }

    /// Adds a block without the white space around its text; an empty one is left out.
    pub fn push(&mut self, mut block: Block) -> Result<(), Failure> {
        let text = block.text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        if text.is_empty() {
            return Ok(());
        }
        if text.len() != block.text.len() {
            block.text = text.to_owned();
        }
        for heading in &mut block.headings {
            if heading.len() > LONGEST_HEADING {
                heading.truncate(heading.floor_char_boundary(LONGEST_HEADING));
            }
        }
        self.bytes += block.text.len();
        if self.bytes > MOST_TEXT || self.blocks.len() >= MOST_BLOCKS {
            return Err(Failure::LimitReached(format!(
                "“{}” holds too much text to be searched as one document; split it into parts",
                self.name
            )));
        }
        self.blocks.push(block);
        Ok(())
    }

    /// Adds text whose line ends mean something (code, verse, logs), split where it is long. `line` is that of its first line.
    pub fn push_lines(&mut self, text: &str, line: u32, headings: &[String]) -> Result<(), Failure> {
        self.push_at(text, Place { page: None, line: Some(line), headings })
    }

    /// As `push_lines`, for text whose place may be told by more or by less than a line.
    pub fn push_at(&mut self, text: &str, place: Place<'_>) -> Result<(), Failure> {
        let block = |text: String, number: u32| Block {
            text,
            page: place.page,
            headings: place.headings.to_vec(),
            line: place.line.map(|line| line.saturating_add(number)),
            is_heading: false,
        };
        let (mut piece, mut first, mut length) = (String::new(), 0, 0);
        for (number, content) in (0..).zip(text.split('\n')) {
            for (index, part) in parts(content).enumerate() {
                let characters = part.chars().count() + 1;
                if length + characters > LONGEST_BLOCK && length > 0 {
                    self.push(block(std::mem::take(&mut piece), first))?;
                    length = 0;
                }
                // Lines that are white space alone do not begin a piece: the position is that of the first word.
                if length == 0 && part.trim().is_empty() {
                    continue;
                }
                if length == 0 {
                    first = number;
                } else if index == 0 {
                    piece.push('\n');
                }
                piece.push_str(part);
                length += characters;
            }
        }
        self.push(block(piece, first))
    }

    pub fn into_blocks(self) -> Vec<Block> {
        self.blocks
    }
}

/// Cuts a very long line, at white space where there is some.
fn parts(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let current = rest?;
        let Some((limit, _)) = current.char_indices().nth(LONGEST_BLOCK - 1) else {
            rest = None;
            return Some(current);
        };
        let cut = current[..limit].rfind(char::is_whitespace).filter(|cut| *cut > limit / 2).unwrap_or(limit);
        let (part, more) = current.split_at(cut);
        rest = Some(more);
        Some(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_pieces_are_split_at_lines_and_keep_their_position() {
        let text: String = (1..=500).map(|number| format!("line {number}\n")).collect();
        let mut output = Output::new("a");
        output.push_lines(&format!("\n\n{text}"), 10, &["H".into()]).unwrap();
        let blocks = output.into_blocks();
        assert!(blocks.len() > 1);
        assert_eq!(blocks[0].line, Some(12));
        for block in &blocks {
            assert!(block.text.chars().count() <= LONGEST_BLOCK);
            let number: u32 = block.text.lines().next().unwrap().strip_prefix("line ").unwrap().parse().unwrap();
            assert_eq!(block.line, Some(number + 11));
            assert_eq!(block.headings, ["H"]);
        }
        let joined: String = blocks.iter().map(|block| block.text.clone() + "\n").collect();
        assert_eq!(joined, text);
    }

    #[test]
    fn one_endless_line_is_split_too() {
        let text = "汉".repeat(9000);
        let mut output = Output::new("a");
        output.push_lines(&text, 1, &[]).unwrap();
        let blocks = output.into_blocks();
        assert_eq!(blocks.iter().map(|block| block.text.as_str()).collect::<String>(), text);
        assert!(blocks.iter().all(|block| block.line == Some(1) && block.text.chars().count() <= LONGEST_BLOCK));
    }

    #[test]
    fn too_much_text_is_said() {
        let mut output = Output::new("a.txt");
        let megabyte = "x ".repeat(1 << 19);
        let block =
            |text: &str| Block { text: text.into(), page: None, headings: Vec::new(), line: None, is_heading: false };
        for _ in 0..32 {
            output.push(block(&megabyte)).unwrap();
        }
        match (0..2).try_for_each(|_| output.push(block(&megabyte))) {
            Err(Failure::LimitReached(sentence)) => assert!(sentence.contains("a.txt")),
            other => panic!("{other:?}"),
        }
    }
}
