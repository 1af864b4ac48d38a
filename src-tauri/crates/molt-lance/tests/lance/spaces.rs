//! The embedder appears, changes, vanishes.

use molt_core::{IndexFilter, PassageIndex};
use molt_lance::{LanceIndex, Upkeep};
use tempfile::TempDir;

use crate::{assert_all_sealed, chunk, files, find, ids, key, open, space, with_vector};

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

#[tokio::test]
async fn another_embedder_starts_an_empty_index_and_keeps_the_last_one_for_a_while() {
    let folder = TempDir::new().unwrap();
    let set_aside = folder.path().join("set-aside");
    for (space, vector) in [
        (None, vec![]),
        (space("e5", 2), vec![1.0, 0.0]),
        (space("other", 2), vec![1.0, 0.0]),
        (space("other", 3), vec![1.0, 0.0, 0.0]),
        (None, vec![]),
    ] {
        let opened = LanceIndex::open(folder.path(), key(), space.clone()).await.unwrap();
        assert!(opened.fresh, "{space:?}");
        assert_eq!(opened.recovered, None, "a change is not damage");
        let index = opened.index;
        assert_eq!(index.count().await.unwrap(), 0, "{space:?}");
        let mut row = chunk("a", "d1", "words");
        row.vector = (!vector.is_empty()).then_some(vector);
        index.apply(vec![row], vec![]).await.unwrap();
        assert_eq!(ids(&find(&index, "words").await), ["a"]);
    }
    let kept: Vec<_> = std::fs::read_dir(&set_aside).unwrap().collect();
    assert_eq!(kept.len(), 1, "more than one table is kept");
    assert_all_sealed(folder.path());

    let index = open(folder.path()).await.index;
    index.maintain().await.unwrap();
    assert!(!files(&set_aside).is_empty(), "the last table went too soon");
    drop(index);
    let index = open(folder.path()).await.index;
    let now = Upkeep { keep_set_aside: std::time::Duration::ZERO, ..Default::default() };
    index.keep_up(&now).await.unwrap();
    assert_eq!(files(&set_aside), [] as [std::path::PathBuf; 0]);
    assert_eq!(index.count().await.unwrap(), 1);
}

/// The embedder is changed while the old index is still being filled.
#[tokio::test]
async fn a_handle_on_the_replaced_index_can_do_no_harm() {
    let folder = TempDir::new().unwrap();
    let old = LanceIndex::open(folder.path(), key(), space("old", 2)).await.unwrap().index;
    for n in 0..3 {
        old.apply(vec![with_vector(&format!("old{n}"), &[1.0, 0.0])], vec![]).await.unwrap();
    }
    let new = LanceIndex::open(folder.path(), key(), space("new", 2)).await.unwrap().index;
    new.apply(vec![with_vector("new0", &[0.0, 1.0])], vec![]).await.unwrap();
    // Whether these succeed does not matter.
    for n in 3..6 {
        let _ = old.apply(vec![with_vector(&format!("old{n}"), &[1.0, 0.0])], vec!["old0".into()]).await;
        let _ = old.maintain().await;
        new.apply(vec![with_vector(&format!("new{n}"), &[0.0, 1.0])], vec![]).await.unwrap();
    }
    assert_eq!(new.count().await.unwrap(), 4);
    drop((old, new));
    for _ in 0..2 {
        let opened = LanceIndex::open(folder.path(), key(), space("new", 2)).await.unwrap();
        assert_eq!((opened.fresh, opened.recovered), (false, None));
        let hits = opened.index.search_vector(&[0.0, 1.0], &IndexFilter::default(), 10).await.unwrap();
        assert_eq!(ids(&hits), ["new0", "new3", "new4", "new5"]);
    }
}
