//! Files that are cut, emptied, lost or foreign: the index opens with what is left and says so.

use std::{fs, path::PathBuf};

use molt_core::{IndexFilter, PassageIndex};
use tempfile::TempDir;

use crate::{assert_all_sealed, chunk, chunks_of, files, find, ids, open};

/// Three commits: rows `c0`, `c1`, `c2`.
async fn three_rows() -> TempDir {
    let folder = TempDir::new().unwrap();
    let index = open(folder.path()).await.index;
    for n in 0..3 {
        index.apply(vec![chunk(&format!("c{n}"), "d1", &format!("word{n} 共同"))], vec![]).await.unwrap();
    }
    folder
}

/// The table's files in one of its folders, newest version first for manifests.
fn table_files(folder: &TempDir, inner: &str, extension: &str) -> Vec<PathBuf> {
    let all = files(&folder.path().join("1/chunks.lance").join(inner));
    all.into_iter().filter(|file| file.extension().is_some_and(|e| e == extension)).collect()
}

fn set_aside(folder: &TempDir) -> Vec<String> {
    let all = files(&folder.path().join("set-aside"));
    all.iter().map(|file| file.file_name().unwrap().to_string_lossy().into_owned()).collect()
}

#[tokio::test]
async fn a_torn_head_costs_one_version() {
    let folder = three_rows().await;
    let manifests = table_files(&folder, "_versions", "manifest");
    let head = manifests[0].clone();
    fs::write(&head, b"").unwrap();

    let opened = open(folder.path()).await;
    assert!(!opened.fresh);
    assert!(opened.recovered.unwrap().contains("newest change was lost"));
    assert_eq!(chunks_of(&opened.index, "d1").await, ["c0", "c1"]);
    assert!(!head.exists());
    assert_eq!(set_aside(&folder), [head.file_name().unwrap().to_string_lossy()]);

    // The lost row comes again, into the version that was torn.
    opened.index.apply(vec![chunk("c2", "d1", "word2")], vec![]).await.unwrap();
    assert!(head.exists());
    drop(opened.index);
    let opened = open(folder.path()).await;
    assert_eq!(opened.recovered, None);
    assert_eq!(chunks_of(&opened.index, "d1").await, ["c0", "c1", "c2"]);
    assert_eq!(ids(&find(&opened.index, "word2").await), ["c2"]);
}

#[tokio::test]
async fn every_kind_of_damage_to_the_head_is_stepped_over() {
    type Damage = fn(&[u8]) -> Vec<u8>;
    let damages: [(&str, Damage); 4] = [
        ("cut in half", |bytes| bytes[..bytes.len() / 2].to_vec()),
        ("header alone", |bytes| bytes[..32].to_vec()),
        ("zeroes, as after a power loss", |bytes| vec![0; bytes.len()]),
        ("zeroes behind the header", |bytes| [&bytes[..32], &vec![0; bytes.len() - 32]].concat()),
    ];
    for (name, damage) in damages {
        let folder = three_rows().await;
        let head = &table_files(&folder, "_versions", "manifest")[0];
        fs::write(head, damage(&fs::read(head).unwrap())).unwrap();
        let opened = open(folder.path()).await;
        assert!(!opened.fresh, "{name}");
        assert!(opened.recovered.is_some(), "{name}");
        assert_eq!(chunks_of(&opened.index, "d1").await, ["c0", "c1"], "{name}");
    }
}

#[tokio::test]
async fn a_cut_or_lost_data_file_costs_the_versions_that_need_it() {
    for lost in [false, true] {
        let folder = three_rows().await;
        let mut data = table_files(&folder, "data", "lance");
        assert_eq!(data.len(), 3);
        data.sort_by_key(|file| fs::metadata(file).unwrap().modified().unwrap());
        let newest = data.last().unwrap();
        if lost {
            fs::remove_file(newest).unwrap();
        } else {
            let bytes = fs::read(newest).unwrap();
            fs::write(newest, &bytes[..bytes.len() - 20]).unwrap();
        }
        let opened = open(folder.path()).await;
        assert!(!opened.fresh);
        assert!(opened.recovered.is_some());
        assert_eq!(chunks_of(&opened.index, "d1").await, ["c0", "c1"]);
        assert_eq!(ids(&find(&opened.index, "word1").await), ["c1"]);
    }
}

#[tokio::test]
async fn an_index_damaged_beyond_repair_starts_again() {
    let folder = three_rows().await;
    for manifest in table_files(&folder, "_versions", "manifest") {
        fs::write(manifest, b"").unwrap();
    }
    let opened = open(folder.path()).await;
    assert!(opened.fresh);
    assert!(opened.recovered.unwrap().contains("beyond repair"));
    assert_eq!(opened.index.count().await.unwrap(), 0);
    assert!(set_aside(&folder).iter().any(|name| name.ends_with(".lance")), "the old data was deleted");

    opened.index.apply(vec![chunk("c0", "d1", "word0")], vec![]).await.unwrap();
    drop(opened.index);
    let opened = open(folder.path()).await;
    assert!(!opened.fresh);
    assert_eq!(opened.recovered, None);
    assert_eq!(ids(&find(&opened.index, "word0").await), ["c0"]);
}

#[tokio::test]
async fn a_damaged_word_index_is_built_again_and_no_row_is_lost() {
    let folder = three_rows().await;
    let index = open(folder.path()).await.index;
    let now = molt_lance::Upkeep { unindexed_rows: 1, ..Default::default() };
    index.keep_up(&now).await.unwrap();
    drop(index);
    let words = table_files(&folder, "_indices", "lance");
    assert!(!words.is_empty());
    for file in words {
        fs::write(file, b"").unwrap();
    }
    let opened = open(folder.path()).await;
    assert!(!opened.fresh);
    assert_eq!(opened.index.count().await.unwrap(), 3);
    assert_eq!(find(&opened.index, "共同").await.len(), 3);
    opened.index.keep_up(&now).await.unwrap();
    assert_eq!(ids(&find(&opened.index, "word1").await), ["c1"]);
    assert_eq!(find(&opened.index, "共同").await.len(), 3);
}

#[tokio::test]
async fn leftovers_of_a_killed_writer_are_swept_at_the_start() {
    let folder = three_rows().await;
    let table = folder.path().join("1/chunks.lance");
    for leftover in ["data/x.lance#1", "_versions/18446744073709551600.manifest#2", ".tmpXY"] {
        fs::write(table.join(leftover), b"half").unwrap();
    }
    let opened = open(folder.path()).await;
    assert_eq!(opened.recovered, None);
    assert_eq!(opened.index.count().await.unwrap(), 3);
    assert_all_sealed(folder.path());
}

#[cfg(unix)]
#[tokio::test]
async fn a_folder_that_may_not_be_written_is_told_of_and_left_alone() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("index");
    fs::write(&file, b"in the way").unwrap();
    let error = molt_lance::LanceIndex::open(&file, super::key(), None).await.unwrap_err().to_string();
    assert!(error.starts_with("the search index: it could not be opened"), "{error}");
    assert_eq!(fs::read(&file).unwrap(), b"in the way");
}

#[tokio::test]
async fn damage_that_a_question_meets_is_told_from_other_failures() {
    let folder = three_rows().await;
    let index = open(folder.path()).await.index;
    for data in table_files(&folder, "data", "lance") {
        let mut content = fs::read(&data).unwrap();
        let middle = content.len() / 2;
        content[middle..].fill(0);
        fs::write(data, content).unwrap();
    }
    let error = index.search_words("word1", &IndexFilter::default(), 10).await.unwrap_err();
    assert!(error.is_damage(), "{error}");
    for data in table_files(&folder, "data", "lance") {
        fs::remove_file(data).unwrap();
    }
    let error = index.search_words("word1", &IndexFilter::default(), 10).await.unwrap_err();
    assert!(error.is_damage(), "{error}");
}
