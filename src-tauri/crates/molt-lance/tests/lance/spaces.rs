//! The embedder appears, changes, vanishes.

use std::{ffi::OsStr, time::Duration};

use molt_core::{IndexFilter, PassageIndex};
use molt_lance::{LanceIndex, Opened, Upkeep};
use molt_testkit::Rng;
use tempfile::TempDir;

use crate::{assert_all_sealed, chunk, files, find, ids, key, open, space, torture, with_vector};

#[tokio::test]
async fn without_an_embedder_words_are_searched_and_vectors_find_nothing() {
    let folder = TempDir::new().unwrap();
    let index = open(folder.path()).await.index;
    index.apply(vec![chunk("a", "d1", "plain words"), with_vector("b", &[1.0, 0.0])], vec![]).await.unwrap();
    assert_eq!(ids(&find(&index, "plain").await), ["a"]);
    assert_eq!(index.search_vector(&[1.0, 0.0], &IndexFilter::default(), 5).await.unwrap(), []);
    assert_eq!(index.count().await.unwrap(), 2);
}

#[tokio::test]
async fn the_same_embedder_keeps_the_index() {
    let folder = TempDir::new().unwrap();
    let index = LanceIndex::open(folder.path(), key(), space("e5", 2)).await.unwrap().index;
    index.apply(vec![with_vector("a", &[1.0, 0.0])], vec![]).await.unwrap();
    drop(index);
    let opened = LanceIndex::open(folder.path(), key(), space("e5", 2)).await.unwrap();
    assert!(!opened.fresh);
    let hits = opened.index.search_vector(&[1.0, 0.0], &IndexFilter::default(), 5).await.unwrap();
    assert_eq!(ids(&hits), ["a"]);
}

/// Rows of the present index, with vectors, as another embedder's.
async fn fill(index: &LanceIndex, vector: &[f32]) {
    let row = |n: usize| {
        let mut row = chunk(&format!("c{n}"), &format!("d{n}"), &format!("word{n} shared"));
        row.vector = (!vector.is_empty()).then(|| vector.to_vec());
        row
    };
    index.apply((0..ROWS).map(row).collect(), vec![]).await.unwrap();
}

const ROWS: usize = 5;

#[tokio::test]
async fn the_index_before_serves_until_that_of_another_embedder_takes_its_place() {
    let folder = TempDir::new().unwrap();
    let index = open(folder.path()).await.index;
    fill(&index, &[]).await;
    drop(index);
    let mut before = None;
    for (wanted, vector) in [
        (space("e5", 2), vec![1.0, 0.0]),
        (space("other", 2), vec![1.0, 0.0]),
        (space("other", 3), vec![1.0, 0.0, 0.0]),
        (None, vec![]),
    ] {
        for start in 0..3 {
            let opened = LanceIndex::open(folder.path(), key(), wanted.clone()).await.unwrap();
            assert_eq!((opened.fresh, opened.recovered, &opened.space), (false, None, &before), "{wanted:?}");
            assert_eq!(find(&opened.index, "shared").await.len(), ROWS);
            let next = opened.next.unwrap();
            // It is kept from start to start.
            assert_eq!(next.count().await.unwrap(), if start == 0 { 0 } else { ROWS as u64 }, "{wanted:?}");
            if start == 0 {
                fill(&next, &vector).await;
            }
            if start == 2 {
                let taken_over = next.take_over().await.unwrap().unwrap();
                assert_eq!(taken_over.count().await.unwrap(), ROWS as u64);
                // Whoever still asks the one before gets an answer, until it is removed.
                assert_eq!(find(&opened.index, "shared").await.len(), ROWS);
                opened.index.retire().await.unwrap();
                if !vector.is_empty() {
                    let near = taken_over.search_vector(&vector, &IndexFilter::default(), 9).await.unwrap();
                    assert_eq!(near.len(), ROWS);
                }
            }
        }
        let opened = LanceIndex::open(folder.path(), key(), wanted.clone()).await.unwrap();
        assert!(opened.next.is_none() && !opened.fresh && opened.recovered.is_none());
        assert_eq!(opened.space, wanted);
        assert_eq!(find(&opened.index, "shared").await.len(), ROWS);
        let tables = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(tables, 1, "the one before is gone");
        before = wanted;
    }
    assert_all_sealed(folder.path());
}

#[tokio::test]
async fn a_choice_that_was_taken_back_or_changed_leaves_nothing() {
    let folder = TempDir::new().unwrap();
    let index = LanceIndex::open(folder.path(), key(), space("first", 2)).await.unwrap().index;
    fill(&index, &[1.0, 0.0]).await;
    let second = LanceIndex::begin(folder.path(), key(), space("second", 2)).await.unwrap();
    fill(&second, &[0.0, 1.0]).await;
    let third = LanceIndex::begin(folder.path(), key(), space("third", 3)).await.unwrap();
    // Whether this succeeds does not matter.
    let _ = second.apply(vec![with_vector("late", &[1.0, 0.0])], vec![]).await;
    third.apply(vec![with_vector("a", &[1.0, 0.0, 0.0])], vec![]).await.unwrap();
    assert_eq!(index.count().await.unwrap(), ROWS as u64);
    drop((index, second, third));

    let opened = LanceIndex::open(folder.path(), key(), space("third", 3)).await.unwrap();
    assert_eq!((opened.space, opened.next.unwrap().count().await.unwrap()), (space("first", 2), 1));
    drop(opened.index);
    let opened = LanceIndex::open(folder.path(), key(), space("fourth", 3)).await.unwrap();
    assert_eq!(opened.next.unwrap().count().await.unwrap(), 0);
    drop(opened.index);
    let opened = LanceIndex::open(folder.path(), key(), space("first", 2)).await.unwrap();
    assert!(opened.next.is_none());
    assert_eq!(opened.index.count().await.unwrap(), ROWS as u64);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn an_index_that_was_being_filled_and_was_damaged_is_begun_again() {
    let folder = TempDir::new().unwrap();
    let index = open(folder.path()).await.index;
    fill(&index, &[]).await;
    let next = LanceIndex::begin(folder.path(), key(), space("e5", 2)).await.unwrap();
    fill(&next, &[1.0, 0.0]).await;
    drop((index, next));
    for file in files(folder.path()) {
        if file.to_string_lossy().contains("next-") && file.extension().is_some_and(|e| e == "manifest") {
            std::fs::write(file, b"").unwrap();
        }
    }
    let opened = LanceIndex::open(folder.path(), key(), space("e5", 2)).await.unwrap();
    assert_eq!((opened.recovered, opened.index.count().await.unwrap()), (None, ROWS as u64));
    assert_eq!(opened.next.unwrap().count().await.unwrap(), 0);
}

/// A table of another embedder without anything in it answers nothing: there is nothing to wait for.
#[tokio::test]
async fn an_empty_index_of_another_embedder_is_replaced_at_once() {
    let folder = TempDir::new().unwrap();
    drop(open(folder.path()).await);
    let opened = LanceIndex::open(folder.path(), key(), space("e5", 2)).await.unwrap();
    assert!(opened.fresh && opened.next.is_none());
    assert_eq!(opened.space, space("e5", 2));
    let now = Upkeep { keep_set_aside: std::time::Duration::ZERO, ..Default::default() };
    opened.index.keep_up(&now).await.unwrap();
    assert_eq!(files(&folder.path().join("set-aside")), [] as [std::path::PathBuf; 0]);
}

/// The embedder is changed while the old index is still being filled.
#[tokio::test]
async fn a_handle_on_the_replaced_index_can_do_no_harm() {
    let folder = TempDir::new().unwrap();
    let old = LanceIndex::open(folder.path(), key(), space("old", 2)).await.unwrap().index;
    for n in 0..3 {
        old.apply(vec![with_vector(&format!("old{n}"), &[1.0, 0.0])], vec![]).await.unwrap();
    }
    let next = LanceIndex::begin(folder.path(), key(), space("new", 2)).await.unwrap();
    next.apply(vec![with_vector("new0", &[0.0, 1.0])], vec![]).await.unwrap();
    let new = next.take_over().await.unwrap().unwrap();
    // Whether these succeed does not matter.
    for n in 3..6 {
        let _ = old.apply(vec![with_vector(&format!("old{n}"), &[1.0, 0.0])], vec!["old0".into()]).await;
        let _ = old.maintain().await;
        let _ = next.apply(vec![with_vector(&format!("next{n}"), &[1.0, 0.0])], vec!["new0".into()]).await;
        new.apply(vec![with_vector(&format!("new{n}"), &[0.0, 1.0])], vec![]).await.unwrap();
    }
    assert_eq!(new.count().await.unwrap(), 4);
    drop((old, next, new));
    for _ in 0..2 {
        let opened = LanceIndex::open(folder.path(), key(), space("new", 2)).await.unwrap();
        assert_eq!((opened.fresh, opened.recovered), (false, None));
        assert!(opened.next.is_none());
        let hits = opened.index.search_vector(&[0.0, 1.0], &IndexFilter::default(), 10).await.unwrap();
        assert_eq!(ids(&hits), ["new0", "new3", "new4", "new5"]);
    }
}

const FOLDER: &str = "MOLT_SPACES_FOLDER";
const SEED: u64 = 0x5EED_0F5A;
const ROUNDS: usize = 16;

/// Changes the embedder again and again until it is killed.
async fn child(folder: &OsStr) {
    for round in 0.. {
        let wanted = space(&format!("m{}", round % 2), 2);
        let Opened { index, next, .. } = LanceIndex::open(folder.as_ref(), key(), wanted).await.unwrap();
        let Some(next) = next else { continue };
        torture::report(torture::ACK);
        fill(&next, &[1.0, 0.0]).await;
        let index = (next.take_over().await.unwrap(), index);
        index.1.retire().await.unwrap();
    }
}

/// Killed anywhere, one of the two serves, and it holds everything.
#[tokio::test]
async fn something_serves_whenever_a_change_is_killed() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return child(&folder).await;
    }
    println!("seed {SEED:#x}");
    let mut random = Rng::new(SEED);
    let home = TempDir::new().unwrap();
    let folder = home.path().join("index");
    fill(&open(&folder).await.index, &[]).await;
    let mut served = std::collections::BTreeSet::new();
    for round in 0..ROUNDS {
        let then = Duration::from_micros(random.below(400_000));
        let name = "spaces::something_serves_whenever_a_change_is_killed";
        torture::run_and_kill(name, &[(FOLDER, folder.as_os_str())], 1, then);
        let opened = LanceIndex::open(&folder, key(), space("m0", 2)).await.unwrap();
        assert_eq!((opened.fresh, opened.recovered), (false, None), "round {round}, seed {SEED:#x}");
        assert_eq!(find(&opened.index, "shared").await.len(), ROWS, "round {round}, seed {SEED:#x}");
        assert!(opened.next.is_some() == (opened.space != space("m0", 2)));
        served.insert(opened.space.map(|space| space.model));
    }
    assert!(served.len() > 1, "no change was ever finished: the test tests nothing");
    assert_all_sealed(&folder);
}
