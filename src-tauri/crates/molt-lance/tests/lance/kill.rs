//! The whole index, killed at random moments of adding, deleting and upkeep: every acknowledged row is there, every
//! acknowledged delete is done, and a change that was not acknowledged is there as a whole or not at all.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    fs,
    time::{Duration, Instant},
};

use molt_core::{ChunkId, IndexFilter, PassageIndex};
use molt_lance::{ENVIRONMENT, LanceIndex, Upkeep};
use molt_testkit::Rng;
use tempfile::TempDir;

use crate::{assert_all_sealed, chunk, chunks_of, files, find, ids, key, space, torture};

const FOLDER: &str = "MOLT_LANCE_TORTURE";
const FIRST: &str = "MOLT_LANCE_TORTURE_FIRST";
const SEED: u64 = 0x0051_1AED;
const ROUNDS: usize = 50;

/// Step `n` adds this many rows of document `d<n>` in one change…
const ROWS: u64 = 3;
/// … and deletes those of the document this many steps before.
const LIFE: u64 = 6;

fn rows_of(n: u64) -> Vec<ChunkId> {
    (0..ROWS).map(|row| ChunkId(format!("c{n}-{row}"))).collect()
}

async fn child(folder: &OsStr) {
    let eager = Upkeep {
        unindexed_rows: 1,
        index_parts: 2,
        spare_files: 3,
        deleted_share: 0.05,
        keep_versions: Duration::ZERO,
        prune_every: Duration::ZERO,
        ..Default::default()
    };
    let index = LanceIndex::open(folder.as_ref(), key(), space("m", 4)).await.unwrap().index;
    let first: u64 = std::env::var(FIRST).unwrap().parse().unwrap();
    for n in first.. {
        torture::report(&format!("BEGIN {n}"));
        let add = rows_of(n)
            .iter()
            .map(|id| {
                let mut row = chunk(id.as_str(), &format!("d{n}"), &format!("step{n} 第{n}步 shared"));
                row.vector = Some(vec![1.0, n as f32, 0.0, 1.0]);
                row
            })
            .collect();
        let remove = n.checked_sub(LIFE).map(rows_of).unwrap_or_default();
        index.apply(add, remove).await.unwrap();
        torture::report(&format!("{}{n}", torture::ACK));
        if n % 4 == 3 {
            index.keep_up(&eager).await.unwrap();
        }
    }
}

#[tokio::test]
async fn keeps_what_it_acknowledged_when_it_is_killed() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return child(&folder).await;
    }
    println!("seed {SEED:#x}");
    let started = Instant::now();
    let mut random = Rng::new(SEED);
    let (home, temporary) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let folder = home.path().join("index");
    // What each step's document must hold: all of its rows or none.
    let mut expected = BTreeMap::new();
    let (mut next, mut unfinished) = (0, 0);

    for round in 0..ROUNDS {
        let first = next.to_string();
        let mut environment: Vec<_> = ENVIRONMENT.iter().map(|(name, value)| (*name, OsStr::new(*value))).collect();
        environment.extend([
            (FOLDER, folder.as_os_str()),
            (FIRST, OsStr::new(&first)),
            ("TMPDIR", temporary.path().as_os_str()),
        ]);
        let (acks, then) = (1 + random.below(3) as usize, Duration::from_micros(random.below(200_000)));
        let name = "kill::keeps_what_it_acknowledged_when_it_is_killed";
        let report = torture::run_and_kill(name, &environment, acks, then);
        let numbers = |word: &str| {
            report.iter().filter_map(|line| line.strip_prefix(word)?.parse().ok()).collect::<BTreeSet<u64>>()
        };
        let (begun, acknowledged) = (numbers("BEGIN "), numbers(torture::ACK));

        let opened = LanceIndex::open(&folder, key(), space("m", 4)).await.unwrap();
        assert!(!opened.fresh, "round {round}: the index was lost");
        assert_eq!(opened.recovered, None, "round {round}: a kill damaged the index");
        let index = opened.index;
        let present: BTreeSet<_> = index.contents().await.unwrap().into_iter().map(|(id, _)| id.0).collect();

        for n in &begun {
            let done = acknowledged.contains(n);
            unfinished += usize::from(!done);
            expected.insert(*n, done || present.contains(&format!("d{n}")));
            if let Some(old) = n.checked_sub(LIFE) {
                expected.insert(old, !done && present.contains(&format!("d{old}")));
            }
        }
        let wanted: BTreeSet<_> = expected.iter().filter(|(_, there)| **there).map(|(n, _)| format!("d{n}")).collect();
        assert_eq!(present, wanted, "round {round}, seed {SEED:#x}");
        for document in &present {
            let n: u64 = document[1..].parse().unwrap();
            assert_eq!(chunks_of(&index, document).await, rows_of(n).iter().map(ChunkId::as_str).collect::<Vec<_>>());
        }
        assert_eq!(index.count().await.unwrap(), ROWS * wanted.len() as u64, "round {round}");

        // The word index and the vectors agree with the rows.
        let all = index.search_words("shared", &IndexFilter::default(), 1_000).await.unwrap();
        let found: BTreeSet<_> = all.iter().map(|hit| hit.document_id.0.clone()).collect();
        assert_eq!((all.len(), found), (ROWS as usize * wanted.len(), wanted), "round {round}");
        let latest = acknowledged.last().unwrap();
        let hits = find(&index, &format!("step{latest}")).await;
        assert_eq!(ids(&hits), rows_of(*latest).iter().map(ChunkId::as_str).collect::<Vec<_>>(), "round {round}");
        let near = index.search_vector(&[1.0, 1.0, 0.0, 1.0], &IndexFilter::default(), 1_000).await.unwrap();
        assert_eq!(near.len(), all.len(), "round {round}");
        next = begun.last().unwrap() + 1;
    }
    println!("{next} changes begun, {unfinished} cut short, {ROUNDS} kills in {:?}", started.elapsed());
    assert!(unfinished > 0, "no kill ever came during a change: the test tests nothing");
    assert_all_sealed(&folder);
    assert_eq!(files(temporary.path()), [] as [std::path::PathBuf; 0], "something was written outside of the store");
    assert!(fs::read_dir(home.path()).unwrap().count() == 1);
}
