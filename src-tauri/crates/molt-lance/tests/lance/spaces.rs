//! The embedder appears, changes, vanishes.

use molt_core::{IndexFilter, PassageIndex};
use molt_lance::{LanceIndex, Upkeep};
use tempfile::TempDir;

use crate::{assert_all_sealed, chunk, files, find, ids, open, space, with_vector};

#[tokio::test]
async fn without_an_embedder_words_are_searched_and_vectors_find_nothing() {
    let folder = TempDir::new().unwrap();
    let index = open(folder.path()).await.index;
    index.apply(vec![chunk("a", "d1", "plain words"), with_vector("b", &[1.0, 0.0])], vec![]).await.unwrap();
    assert_eq!(ids(&find(&index, "plain").await), ["a"]);
    assert_eq!(index.search_vector(&[1.0, 0.0], &IndexFilter::default(), 5).await.unwrap(), []);
    assert_eq!(index.len().await.unwrap(), 2);
}

#[tokio::test]
async fn the_same_embedder_keeps_the_index() {
    let folder = TempDir::new().unwrap();
    let index = LanceIndex::open(folder.path(), space("e5", 2)).await.unwrap().index;
    index.apply(vec![with_vector("a", &[1.0, 0.0])], vec![]).await.unwrap();
    drop(index);
    let opened = LanceIndex::open(folder.path(), space("e5", 2)).await.unwrap();
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
        let opened = LanceIndex::open(folder.path(), space.clone()).await.unwrap();
        assert!(opened.fresh, "{space:?}");
        assert_eq!(opened.recovered, None, "a change is not damage");
        let index = opened.index;
        assert_eq!(index.len().await.unwrap(), 0, "{space:?}");
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
    assert_eq!(index.len().await.unwrap(), 1);
}
