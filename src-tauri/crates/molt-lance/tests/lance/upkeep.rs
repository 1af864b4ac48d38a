//! Upkeep: files stay few, answers stay the same, nothing goes around the store.

use std::time::Duration;

use molt_core::{IndexFilter, PassageIndex};
use molt_lance::{LanceIndex, Upkeep};
use tempfile::TempDir;

use crate::{assert_all_sealed, chunk, files, find, ids, key, open, space};

/// Does everything it can, at once.
fn eager() -> Upkeep {
    Upkeep {
        unindexed_rows: 1,
        index_parts: 1,
        spare_files: 0,
        deleted_share: 0.0,
        keep_versions: Duration::ZERO,
        prune_every: Duration::ZERO,
        ..Default::default()
    }
}

#[tokio::test]
async fn many_small_changes_end_in_few_files() {
    let folder = TempDir::new().unwrap();
    let index = LanceIndex::open(folder.path(), key(), space("m", 2)).await.unwrap().index;
    let row = |n: usize| {
        let mut row = chunk(&format!("c{n}"), &format!("d{}", n % 5), &format!("word{n} 共同 shared"));
        row.vector = Some(vec![1.0, n as f32]);
        row
    };
    for n in 0..40_usize {
        let gone = n.checked_sub(10).filter(|n| n % 2 == 0).map(|n| format!("c{n}").as_str().into());
        index.apply(vec![row(n)], gone.into_iter().collect()).await.unwrap();
        if n % 13 == 12 {
            index.keep_up(&eager()).await.unwrap();
        }
    }
    let before = files(folder.path()).len();
    index.keep_up(&eager()).await.unwrap();
    index.keep_up(&eager()).await.unwrap();
    let left = files(folder.path());
    println!("{before} files before, {} after", left.len());
    assert!(left.len() < 40, "{} files are left", left.len());
    assert_all_sealed(folder.path());

    // 15 of the first 30 are gone.
    assert_eq!(index.count().await.unwrap(), 25);
    let all = index.search_words("共同", &IndexFilter::default(), 100).await.unwrap();
    assert_eq!(all.len(), 25);
    for n in 0..40 {
        let expected: &[&str] = if n < 30 && n % 2 == 0 { &[] } else { &[&format!("c{n}")] };
        assert_eq!(ids(&find(&index, &format!("word{n}")).await), expected);
    }
    let near = index.search_vector(&[1.0, 39.0], &IndexFilter::default(), 100).await.unwrap();
    assert_eq!(near.len(), 25);
    assert_eq!(near[0].id.as_str(), "c39");

    drop(index);
    let opened = LanceIndex::open(folder.path(), key(), space("m", 2)).await.unwrap();
    assert_eq!((opened.fresh, opened.recovered), (false, None));
    assert_eq!(opened.index.count().await.unwrap(), 25);
    assert_eq!(find(&opened.index, "shared").await.len(), 10);
}

#[tokio::test]
async fn does_nothing_when_there_is_nothing_to_do() {
    let folder = TempDir::new().unwrap();
    let index = open(folder.path()).await.index;
    index.apply(vec![chunk("a", "d1", "one"), chunk("b", "d1", "two")], vec![]).await.unwrap();
    index.maintain().await.unwrap();
    let before = files(folder.path());
    for _ in 0..3 {
        index.maintain().await.unwrap();
    }
    assert_eq!(files(folder.path()), before, "an idle upkeep wrote files");
}

#[tokio::test]
async fn searches_and_changes_go_on_during_upkeep() {
    let folder = TempDir::new().unwrap();
    let index = std::sync::Arc::new(open(folder.path()).await.index);
    index.apply(vec![chunk("first", "d0", "anchor")], vec![]).await.unwrap();
    let keeper = tokio::spawn({
        let index = index.clone();
        async move {
            for _ in 0..6 {
                index.keep_up(&eager()).await.unwrap();
            }
        }
    });
    for n in 0..12 {
        index.apply(vec![chunk(&format!("c{n}"), "d1", &format!("word{n}"))], vec![]).await.unwrap();
        assert_eq!(ids(&find(&index, "anchor").await), ["first"], "in step {n}");
        assert_eq!(ids(&find(&index, &format!("word{n}")).await), [format!("c{n}")], "in step {n}");
    }
    keeper.await.unwrap();
    assert_eq!(index.count().await.unwrap(), 13);
}
