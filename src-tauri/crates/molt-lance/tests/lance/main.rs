//! The index on the real LanceDB, through our own object store.

// A test that meets an unexpected value should fail on the spot.
#![allow(clippy::unwrap_used)]

mod damage;
mod erase;
mod kill;
mod search;
mod secrecy;
mod spaces;
mod torture;
mod upkeep;

use std::{
    fs,
    path::{Path, PathBuf},
};

use molt_core::{ChunkId, IndexChunk, IndexFilter, IndexHit, PassageIndex};
use molt_lance::{LanceIndex, Opened, VectorSpace};
use molt_seal::Key;

fn key() -> Option<Key> {
    Some(Key::new(&[7; molt_seal::KEY]))
}

/// Opens for words alone.
async fn open(folder: &Path) -> Opened {
    LanceIndex::open(folder, key(), None).await.unwrap()
}

fn space(model: &str, dimension: u32) -> Option<VectorSpace> {
    Some(VectorSpace { model: model.to_owned(), dimension })
}

fn chunk(id: &str, document: &str, text: &str) -> IndexChunk {
    IndexChunk {
        id: id.into(),
        document_id: document.into(),
        source_id: "s1".into(),
        text: text.to_owned(),
        vector: None,
    }
}

fn with_vector(id: &str, vector: &[f32]) -> IndexChunk {
    IndexChunk { vector: Some(vector.to_vec()), ..chunk(id, "d1", "text") }
}

fn ids(hits: &[IndexHit]) -> Vec<&str> {
    hits.iter().map(|hit| hit.id.as_str()).collect()
}

async fn find(index: &LanceIndex, query: &str) -> Vec<IndexHit> {
    index.search_words(query, &IndexFilter::default(), 10).await.unwrap()
}

async fn chunks_of(index: &LanceIndex, document: &str) -> Vec<String> {
    let ids = index.chunk_ids(&document.into()).await.unwrap();
    let mut ids: Vec<_> = ids.into_iter().map(|ChunkId(id)| id).collect();
    ids.sort();
    ids
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn assert_all_sealed(folder: &Path) {
    let files = files(folder);
    assert!(!files.is_empty());
    for file in files {
        let start = fs::read(&file).unwrap();
        assert!(start.starts_with(b"MOLT1"), "{} was not written by our store", file.display());
    }
}
