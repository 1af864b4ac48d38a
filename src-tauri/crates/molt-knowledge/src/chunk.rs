//! Blocks to chunks: the unit that is embedded, searched and cited.

use std::collections::HashMap;

use molt_core::{Block, Chunk, ChunkId, DocumentId, DocumentKind, ExtractedDocument, Position};

/// A chunk is closed when the next block would make it wider than this. About 200 tokens in either language, so that a chunk fits the
/// 256-token window of small sentence embedders.
const TARGET_WIDTH: usize = 800;
/// One block wider than this is cut at sentence ends.
const MAX_WIDTH: usize = 1000;

/// A chunk of source code ends before a definition once it is as wide as this; smaller definitions share one, because a line or two say
/// too little to be found by their meaning.
const SMALL_DEFINITION: usize = TARGET_WIDTH / 4;

/// Width of a character: a Han character carries about as much as four Latin letters and costs about as many tokens as two.
fn width(c: char) -> usize {
    if is_cjk(c) { 2 } else { 1 }
}

/// Han, kana, hangul and full-width forms.
pub(crate) fn is_cjk(c: char) -> bool {
    matches!(u32::from(c), 0x2E80..=0x9FFF | 0xAC00..=0xD7AF | 0xF900..=0xFAFF | 0xFF00..=0xFFEF | 0x20000..=0x3FFFF)
}

fn text_width(text: &str) -> usize {
    text.chars().map(width).sum()
}

/// The document's text: its blocks, one line end between two. Positions of chunks are byte offsets into this.
pub fn document_text(document: &ExtractedDocument) -> String {
    document.blocks.iter().map(|block| block.text.as_str()).collect::<Vec<_>>().join("\n")
}

/// Cuts a document into chunks. `chunk.text` is always `document_text[chunk.position.start..chunk.position.end]`; a chunk never spans two
/// pages and starts anew at a heading, or at a definition of source code.
pub fn chunk(document_id: &DocumentId, document: &ExtractedDocument) -> Vec<Chunk> {
    let is_code = document.kind == DocumentKind::Code;
    let mut builder = Builder { document_id, is_code, chunks: Vec::new(), seen: HashMap::new(), open: None };
    let mut offset = 0;
    for block in &document.blocks {
        for (start, piece) in pieces(&block.text) {
            builder.push(block, offset + start, piece);
        }
        offset += block.text.len() + 1;
    }
    builder.close();
    builder.chunks
}

struct Builder<'a> {
    document_id: &'a DocumentId,
    is_code: bool,
    chunks: Vec<Chunk>,
    /// How often the same text under the same headings was seen, so that each gets an id of its own.
    seen: HashMap<String, u32>,
    open: Option<Open>,
}

struct Open {
    text: String,
    width: usize,
    position: Position,
    only_headings: bool,
    /// The headings of its last block.
    last: Vec<String>,
}

impl Builder<'_> {
    fn push(&mut self, block: &Block, start: usize, piece: &str) {
        if piece.trim().is_empty() {
            return;
        }
        let width = text_width(piece);
        if let Some(open) = &self.open {
            let new_page = open.position.page != block.page;
            let new_section = block.is_heading && !open.only_headings;
            // A gap means that blank blocks were skipped between; text and offsets must stay in step.
            let gap = open.position.end as usize + 1 < start;
            // The headings of source code are its definitions.
            let new_definition = self.is_code && open.last != block.headings && open.width >= SMALL_DEFINITION;
            if new_page || new_section || new_definition || gap || open.width + width > TARGET_WIDTH {
                self.close();
            }
        }
        match &mut self.open {
            Some(open) => {
                let joined = open.position.end as usize == start;
                if !joined {
                    open.text.push('\n');
                }
                open.text.push_str(piece);
                open.width += width;
                open.position.end = (start + piece.len()) as u64;
                open.only_headings &= block.is_heading;
                open.last.clone_from(&block.headings);
                if block.is_heading {
                    open.position.headings.clone_from(&block.headings);
                }
            }
            None => {
                self.open = Some(Open {
                    text: piece.to_owned(),
                    width,
                    position: Position {
                        page: block.page,
                        headings: block.headings.clone(),
                        line: block.line,
                        start: start as u64,
                        end: (start + piece.len()) as u64,
                    },
                    only_headings: block.is_heading,
                    last: block.headings.clone(),
                });
            }
        }
    }

    fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        // All that is searched and embedded: where a heading above has another name, this is another chunk.
        let searched = index_text(&open.text, &open.position.headings);
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.document_id.as_str().as_bytes());
        hasher.update(&[0]);
        hasher.update(searched.as_bytes());
        let duplicate = self.seen.entry(searched).or_default();
        hasher.update(&duplicate.to_le_bytes());
        *duplicate += 1;
        let id = ChunkId(hasher.finalize().to_hex()[..32].to_owned());
        let ordinal = self.chunks.len() as u32;
        self.chunks.push(Chunk {
            id,
            document_id: self.document_id.clone(),
            ordinal,
            text: open.text,
            position: open.position,
        });
    }
}

/// The text that is searched: a chunk's own under its headings, but for those it starts with.
pub(crate) fn index_text(text: &str, headings: &[String]) -> String {
    let outer: Vec<&str> = headings.iter().map(String::as_str).filter(|heading| !text.starts_with(heading)).collect();
    if outer.is_empty() { text.to_owned() } else { format!("{}\n{text}", outer.join(" › ")) }
}

/// A block as it is when it is small enough, else cut after sentence ends, else after spaces, else anywhere between characters.
fn pieces(text: &str) -> Vec<(usize, &str)> {
    if text_width(text) <= MAX_WIDTH {
        return vec![(0, text)];
    }
    let mut pieces = Vec::new();
    let (mut start, mut width_so_far) = (0, 0);
    let (mut sentence_end, mut space) = (0, 0);
    let mut characters = text.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        let after = at + c.len_utf8();
        width_so_far += width(c);
        let next_is_space = characters.peek().is_none_or(|(_, next)| next.is_whitespace());
        if matches!(c, '。' | '！' | '？' | '；' | '\n') || (matches!(c, '.' | '!' | '?') && next_is_space) {
            sentence_end = after;
        } else if c.is_whitespace() {
            space = after;
        }
        if width_so_far >= TARGET_WIDTH {
            let half = start + (after - start) / 2;
            let cut = [sentence_end, space].into_iter().find(|cut| *cut > half).unwrap_or(after);
            pieces.push((start, &text[start..cut]));
            width_so_far = text_width(&text[cut..after]);
            start = cut;
        }
    }
    if start < text.len() {
        pieces.push((start, &text[start..]));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use molt_core::DocumentKind;

    use super::*;

    fn block(text: &str) -> Block {
        Block { text: text.into(), page: None, headings: Vec::new(), line: None, is_heading: false }
    }

    fn document(blocks: Vec<Block>) -> ExtractedDocument {
        ExtractedDocument { kind: DocumentKind::Text, title: None, blocks, pages: None, reader: "text".into() }
    }

    fn check(blocks: Vec<Block>) -> Vec<Chunk> {
        let document = document(blocks);
        let text = document_text(&document);
        let chunks = chunk(&DocumentId::from("d"), &document);
        for chunk in &chunks {
            let Position { start, end, .. } = chunk.position;
            assert_eq!(chunk.text, text[start as usize..end as usize], "offsets must point at the text");
            assert!(text_width(&chunk.text) <= MAX_WIDTH + TARGET_WIDTH);
        }
        let ids: std::collections::HashSet<_> = chunks.iter().map(|chunk| &chunk.id).collect();
        assert_eq!(ids.len(), chunks.len(), "ids must be distinct");
        let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        assert_eq!(
            letters(&text),
            chunks.iter().map(|chunk| letters(&chunk.text)).collect::<String>(),
            "no text may be lost"
        );
        chunks
    }

    #[test]
    fn small_blocks_share_a_chunk() {
        assert_eq!(check(vec![block("one"), block("two"), block("三")]).len(), 1);
    }

    #[test]
    fn repeated_and_blank_blocks_keep_text_and_offsets() {
        let long = "The same sentence again and again. ".repeat(20);
        assert!(check(vec![block(&long), block("  "), block(&long), block(""), block(&long)]).len() >= 3);
    }

    #[test]
    fn a_long_block_is_cut_at_sentence_ends() {
        let chunks = check(vec![block(&"预算已经获得批准。".repeat(300))]);
        assert!(chunks.len() > 3);
        assert!(chunks.iter().all(|chunk| chunk.text.ends_with('。')));
        check(vec![block(&"x".repeat(5000))]);
        check(vec![block(&"word ".repeat(2000))]);
    }

    #[test]
    fn a_heading_and_a_page_start_a_chunk() {
        let heading = Block { is_heading: true, headings: vec!["Budget".into()], ..block("Budget") };
        let under = Block { headings: vec!["Budget".into()], ..block("412,000 EUR") };
        let chunks = check(vec![block("before"), heading, under]);
        assert_eq!(chunks.len(), 2);
        assert_eq!(chunks[1].position.headings, ["Budget"]);
        let page = |page, text| Block { page: Some(page), ..block(text) };
        let chunks = check(vec![page(1, "a"), page(2, "b"), page(2, "c")]);
        assert_eq!(chunks.iter().map(|chunk| chunk.position.page).collect::<Vec<_>>(), [Some(1), Some(2)]);
    }

    #[test]
    fn source_code_is_cut_at_definitions_unless_they_are_small() {
        let of = |name: &str, lines: usize| Block {
            headings: vec![name.into()],
            ..block(&"    let x = call(y);\n".repeat(lines))
        };
        let code = |blocks: Vec<Block>| {
            let document = ExtractedDocument { kind: DocumentKind::Code, ..document(blocks) };
            let chunks = chunk(&DocumentId::from("d"), &document);
            chunks
                .iter()
                .map(|chunk| (chunk.position.headings.join(" > "), chunk.text.matches("call").count()))
                .collect::<Vec<_>>()
        };
        let at = |name: &str, lines: usize| (name.to_owned(), lines);
        assert_eq!(
            code(vec![of("fn one", 12), of("fn two", 14), of("fn three", 15)]),
            [at("fn one", 12), at("fn two", 14), at("fn three", 15)]
        );
        // A few lines go with what follows them.
        assert_eq!(
            code(vec![of("fn one", 2), of("fn two", 3), of("fn three", 15), of("fn four", 12)]),
            [at("fn one", 20), at("fn four", 12)]
        );
        // Blocks of one definition stay together, whatever began the chunk.
        assert_eq!(
            code(vec![of("fn one", 2), of("fn two", 12), of("fn two", 12), of("fn three", 12)]),
            [at("fn one", 26), at("fn three", 12)]
        );
        // In other documents a heading has a block of its own.
        assert_eq!(check(vec![of("one", 12), of("two", 12)]).len(), 1);
    }

    #[test]
    fn unchanged_text_keeps_its_id() {
        let before = check(vec![block(&"a. ".repeat(300)), block(&"b. ".repeat(300))]);
        let after = check(vec![block(&"a. ".repeat(300)), block(&"c. ".repeat(300))]);
        assert_eq!(before[0].id, after[0].id);
    }

    #[test]
    fn the_headings_above_are_part_of_an_id() {
        let long = "The gate opens at nine. ".repeat(30);
        let section = |heading: &str| {
            let under = Block { headings: vec![heading.into()], ..block(&long) };
            vec![Block { is_heading: true, headings: vec![heading.into()], ..block(heading) }, under.clone(), under]
        };
        let both: Vec<Block> = section("North").into_iter().chain(section("South")).collect();
        let (before, after) = (check(both), check([section("North"), section("East")].concat()));
        let half = before.len() / 2;
        assert!(half >= 2 && before.len() == after.len());
        let ids = |chunks: &[Chunk]| chunks.iter().map(|chunk| chunk.id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(&before[..half]), ids(&after[..half]), "nothing has changed there");
        assert!(
            ids(&before[half..]).iter().all(|id| !ids(&after).contains(id)),
            "all of it stands under another heading"
        );
    }
}
