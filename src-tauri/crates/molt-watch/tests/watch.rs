//! The watcher on real folders. Every test waits for events with a deadline; none sleeps.

// Helpers of tests fail on the spot as tests do.
#![allow(clippy::unwrap_used)]

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

use molt_core::{LibraryRules, WatchEvent, Watcher};
use molt_watch::{FolderWatcher, WatchOptions};
use tokio::sync::mpsc;

const DEADLINE: Duration = Duration::from_secs(20);

struct Bench {
    _folder: tempfile::TempDir,
    root: PathBuf,
    watcher: FolderWatcher,
    events: mpsc::Receiver<WatchEvent>,
}

fn quick() -> WatchOptions {
    WatchOptions {
        quiet: Duration::from_millis(50),
        longest_delay: Duration::from_millis(500),
        check_interval: Duration::from_millis(100),
        poll_interval: Duration::from_millis(100),
        remote_interval: Duration::from_millis(100),
        silence: DEADLINE,
        is_remote: |path| path.components().any(|part| part.as_os_str() == "drive"),
        ..WatchOptions::default()
    }
}

fn readable(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "md" || extension == "txt")
}

fn bench(options: WatchOptions) -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap().join("root");
    std::fs::create_dir(&root).unwrap();
    let (sink, events) = mpsc::channel(16);
    let watcher = FolderWatcher::with_options(sink, readable, options).unwrap();
    Bench { _folder: folder, root, watcher, events }
}

impl Bench {
    fn watched() -> Self {
        let bench = bench(quick());
        bench.watcher.watch(&bench.root).unwrap();
        bench
    }

    async fn next(&mut self) -> WatchEvent {
        tokio::time::timeout(DEADLINE, self.events.recv())
            .await
            .expect("no event came in time")
            .expect("the watcher ended")
    }

    /// Waits until every path was reported (by itself or by a folder above it). Returns all reported paths.
    async fn changed(&mut self, paths: &[&str]) -> Vec<PathBuf> {
        let mut seen: Vec<PathBuf> = Vec::new();
        let wanted: Vec<PathBuf> = paths.iter().map(|path| self.root.join(path)).collect();
        while !wanted.iter().all(|wanted| seen.iter().any(|seen| wanted.starts_with(seen))) {
            match self.next().await {
                WatchEvent::Changed(more) => seen.extend(more),
                other => panic!("{other:?} while waiting for {wanted:?}, seen {seen:?}"),
            }
        }
        seen
    }

    fn write(&self, path: &str) {
        let path = self.root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "text").unwrap();
    }

    fn listed(&self, path: &Path) -> Vec<String> {
        let (files, problems) = self.watcher.list(path);
        assert_eq!(problems, Vec::<String>::new());
        files
            .iter()
            .map(|file| file.path.strip_prefix(&self.root).unwrap().to_str().unwrap().replace('\\', "/"))
            .collect()
    }
}

#[tokio::test]
async fn files_that_come_change_and_go_are_reported() {
    let mut bench = Bench::watched();
    bench.write("a.md");
    bench.changed(&["a.md"]).await;
    std::fs::OpenOptions::new()
        .append(true)
        .open(bench.root.join("a.md"))
        .and_then(|mut file| std::io::Write::write_all(&mut file, b"more"))
        .unwrap();
    bench.changed(&["a.md"]).await;
    std::fs::rename(bench.root.join("a.md"), bench.root.join("b.md")).unwrap();
    bench.changed(&["a.md", "b.md"]).await;
    std::fs::remove_file(bench.root.join("b.md")).unwrap();
    bench.changed(&["b.md"]).await;
}

#[tokio::test]
async fn an_atomic_save_is_one_change_of_the_file_alone() {
    let mut bench = Bench::watched();
    bench.write("notes.md");
    bench.changed(&["notes.md"]).await;
    for _ in 0..3 {
        bench.write(".notes.md.swp");
        bench.write("notes.md~");
        bench.write("notes.md.tmp");
        std::fs::rename(bench.root.join("notes.md.tmp"), bench.root.join("notes.md")).unwrap();
        assert_eq!(bench.changed(&["notes.md"]).await, [bench.root.join("notes.md")]);
    }
}

#[tokio::test]
async fn new_folders_are_watched_at_once() {
    let mut bench = Bench::watched();
    bench.write("one/two/a.md");
    bench.changed(&["one/two/a.md"]).await;
    assert_eq!(bench.listed(&bench.root.join("one")), ["one/two/a.md"]);
    bench.write("one/two/b.md");
    bench.changed(&["one/two/b.md"]).await;
}

#[tokio::test]
async fn a_renamed_folder_is_followed() {
    let mut bench = bench(quick());
    bench.write("old/deep/a.md");
    bench.watcher.watch(&bench.root).unwrap();
    std::fs::rename(bench.root.join("old"), bench.root.join("new")).unwrap();
    bench.changed(&["old/deep/a.md", "new/deep/a.md"]).await;
    bench.write("new/deep/a.md");
    bench.changed(&["new/deep/a.md"]).await;
    // A new folder under the old name, and one that leaves the source.
    bench.write("old/deep/a.md");
    bench.changed(&["old/deep/a.md"]).await;
    std::fs::rename(bench.root.join("new"), bench.root.parent().unwrap().join("elsewhere")).unwrap();
    bench.changed(&["new"]).await;
    bench.write("old/deep/b.md");
    bench.changed(&["old/deep/b.md"]).await;
}

#[tokio::test]
async fn ignored_places_are_silent() {
    let mut bench = bench(quick());
    bench.write(".gitignore");
    std::fs::write(bench.root.join(".gitignore"), "drafts/\n*.txt\n").unwrap();
    bench.watcher.watch(&bench.root).unwrap();
    for path in ["drafts/a.md", "b.txt", "node_modules/c.md", ".git/d.md", "e.bin", "~$f.md"] {
        bench.write(path);
    }
    bench.write("last.md");
    assert_eq!(bench.changed(&["last.md"]).await, [bench.root.join("last.md")]);
    assert_eq!(bench.listed(&bench.root), ["last.md"]);
}

#[tokio::test]
async fn changed_rules_list_the_source_again() {
    let mut bench = bench(quick());
    bench.write("drafts/a.md");
    bench.watcher.watch(&bench.root).unwrap();
    std::fs::write(bench.root.join(".gitignore"), "drafts/\n").unwrap();
    assert_eq!(bench.next().await, WatchEvent::Rescan(bench.root.clone()));
    assert_eq!(bench.listed(&bench.root), Vec::<String>::new());
    std::fs::remove_file(bench.root.join(".gitignore")).unwrap();
    loop {
        // The first change may be notified in two parts.
        assert_eq!(bench.next().await, WatchEvent::Rescan(bench.root.clone()));
        if bench.listed(&bench.root) == ["drafts/a.md"] {
            break;
        }
    }
}

#[tokio::test]
async fn what_the_user_leaves_out_is_silent_and_comes_back() {
    let mut bench = Bench::watched();
    bench.write("drafts/a.md");
    bench.write("b.md");
    bench.changed(&["drafts/a.md", "b.md"]).await;
    std::fs::File::create(bench.root.join("large.md")).and_then(|file| file.set_len((1 << 20) + 1)).unwrap();
    bench.changed(&["large.md"]).await;
    let rules = LibraryRules { ignore: "drafts/\n*.txt\n".into(), largest_mb: 1 };
    bench.watcher.set_rules(&rules).unwrap();
    // A change that was notified late may come before it.
    while bench.next().await != WatchEvent::Rescan(bench.root.clone()) {}
    assert_eq!(bench.listed(&bench.root), ["b.md"]);
    assert!(bench.watcher.set_rules(&LibraryRules { ignore: "[z-a]".into(), ..rules }).is_err());
    bench.write("drafts/c.md");
    bench.write("d.txt");
    bench.write("e.md");
    assert_eq!(bench.changed(&["e.md"]).await, [bench.root.join("e.md")]);
    bench.watcher.set_rules(&LibraryRules::default()).unwrap();
    while bench.next().await != WatchEvent::Rescan(bench.root.clone()) {}
    assert_eq!(bench.listed(&bench.root), ["b.md", "d.txt", "drafts/a.md", "drafts/c.md", "e.md", "large.md"]);
    bench.write("drafts/f.md");
    bench.changed(&["drafts/f.md"]).await;
}

#[tokio::test]
async fn a_source_that_goes_and_comes_back_is_noticed() {
    let mut bench = Bench::watched();
    let aside = bench.root.with_file_name("aside");
    std::fs::rename(&bench.root, &aside).unwrap();
    match bench.next().await {
        WatchEvent::Problem(path, sentence) => {
            assert_eq!(path, bench.root);
            assert!(sentence.contains("not there"), "{sentence}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(bench.next().await, WatchEvent::Rescan(bench.root.clone()));
    let (files, problems) = bench.watcher.list(&bench.root);
    assert_eq!((files.len(), problems.len()), (0, 1));
    std::fs::rename(&aside, &bench.root).unwrap();
    assert_eq!(bench.next().await, WatchEvent::Rescan(bench.root.clone()));
    bench.write("a.md");
    bench.changed(&["a.md"]).await;
    std::fs::remove_dir_all(&bench.root).unwrap();
    while !matches!(bench.next().await, WatchEvent::Problem(..)) {}
}

#[tokio::test]
async fn a_source_that_is_not_there_yet_is_an_error_and_appears_later() {
    let mut bench = bench(quick());
    let later = bench.root.join("later");
    let sentence = bench.watcher.watch(&later).unwrap_err();
    assert!(sentence.contains("later"), "{sentence}");
    std::fs::create_dir(&later).unwrap();
    assert_eq!(bench.next().await, WatchEvent::Rescan(later));
    bench.write("later/a.md");
    bench.changed(&["later/a.md"]).await;
}

#[tokio::test]
async fn a_single_file_is_watched_through_atomic_saves() {
    let mut bench = bench(quick());
    bench.write("only.md");
    bench.write("other.md");
    bench.watcher.watch(&bench.root.join("only.md")).unwrap();
    for _ in 0..3 {
        bench.write("other.md");
        bench.write("new.md");
        std::fs::rename(bench.root.join("new.md"), bench.root.join("only.md")).unwrap();
        assert_eq!(bench.changed(&["only.md"]).await, [bench.root.join("only.md")]);
    }
    std::fs::remove_file(bench.root.join("only.md")).unwrap();
    bench.changed(&["only.md"]).await;
    bench.write("only.md");
    bench.changed(&["only.md"]).await;
}

#[tokio::test]
async fn beyond_the_limit_a_source_is_polled() {
    let mut bench = bench(WatchOptions { most_directories: 3, ..quick() });
    for path in ["1/a.md", "2/a.md", "3/a.md"] {
        bench.write(path);
    }
    bench.watcher.watch(&bench.root).unwrap();
    match bench.next().await {
        WatchEvent::Problem(path, sentence) => {
            assert_eq!(path, bench.root);
            assert!(sentence.contains("seconds"), "{sentence}");
        }
        other => panic!("{other:?}"),
    }
    bench.write("3/b.md");
    assert_eq!(bench.changed(&["3/b.md"]).await, [bench.root.join("3/b.md")]);
    std::fs::remove_file(bench.root.join("1/a.md")).unwrap();
    assert_eq!(bench.changed(&["1/a.md"]).await, [bench.root.join("1/a.md")]);
    // What the polled source gave back serves another one.
    bench.watcher.watch(&bench.root.join("1")).unwrap();
    bench.write("1/c.md");
    bench.changed(&["1/c.md"]).await;
}

#[tokio::test]
async fn a_source_on_another_computer_is_polled() {
    let mut bench = bench(quick());
    bench.write("drive/a.md");
    let drive = bench.root.join("drive");
    bench.watcher.watch(&drive).unwrap();
    assert_eq!(bench.listed(&drive), ["drive/a.md"]);
    bench.write("drive/deep/b.md");
    bench.changed(&["drive/deep/b.md"]).await;
    std::fs::remove_file(drive.join("a.md")).unwrap();
    bench.changed(&["drive/a.md"]).await;
    std::fs::write(drive.join(".gitignore"), "deep/\n").unwrap();
    bench.changed(&["drive/deep/b.md"]).await;
    assert_eq!(bench.listed(&drive), Vec::<String>::new());

    std::fs::rename(&drive, bench.root.join("aside")).unwrap();
    match bench.next().await {
        WatchEvent::Problem(path, sentence) => {
            assert_eq!(path, drive);
            assert!(sentence.contains("not there"), "{sentence}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(bench.next().await, WatchEvent::Rescan(drive.clone()));
    std::fs::rename(bench.root.join("aside"), &drive).unwrap();
    while bench.next().await != WatchEvent::Rescan(drive.clone()) {}
    bench.watcher.unwatch(&drive);
    assert!(bench.watcher.watch(&bench.root.join("none/drive")).unwrap_err().contains("not there"));
}

#[tokio::test]
async fn a_drive_that_does_not_answer_holds_up_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let answers = Arc::new((Mutex::new(false), Condvar::new()));
    let asked = answers.clone();
    let answering = move |path: &Path| {
        if (quick().is_remote)(path) {
            drop(asked.1.wait_while(asked.0.lock().unwrap(), |answers| !*answers).unwrap());
        }
        readable(path)
    };
    let answer = |whether| {
        *answers.0.lock().unwrap() = whether;
        answers.1.notify_all();
    };
    let (sink, events) = mpsc::channel(16);
    let silence = Duration::from_millis(300);
    let watcher = FolderWatcher::with_options(sink, answering, WatchOptions { silence, ..quick() }).unwrap();
    let mut bench = Bench { _folder: folder, root, watcher, events };
    bench.write("drive/a.md");
    bench.write("here/a.md");
    let (drive, here) = (bench.root.join("drive"), bench.root.join("here"));
    let sentence = bench.watcher.watch(&drive).unwrap_err();
    assert!(sentence.contains("does not answer"), "{sentence}");
    bench.watcher.watch(&here).unwrap();
    bench.write("here/b.md");
    let (mut told, mut seen) = (false, false);
    while !(told && seen) {
        match bench.next().await {
            WatchEvent::Problem(path, again) => told = path == drive && again == sentence,
            WatchEvent::Changed(paths) => seen |= paths.contains(&here.join("b.md")),
            other => panic!("{other:?}"),
        }
    }
    answer(true);
    while bench.next().await != WatchEvent::Rescan(drive.clone()) {}
    bench.write("drive/b.md");
    while !matches!(bench.next().await, WatchEvent::Changed(paths) if paths.contains(&drive.join("b.md"))) {}
    // An end does not wait for the drive.
    answer(false);
    drop(bench.watcher);
}

#[tokio::test]
async fn sources_inside_each_other_do_not_disturb_each_other() {
    let mut bench = Bench::watched();
    bench.write("inner/a.md");
    bench.changed(&["inner/a.md"]).await;
    let inner = bench.root.join("inner");
    bench.watcher.watch(&inner).unwrap();
    bench.watcher.watch(&inner).unwrap();
    bench.watcher.unwatch(&inner);
    bench.write("inner/b.md");
    bench.changed(&["inner/b.md"]).await;
    bench.watcher.watch(&inner).unwrap();
    bench.watcher.unwatch(&bench.root);
    bench.write("c.md");
    bench.write("inner/d.md");
    assert_eq!(bench.changed(&["inner/d.md"]).await, [inner.join("d.md")]);
}

#[tokio::test]
async fn a_slow_listener_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let (sink, events) = mpsc::channel(1);
    let watcher = FolderWatcher::with_options(sink, readable, quick()).unwrap();
    watcher.watch(&root).unwrap();
    let mut bench = Bench { _folder: folder, root, watcher, events };
    let names: Vec<String> = (0..300).map(|number| format!("{}/{number}.md", number % 7)).collect();
    for name in &names {
        bench.write(name);
    }
    bench.changed(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn a_flood_is_survived_and_ends_in_the_truth() {
    let mut bench = Bench::watched();
    // More than fits any queue between here and the kernel: some of it comes as `Rescan`.
    for number in 0..3000 {
        bench.write(&format!("{}/{number}.md", number % 50));
    }
    bench.write("zz-last.md");
    let last = bench.root.join("zz-last.md");
    loop {
        match bench.next().await {
            WatchEvent::Rescan(path) if path == bench.root => break,
            WatchEvent::Changed(paths) if paths.contains(&last) => break,
            WatchEvent::Changed(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(bench.watcher.list(&bench.root).0.len(), 3001);
}

#[tokio::test]
async fn an_end_of_either_side_ends_the_thread() {
    let bench = Bench::watched();
    let start = Instant::now();
    drop(bench.events);
    bench.root.join("a.md").metadata().unwrap_err();
    drop(bench.watcher);
    assert!(start.elapsed() < DEADLINE);
}
