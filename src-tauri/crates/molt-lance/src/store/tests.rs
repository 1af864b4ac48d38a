//! The store alone, without Lance.

use std::fs;

use futures::TryStreamExt;
use object_store::{GetRange, ObjectStoreExt, PutMode};
use tempfile::TempDir;

use super::*;
use molt_seal::Key;

use crate::store::seal::{HEADER_LEN, MAGIC};

pub(crate) fn cipher() -> Cipher {
    Cipher::new(Some(Key::new(&[7; molt_seal::KEY])))
}

fn store() -> (TempDir, SealedStore) {
    let folder = TempDir::new().unwrap();
    let store = SealedStore::new(folder.path(), cipher()).unwrap();
    (folder, store)
}

fn at(path: &str) -> Path {
    Path::from(path)
}

async fn put(store: &SealedStore, path: &str, bytes: impl Into<Bytes>) {
    store.put(&at(path), bytes.into().into()).await.unwrap();
}

async fn one_range(store: &SealedStore, path: &str, range: Range<u64>) -> Result<Vec<Bytes>> {
    store.get_ranges(&at(path), std::slice::from_ref(&range)).await
}

async fn text(store: &SealedStore, path: &str) -> String {
    let bytes = store.get(&at(path)).await.unwrap().bytes().await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Bytes that differ from their neighbours and from place to place.
fn pattern(length: usize) -> Bytes {
    (0..length).map(|i| (i.wrapping_mul(31) ^ (i >> 8)) as u8).collect()
}

#[tokio::test]
async fn gives_back_what_was_put_and_keeps_the_header_to_itself() {
    let (folder, store) = store();
    put(&store, "a/b.bin", "hello").await;
    assert_eq!(text(&store, "a/b.bin").await, "hello");
    assert_eq!(store.head(&at("a/b.bin")).await.unwrap().size, 5);

    let stored = fs::read(folder.path().join("a/b.bin")).unwrap();
    assert!(stored.starts_with(MAGIC));
    assert_eq!(stored.len() as u64, HEADER_LEN + 5 + molt_seal::TAG as u64);
    assert!(!stored.windows(5).any(|part| part == b"hello"));

    put(&store, "a/b.bin", "over").await;
    assert_eq!(text(&store, "a/b.bin").await, "over");
    put(&store, "empty", "").await;
    assert_eq!(text(&store, "empty").await, "");
}

#[tokio::test]
async fn reads_ranges_of_the_plain_bytes() {
    let (_folder, store) = store();
    let bytes = pattern(100_000);
    put(&store, "x", bytes.clone()).await;

    assert_eq!(store.get_range(&at("x"), 0..1).await.unwrap(), bytes[..1]);
    assert_eq!(store.get_range(&at("x"), 70_000..70_123).await.unwrap(), bytes[70_000..70_123]);
    // A range over the end is cut at the end, as every object store does.
    assert_eq!(store.get_range(&at("x"), 99_990..200_000).await.unwrap(), bytes[99_990..]);
    assert!(store.get_range(&at("x"), 100_000..100_001).await.is_err());

    let last = GetOptions { range: Some(GetRange::Suffix(7)), ..Default::default() };
    let result = store.get_opts(&at("x"), last).await.unwrap();
    assert_eq!(result.range, 99_993..100_000);
    assert_eq!(result.bytes().await.unwrap(), bytes[99_993..]);

    let several = [5..10, 99_000..100_000, 0..3];
    let got = store.get_ranges(&at("x"), &several).await.unwrap();
    assert_eq!(got, [bytes.slice(5..10), bytes.slice(99_000..100_000), bytes.slice(0..3)]);
    assert!(one_range(&store, "x", 99_999..100_001).await.is_err());
}

#[tokio::test]
async fn a_long_object_is_read_in_pieces() {
    let (_folder, store) = store();
    let bytes = pattern(READ_AT_ONCE as usize * 2 + 77);
    put(&store, "long", bytes.clone()).await;
    let pieces: Vec<Bytes> = store.get(&at("long")).await.unwrap().into_stream().try_collect().await.unwrap();
    assert_eq!(pieces.iter().map(Bytes::len).collect::<Vec<_>>(), [16 << 20, 16 << 20, 77]);
    assert!(pieces.concat() == bytes);
}

#[tokio::test]
async fn parts_arrive_in_the_order_of_the_calls() {
    let (folder, store) = store();
    let bytes = pattern(3_000_000);
    let mut upload = store.put_multipart(&at("parts")).await.unwrap();
    let writes: Vec<_> =
        bytes.chunks(1_000_000).map(|part| upload.put_part(Bytes::copy_from_slice(part).into())).collect();
    assert!(!folder.path().join("parts").exists(), "an unfinished upload was visible");
    // Finish them backwards.
    for write in writes.into_iter().rev() {
        write.await.unwrap();
    }
    upload.complete().await.unwrap();
    assert!(store.get(&at("parts")).await.unwrap().bytes().await.unwrap() == bytes);
    assert!(upload.put_part("late".into()).await.is_err());

    let mut empty = store.put_multipart(&at("no-parts")).await.unwrap();
    empty.complete().await.unwrap();
    assert_eq!(text(&store, "no-parts").await, "");

    let mut dropped = store.put_multipart(&at("aborted")).await.unwrap();
    dropped.put_part("gone".into()).await.unwrap();
    dropped.abort().await.unwrap();
    assert!(store.head(&at("aborted")).await.is_err());
}

#[tokio::test]
async fn lists_with_plain_sizes() {
    let (_folder, store) = store();
    for (path, bytes) in [("t/a", "1"), ("t/b", "22"), ("t/in/c", "333"), ("other", "4444")] {
        put(&store, path, bytes).await;
    }
    let mut all: Vec<_> = store.list(Some(&at("t"))).try_collect().await.unwrap();
    all.sort_by(|a, b| a.location.cmp(&b.location));
    let seen: Vec<_> = all.iter().map(|meta| (meta.location.as_ref(), meta.size)).collect();
    assert_eq!(seen, [("t/a", 1), ("t/b", 2), ("t/in/c", 3)]);

    let after: Vec<_> = store.list_with_offset(Some(&at("t")), &at("t/b")).try_collect().await.unwrap();
    assert_eq!(after.iter().map(|meta| (meta.location.as_ref(), meta.size)).collect::<Vec<_>>(), [("t/in/c", 3)]);

    let mut level = store.list_with_delimiter(Some(&at("t"))).await.unwrap();
    level.objects.sort_by(|a, b| a.location.cmp(&b.location));
    assert_eq!(level.objects.iter().map(|meta| meta.size).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(level.common_prefixes, [at("t/in")]);
}

#[tokio::test]
async fn copies_renames_and_deletes() {
    let (folder, store) = store();
    put(&store, "d/one", "one").await;
    store.copy(&at("d/one"), &at("d/two")).await.unwrap();
    store.rename(&at("d/one"), &at("e/three")).await.unwrap();
    assert_eq!(text(&store, "d/two").await, "one");
    assert_eq!(text(&store, "e/three").await, "one");
    assert!(matches!(store.get(&at("d/one")).await, Err(Error::NotFound { .. })));
    assert!(matches!(store.copy_if_not_exists(&at("d/two"), &at("e/three")).await, Err(Error::AlreadyExists { .. })));
    assert!(matches!(store.rename_if_not_exists(&at("d/two"), &at("e/three")).await, Err(Error::AlreadyExists { .. })));

    store.delete(&at("d/two")).await.unwrap();
    assert!(matches!(store.delete(&at("d/two")).await, Err(Error::NotFound { .. })));
    assert!(!folder.path().join("d").exists(), "an empty folder was left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_conditional_put_has_exactly_one_winner() {
    let (_folder, store) = store();
    let store = std::sync::Arc::new(store);
    for round in 0..20 {
        let path = at(&format!("versions/{round}"));
        let start = std::sync::Arc::new(tokio::sync::Barrier::new(8));
        let writers: Vec<_> = (0..8)
            .map(|writer| {
                let (store, path, start) = (store.clone(), path.clone(), start.clone());
                tokio::spawn(async move {
                    start.wait().await;
                    let text = format!("writer {writer}");
                    (text.clone(), store.put_opts(&path, text.into(), PutMode::Create.into()).await)
                })
            })
            .collect();
        let mut winners = Vec::new();
        for writer in writers {
            match writer.await.unwrap() {
                (text, Ok(_)) => winners.push(text),
                (_, Err(Error::AlreadyExists { .. })) => {}
                (_, Err(error)) => panic!("{error}"),
            }
        }
        assert_eq!(winners.len(), 1, "round {round}: {winners:?}");
        assert_eq!(text(&store, path.as_ref()).await, winners[0]);
    }
}

#[tokio::test]
async fn a_damaged_file_is_an_error_and_never_garbage() {
    let (folder, store) = store();
    put(&store, "torn", pattern(1000)).await;
    let file = folder.path().join("torn");
    let whole = fs::read(&file).unwrap();

    for (damage, bytes) in [
        ("emptied", vec![]),
        ("cut inside the header", whole[..10].to_vec()),
        ("not ours", vec![b'x'; 500]),
        ("a later format", [b"MOLT1\x02".as_slice(), &whole[6..]].concat()),
    ] {
        fs::write(&file, bytes).unwrap();
        assert!(store.get(&at("torn")).await.is_err(), "{damage}");
        assert!(one_range(&store, "torn", 0..0).await.is_err(), "{damage}");
    }

    fs::write(&file, &whole[..500]).unwrap();
    assert!(one_range(&store, "torn", 0..1000).await.is_err(), "a short file gave a full range");
    // A damaged neighbour does not spoil a listing.
    fs::write(&file, b"").unwrap();
    let listed: Vec<_> = store.list(None).try_collect().await.unwrap();
    assert_eq!(listed.iter().map(|meta| meta.size).collect::<Vec<_>>(), [0]);
}

#[tokio::test]
async fn sweeps_what_a_killed_writer_left_and_nothing_else() {
    let (folder, store) = store();
    put(&store, "t.lance/data/kept", "kept").await;
    let data = folder.path().join("t.lance/data");
    for name in ["kept#1", "other.lance#27", ".tmpAb12"] {
        fs::write(data.join(name), "junk").unwrap();
    }
    for name in ["c#", "c#d", "notes.tmp"] {
        fs::write(data.join(name), "kept").unwrap();
    }
    assert_eq!(sweep(folder.path()).unwrap(), 3);
    assert_eq!(sweep(folder.path()).unwrap(), 0);
    let mut names: Vec<_> = fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["c#", "c#d", "kept", "notes.tmp"]);
    assert_eq!(text(&store, "t.lance/data/kept").await, "kept");
}

#[tokio::test]
async fn every_changed_byte_is_noticed() {
    let (folder, store) = store();
    let bytes = pattern(2 * molt_seal::CHUNK + 100);
    put(&store, "x", bytes.clone()).await;
    let file = folder.path().join("x");
    let stored = fs::read(&file).unwrap();
    let read = || async { store.get(&at("x")).await?.bytes().await };
    let places = (0..40).chain((40..stored.len()).step_by(9973)).chain(stored.len() - 20..stored.len());
    for place in places {
        let mut changed = stored.clone();
        changed[place] ^= 0x10;
        fs::write(&file, changed).unwrap();
        assert!(read().await.is_err(), "byte {place}");
    }
    // Cut anywhere, also between chunks; and with a chunk of another file in the place of its own.
    let sealed = molt_seal::CHUNK + molt_seal::TAG;
    for length in [0, 31, 32, 40, 32 + sealed, 32 + 2 * sealed, stored.len() - 1] {
        fs::write(&file, &stored[..length]).unwrap();
        assert!(read().await.is_err(), "{length} bytes");
    }
    put(&store, "y", bytes.clone()).await;
    let mut mixed = stored.clone();
    mixed[32..32 + sealed].copy_from_slice(&fs::read(folder.path().join("y")).unwrap()[32..32 + sealed]);
    fs::write(&file, mixed).unwrap();
    assert!(read().await.is_err());
    fs::write(&file, stored).unwrap();
    assert!(read().await.unwrap() == bytes);
}

#[tokio::test]
async fn objects_of_every_length_come_back() {
    let (_folder, store) = store();
    let chunk = molt_seal::CHUNK;
    for length in [0, 1, chunk - 1, chunk, chunk + 1, 3 * chunk, 3 * chunk + 5] {
        let bytes = pattern(length);
        put(&store, "whole", bytes.clone()).await;
        let mut upload = store.put_multipart(&at("parts")).await.unwrap();
        for part in bytes.chunks(50_001) {
            upload.put_part(Bytes::copy_from_slice(part).into()).await.unwrap();
        }
        upload.complete().await.unwrap();
        for path in ["whole", "parts"] {
            assert_eq!(store.head(&at(path)).await.unwrap().size, length as u64);
            assert!(store.get(&at(path)).await.unwrap().bytes().await.unwrap() == bytes, "{path}, {length}");
        }
        if length > 2 {
            let ends = [0..1, length as u64 - 1..length as u64, 1..length as u64 - 1];
            let got = store.get_ranges(&at("whole"), &ends).await.unwrap();
            assert_eq!(got, [bytes.slice(..1), bytes.slice(length - 1..), bytes.slice(1..length - 1)]);
        }
    }
}

#[tokio::test]
async fn what_was_written_without_a_key_is_sealed_once() {
    let folder = TempDir::new().unwrap();
    let plain = SealedStore::new(folder.path(), Cipher::default()).unwrap();
    let long = pattern(READ_AT_ONCE as usize + 5);
    put(&plain, "a/short", "a sentence in the clear").await;
    put(&plain, "long", long.clone()).await;
    put(&plain, "a/empty", "").await;
    fs::write(folder.path().join("a/foreign"), "not ours").unwrap();
    assert_eq!(seal_all(folder.path(), &Cipher::default()).unwrap(), 0);
    assert_eq!(seal_all(folder.path(), &cipher()).unwrap(), 3);
    assert_eq!(seal_all(folder.path(), &cipher()).unwrap(), 0);
    let stored = fs::read(folder.path().join("a/short")).unwrap();
    assert!(!stored.windows(8).any(|part| part == b"sentence"));
    let sealed = SealedStore::new(folder.path(), cipher()).unwrap();
    assert_eq!(text(&sealed, "a/short").await, "a sentence in the clear");
    assert_eq!(text(&sealed, "a/empty").await, "");
    assert!(sealed.get(&at("long")).await.unwrap().bytes().await.unwrap() == long);
    // Without the key, or with another, nothing can be read.
    for other in [Cipher::default(), Cipher::new(Some(Key::new(&[8; molt_seal::KEY])))] {
        let store = SealedStore::new(folder.path(), other).unwrap();
        assert!(store.get(&at("a/short")).await.is_err());
    }
}
