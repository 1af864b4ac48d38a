//! The formats besides PDF, through the real worker: read as what they are, and bad ones end as named failures.

use std::{io::Write, time::Duration};

use molt_core::{DocumentKind, ExtractError};
use zip::{ZipWriter, write::SimpleFileOptions};

use crate::{Bench, bench, bench_with, limit, texts, unreadable};

pub fn pack(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in parts {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn docx(text: &str) -> Vec<u8> {
    let body = format!("<w:document><w:body><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:body></w:document>");
    pack(&[("word/document.xml", body.as_bytes())])
}

fn pptx(text: &str) -> Vec<u8> {
    let slide = format!("<p:sld><p:sp><p:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp></p:sld>");
    let links = b"<Relationships><Relationship Id='r1' Type='x/slide' Target='s.xml'/></Relationships>";
    let main = b"<p:presentation><p:sldIdLst><p:sldId r:id='r1'/></p:sldIdLst></p:presentation>";
    pack(&[("ppt/presentation.xml", main), ("ppt/_rels/presentation.xml.rels", links), ("ppt/s.xml", slide.as_bytes())])
}

fn xlsx(text: &str) -> Vec<u8> {
    let sheet = format!(
        "<worksheet><sheetData><row r='7'><c t='inlineStr'><is><t>{text}</t></is></c></row></sheetData></worksheet>"
    );
    let links = b"<Relationships><Relationship Id='r1' Type='x/worksheet' Target='s.xml'/></Relationships>";
    let main = b"<workbook><sheets><sheet name='Plan' r:id='r1'/></sheets></workbook>";
    pack(&[("xl/workbook.xml", main), ("xl/_rels/workbook.xml.rels", links), ("xl/s.xml", sheet.as_bytes())])
}

fn odt(text: &str) -> Vec<u8> {
    let content = format!(
        "<office:document-content><office:body><office:text><text:p>{text}</text:p></office:text></office:body></office:document-content>"
    );
    pack(&[("mimetype", b"application/vnd.oasis.opendocument.text"), ("content.xml", content.as_bytes())])
}

fn epub(text: &str) -> Vec<u8> {
    let page = format!("<html><body><p>{text}</p></body></html>");
    let book = b"<package><manifest><item id='a' href='a.xhtml' media-type='application/xhtml+xml'/></manifest><spine><itemref idref='a'/></spine></package>";
    let container = b"<container><rootfile full-path='b.opf'/></container>";
    pack(&[
        ("mimetype", b"application/epub+zip"),
        ("META-INF/container.xml", container),
        ("b.opf", book),
        ("a.xhtml", page.as_bytes()),
    ])
}

/// A file of each format that says `text`.
fn all(text: &str) -> Vec<(&'static str, DocumentKind, Vec<u8>)> {
    vec![
        ("a.docx", DocumentKind::Docx, docx(text)),
        ("a.pptx", DocumentKind::Pptx, pptx(text)),
        ("a.xlsx", DocumentKind::Xlsx, xlsx(text)),
        ("a.odt", DocumentKind::Odf, odt(text)),
        ("a.epub", DocumentKind::Epub, epub(text)),
        ("a.html", DocumentKind::Html, format!("<p>{text}</p>").into_bytes()),
        ("a.csv", DocumentKind::Csv, format!("{text}\n").into_bytes()),
        ("a.json", DocumentKind::Json, format!("{{\"{text}\": [").into_bytes()),
        ("a.eml", DocumentKind::Eml, format!("Subject: s\n\n{text}").into_bytes()),
        ("a.py", DocumentKind::Code, format!("# {text}").into_bytes()),
    ]
}

#[tokio::test]
async fn each_format_is_read_with_its_positions() {
    let bench = bench();
    for (name, kind, content) in all("季度预算 plan") {
        let document = bench.read(name, content).await.unwrap();
        assert_eq!(document.kind, kind, "{name}");
        let last = document.blocks.last().unwrap();
        assert!(last.text.contains("季度预算 plan"), "{name}: {last:?}");
        let (page, line) = match kind {
            DocumentKind::Docx | DocumentKind::Odf | DocumentKind::Epub | DocumentKind::Eml => (None, None),
            DocumentKind::Pptx => (Some(1), None),
            DocumentKind::Xlsx => (Some(1), Some(7)),
            _ => (None, Some(1)),
        };
        assert_eq!((last.page, last.line), (page, line), "{name}");
    }
}

#[tokio::test]
async fn the_content_decides_and_not_the_name() {
    let bench = bench();
    let linked = |main: &str, parts: &[(&str, &[u8])]| {
        let links =
            format!("<Relationships><Relationship Id='r' Type='x/officeDocument' Target='{main}'/></Relationships>");
        let mut all: Vec<(&str, &[u8])> = vec![("_rels/.rels", links.as_bytes())];
        all.extend_from_slice(parts);
        pack(&all)
    };
    let body = b"<w:document><w:body><w:p><w:r><w:t>words</w:t></w:r></w:p></w:body></w:document>";
    for (name, content, kind) in [
        ("a.pdf", linked("word/main.xml", &[("word/main.xml", body)]), DocumentKind::Docx),
        ("a.xlsx", linked("/word/main.xml", &[("word/main.xml", body)]), DocumentKind::Docx),
        ("a.txt", odt("words"), DocumentKind::Odf),
        ("a.pptx", epub("words"), DocumentKind::Epub),
    ] {
        let document = bench.read(name, content).await.unwrap();
        assert_eq!((document.kind, texts(&document)), (kind, vec!["words"]), "{name}");
    }
    assert!(unreadable(bench.read("b.docx", "just words").await).contains("b.docx"));
    assert!(unreadable(bench.read("b.epub", docx("words")).await).contains("b.epub"));
}

#[tokio::test]
async fn bombs_are_named_failures() {
    let bench = bench();
    let nested = format!("<w:document>{}", "<w:p>".repeat(50_000));
    assert!(
        limit(bench.read("deep.docx", pack(&[("word/document.xml", nested.as_bytes())])).await).contains("deep.docx")
    );
    let zeros = vec![b' '; 100 << 20];
    let flat = pack(&[("mimetype", b"application/vnd.oasis.opendocument.text"), ("content.xml", &zeros)]);
    assert!(flat.len() < 1 << 20);
    assert!(limit(bench.read("flat.odt", flat).await).contains("flat.odt"));
    let entity = "<!DOCTYPE a [<!ENTITY b 'ha'><!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;'>]>";
    let laughs = format!("{entity}<w:document><w:body><w:p><w:r><w:t>&c;ok</w:t></w:r></w:p></w:body></w:document>");
    let document = bench.read("laughs.docx", pack(&[("word/document.xml", laughs.as_bytes())])).await.unwrap();
    assert_eq!(texts(&document), ["ok"]);
    // More text than can be searched as one document.
    let huge = format!("<p>{}", "many words ".repeat(5 << 20));
    assert!(limit(bench.read("huge.html", huge).await).contains("huge.html"));
    assert_eq!(texts(&bench.read("next.md", "next").await.unwrap()), ["next"]);
}

/// Changes bytes here and there; the sequence is fixed, so that a failure can be repeated.
pub async fn mutate(bench: &Bench, name: &str, whole: &[u8], rounds: usize) {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize
    };
    for round in 0..rounds {
        let mut mutant = whole.to_vec();
        for _ in 0..1 + random() % 8 {
            let place = random() % mutant.len();
            mutant[place] = random() as u8;
        }
        if round % 3 == 0 {
            mutant.truncate(random() % whole.len());
        }
        let worker = bench.client.worker_pid();
        match bench.read(name, &mutant).await {
            Ok(_) | Err(ExtractError::Unreadable(_) | ExtractError::LimitReached(_)) => {}
            other => panic!("{name}, round {round}: {other:?}"),
        }
        // None of our own readers may need to be ended.
        assert!(worker.is_none() || bench.client.worker_pid() == worker, "{name}, round {round}");
    }
}

#[tokio::test]
async fn damaged_bytes_of_any_format_end_as_text_or_a_sentence() {
    let bench = bench_with(|config| {
        config.time_limit = Duration::from_secs(20);
        config.most_documents = 100_000;
    });
    for (name, _, whole) in all("words and 汉字") {
        mutate(&bench, name, &whole, 120).await;
        assert_eq!(texts(&bench.read("good.md", "still here").await.unwrap()), ["still here"]);
    }
}
