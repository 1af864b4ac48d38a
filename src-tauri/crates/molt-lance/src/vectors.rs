//! The vectors of all rows, packed in memory, so that a query compares them without reading the table.
//!
//! Of a vector its direction matters alone. Each number of a direction is kept in 16 bits, as a share of the largest one, in two planes:
//! the upper 8 bits of all rows lie together and are what a query reads (a megabyte for 2,700 vectors of length 384); the lower bits
//! settle the order of those that come closest.

use std::{
    cmp::Ordering,
    collections::{HashMap, HashSet},
    sync::Arc,
    thread,
};

use molt_core::{ChunkId, DocumentId, IndexChunk, IndexFilter, IndexHit};

use crate::{
    dot::{dot, dots},
    rows::has_direction,
};

/// Rows whose planes lie in one piece of memory.
const BLOCK: usize = 1024;
/// The largest number of a direction: 127 in the upper plane and 127 in the lower.
const LARGEST: f32 = 127.0 * 256.0 + 127.0;
/// Candidates by the upper plane and the coarse query for each hit that is wanted. What both leave out moves a cosine by some 0.0007.
const CANDIDATES: usize = 8;
/// Blocks from which on a second thread helps.
const MANY_BLOCKS: usize = 8;
const THREADS: usize = 2;

pub(crate) struct Vectors {
    dimension: usize,
    rows: Vec<Row>,
    places: HashMap<Arc<str>, usize>,
    sources: Vec<Arc<str>>,
    /// Of [`BLOCK`] rows each, the last not full: the upper planes, then the lower ones.
    blocks: Vec<Box<[i8]>>,
}

struct Row {
    chunk: Arc<str>,
    document: Arc<str>,
    /// Its place among `sources`.
    source: usize,
    /// What one step of 16 bits stands for.
    step: f32,
}

/// The rows that a filter lets through.
struct Meant<'a> {
    sources: Vec<bool>,
    /// None: all of them.
    documents: HashSet<&'a str>,
}

impl<'a> Meant<'a> {
    fn new(filter: &'a IndexFilter, sources: &[Arc<str>]) -> Self {
        let wanted = &filter.sources;
        let is_meant =
            |source: &Arc<str>| wanted.is_empty() || wanted.iter().any(|wanted| wanted.as_str() == &**source);
        Self {
            sources: sources.iter().map(is_meant).collect(),
            documents: filter.documents.iter().map(DocumentId::as_str).collect(),
        }
    }

    fn holds(&self, row: &Row) -> bool {
        self.sources[row.source] && (self.documents.is_empty() || self.documents.contains(&*row.document))
    }
}

/// One row to insert.
pub(crate) struct Entry<'a> {
    pub chunk: &'a str,
    pub document: &'a str,
    pub source: &'a str,
    pub vector: &'a [f32],
}

impl<'a> Entry<'a> {
    /// `None` for a chunk without a vector.
    pub fn of(chunk: &'a IndexChunk) -> Option<Self> {
        let vector = chunk.vector.as_deref()?;
        let (document, source) = (chunk.document_id.as_str(), chunk.source_id.as_str());
        Some(Self { chunk: chunk.id.as_str(), document, source, vector })
    }
}

impl Vectors {
    pub fn new(dimension: u32) -> Self {
        let dimension = dimension as usize;
        Self { dimension, rows: Vec::new(), places: HashMap::new(), sources: Vec::new(), blocks: Vec::new() }
    }

    /// Bytes that rows take, about.
    pub fn bytes(rows: usize, dimension: u32) -> usize {
        const IDS: usize = 200;
        rows * (2 * dimension as usize + IDS)
    }

    /// Adds a row, in place of the one of the same chunk. One whose vector has no direction is left out.
    pub fn insert(&mut self, entry: &Entry<'_>) {
        self.remove(entry.chunk);
        if !has_direction(entry.vector) {
            return;
        }
        let at = self.rows.len();
        if at == self.blocks.len() * BLOCK {
            self.blocks.push(vec![0; 2 * BLOCK * self.dimension].into());
        }
        let largest = entry.vector.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        let (high, low) = self.planes_mut(at);
        let mut square = 0.0;
        for ((value, high), low) in entry.vector.iter().zip(high).zip(low) {
            let packed = (value / largest * LARGEST).round() as i32;
            *high = ((packed + 128) >> 8) as i8;
            *low = (packed - (i32::from(*high) << 8)) as i8;
            square += f64::from(packed) * f64::from(packed);
        }
        // The chunks of a document come one after the other.
        let document = match self.rows.last() {
            Some(last) if *last.document == *entry.document => last.document.clone(),
            _ => entry.document.into(),
        };
        let source = self.sources.iter().position(|source| **source == *entry.source).unwrap_or_else(|| {
            self.sources.push(entry.source.into());
            self.sources.len() - 1
        });
        let chunk: Arc<str> = entry.chunk.into();
        self.places.insert(chunk.clone(), at);
        self.rows.push(Row { chunk, document, source, step: (1.0 / square.sqrt()) as f32 });
    }

    pub fn remove(&mut self, chunk: &str) {
        let Some(at) = self.places.remove(chunk) else { return };
        let last = self.rows.len() - 1;
        if at != last {
            let (high, low) = self.planes(last);
            let (high, low) = (high.to_vec(), low.to_vec());
            let (to_high, to_low) = self.planes_mut(at);
            to_high.copy_from_slice(&high);
            to_low.copy_from_slice(&low);
            self.places.insert(self.rows[last].chunk.clone(), at);
        }
        self.rows.swap_remove(at);
        self.blocks.truncate(self.rows.len().div_ceil(BLOCK));
    }

    pub fn remove_documents(&mut self, is_meant: impl Fn(&str) -> bool) {
        let meant = self.rows.iter().filter(|row| is_meant(&row.document));
        let chunks: Vec<_> = meant.map(|row| row.chunk.clone()).collect();
        chunks.iter().for_each(|chunk| self.remove(chunk));
    }

    /// The rows with the largest cosines to `query`, best first; equal ones in the order of their ids. `query` has a direction and
    /// the length of the others.
    pub fn nearest(&self, query: &[f32], filter: &IndexFilter, limit: usize) -> Vec<IndexHit> {
        let query = Query::new(query);
        let meant = Meant::new(filter, &self.sources);
        let candidates = |first: usize, blocks: &[Box<[i8]>]| self.candidates(&query, first, blocks, &meant, limit);
        let threads = if self.blocks.len() < MANY_BLOCKS { 1 } else { THREADS };
        let part = self.blocks.len().div_ceil(threads).max(1);
        let mut parts = self.blocks.chunks(part).enumerate().map(|(at, blocks)| (at * part, blocks));
        let near = thread::scope(|scope| {
            let candidates = &candidates;
            let own = parts.next();
            let others: Vec<_> = parts.map(|(first, blocks)| scope.spawn(move || candidates(first, blocks))).collect();
            let mut near = own.map_or_else(Vec::new, |(first, blocks)| candidates(first, blocks));
            for other in others {
                // A thread that panicked has told of it, and this is the same code.
                near.extend(other.join().unwrap_or_default());
            }
            near
        });
        let hit = |(_, at): (f32, usize)| {
            let (high, low) = self.planes(at);
            let row = &self.rows[at];
            let score = query.dot(high, low) * row.step;
            IndexHit { id: ChunkId::from(&*row.chunk), document_id: (&*row.document).into(), score }
        };
        let mut hits: Vec<_> = near.into_iter().map(hit).collect();
        hits.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.id.cmp(&b.id)));
        hits.truncate(limit);
        hits
    }

    /// The best rows of some blocks by their upper planes alone, in any order. `first`: the number of the first block.
    fn candidates(
        &self,
        query: &Query,
        first: usize,
        blocks: &[Box<[i8]>],
        meant: &Meant<'_>,
        limit: usize,
    ) -> Vec<(f32, usize)> {
        let wanted = limit.saturating_mul(CANDIDATES);
        let mut best: Vec<(f32, usize)> = Vec::new();
        let mut least = f32::NEG_INFINITY;
        let mut sums = [0; BLOCK];
        for (block, number) in blocks.iter().zip(first..) {
            let rows = &self.rows[number * BLOCK..self.rows.len().min((number + 1) * BLOCK)];
            if !rows.iter().any(|row| meant.holds(row)) {
                continue;
            }
            let sums = &mut sums[..rows.len()];
            dots(&query.coarse, block, sums);
            for ((row, sum), at) in rows.iter().zip(sums).zip(number * BLOCK..) {
                if !meant.holds(row) {
                    continue;
                }
                let score = query.of_coarse(*sum) * row.step;
                if score > least {
                    best.push((score, at));
                    if best.len() >= wanted.saturating_mul(2) {
                        least = cut(&mut best, wanted);
                    }
                }
            }
        }
        if best.len() > wanted {
            cut(&mut best, wanted);
        }
        best
    }

    fn place(&self, at: usize) -> (usize, usize, usize) {
        (at / BLOCK, at % BLOCK * self.dimension, self.dimension)
    }

    fn planes(&self, at: usize) -> (&[i8], &[i8]) {
        let (block, from, length) = self.place(at);
        let (high, low) = self.blocks[block].split_at(BLOCK * length);
        (&high[from..from + length], &low[from..from + length])
    }

    fn planes_mut(&mut self, at: usize) -> (&mut [i8], &mut [i8]) {
        let (block, from, length) = self.place(at);
        let (high, low) = self.blocks[block].split_at_mut(BLOCK * length);
        (&mut high[from..from + length], &mut low[from..from + length])
    }
}

/// Keeps the `wanted` best and returns the score of the last of them.
fn cut(best: &mut Vec<(f32, usize)>, wanted: usize) -> f32 {
    let better = |a: &(f32, usize), b: &(f32, usize)| -> Ordering { b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)) };
    let (_, last, _) = best.select_nth_unstable_by(wanted - 1, better);
    let least = last.0;
    best.truncate(wanted);
    least
}

/// A query's direction in whole numbers.
struct Query {
    /// In 8 bits.
    coarse: Vec<i8>,
    /// So small that no sum of products is too large for 32 bits.
    values: Vec<i16>,
    /// What one step of each stands for.
    coarse_step: f32,
    step: f32,
}

impl Query {
    fn new(vector: &[f32]) -> Self {
        let most = (i32::MAX as usize / (128 * vector.len())).min(i16::MAX as usize) as f32;
        let largest = vector.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        let scaled = |most: f32| vector.iter().map(move |value| (value / largest * most).round());
        let step =
            |most| (1.0 / scaled(most).map(|value| f64::from(value) * f64::from(value)).sum::<f64>().sqrt()) as f32;
        let coarse = f32::from(i8::MAX);
        Self {
            coarse: scaled(coarse).map(|value| value as i8).collect(),
            values: scaled(most).map(|value| value as i16).collect(),
            coarse_step: step(coarse),
            step: step(most),
        }
    }

    /// Of the products of the coarse query with an upper plane, in steps of the row.
    fn of_coarse(&self, sum: i32) -> f32 {
        sum as f32 * 256.0 * self.coarse_step
    }

    fn dot(&self, high: &[i8], low: &[i8]) -> f32 {
        let sum = (i64::from(dot(&self.values, high)) << 8) + i64::from(dot(&self.values, low));
        sum as f32 * self.step
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIMENSION: usize = 48;

    /// Whole numbers from -1000 to 1000, evenly drawn (SplitMix64).
    fn random(seed: u64, length: usize) -> Vec<f32> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut next = || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        };
        (0..length).map(|_| (next() % 2001) as f32 - 1000.0).collect()
    }

    fn cosine(a: &[f32], b: &[f32]) -> f64 {
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
        dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
    }

    fn insert(vectors: &mut Vectors, number: usize, vector: &[f32]) {
        let (chunk, document, source) = (format!("c{number}"), format!("d{}", number / 10), format!("s{}", number % 3));
        vectors.insert(&Entry { chunk: &chunk, document: &document, source: &source, vector });
    }

    /// What `nearest` should say of these rows, and that it does.
    fn compare(vectors: &Vectors, rows: &[(usize, Vec<f32>)], sources: &[&str]) {
        let wanted =
            IndexFilter { sources: sources.iter().map(|source| (*source).into()).collect(), ..IndexFilter::default() };
        let is_meant = |number: usize| sources.is_empty() || sources.contains(&format!("s{}", number % 3).as_str());
        for seed in 0..20 {
            let query = random(1_000_000 + seed, DIMENSION);
            let mut expected: Vec<_> = rows
                .iter()
                .filter(|(number, _)| is_meant(*number))
                .map(|(number, vector)| (cosine(vector, &query), format!("c{number}")))
                .collect();
            expected.sort_by(|a, b| b.0.total_cmp(&a.0));
            expected.truncate(10);
            let hits = vectors.nearest(&query, &wanted, 10);
            assert_eq!(
                hits.iter().map(|hit| hit.id.as_str()).collect::<Vec<_>>(),
                expected.iter().map(|(_, id)| id).collect::<Vec<_>>()
            );
            for (hit, (cosine, id)) in hits.iter().zip(&expected) {
                assert!((f64::from(hit.score) - cosine).abs() < 1e-4, "{} {cosine}", hit.score);
                let number: usize = id[1..].parse().unwrap();
                assert_eq!(hit.document_id.as_str(), format!("d{}", number / 10));
            }
        }
    }

    #[test]
    fn the_nearest_are_those_of_an_exact_comparison() {
        let mut vectors = Vectors::new(DIMENSION as u32);
        let mut rows: Vec<(usize, Vec<f32>)> = Vec::new();
        // More blocks than one thread takes.
        for number in 0..MANY_BLOCKS * BLOCK + 77 {
            rows.push((number, random(number as u64, DIMENSION)));
            insert(&mut vectors, number, &rows[number].1);
        }
        compare(&vectors, &rows, &[]);
        compare(&vectors, &rows, &["s1", "s2"]);
        // d3 holds c30 to c39, and these lie in s0, s1 and s2 by turns.
        let some =
            IndexFilter { sources: vec!["s1".into()], documents: vec!["d3".into(), "none".into(), "d70".into()] };
        let mut found: Vec<String> =
            vectors.nearest(&rows[0].1, &some, 10).iter().map(|hit| hit.id.to_string()).collect();
        found.sort_unstable();
        assert_eq!(found, ["c31", "c34", "c37", "c700", "c703", "c706", "c709"]);
        // Another order, other blocks: what goes is gone, what comes again is there once.
        for number in (0..rows.len()).filter(|number| number % 7 != 0) {
            vectors.remove(&format!("c{number}"));
        }
        rows.retain(|(number, _)| number % 7 == 0);
        vectors.remove("c1");
        compare(&vectors, &rows, &[]);
        vectors.remove_documents(|document| document.ends_with('7'));
        rows.retain(|(number, _)| number / 10 % 10 != 7);
        compare(&vectors, &rows, &["s0"]);
        for (number, vector) in &mut rows {
            *vector = random(*number as u64 + 500_000, DIMENSION);
            insert(&mut vectors, *number, vector);
        }
        compare(&vectors, &rows, &[]);
        assert_eq!((vectors.rows.len(), vectors.places.len()), (rows.len(), rows.len()));
    }

    #[test]
    fn length_does_not_matter_and_extremes_fit() {
        let mut vectors = Vectors::new(2);
        insert(&mut vectors, 0, &[1e-30, 0.0]);
        insert(&mut vectors, 1, &[-3e30, -3e30]);
        insert(&mut vectors, 2, &[0.0, 0.0]);
        let hits = vectors.nearest(&[1e20, 0.0], &IndexFilter::default(), 5);
        let scores: Vec<_> = hits.iter().map(|hit| (hit.id.as_str(), (hit.score * 1e4).round())).collect();
        assert_eq!(scores, [("c0", 1e4), ("c1", -7071.0)]);
        // Sums at their largest.
        let long = vec![1.0; 4096];
        let mut vectors = Vectors::new(4096);
        insert(&mut vectors, 0, &long);
        let negative: Vec<f32> = long.iter().map(|value| -value).collect();
        assert!((vectors.nearest(&negative, &IndexFilter::default(), 1)[0].score + 1.0).abs() < 1e-4);
        let none = IndexFilter { sources: vec!["none".into()], ..IndexFilter::default() };
        assert!(vectors.nearest(&long, &none, 1).is_empty());
        assert!(Vectors::new(3).nearest(&[1.0, 0.0, 0.0], &IndexFilter::default(), 1).is_empty());
    }
}
