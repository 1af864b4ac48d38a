//! With a key, nothing of what is indexed can be read in any file, at any time.

use std::{
    ffi::OsStr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use molt_lance::Upkeep;

use super::*;

const SENTENCE: &str = "The quokka of Rottnest keeps the combination of the safe";
const WORD: &str = "quokka";

/// Numbers that no index makes by itself.
fn sentinel() -> Vec<f32> {
    vec![0.123_456_79, -0.987_654_3, 0.314_159_27, -0.271_828_2]
}

/// How the sentinels look in a file: the sentence and its rarest words in both cases, the vector as numbers of 32 bits.
fn traces() -> Vec<Vec<u8>> {
    let vector: Vec<u8> = sentinel().iter().flat_map(|number| number.to_le_bytes()).collect();
    vec![WORD.into(), b"Rottnest".to_vec(), b"rottnest".to_vec(), vector[..8].to_vec()]
}

/// Files below the folder that show a trace. Files come and go meanwhile.
fn leaks(folder: &Path) -> Vec<PathBuf> {
    let mut leaking = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let shows = |bytes: &[u8]| traces().iter().any(|trace| bytes.windows(trace.len()).any(|part| part == trace));
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            leaking.extend(leaks(&path));
        } else if fs::read(&path).is_ok_and(|bytes| shows(&bytes)) {
            leaking.push(path);
        }
    }
    leaking
}

const FOLDER: &str = "MOLT_SECRECY_FOLDER";
const ROUNDS: usize = 12;

/// Adds, searches, tidies up and forgets until it is killed.
async fn child(folder: &OsStr) {
    let eager = Upkeep {
        unindexed_rows: 1,
        index_parts: 2,
        spare_files: 2,
        deleted_share: 0.05,
        keep_versions: Duration::ZERO,
        prune_every: Duration::ZERO,
        ..Default::default()
    };
    let index = LanceIndex::open(folder.as_ref(), key(), space("m", 4)).await.unwrap().index;
    for round in 0.. {
        let secret = IndexChunk { vector: Some(sentinel()), ..chunk(&format!("s{round}"), "d1", SENTENCE) };
        let others = (0..50).map(|n| with_vector(&format!("{round}-{n}"), &[n as f32, 1.0, 0.5, 0.25]));
        index.apply(others.chain([secret]).collect(), Vec::new()).await.unwrap();
        assert!(!find(&index, WORD).await.is_empty());
        let near = index.search_vector(&sentinel(), &IndexFilter::default(), 1).await.unwrap();
        assert!(ids(&near)[0].starts_with('s'));
        index.keep_up(&eager).await.unwrap();
        if round % 3 == 2 {
            index.remove_documents(&["d1".into()]).await.unwrap();
            index.keep_up(&eager).await.unwrap();
        }
        torture::report(torture::ACK);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_file_shows_what_is_indexed() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return child(&folder).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let (data, temporary) = (folder.path().join("data"), folder.path().join("tmp"));
    fs::create_dir(&temporary).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let watcher = thread::spawn({
        let (stop, folder) = (stop.clone(), folder.path().to_owned());
        move || {
            let (mut seen, mut looks) = (Vec::new(), 0);
            while !stop.load(Ordering::Relaxed) {
                seen.extend(leaks(&folder));
                looks += 1;
            }
            (seen, looks)
        }
    });
    let environment = [(FOLDER, data.as_os_str()), ("TMPDIR", temporary.as_os_str())];
    torture::run_and_kill("secrecy::no_file_shows_what_is_indexed", &environment, ROUNDS, Duration::ZERO);
    stop.store(true, Ordering::Relaxed);
    let (seen, looks) = watcher.join().unwrap();
    println!("looked {looks} times at all files");
    assert_eq!(seen, Vec::<PathBuf>::new());
    assert_eq!(leaks(folder.path()), Vec::<PathBuf>::new());
    assert!(looks > 0 && !files(&data).is_empty());

    // The traces are what would be found: without a key they are.
    let open = tempfile::tempdir().unwrap();
    let index = LanceIndex::open(open.path(), None, space("m", 4)).await.unwrap().index;
    let secret = IndexChunk { vector: Some(sentinel()), ..chunk("s", "d1", SENTENCE) };
    index.apply(vec![secret], Vec::new()).await.unwrap();
    drop(index);
    assert_ne!(leaks(open.path()), Vec::<PathBuf>::new());
    // Opened with a key they are sealed, and the index is the same.
    let opened = LanceIndex::open(open.path(), key(), space("m", 4)).await.unwrap();
    assert!(!opened.fresh && opened.recovered.is_none());
    assert_eq!(find(&opened.index, WORD).await.len(), 1);
    assert_eq!(leaks(open.path()), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn another_key_finds_an_index_damaged_and_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let index = LanceIndex::open(folder.path(), key(), None).await.unwrap().index;
    index.apply(vec![chunk("a", "d", SENTENCE)], Vec::new()).await.unwrap();
    drop(index);
    let other = Some(Key::new(&[8; molt_seal::KEY]));
    let opened = LanceIndex::open(folder.path(), other, None).await.unwrap();
    assert!(opened.fresh && opened.recovered.is_some());
    assert_eq!(find(&opened.index, WORD).await.len(), 0);
}
