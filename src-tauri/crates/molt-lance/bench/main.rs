//! What the index costs on this machine: `molt-lance-bench FOLDER DATA SIZE`, started by `tests/bench/knowledge/stores.py`, which makes the
//! data and says what is done. Prints times, hits, memory and disk as JSON.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use molt_core::{ChunkId, IndexChunk, IndexFilter, PassageIndex};
use molt_lance::{LanceIndex, Upkeep, VectorSpace};
use molt_seal::Key;
use serde_json::json;

const DIMENSION: usize = 384;
const UPDATES: usize = 200;
/// Chunks of a document.
const CHUNKS: usize = 10;
/// As the library does it: chunks in a commit, and commits after which the index is maintained.
const BATCH: usize = 256;
const COMMITS: usize = 32;
const HITS: usize = 10;

type Failure = Box<dyn std::error::Error>;

struct Data {
    vectors: Vec<f32>,
    texts: Vec<String>,
}

impl Data {
    fn chunk(&self, id: String, row: usize) -> IndexChunk {
        IndexChunk {
            id: ChunkId(id),
            document_id: format!("d{}", row / CHUNKS).as_str().into(),
            source_id: "s".into(),
            text: self.texts[row].clone(),
            vector: Some(self.vectors[row * DIMENSION..(row + 1) * DIMENSION].to_vec()),
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, data, size] = &arguments[..] else { return Err("usage: molt-lance-bench FOLDER DATA SIZE".into()) };
    let (folder, path, size) = (Path::new(folder), Path::new(data), size.parse::<usize>()?);
    let list =
        |name: &str| -> Result<Vec<String>, Failure> { Ok(serde_json::from_slice(&fs::read(path.join(name))?)?) };
    let data = Data { vectors: floats(&path.join("vectors.f32"))?, texts: list("texts.json")? };
    let (queries, questions) = (floats(&path.join("queries.f32"))?, list("questions.json")?);

    forget_peak()?;
    let before = peak_memory()?;
    let space = VectorSpace { model: "bench".into(), dimension: DIMENSION as u32 };
    let index = LanceIndex::open(folder, Some(Key::new(&[7; molt_seal::KEY])), Some(space)).await?.index;
    let begun = Instant::now();
    for (at, first) in (0..size).step_by(BATCH).enumerate() {
        let rows = first..size.min(first + BATCH);
        index.apply(rows.map(|row| data.chunk(format!("c{row}"), row)).collect(), Vec::new()).await?;
        if (at + 1) % COMMITS == 0 {
            index.maintain().await?;
        }
    }
    index.maintain().await?;
    let add_seconds = begun.elapsed().as_secs_f64();

    let everything = IndexFilter::default();
    let (mut query_seconds, mut words_seconds, mut hits) = (Vec::new(), Vec::new(), Vec::new());
    for (vector, question) in queries.chunks(DIMENSION).zip(&questions) {
        let begun = Instant::now();
        let found = index.search_vector(vector, &everything, HITS).await?;
        query_seconds.push(begun.elapsed().as_secs_f64());
        hits.push(found.into_iter().map(|hit| hit.id.0).collect::<Vec<_>>());
        let begun = Instant::now();
        index.search_words(question, &everything, HITS).await?;
        words_seconds.push(begun.elapsed().as_secs_f64());
    }

    let mut update_seconds = Vec::new();
    let documents = size / CHUNKS;
    for update in 0..UPDATES {
        let rows = update % documents * CHUNKS..(update % documents + 1) * CHUNKS;
        let old = |row| match update.checked_sub(documents) {
            None => format!("c{row}"),
            Some(before) => format!("u{before}-{row}"),
        };
        let add = rows.clone().map(|row| data.chunk(format!("u{update}-{row}"), row)).collect();
        let remove = rows.map(|row| ChunkId(old(row))).collect();
        let begun = Instant::now();
        index.apply(add, remove).await?;
        update_seconds.push(begun.elapsed().as_secs_f64());
        // As often as between two bursts of edits.
        if (update + 1) % COMMITS == 0 {
            index.maintain().await?;
        }
    }
    if index.count().await? != size as u64 {
        return Err(format!("{} chunks are left of {size}", index.count().await?).into());
    }
    let begun = Instant::now();
    // As half an hour later, when nobody reads the old versions any more.
    let later = Upkeep { keep_versions: Duration::ZERO, prune_every: Duration::ZERO, ..Upkeep::default() };
    index.keep_up(&later).await?;
    let upkeep_seconds = begun.elapsed().as_secs_f64();
    let megabyte = f64::from(1 << 20);
    let figures = json!({
        "add_seconds": add_seconds, "query_seconds": query_seconds, "words_seconds": words_seconds, "hits": hits,
        "update_seconds": update_seconds, "upkeep_seconds": upkeep_seconds,
        "memory_mb": (peak_memory()? - before) as f64 / megabyte, "disk_mb": size_of(folder)? as f64 / megabyte,
    });
    println!("{figures}");
    Ok(())
}

fn floats(path: &Path) -> Result<Vec<f32>, Failure> {
    Ok(fs::read(path)?
        .chunks_exact(4)
        .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
        .collect())
}

/// From here on the peak is that of what follows, and not of reading the data.
fn forget_peak() -> Result<(), Failure> {
    Ok(fs::write("/proc/self/clear_refs", "5")?)
}

/// Peak resident memory of this process in bytes.
fn peak_memory() -> Result<u64, Failure> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}

fn size_of(folder: &Path) -> Result<u64, Failure> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let data = entry.metadata()?;
        bytes += if data.is_dir() { size_of(&entry.path())? } else { data.len() };
    }
    Ok(bytes)
}
