//! The real worker behind the real client.

// Helpers of tests fail on the spot as tests do.
#![allow(clippy::unwrap_used)]

mod files;
mod formats;
mod hostile;

use std::{
    fs::File,
    path::PathBuf,
    time::{Duration, Instant},
};

use molt_core::{DocumentKind, ExtractError, ExtractedDocument, Extractor};
use molt_extract_client::{ExtractClient, ExtractConfig};

struct Bench {
    folder: tempfile::TempDir,
    client: ExtractClient,
}

fn bench() -> Bench {
    bench_with(|_| {})
}

fn bench_with(change: impl FnOnce(&mut ExtractConfig)) -> Bench {
    let mut config = ExtractConfig::new(env!("CARGO_BIN_EXE_molt-extract").into());
    change(&mut config);
    Bench { client: ExtractClient::new(config), folder: tempfile::tempdir().unwrap() }
}

impl Bench {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn read(&self, name: &str, content: impl AsRef<[u8]>) -> Result<ExtractedDocument, ExtractError> {
        std::fs::write(self.path(name), content).unwrap();
        self.client.extract(&self.path(name), None).await
    }
}

fn texts(document: &ExtractedDocument) -> Vec<&str> {
    document.blocks.iter().map(|block| block.text.as_str()).collect()
}

fn unreadable(result: Result<ExtractedDocument, ExtractError>) -> String {
    match result {
        Err(ExtractError::Unreadable(sentence)) => sentence,
        other => panic!("{other:?}"),
    }
}

fn limit(result: Result<ExtractedDocument, ExtractError>) -> String {
    match result {
        Err(ExtractError::LimitReached(sentence)) => sentence,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn each_kind_is_read_by_one_worker() {
    let bench = bench();
    let document = bench.read("a.md", "# 计划\n\n第一段。\n").await.unwrap();
    assert_eq!((document.kind, texts(&document)), (DocumentKind::Markdown, vec!["计划", "第一段。"]));
    let pid = bench.client.worker_pid();
    let gbk = b"\xc4\xe3\xba\xc3\xa3\xac\xca\xc0\xbd\xe7";
    let document = bench.read("a.txt", gbk).await.unwrap();
    assert_eq!((document.kind, texts(&document)), (DocumentKind::Text, vec!["你好，世界"]));
    let document = bench
        .read("a.pdf", files::text(&[&["The first page."], &["The second page,", "with two lines."]]))
        .await
        .unwrap();
    assert_eq!((document.kind, document.pages), (DocumentKind::Pdf, Some(2)));
    let found: Vec<_> = document.blocks.iter().map(|block| (block.page, block.text.as_str())).collect();
    assert_eq!(found, [(Some(1), "The first page."), (Some(2), "The second page, with two lines.")]);
    assert_eq!(document.reader, "pdf-extract");
    assert!(pid.is_some());
    assert_eq!(bench.client.worker_pid(), pid);
}

#[tokio::test]
async fn passwords_are_asked_for_and_used() {
    let bench = bench();
    let plain = files::text(&[&["Salary of the director"]]);
    let document = bench.read("open.pdf", files::encrypted(&plain, "")).await.unwrap();
    assert_eq!(texts(&document), ["Salary of the director"]);
    assert_eq!(
        bench.read("closed.pdf", files::encrypted(&plain, "sesame")).await.unwrap_err(),
        ExtractError::PasswordNeeded
    );
    let path = bench.path("closed.pdf");
    assert_eq!(bench.client.extract(&path, Some("wrong")).await.unwrap_err(), ExtractError::PasswordNeeded);
    assert_eq!(texts(&bench.client.extract(&path, Some("sesame")).await.unwrap()), ["Salary of the director"]);
}

#[tokio::test]
async fn a_page_without_text_is_no_error() {
    let bench = bench();
    let document =
        bench.read("scan.pdf", files::pages(&["0 0 100 100 re f".into(), String::new()], "", &[])).await.unwrap();
    assert_eq!((texts(&document).len(), document.pages), (0, Some(2)));
    assert!(bench.read("empty.txt", "").await.unwrap().blocks.is_empty());
    assert!(bench.read("empty.md", "\n\n").await.unwrap().blocks.is_empty());
}

#[tokio::test]
async fn files_that_are_not_what_they_say() {
    let bench = bench();
    assert!(unreadable(bench.read("a.pdf", "just words").await).contains("a.pdf"));
    assert!(unreadable(bench.read("empty.pdf", "").await).contains("empty.pdf"));
    assert!(unreadable(bench.read("none.pdf", files::pages(&[], "", &[])).await).contains("none.pdf"));
    assert!(unreadable(bench.read("a.txt", [0u8; 500]).await).contains("does not look like text"));
    assert!(unreadable(bench.client.extract(&bench.path("gone.md"), None).await).contains("not there"));
    std::fs::create_dir(bench.path("folder.md")).unwrap();
    assert!(unreadable(bench.client.extract(&bench.path("folder.md"), None).await).contains("not a file"));
    // A PDF under another name is read as what it is.
    let document = bench.read("really.txt", files::text(&[&["A page"]])).await.unwrap();
    assert_eq!((document.kind, texts(&document)), (DocumentKind::Pdf, vec!["A page"]));
}

#[tokio::test]
async fn damaged_files_give_text_or_a_sentence() {
    let bench = bench();
    let whole = files::text(&[&["The first page."], &["The second page."]]);
    // Without its table of objects.
    let cut = &whole[..whole.windows(4).position(|window| window == b"xref").unwrap()];
    let document = bench.read("cut.pdf", cut).await.unwrap();
    assert_eq!(texts(&document), ["The first page.", "The second page."]);
    for length in (0..whole.len()).step_by(29) {
        match bench.read("part.pdf", &whole[..length]).await {
            Ok(_) | Err(ExtractError::Unreadable(_)) => {}
            other => panic!("cut at {length}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn damaged_bytes_never_hang_or_stop_the_client() {
    let bench = bench_with(|config| config.time_limit = Duration::from_secs(20));
    let whole = files::text(&[&["The first page."], &["The second page."]]);
    // A fixed sequence, so that a failure can be repeated.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize
    };
    for round in 0..150 {
        let mut mutant = whole.clone();
        for _ in 0..1 + random() % 16 {
            let place = random() % mutant.len();
            mutant[place] = random() as u8;
        }
        match bench.read("mutant.pdf", &mutant).await {
            Ok(_) | Err(ExtractError::Unreadable(_) | ExtractError::PasswordNeeded | ExtractError::LimitReached(_)) => {
            }
        }
        if round % 50 == 49 {
            assert_eq!(texts(&bench.read("good.md", "still here").await.unwrap()), ["still here"]);
        }
    }
}

#[tokio::test]
async fn a_page_that_breaks_the_first_reader_goes_to_the_second() {
    let bench = bench();
    // The first reader panics where no colour space of that name exists.
    let broken = format!("/Unknown cs {}", files::content(&["The broken page."]));
    let contents = [files::content(&["The first page."]), broken, files::content(&["The last page."])];
    let document = bench
        .read("a.pdf", files::pages(&contents, "/Font << /F1 3 0 R >>", &[files::HELVETICA.into()]))
        .await
        .unwrap();
    let found: Vec<_> = document.blocks.iter().map(|block| (block.page, block.text.as_str())).collect();
    assert_eq!(found, [(Some(1), "The first page."), (Some(2), "The broken page."), (Some(3), "The last page.")]);
    assert_eq!(document.reader, "pdf-extract + pdf_oxide");
}

#[tokio::test]
async fn a_file_that_ends_the_worker_in_the_first_reader_goes_to_the_second() {
    let bench = bench();
    // A form that draws itself: endless recursion, which ends in an overflow of the stack.
    let form = files::stream(
        "/Type /XObject /Subtype /Form /BBox [0 0 600 800] /Resources << /XObject << /X 4 0 R >> >>",
        "/X Do",
    );
    let content = format!("{} /X Do", files::content(&["Words before the trap."]));
    let file =
        files::pages(&[content], "/Font << /F1 3 0 R >> /XObject << /X 4 0 R >>", &[files::HELVETICA.into(), form]);
    let document = bench.read("trap.pdf", file).await.unwrap();
    assert_eq!((texts(&document), document.reader.as_str()), (vec!["Words before the trap."], "pdf_oxide"));
    assert_eq!(texts(&bench.read("next.md", "next").await.unwrap()), ["next"]);
}

#[tokio::test]
async fn chinese_without_a_character_map_is_read() {
    let bench = bench();
    let font =
        "<< /Type /Font /Subtype /Type0 /BaseFont /STSong-Light /Encoding /UniGB-UCS2-H /DescendantFonts [4 0 R] >>";
    let descendant = "<< /Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light /CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) /Supplement 4 >> /DW 1000 >>";
    let hex: String = "会议纪要".encode_utf16().map(|unit| format!("{unit:04x}")).collect();
    let content = format!("BT /F1 12 Tf 50 700 Td <{hex}> Tj ET");
    let document = bench
        .read("a.pdf", files::pages(&[content], "/Font << /F1 3 0 R >>", &[font.into(), descendant.into()]))
        .await
        .unwrap();
    assert_eq!(texts(&document), ["会议纪要"]);
}

#[tokio::test]
async fn characters_of_one_and_two_bytes_are_told_apart() {
    let bench = bench();
    let text = "会议 Budget 2026 年";
    let hex: String = encoding_rs::GBK.encode(text).0.iter().map(|byte| format!("{byte:02x}")).collect();
    let font = "<< /Type /Font /Subtype /Type0 /BaseFont /SimSun /Encoding /GBK-EUC-H /DescendantFonts [4 0 R] >>";
    let descendant = "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /SimSun /CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) /Supplement 2 >> /W [1 95 500] >>";
    let content = format!("BT /F1 12 Tf 50 700 Td <{hex}> Tj ET");
    let file = files::pages(&[content], "/Font << /F1 3 0 R >>", &[font.into(), descendant.into()]);
    let document = bench.read("a.pdf", file).await.unwrap();
    assert_eq!((texts(&document), document.reader.as_str()), (vec![text], "pdf-extract"));
}

#[tokio::test]
async fn notes_and_form_fields_are_read() {
    let bench = bench();
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 600 800] /Resources << /Font << /F1 5 0 R >> >> >>"
            .to_owned(),
        "<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Annots [6 0 R 7 0 R 8 0 R 10 0 R] >>".to_owned(),
        files::stream("", &files::content(&["Name of the school:"])),
        files::HELVETICA.to_owned(),
        "<< /Subtype /Widget /Rect [0 0 9 9] /Parent 9 0 R >>".to_owned(),
        "<< /Subtype /Text /Rect [0 0 9 9] /Contents <feff62a54ef7> >>".to_owned(),
        "<< /Subtype /Text /Rect [0 0 9 9] /F 2 /Contents (hidden) >>".to_owned(),
        "<< /FT /Tx /T (school) /V (Hill School) >>".to_owned(),
        "<< /Subtype /Widget /FT /Ch /V (b) /Opt [(c) [(a) (Apple)] [(b) (Banana)]] >>".to_owned(),
    ];
    let document = bench.read("a.pdf", files::pdf(&objects)).await.unwrap();
    assert_eq!(texts(&document), ["Name of the school:", "Hill School", "报价", "Banana"]);
}

#[tokio::test]
async fn a_huge_file_is_refused_at_once() {
    let bench = bench();
    let start = Instant::now();
    for name in ["huge.pdf", "huge.txt", "huge.md"] {
        File::create(bench.path(name)).unwrap().set_len(1 << 30).unwrap();
        assert!(limit(bench.client.extract(&bench.path(name), None).await).contains(name));
    }
    assert!(start.elapsed() < Duration::from_secs(10));
}

/// A page that takes a while.
fn long_pdf(lines: usize) -> Vec<u8> {
    let lines: Vec<String> = (0..lines).map(|number| format!("Line {number} of a long page")).collect();
    files::text(&[&lines.iter().map(String::as_str).collect::<Vec<_>>()])
}

#[tokio::test]
async fn time_runs_out_with_a_sentence() {
    let bench = bench_with(|config| config.time_limit = Duration::from_millis(50));
    let start = Instant::now();
    assert!(limit(bench.read("long.pdf", long_pdf(200_000)).await).contains("long.pdf"));
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn memory_runs_out_with_a_sentence() {
    let bench = bench_with(|config| config.memory_limit = 256 << 20);
    let sentence = limit(bench.read("long.pdf", long_pdf(200_000)).await);
    assert!(sentence.contains("memory"), "{sentence}");
    assert_eq!(texts(&bench.read("next.md", "next").await.unwrap()), ["next"]);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_worker_killed_at_any_moment_loses_nothing() {
    use rustix::process::{Pid, Signal, kill_process};

    let bench = bench();
    let file = long_pdf(1_500);
    std::fs::write(bench.path("long.pdf"), &file).unwrap();
    let path = bench.path("long.pdf");
    let expected = bench.client.extract(&path, None).await.unwrap();
    for round in 0..15 {
        let mut call = Box::pin(bench.client.extract(&path, None));
        let result = match tokio::time::timeout(Duration::from_millis(round * 7), &mut call).await {
            Ok(result) => result,
            Err(_elapsed) => {
                if let Some(pid) = bench.client.worker_pid().and_then(|pid| Pid::from_raw(pid as i32)) {
                    // It may have ended in this very moment.
                    let _ = kill_process(pid, Signal::KILL);
                }
                call.await
            }
        };
        assert_eq!(result.unwrap(), expected, "round {round}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_worker_is_caged_and_goes_home_when_idle() {
    let bench = bench_with(|config| config.idle_limit = Duration::from_secs(1));
    bench.read("a.md", "words").await.unwrap();
    let pid = bench.client.worker_pid().unwrap();
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = |name: &str| {
        limits
            .lines()
            .find(|line| line.starts_with(name))
            .unwrap_or_default()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert!(line("Max file size").starts_with("Max file size 0 0"), "{limits}");
    assert!(line("Max core file size").starts_with("Max core file size 0 0"), "{limits}");
    assert!(line("Max address space").starts_with(&format!("Max address space {0} {0}", 1u64 << 30)), "{limits}");
    // What the cage refuses is tested where it is built; here, that every thread of the worker is in it.
    for thread in std::fs::read_dir(format!("/proc/{pid}/task")).unwrap() {
        let status = std::fs::read_to_string(thread.unwrap().path().join("status")).unwrap();
        assert!(status.contains("\nNoNewPrivs:\t1\n") && status.contains("\nSeccomp:\t2\n"), "{status}");
    }
    let deadline = Instant::now() + Duration::from_secs(20);
    let stat = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    while !(stat().is_empty() || stat().contains(") Z ")) {
        assert!(Instant::now() < deadline, "the worker stays");
        tokio::task::yield_now().await;
    }
    assert_eq!(texts(&bench.read("a.md", "words").await.unwrap()), ["words"]);
}
