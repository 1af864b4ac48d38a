//! The store alone, killed while it writes: what it acknowledged is there and whole, what it did not is there whole or
//! not at all.

use std::{collections::BTreeMap, ffi::OsStr, time::Duration};

use bytes::Bytes;
use futures::TryStreamExt;
use molt_testkit::Rng;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, path::Path};
use tempfile::TempDir;

use super::{SealedStore, sweep, tests::cipher, torture};

const FOLDER: &str = "MOLT_STORE_TORTURE";
const FIRST: &str = "MOLT_STORE_TORTURE_FIRST";
const SEED: u64 = 0x5EA1_ED57;

/// The object that step `n` writes; some are long enough for several parts.
fn object(n: u64) -> (Path, Bytes) {
    let mut random = Rng::new(n);
    let length = if n.is_multiple_of(3) { 200_000 + random.below(400_000) } else { random.below(50_000) };
    let bytes: Bytes = (0..length).map(|i| (i ^ n) as u8).collect();
    (Path::from(format!("objects/{}/{n}", n % 7)), bytes)
}

/// Writes objects one after the other, in all three ways, and deletes every one that is ten steps old.
async fn child(folder: &OsStr) {
    let store = SealedStore::new(folder.as_ref(), cipher()).unwrap();
    let first: u64 = std::env::var(FIRST).unwrap().parse().unwrap();
    for n in first.. {
        torture::report(&format!("BEGIN {n}"));
        let (path, bytes) = object(n);
        match n % 3 {
            0 => {
                let mut upload = store.put_multipart(&path).await.unwrap();
                for part in bytes.chunks(100_000) {
                    upload.put_part(Bytes::copy_from_slice(part).into()).await.unwrap();
                }
                upload.complete().await.unwrap();
            }
            1 => drop(store.put_opts(&path, bytes.into(), PutMode::Create.into()).await.unwrap()),
            _ => drop(store.put(&path, bytes.into()).await.unwrap()),
        }
        torture::report(&format!("{}{n}", torture::ACK));
        if let Some(old) = n.checked_sub(10) {
            let _ = store.delete(&object(old).0).await;
        }
    }
}

#[tokio::test]
async fn keeps_what_it_acknowledged_when_it_is_killed() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return child(&folder).await;
    }
    println!("seed {SEED:#x}");
    let mut random = Rng::new(SEED);
    let folder = TempDir::new().unwrap();
    let (mut next, mut swept) = (0, 0);
    for round in 0..50 {
        let first = next.to_string();
        let environment = [(FOLDER, folder.path().as_os_str()), (FIRST, OsStr::new(&first))];
        let (acks, then) = (1 + random.below(6) as usize, Duration::from_micros(random.below(20_000)));
        let name = "store::kill_test::keeps_what_it_acknowledged_when_it_is_killed";
        let report = torture::run_and_kill(name, &environment, acks, then);
        let numbers = |word: &str| -> Vec<u64> {
            report.iter().filter_map(|line| line.strip_prefix(word)?.parse().ok()).collect()
        };
        let (begun, acknowledged) = (numbers("BEGIN "), numbers(torture::ACK));

        swept += sweep(folder.path()).unwrap();
        let store = SealedStore::new(folder.path(), cipher()).unwrap();
        let listed: Vec<_> = store.list(None).try_collect().await.unwrap();
        let listed: BTreeMap<_, _> = listed.into_iter().map(|meta| (meta.location, meta.size)).collect();
        // The oldest that no delete can have reached.
        let kept = begun.last().unwrap().saturating_sub(10);
        for n in acknowledged.iter().filter(|n| **n > kept) {
            assert!(listed.contains_key(&object(*n).0), "round {round}: acknowledged object {n} is gone");
        }
        for n in kept.min(*begun.first().unwrap())..=*begun.last().unwrap() {
            let (path, bytes) = object(n);
            if let Some(size) = listed.get(&path) {
                assert_eq!(*size, bytes.len() as u64, "round {round}: object {n} is cut");
                let found = store.get(&path).await.unwrap().bytes().await.unwrap();
                assert!(found == bytes, "round {round}: object {n} is not what was written");
                if !acknowledged.contains(&n) && n >= *begun.first().unwrap() {
                    // Whole though never acknowledged: a repeated conditional put would rightly refuse it.
                    store.delete(&path).await.unwrap();
                }
            }
        }
        next = begun.last().unwrap() + 1;
    }
    println!("{next} objects begun, {swept} unfinished files swept");
    assert!(swept > 0, "no kill ever came while a file was being written: the test tests nothing");
}
