//! Files made to do harm, and mutants of Markdown and text: each ends as text or as a named failure within its limits, and the next
//! file is read.

use std::time::{Duration, Instant};

use molt_core::{ExtractError, ExtractedDocument};

use crate::{
    Bench, bench_with, files,
    formats::{mutate, pack},
    texts,
};

const TIME_LIMIT: Duration = Duration::from_secs(20);
/// A worker that has to be ended twice, for the first reader and for the second, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn strict() -> Bench {
    bench_with(|config| {
        config.time_limit = TIME_LIMIT;
        config.memory_limit = 512 << 20;
        config.most_documents = 100_000;
    })
}

/// The document if there is one; the failure must name the file.
async fn survive(bench: &Bench, name: &str, content: impl AsRef<[u8]>) -> Option<ExtractedDocument> {
    let begun = Instant::now();
    let result = bench.read(name, content).await;
    assert!(begun.elapsed() < PATIENCE, "{name}: {:?}", begun.elapsed());
    let document = match result {
        Ok(document) => Some(document),
        Err(ExtractError::Unreadable(sentence) | ExtractError::LimitReached(sentence)) => {
            assert!(sentence.contains(name), "{name}: {sentence}");
            None
        }
        Err(other) => panic!("{name}: {other:?}"),
    };
    assert_eq!(texts(&bench.read("next.md", "still here").await.unwrap()), ["still here"], "after {name}");
    document
}

#[tokio::test]
async fn mutants_of_markdown_and_text_end_as_text_or_a_sentence() {
    let bench = strict();
    let markdown = "---\ntitle: 计划\n---\n# Plan\n\n> quoted *words* and `code`\n\n- one\n  1. two\n     - [x] three\n\n\
                    | a | b |\n|---|:-:|\n| 1 | 汉字 |\n\n```rust\nfn main() {}\n```\n\n<div onclick='x()'>html &amp; more</div>\n\n\
                    [link](https://example.org \"title\") ![image](a.png)[^1]\n\n[^1]: A note.\n";
    mutate(&bench, "a.md", markdown.as_bytes(), 500).await;
    let (gbk, ..) = encoding_rs::GBK.encode("会议纪要：预算 420 万元。\r\n第二行 Budget\r\n");
    let utf16: Vec<u8> = "\u{feff}会议 plan\n第二行\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for text in ["plain words\n和汉字\n".repeat(8).as_bytes(), &gbk, &utf16] {
        mutate(&bench, "a.txt", text, 170).await;
    }
    assert_eq!(texts(&bench.read("good.md", "still here").await.unwrap()), ["still here"]);
}

#[tokio::test]
async fn markdown_that_nests_without_end() {
    let bench = strict();
    let many = 20_000;
    for content in [
        ">".repeat(many) + " words",
        "[".repeat(many) + "words",
        "*".repeat(many) + "words" + &"*".repeat(many),
        "- ".repeat(many) + "words",
        (0..2_000).map(|depth| "  ".repeat(depth) + "- words\n").collect(),
        "<div>".repeat(many) + "words",
        "`".repeat(many) + "words",
        "|".repeat(many) + "\n" + &"|-".repeat(many) + "\n",
        "![".repeat(many) + "words" + &"](a)".repeat(many),
        "&amp;".repeat(many),
    ] {
        survive(&bench, "deep.md", content).await;
    }
}

/// A page that says `words`, in a file with further objects from number 4 on; `page` stands in its dictionary, `catalog` in the root.
fn page_with(catalog: &str, page: &str, more: &[String]) -> Vec<u8> {
    let mut objects = vec![
        format!("<< /Type /Catalog /Pages 2 0 R {catalog} >>"),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 600 800] /Resources << /Font << /F1 5 0 R >> >> >>"
            .into(),
        format!("<< /Type /Page /Parent 2 0 R /Contents 4 0 R {page} >>"),
        files::stream("", &files::content(&["words"])),
        files::HELVETICA.to_owned(),
    ];
    objects.extend_from_slice(more);
    files::pdf(&objects)
}

#[tokio::test]
async fn what_runs_and_what_is_attached_is_left_alone() {
    let bench = strict();
    let script = "<< /S /JavaScript /JS (app.alert\\('SCRIPT'\\); this.exportDataObject\\('a'\\)) >>";
    let launch = "<< /S /Launch /F (/bin/SCRIPT) >>";
    let attached = [
        "<< /Type /Filespec /F (a.txt) /EF << /F 7 0 R >> >>".to_owned(),
        files::stream("/Type /EmbeddedFile", "SCRIPT of the attachment"),
    ];
    for (catalog, page) in [
        (format!("/OpenAction {script}"), String::new()),
        (format!("/AA << /WC {script} >>"), format!("/AA << /O {launch} >>")),
        ("/Names << /EmbeddedFiles << /Names [(a.txt) 6 0 R] >> >>".into(), String::new()),
        (format!("/Names << /JavaScript << /Names [(a) {script}] >> >>"), String::new()),
    ] {
        let document = survive(&bench, "active.pdf", page_with(&catalog, &page, &attached)).await.unwrap();
        assert_eq!(texts(&document), ["words"], "{catalog}");
    }
}

#[tokio::test]
async fn structures_without_end() {
    let bench = strict();
    let deep = |open: &str, close: &str, many: usize| format!("{}{}", open.repeat(many), close.repeat(many));
    let arrays = page_with("", "/Deep 6 0 R", &[deep("[", "]", 10_000)]);
    survive(&bench, "arrays.pdf", arrays).await;
    survive(&bench, "dictionaries.pdf", page_with("", "/Deep 6 0 R", &[deep("<</A ", ">>", 10_000)])).await;
    survive(&bench, "open.pdf", page_with("", "/Deep 6 0 R", &["[".repeat(100_000)])).await;
    survive(&bench, "references.pdf", page_with("", "/Deep 6 0 R", &["7 0 R".into(), "6 0 R".into()])).await;
    let parentheses = format!("BT /F1 12 Tf {} Tj ET", deep("(", ")", 50_000));
    survive(&bench, "strings.pdf", files::pages(&[parentheses], "/Font << /F1 3 0 R >>", &[files::HELVETICA.into()]))
        .await;
    survive(&bench, "states.pdf", files::pages(&["q ".repeat(500_000)], "", &[])).await;
    // A tree of pages that holds itself.
    let ring = files::pdf(&[
        "<< /Type /Catalog /Pages 2 0 R >>".into(),
        "<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 9999999 /Parent 2 0 R >>".into(),
    ]);
    survive(&bench, "ring.pdf", ring).await;
    // A table of objects that goes on where it began.
    let whole = String::from_utf8(files::text(&[&["words"]])).unwrap();
    let start = whole.rfind("xref\n0").unwrap();
    survive(&bench, "tables.pdf", whole.replace("/Root 1 0 R", &format!("/Root 1 0 R /Prev {start}"))).await;
}

#[tokio::test]
async fn a_million_pages() {
    let bench = strict();
    let objects = |count: &str| {
        files::pdf(&[
            "<< /Type /Catalog /Pages 2 0 R >>".into(),
            format!("<< /Type /Pages /Kids [{}] /Count {count} /MediaBox [0 0 600 800] >>", "3 0 R ".repeat(1_000_000)),
            "<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>".into(),
            files::stream("", &files::content(&["words"])),
            files::HELVETICA.to_owned(),
        ])
    };
    survive(&bench, "million.pdf", objects("1000000")).await;
    survive(&bench, "lies.pdf", objects("4294967295")).await;
}

/// So many zeros, packed as often as is said: a stream of zlib made with the packer of zip files.
fn packed(zeros: usize, times: usize) -> Vec<u8> {
    let mut content = vec![0u8; zeros];
    for _ in 0..times {
        let (mut low, mut high) = (1u32, 0u32);
        for byte in &content {
            low = (low + u32::from(*byte)) % 65_521;
            high = (high + low) % 65_521;
        }
        let zip = pack(&[("a", &content)]);
        let (name, extra) = (usize::from(zip[26]), usize::from(zip[28]));
        let start = 30 + name + extra;
        let end = zip.windows(4).rposition(|window| window == b"PK\x01\x02").unwrap();
        content = [&[0x78, 0x9c], &zip[start..end], &(high << 16 | low).to_be_bytes()].concat();
    }
    content
}

#[tokio::test]
async fn streams_that_unpack_to_gigabytes() {
    let bench = strict();
    // 64 MB in 64 KB, and those in less than one; the stream is read a thousand times over.
    for (times, filter) in [(1, "/FlateDecode"), (2, "[/FlateDecode /FlateDecode]")] {
        let bomb = packed(64 << 20, times);
        let marker = "BOMB".repeat(4);
        let contents = format!("/Contents [{}]", "6 0 R ".repeat(1_000));
        let file =
            page_with("", "", &[format!("<< /Filter {filter} /Length {} >>\nstream\n{marker}\nendstream", bomb.len())]);
        let text = String::from_utf8(file).unwrap().replace("/Contents 4 0 R", &contents);
        let at = text.find(&marker).unwrap();
        let file = [&text.as_bytes()[..at], &bomb, &text.as_bytes()[at + marker.len()..]].concat();
        assert!(file.len() < 1 << 20, "{}", file.len());
        survive(&bench, "bomb.pdf", file).await;
    }
}

#[tokio::test]
async fn pictures_of_junk() {
    let bench = strict();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let junk: String = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'!' + (state % 90) as u8)
    })
    .take(20_000)
    .collect();
    for filter in ["/JBIG2Decode", "/JPXDecode", "/DCTDecode", "/CCITTFaxDecode", "/LZWDecode", "/RunLengthDecode"] {
        let image = files::stream(
            &format!(
                "/Type /XObject /Subtype /Image /Width 100000 /Height 100000 /BitsPerComponent 1 /ColorSpace /DeviceGray /Filter {filter}"
            ),
            &junk,
        );
        let content = format!("{} /X Do", files::content(&["words"]));
        let resources = "/Font << /F1 3 0 R >> /XObject << /X 4 0 R >>";
        let file = files::pages(&[content], resources, &[files::HELVETICA.into(), image]);
        let document = survive(&bench, "picture.pdf", file).await;
        assert_eq!(texts(&document.unwrap()), ["words"], "{filter}");
    }
}

#[tokio::test]
async fn archives_within_archives() {
    let bench = strict();
    let mut inner = vec![b' '; 10 << 20];
    for _ in 0..6 {
        inner = pack(&[("word/document.xml", &inner), ("content.xml", &inner), ("mimetype", b"application/zip")]);
    }
    for name in ["nested.docx", "nested.odt", "nested.epub", "nested.xlsx"] {
        // What is packed within is no part of the document.
        let document = survive(&bench, name, &inner).await;
        assert!(document.is_none_or(|document| document.blocks.is_empty()), "{name}");
    }
    let parts: Vec<String> = (0..60_000).map(|number| format!("word/{number}.xml")).collect();
    let parts: Vec<(&str, &[u8])> = parts.iter().map(|name| (name.as_str(), b"".as_slice())).collect();
    let document = survive(&bench, "many.docx", pack(&parts)).await;
    assert!(document.is_none_or(|document| document.blocks.is_empty()));
    for length in (0..inner.len()).step_by(inner.len() / 40 + 1) {
        survive(&bench, "cut.docx", &inner[..length]).await;
    }
}
