//! Vectors that are too many for the memory are compared where they lie, with the same answers.

use molt_core::{IndexChunk, IndexFilter, IndexHit, PassageIndex};
use molt_testkit::Rng;
use tempfile::TempDir;

use crate::{LanceIndex, Upkeep, VectorSpace, held::Held};

const DIMENSION: usize = 16;
const ROWS: usize = 300;
const SEED: u64 = 7;

fn vector(random: &mut Rng) -> Vec<f32> {
    (0..DIMENSION).map(|_| random.below(2001) as f32 - 1000.0).collect()
}

fn ids(hits: &[IndexHit]) -> Vec<&str> {
    hits.iter().map(|hit| hit.id.as_str()).collect()
}

#[tokio::test]
async fn vectors_beyond_the_limit_are_found_where_they_lie() {
    println!("seed {SEED}");
    let mut random = Rng::new(SEED);
    let folder = TempDir::new().unwrap();
    let space = Some(VectorSpace { model: "m".to_owned(), dimension: DIMENSION as u32 });
    let mut index = LanceIndex::open(folder.path(), None, space).await.unwrap().index;
    let row = |number: usize, vector: Option<Vec<f32>>| IndexChunk {
        id: format!("c{number}").as_str().into(),
        document_id: format!("d{}", number / 10).as_str().into(),
        source_id: format!("s{}", number % 3).as_str().into(),
        text: "text".to_owned(),
        vector,
    };
    // One without a vector, and rows that were replaced and removed.
    let mut rows: Vec<IndexChunk> = (0..ROWS).map(|number| row(number, Some(vector(&mut random)))).collect();
    rows.push(row(ROWS, None));
    index.apply(rows, Vec::new()).await.unwrap();
    let again = (0..20).map(|number| row(number, Some(vector(&mut random)))).collect();
    index.apply(again, vec!["c40".into()]).await.unwrap();
    index.remove_documents(&["d5".into()]).await.unwrap();

    let filters = [
        IndexFilter::default(),
        IndexFilter { sources: vec!["s1".into(), "s2".into()], ..IndexFilter::default() },
        IndexFilter { documents: vec!["d0".into(), "d7".into()], ..IndexFilter::default() },
        IndexFilter { sources: vec!["s0".into()], documents: vec!["d1".into(), "none".into()] },
        IndexFilter { sources: vec!["none".into()], ..IndexFilter::default() },
    ];
    for indexed in [false, true] {
        if indexed {
            index.keep_up(&Upkeep { unindexed_rows: 1, ..Upkeep::default() }).await.unwrap();
        }
        for filter in &filters {
            for limit in [1, 10, 1_000] {
                let query = vector(&mut random);
                index.held = Held::default();
                let near = index.search_vector(&query, filter, limit).await.unwrap();
                assert!(index.held.is_there());
                index.held = Held::of_at_most(0);
                let scanned = index.search_vector(&query, filter, limit).await.unwrap();
                assert!(!index.held.is_there(), "they are too many");
                assert_eq!(ids(&scanned), ids(&near), "{filter:?}, {limit}");
                for (one, other) in scanned.iter().zip(&near) {
                    assert!((one.score - other.score).abs() < 1e-3, "{one:?} {other:?}");
                    assert_eq!(one.document_id, other.document_id);
                }
                let all = filter == &IndexFilter::default() && limit == 1_000;
                assert!(!all || scanned.len() == ROWS - 11, "{}", scanned.len());
            }
        }
    }
}
