//! The client against workers that misbehave. The real worker's tests stand beside it.

#![cfg(unix)]
// Helpers of tests fail on the spot as tests do.
#![allow(clippy::unwrap_used)]

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use molt_core::{DocumentKind, ExtractError, ExtractedDocument, Extractor};
use molt_extract_client::{ExtractClient, ExtractConfig, Failure, Reader, Reply, Request};

/// One request is one write, so one read takes it whole. A worker that ended before it was asked would be another case.
const TAKE: &str = "dd bs=65536 count=1 of=request 2> /dev/null";

struct Bench {
    folder: tempfile::TempDir,
    client: ExtractClient,
}

/// A client whose worker is a shell script. `starts` counts how often it was started.
fn bench(script: &str, change: impl FnOnce(&mut ExtractConfig)) -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let (text, program) = (folder.path().join("script"), folder.path().join("worker"));
    let place = folder.path().display();
    std::fs::write(&text, format!("#!/bin/sh\ncd {place}\necho x >> starts\n{script}\n")).unwrap();
    // Written by another process: a file that this one has open for writing cannot be started, and a child that another
    // test is starting may hold it open for a moment longer.
    assert!(Command::new("install").arg(&text).arg(&program).status().unwrap().success());
    let mut config = ExtractConfig::new(program);
    config.time_limit = Duration::from_secs(30);
    change(&mut config);
    Bench { client: ExtractClient::new(config), folder }
}

impl Bench {
    /// Puts replies into a file that the script can print.
    fn replies(&self, name: &str, replies: &[Reply]) {
        let mut bytes = Vec::new();
        for reply in replies {
            molt_wire::write_frame(&mut bytes, reply).unwrap();
        }
        std::fs::write(self.folder.path().join(name), bytes).unwrap();
    }

    fn starts(&self) -> usize {
        std::fs::read_to_string(self.folder.path().join("starts")).unwrap_or_default().lines().count()
    }

    async fn read(&self, name: &str) -> Result<ExtractedDocument, ExtractError> {
        let path = self.folder.path().join(name);
        std::fs::write(&path, "words").unwrap();
        self.client.extract(&path, None).await
    }
}

fn done(reader: &str, memory: u64) -> Reply {
    let document = ExtractedDocument {
        kind: DocumentKind::Text,
        title: None,
        blocks: Vec::new(),
        pages: None,
        reader: reader.into(),
    };
    Reply::Done { document, memory, caged: true }
}

#[tokio::test]
async fn a_worker_that_ends_is_said_and_started_again() {
    let bench = bench("echo broken >&2; exit 3", |_| {});
    for _ in 0..2 {
        match bench.read("a.txt").await {
            Err(ExtractError::Unreadable(sentence)) => assert!(sentence.contains("a.txt"), "{sentence}"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(bench.starts(), 2);
    assert_eq!(bench.client.worker_pid(), None);
}

#[tokio::test]
async fn a_worker_that_hangs_is_stopped_in_time() {
    let bench = bench("exec sleep 60", |config| config.time_limit = Duration::from_millis(300));
    let start = Instant::now();
    match bench.read("a.pdf").await {
        Err(ExtractError::LimitReached(sentence)) => assert!(sentence.contains("a.pdf"), "{sentence}"),
        other => panic!("{other:?}"),
    }
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_eq!(bench.client.worker_pid(), None);
}

#[tokio::test]
async fn nonsense_is_no_answer() {
    for script in [
        "echo this is no frame at all; exec cat > /dev/null",
        "printf '\\003\\000\\000\\000{]}'; exec cat > /dev/null",
        "printf '\\377\\377\\377\\377'; exec cat > /dev/null",
        // It closes its output and lives on.
        "exec cat > /dev/null",
    ] {
        let bench = bench(script, |_| {});
        assert!(matches!(bench.read("a.txt").await, Err(ExtractError::Unreadable(_))), "{script}");
    }
}

#[tokio::test]
async fn the_reader_that_was_at_work_is_skipped() {
    // The first worker dies in its first reader; the second one is asked to skip it, and says so.
    let bench = bench(
        &format!(
            "{TAKE}; if [ -e second ]; then cat answer; exec cat > /dev/null; fi; touch second; cat reading; kill -ABRT $$"
        ),
        |_| {},
    );
    bench.replies("reading", &[Reply::Reading(Reader::PdfExtract)]);
    bench.replies("answer", &[Reply::Reading(Reader::PdfOxide), done("pdf_oxide", 0)]);
    assert_eq!(bench.read("a.pdf").await.unwrap().reader, "pdf_oxide");
    assert_eq!(bench.starts(), 2);
    let asked = std::fs::read(bench.folder.path().join("request")).unwrap();
    assert_eq!(molt_wire::read_frame::<Request>(&mut asked.as_slice()).unwrap().skip, Some(Reader::PdfExtract));
}

#[tokio::test]
async fn the_worker_is_given_a_name_and_the_content_and_no_path() {
    let bench = bench(&format!("{TAKE}; cat answer"), |_| {});
    bench.replies("answer", &[done("text", 0)]);
    bench.read("a.txt").await.unwrap();
    let sent = std::fs::read(bench.folder.path().join("request")).unwrap();
    let mut rest = sent.as_slice();
    let request: Request = molt_wire::read_frame(&mut rest).unwrap();
    assert_eq!((request.name.as_str(), request.size), ("a.txt", 5));
    assert_eq!(molt_wire::read_content(&mut rest, 5).unwrap(), b"words");
    let place = bench.folder.path().to_str().unwrap().as_bytes();
    assert!(!sent.windows(place.len()).any(|window| window == place));
}

#[tokio::test]
async fn a_text_that_ends_its_worker_is_not_tried_again() {
    let bench = bench("kill -ABRT $$", |_| {});
    assert!(matches!(bench.read("a.txt").await, Err(ExtractError::Unreadable(_))));
    assert_eq!(bench.starts(), 1);
}

#[tokio::test]
async fn a_worker_that_was_killed_from_outside_gets_another_try() {
    let bench =
        bench("if [ -e second ]; then cat answer; exec cat > /dev/null; fi; touch second; kill -KILL $$", |_| {});
    bench.replies("answer", &[done("text", 0)]);
    assert_eq!(bench.read("a.txt").await.unwrap().reader, "text");
    // One that is killed again and again ends in a sentence.
    let bench = self::bench("kill -KILL $$", |_| {});
    assert!(matches!(bench.read("a.txt").await, Err(ExtractError::Unreadable(_))));
    assert_eq!(bench.starts(), 2);
}

#[tokio::test]
async fn running_out_of_memory_is_a_limit() {
    let bench = bench("echo memory allocation of 123456 bytes failed >&2; kill -ABRT $$", |_| {});
    match bench.read("a.txt").await {
        Err(ExtractError::LimitReached(sentence)) => assert!(sentence.contains("memory"), "{sentence}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_worker_that_went_home_is_replaced_without_a_word() {
    let bench = bench(&format!("{TAKE}; cat answer"), |_| {});
    bench.replies("answer", &[done("text", 0)]);
    for expected in 1..=3 {
        assert_eq!(bench.read("a.txt").await.unwrap().reader, "text");
        assert_eq!(bench.starts(), expected);
    }
}

#[tokio::test]
async fn one_worker_is_reused_and_replaced_when_it_grows_or_ages() {
    let script = &format!("while {TAKE} && [ -s request ]; do cat answer; done");
    let grown = bench(script, |config| config.most_memory = 1000);
    grown.replies("answer", &[done("text", 1001)]);
    for _ in 0..3 {
        grown.read("a.txt").await.unwrap();
    }
    assert_eq!(grown.starts(), 3);

    let aged = bench(script, |config| config.most_documents = 2);
    aged.replies("answer", &[done("text", 1)]);
    aged.read("a.txt").await.unwrap();
    let pid = aged.client.worker_pid();
    assert!(pid.is_some());
    aged.read("a.txt").await.unwrap();
    assert_eq!((aged.starts(), aged.client.worker_pid()), (1, None));
    aged.read("a.txt").await.unwrap();
    assert_ne!(aged.client.worker_pid(), pid);
}

#[tokio::test]
async fn refusals_are_passed_on() {
    for (failure, expected) in [
        (Failure::PasswordNeeded, ExtractError::PasswordNeeded),
        (Failure::Unreadable("a".into()), ExtractError::Unreadable("a".into())),
        (Failure::LimitReached("b".into()), ExtractError::LimitReached("b".into())),
    ] {
        let bench = bench("cat answer; exec cat > /dev/null", |_| {});
        bench.replies("answer", &[Reply::Failed(failure)]);
        assert_eq!(bench.read("a.pdf").await.unwrap_err(), expected);
    }
}

#[tokio::test]
async fn a_dropped_call_ends_its_worker() {
    let bench = bench("exec cat > /dev/null", |_| {});
    let mut call = Box::pin(bench.read("a.txt"));
    let pid = loop {
        assert!(tokio::time::timeout(Duration::from_millis(5), &mut call).await.is_err());
        if let Some(pid) = bench.client.worker_pid() {
            break pid;
        }
    };
    drop(call);
    assert_eq!(bench.client.worker_pid(), None);
    let deadline = Instant::now() + Duration::from_secs(10);
    // Killed at once; collected by the runtime in the background.
    while running(pid) {
        assert!(Instant::now() < deadline, "the worker lives on");
        tokio::task::yield_now().await;
    }
}

fn running(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    cfg!(target_os = "linux") && !stat.is_empty() && !stat.contains(") Z ")
}

#[tokio::test]
async fn what_cannot_be_asked_is_said() {
    let client = ExtractClient::new(ExtractConfig::new("/no/such/program".into()));
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("b.txt");
    std::fs::write(&text, "words").unwrap();
    for (path, word) in
        [(Path::new("/a/photo.jpg"), "photo.jpg"), (Path::new("/a/b.txt"), "not there"), (&text, "did not start")]
    {
        match client.extract(path, None).await {
            Err(ExtractError::Unreadable(sentence)) => assert!(sentence.contains(word), "{sentence}"),
            other => panic!("{other:?}"),
        }
    }
    use std::os::unix::ffi::OsStrExt;
    let damaged = Path::new(std::ffi::OsStr::from_bytes(b"/a/\xb1\xa8.txt"));
    match client.extract(damaged, None).await {
        Err(ExtractError::Unreadable(sentence)) => assert!(sentence.contains("rename"), "{sentence}"),
        other => panic!("{other:?}"),
    }
}
