//! What was removed is gone from every file, read with the key as well, and whatever comes in between.

use std::{ffi::OsStr, sync::Arc, time::Duration};

use molt_core::{IndexFilter, PassageIndex};
use molt_seal::{CHUNK, FILE_NONCE, TAG};
use molt_testkit::Rng;
use tempfile::TempDir;

use super::*;

const SENTENCE: &str = "The quokka of Rottnest keeps the combination of the safe";

/// Numbers that no index makes by itself.
fn sentinel() -> Vec<f32> {
    vec![0.123_456_79, -0.987_654_3, 0.314_159_27, -0.271_828_2]
}

/// The plain bytes of a file of the index.
fn plain(file: &Path, key: Option<&Key>) -> Vec<u8> {
    const HEADER: usize = 32;
    let bytes = fs::read(file).unwrap();
    let Some(key) = key else { return bytes };
    let nonce: [u8; FILE_NONCE] = bytes[HEADER - FILE_NONCE..HEADER].try_into().unwrap();
    let key = key.file(nonce);
    let sealed: Vec<&[u8]> = bytes[HEADER..].chunks(CHUNK + TAG).collect();
    let mut plain = Vec::new();
    for (number, part) in sealed.iter().enumerate() {
        let mut part = part.to_vec();
        key.open(number as u64, number + 1 == sealed.len(), &mut part).unwrap();
        plain.extend(part);
    }
    plain
}

/// Files that show something of the sentinels. Words of the index are in lower case and without their endings.
fn leaks(folder: &Path, key: Option<&Key>) -> Vec<PathBuf> {
    let vector: Vec<u8> = sentinel().iter().flat_map(|number| number.to_le_bytes()).collect();
    let traces = [b"quokka".as_slice(), b"ottnest", b"secret", &vector[..8]];
    let shows = |file: &PathBuf| {
        let bytes = plain(file, key);
        traces.iter().any(|trace| bytes.windows(trace.len()).any(|part| part == *trace))
    };
    files(folder).into_iter().filter(shows).collect()
}

fn secret(n: usize) -> IndexChunk {
    let (id, document) = (format!("secret-{n}"), format!("secret-{}", n / 3));
    IndexChunk { vector: Some(sentinel()), ..chunk(&id, &document, SENTENCE) }
}

fn other(n: usize) -> IndexChunk {
    let vector = Some(vec![n as f32, 1.0, 0.5, 0.25]);
    IndexChunk { vector, ..chunk(&format!("c{n}"), &format!("d{}", n % 7), &format!("word{n} 共同 shared")) }
}

/// Everything that holds a removed text: rows in several files, old versions, parts of the indexes, a replaced table.
async fn filled(folder: &Path, key: Option<Key>) -> LanceIndex {
    let replaced = LanceIndex::open(folder, key.clone(), None).await.unwrap().index;
    replaced.apply(vec![secret(0)], vec![]).await.unwrap();
    let next = LanceIndex::begin(folder, key.clone(), space("m", 4)).await.unwrap();
    // The one before is put away at the next start, as after a kill.
    drop((next.take_over().await.unwrap(), replaced));
    let index = LanceIndex::open(folder, key, space("m", 4)).await.unwrap().index;
    let indexing = molt_lance::Upkeep { unindexed_rows: 1, ..Default::default() };
    for round in 0..4 {
        let rows = (0..10).map(|n| other(round * 10 + n)).chain([secret(round)]).collect();
        index.apply(rows, vec![]).await.unwrap();
        index.keep_up(&indexing).await.unwrap();
    }
    index
}

fn secrets() -> [molt_core::DocumentId; 2] {
    ["secret-0".into(), "secret-1".into()]
}

async fn assert_rest(index: &LanceIndex) {
    assert_eq!(index.count().await.unwrap(), 40);
    assert_eq!(find(index, "quokka").await, []);
    assert_eq!(ids(&find(index, "word17").await), ["c17"]);
    assert_eq!(index.search_words("共同", &IndexFilter::default(), 100).await.unwrap().len(), 40);
    let near = index.search_vector(&sentinel(), &IndexFilter::default(), 100).await.unwrap();
    assert_eq!(near.len(), 40);
    assert_eq!(chunks_of(index, "d3").await, ["c10", "c17", "c24", "c3", "c31", "c38"]);
}

#[tokio::test]
async fn no_file_shows_what_was_removed() {
    for key in [key(), None] {
        let folder = TempDir::new().unwrap();
        let index = filled(folder.path(), key.clone()).await;
        let before = leaks(folder.path(), key.as_ref());
        let among = |part: &str| before.iter().any(|file| file.to_string_lossy().contains(part));
        assert!(among("/data/") && among("/_indices/") && among("set-aside"), "the test would see nothing: {before:?}");

        assert!(!index.owes_erasure());
        index.remove_documents(&secrets()).await.unwrap();
        assert!(index.owes_erasure());
        assert_rest(&index).await;
        index.maintain().await.unwrap();
        assert!(!index.owes_erasure());
        assert_eq!(leaks(folder.path(), key.as_ref()), [] as [PathBuf; 0]);
        assert_rest(&index).await;
        let left = files(folder.path());
        index.maintain().await.unwrap();
        assert_eq!(files(folder.path()), left, "it is erased once");

        drop(index);
        let opened = LanceIndex::open(folder.path(), key.clone(), space("m", 4)).await.unwrap();
        assert_eq!((opened.fresh, opened.recovered), (false, None));
        assert_rest(&opened.index).await;
        // Nothing is left, and it goes on.
        let rest: Vec<_> = (0..7).map(|n| format!("d{n}").as_str().into()).collect();
        opened.index.remove_documents(&rest).await.unwrap();
        opened.index.maintain().await.unwrap();
        assert_eq!(opened.index.count().await.unwrap(), 0);
        opened.index.apply(vec![other(1)], vec![]).await.unwrap();
        assert_eq!(ids(&find(&opened.index, "word1").await), ["c1"]);
        assert_eq!(opened.index.search_vector(&sentinel(), &IndexFilter::default(), 9).await.unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_searches_meanwhile_finds_what_there_is() {
    let folder = TempDir::new().unwrap();
    let index = Arc::new(filled(folder.path(), key()).await);
    for round in 0..3 {
        index.apply(vec![secret(round)], vec![]).await.unwrap();
        index.remove_documents(&secrets()).await.unwrap();
        let keeper = tokio::spawn({
            let index = index.clone();
            async move { index.maintain().await }
        });
        while !keeper.is_finished() {
            let searches = (0..4).map(|_| async {
                assert_rest(&index).await;
            });
            futures::future::join_all(searches).await;
        }
        keeper.await.unwrap().unwrap();
    }
    assert_eq!(leaks(folder.path(), key().as_ref()), [] as [PathBuf; 0]);
}

const FOLDER: &str = "MOLT_ERASE_FOLDER";
const SEED: u64 = 0x0E4A_5ED1;
const ROUNDS: usize = 12;

async fn child(folder: &OsStr) {
    let index = LanceIndex::open(folder.as_ref(), key(), space("m", 4)).await.unwrap().index;
    let rows = (0..40).map(other).chain((0..4).map(secret)).collect();
    index.apply(rows, vec![]).await.unwrap();
    index.remove_documents(&secrets()).await.unwrap();
    torture::report(torture::ACK);
    index.maintain().await.unwrap();
    torture::report("DONE");
    std::thread::park();
}

/// Killed anywhere while it erases, the next one comes to the end of it.
#[tokio::test]
async fn an_erasure_that_was_killed_is_begun_again() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return child(&folder).await;
    }
    println!("seed {SEED:#x}");
    let mut random = Rng::new(SEED);
    let home = TempDir::new().unwrap();
    let folder = home.path().join("index");
    let mut interrupted = 0;
    for round in 0..ROUNDS {
        let then = Duration::from_micros(random.below(250_000));
        let name = "erase::an_erasure_that_was_killed_is_begun_again";
        torture::run_and_kill(name, &[(FOLDER, folder.as_os_str())], 1, then);
        let opened = LanceIndex::open(&folder, key(), space("m", 4)).await.unwrap();
        assert_eq!((opened.fresh, opened.recovered), (false, None), "round {round}, seed {SEED:#x}");
        interrupted += usize::from(opened.index.owes_erasure());
        assert_rest(&opened.index).await;
        opened.index.maintain().await.unwrap();
        assert_eq!(leaks(&folder, key().as_ref()), [] as [PathBuf; 0], "round {round}, seed {SEED:#x}");
        assert_rest(&opened.index).await;
    }
    println!("{interrupted} of {ROUNDS} were interrupted");
    assert!(interrupted > 0, "no kill ever came during an erasure: the test tests nothing");
}
