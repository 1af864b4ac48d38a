//! Web pages. Their tags are read one after the other without building a tree, so that no nesting is too deep.

mod walk;

use std::cell::RefCell;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use html5ever::{
    TokenizerResult,
    tendril::StrTendril,
    tokenizer::{
        BufferQueue, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
        states::RawKind::{Rawtext, Rcdata, ScriptData},
    },
};
use molt_core::{DocumentKind, ExtractedDocument};
use molt_extract_client::Failure;

use self::walk::Walk;
use crate::{flow::Flow, plain};

/// Bytes into the file in which its encoding is declared, after the HTML standard's prescan.
const DECLARED_WITHIN: usize = 1024;

/// Bytes that are read before it is seen whether reading failed.
const PIECE: usize = 64 << 10;

/// Reads a page.
pub fn read(bytes: &[u8], name: &str) -> Result<ExtractedDocument, Failure> {
    let text = decode(bytes).ok_or_else(|| plain::not_text(name))?;
    let mut flow = Flow::new(name);
    push(&text, &mut flow, true)?;
    Ok(flow.finish(DocumentKind::Html, None, "html5ever"))
}

/// The page's text with its tags, or none when it is not text.
pub fn decode(bytes: &[u8]) -> Option<String> {
    if Encoding::for_bom(bytes).is_some() {
        return plain::decode(bytes);
    }
    // Many pages say one thing and are another; what is valid UTF-8 beyond ASCII is UTF-8.
    let utf8 = std::str::from_utf8(bytes);
    if utf8.is_ok_and(|text| !text.is_ascii()) {
        return plain::decode(bytes);
    }
    match declared(&bytes[..bytes.len().min(DECLARED_WITHIN)]) {
        // A declaration that can be read in ASCII is wrong about UTF-16.
        Some(encoding) if encoding != UTF_8 && encoding != UTF_16LE && encoding != UTF_16BE => {
            let text = encoding.decode_without_bom_handling(bytes).0;
            Some(text.replace("\r\n", "\n").replace('\r', "\n"))
        }
        _ => plain::decode(bytes),
    }
}

/// `<meta charset="gbk">`, `content="text/html; charset=gbk"`, `<?xml encoding="gbk"?>`.
fn declared(start: &[u8]) -> Option<&'static Encoding> {
    let text = String::from_utf8_lossy(start).to_ascii_lowercase();
    ["charset", "encoding"].iter().find_map(|word| {
        text.match_indices(word).find_map(|(at, word)| {
            let value = text[at + word.len()..].trim_start().strip_prefix('=')?;
            let value = value.trim_start().trim_start_matches(['"', '\'']);
            Encoding::for_label(value.split(['"', '\'', ';', '>', ' ', '?']).next()?.as_bytes())
        })
    })
}

/// Writes a page into a document. `lines` says whether the page is the file itself, so that its lines are positions.
pub fn push(text: &str, flow: &mut Flow, lines: bool) -> Result<(), Failure> {
    let sink = Sink { walk: RefCell::new(Walk::new(flow, lines)), failed: RefCell::new(Ok(())) };
    let tokenizer = Tokenizer::new(sink, TokenizerOpts::default());
    let input = BufferQueue::default();
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, more) = rest.split_at(rest.floor_char_boundary(PIECE));
        rest = more;
        input.push_back(StrTendril::from_slice(piece));
        // It stops at scripts, which others would run, and goes on when it is asked again.
        while !matches!(tokenizer.feed(&input), TokenizerResult::Done) {}
        if tokenizer.sink.failed.borrow().is_err() {
            break;
        }
    }
    tokenizer.end();
    let Sink { walk, failed } = tokenizer.sink;
    failed.into_inner()?;
    walk.into_inner().finish()
}

struct Sink<'f> {
    walk: RefCell<Walk<'f>>,
    failed: RefCell<Result<(), Failure>>,
}

impl TokenSink for Sink<'_> {
    type Handle = ();

    fn process_token(&self, token: Token, line: u64) -> TokenSinkResult<()> {
        let mut failed = self.failed.borrow_mut();
        if failed.is_err() {
            return TokenSinkResult::Continue;
        }
        let mut walk = self.walk.borrow_mut();
        match token {
            Token::CharacterTokens(text) => walk.characters(&text, line),
            Token::TagToken(tag) => {
                *failed = match tag.kind {
                    TagKind::StartTag => walk.open(&tag, line),
                    TagKind::EndTag => walk.close(&tag.name),
                };
                if tag.kind == TagKind::StartTag && !tag.self_closing {
                    match &*tag.name {
                        "script" => return TokenSinkResult::RawData(ScriptData),
                        "style" | "iframe" | "noembed" | "noframes" | "xmp" => {
                            return TokenSinkResult::RawData(Rawtext);
                        }
                        "title" | "textarea" => return TokenSinkResult::RawData(Rcdata),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(source: &str) -> Vec<(String, Option<u32>, String)> {
        let document = read(source.as_bytes(), "a.html").unwrap();
        document.blocks.into_iter().map(|block| (block.text, block.line, block.headings.join(" > "))).collect()
    }

    fn texts(source: &str) -> Vec<String> {
        blocks(source).into_iter().map(|(text, _, _)| text).collect()
    }

    #[test]
    fn blocks_know_their_line_and_the_headings_above() {
        let at = |text: &str, line, path: &str| (text.to_owned(), line, path.to_owned());
        assert_eq!(
            blocks(
                "<title>T &amp; U</title>\n<h1>Guide</h1>\n<p>First\n<b>words</b>\n here<div>\n\nnext</div><h2>Sub\npart</h2>\n<p>end"
            ),
            [
                at("T & U", None, ""),
                at("Guide", Some(2), "Guide"),
                at("First words here", Some(3), "Guide"),
                at("next", Some(7), "Guide"),
                at("Sub part", Some(7), "Guide > Sub part"),
                at("end", Some(9), "Guide > Sub part"),
            ]
        );
        let document = read(b"<title>T &amp; U</title><h1>Guide</h1>", "a").unwrap();
        assert_eq!((document.title.as_deref(), document.kind), (Some("T & U"), DocumentKind::Html));
    }

    #[test]
    fn what_nobody_sees_is_left_out() {
        assert_eq!(
            texts("a<script>if (a<b) { x = '<p>no' }</script><style>p{}</style><!-- no --><template><p>no</template>b"),
            ["ab"]
        );
        assert_eq!(texts("<script src='x'/>seen<title/> words"), ["seen words"]);
        assert_eq!(
            texts("<svg><title>no</title><text>label</text></svg><img alt='a chart'> it"),
            ["label", "a chart it"]
        );
        assert_eq!(texts("<ruby>漢<rp>(</rp><rt>かん</rt>字<rt>じ</ruby>です"), ["漢字 (かんじ)です"]);
    }

    #[test]
    fn tables_are_rows_and_layout_is_not() {
        assert_eq!(
            texts("<table><caption>C</caption><tr><th>a<th><p>b</p><p>c</p><tr><td>1</td><td></td></tr></table>after"),
            ["C", "a | b c", "1", "after"]
        );
        assert_eq!(
            texts("<table><tr><td>menu<td><h1>Page</h1><table><tr><td>x<td>y</table>text</table>"),
            ["menu", "Page", "x | y", "text"]
        );
        let long = format!("<table><tr><td>one<td><p>{}<p>two</table>", "word ".repeat(400));
        assert_eq!(texts(&long)[0], "one");
        assert_eq!(texts(&long).last().map(String::as_str), Some("two"));
        assert_eq!(texts("<td>stray</td></tr></table><li>item"), ["stray", "item"]);
    }

    #[test]
    fn lists_lines_and_verbatim_text() {
        assert_eq!(texts("<ol start=3><li><p>a</p><li>b<ul><li>c</ul></ol>"), ["3. a", "4. b", "c"]);
        assert_eq!(texts("<p>one<br>two</p><pre>  x\n    y\n</pre>"), ["one\ntwo", "x\n    y"]);
        assert_eq!(texts("<blockquote><p>a</p>b</blockquote>c"), ["> a", "> b", "c"]);
        assert_eq!(texts("<p>这是第一行\n这是第二行\nand words</p>"), ["这是第一行这是第二行 and words"]);
    }

    #[test]
    fn encodings_are_read_as_declared() {
        let gbk =
            encoding_rs::GBK.encode("<meta http-equiv=x content='text/html; charset=gb2312'><p>你好").0.into_owned();
        assert_eq!(read(&gbk, "a").unwrap().blocks[0].text, "你好");
        let sjis =
            encoding_rs::SHIFT_JIS.encode("<?xml version='1.0' encoding=\"Shift_JIS\"?><p>こんにちは").0.into_owned();
        assert_eq!(read(&sjis, "a").unwrap().blocks[0].text, "こんにちは");
        assert_eq!(texts("<meta charset=gbk><p>UTF-8 说的"), ["UTF-8 说的"]);
        assert!(read(&[0; 100], "a").is_err());
    }

    #[test]
    fn a_hostile_page_is_finished() {
        for source in [
            "<div>".repeat(200_000),
            "<table><tr><td>".repeat(50_000),
            "<ol><li>".repeat(50_000),
            "<".repeat(100_000),
            "&".repeat(100_000),
            "<a b=".repeat(50_000),
            "<template>".repeat(10_000),
            "</td></tr></table>".repeat(10_000),
        ] {
            read(source.as_bytes(), "a").unwrap();
        }
    }
}
