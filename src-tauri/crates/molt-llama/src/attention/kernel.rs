//! Attention of some queries over all keys and values, without ever holding all scores: "FlashAttention" (Dao et al. 2022), for processors.
//!
//! Owns the arithmetic; it must not know llama.cpp. Heads that share keys and values are computed together, so that these are read and
//! widened once. Where there are many queries, a vector holds one number of each: no sum goes across a vector then, and nothing is laid
//! out anew but the queries. Where there are few, as when an answer is written, a vector holds numbers of one query.

use super::{
    lanes::*,
    product::{Matrix, product},
};

/// Keys that are scored in one go.
const TILE: usize = 64;
/// Queries that are computed in one go at most.
pub const BLOCK: usize = 64;
/// Up to so many queries go one by one.
const FEW: usize = 8;
/// Below every score, and still a number.
const LOWEST: f32 = -1e30;

/// The bits of the 16-bit floats 0 and -∞.
const SEEN: u16 = 0;
const HIDDEN: u16 = 0xfc00;

/// One row of numbers after the other, `stride` bytes apart.
#[derive(Debug, Clone, Copy)]
pub struct Grid {
    pub start: *const u8,
    /// Bytes from one token to the next.
    pub token: usize,
    /// Bytes from one head to the next.
    pub head: usize,
}

impl Grid {
    unsafe fn at<T>(self, token: usize, head: usize) -> *const T {
        unsafe { self.start.add(token * self.token + head * self.head).cast() }
    }
}

/// What is to be computed: for each query and each of its heads the mean of the values, weighted by the softmax of
/// `scale · query · key + mask`.
#[derive(Debug, Clone, Copy)]
pub struct Attention {
    /// 32-bit floats, `key_size` of each.
    pub queries: Grid,
    /// 16-bit floats, `key_size` of each.
    pub keys: Grid,
    /// 16-bit floats, `value_size` of each.
    pub values: Grid,
    /// 16-bit floats for each query, one for each key. None: every key counts.
    pub mask: Option<Grid>,
    /// 32-bit floats: for each query each head's `value_size`.
    pub output: *mut f32,
    pub scale: f32,
    pub query_count: usize,
    pub key_count: usize,
    pub heads: usize,
    /// Heads of the keys and values; divides `heads`.
    pub key_heads: usize,
    /// Multiples of [`LANES`].
    pub key_size: usize,
    pub value_size: usize,
}

/// Queries of the heads that share the keys and values of `key_head`: rows `first..first + count` of all of them, one head after the other.
#[derive(Debug, Clone, Copy)]
pub struct Block {
    pub key_head: usize,
    pub first: usize,
    pub count: usize,
}

/// A part of the keys.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    pub from: usize,
    pub to: usize,
}

/// What is seen of some keys.
struct Seen {
    /// Nobody sees those behind. They need not be read, and memory that nothing was written to yet is not looked at.
    count: usize,
    /// Some query does not see all of them as they are.
    is_mixed: bool,
}

impl Attention {
    /// Rows for each head of the keys.
    pub fn rows(&self) -> usize {
        self.heads / self.key_heads * self.query_count
    }

    /// Whether the rows of a head are so few that they go one by one.
    pub fn is_few(&self) -> bool {
        self.rows() <= FEW
    }

    /// Numbers of the working space that [`Self::many`] and [`Self::few`] need.
    pub fn space(&self) -> usize {
        BLOCK * (self.key_size + self.value_size + TILE + 4) + TILE * (self.key_size + self.value_size)
    }

    /// Query and head of a row.
    fn place(&self, block: Block, row: usize) -> (usize, usize) {
        let row = block.first + row;
        let heads = self.heads / self.key_heads;
        (row % self.query_count, block.key_head * heads + row / self.query_count)
    }

    unsafe fn mask(&self, query: usize, key: usize) -> Option<*const u16> {
        unsafe { self.mask.map(|mask| mask.at::<u16>(query, 0).add(key)) }
    }

    /// The outputs of a block, over all keys.
    ///
    /// # Safety
    /// The grids are as large as the sizes say, `space` has room for [`Self::space`] numbers, and nobody else writes to these outputs.
    pub unsafe fn many(&self, block: Block, space: *mut f32) {
        unsafe {
            let width = block.count.next_multiple_of(LANES);
            let mut rest = space;
            let mut take = |count: usize| {
                let part = rest;
                rest = rest.add(count);
                part
            };
            let queries = take(self.key_size * width);
            let sums = take(self.value_size * width);
            let scores = take(TILE * width);
            let keys = take(TILE * self.key_size);
            let values = take(TILE * self.value_size);
            let (highest, total, factor) = (take(width), take(width), take(width));

            for row in 0..width {
                for number in 0..self.key_size {
                    let value = if row < block.count {
                        let (query, head) = self.place(block, row);
                        *self.queries.at::<f32>(query, head).add(number) * self.scale
                    } else {
                        0.0
                    };
                    *queries.add(number * width + row) = value;
                }
                *highest.add(row) = LOWEST;
                *total.add(row) = 0.0;
            }
            std::ptr::write_bytes(sums, 0, self.value_size * width);

            for from in (0..self.key_count).step_by(TILE) {
                let count = TILE.min(self.key_count - from);
                let Some(Seen { count, is_mixed }) = self.seen(block, from, count) else { continue };
                for key in 0..count {
                    widen_row(self.keys.at(from + key, block.key_head), keys.add(key * self.key_size), self.key_size);
                    widen_row(
                        self.values.at(from + key, block.key_head),
                        values.add(key * self.value_size),
                        self.value_size,
                    );
                }
                std::ptr::write_bytes(scores, 0, count * width);
                product(
                    Matrix { start: keys, row: self.key_size, column: 1 },
                    queries,
                    scores,
                    [count, self.key_size, width],
                );
                if is_mixed {
                    self.hide(block, from, count, scores, width);
                }
                let rose = weigh(scores, count, width, highest, total, factor);
                if rose {
                    for number in 0..self.value_size {
                        multiply_row(sums.add(number * width), factor, width);
                    }
                }
                product(
                    Matrix { start: values, row: 1, column: self.value_size },
                    scores,
                    sums,
                    [self.value_size, count, width],
                );
            }
            for row in 0..block.count {
                let (query, head) = self.place(block, row);
                let output = self.output.add((query * self.heads + head) * self.value_size);
                let total = *total.add(row);
                let share = if total > 0.0 { 1.0 / total } else { 0.0 };
                for number in 0..self.value_size {
                    *output.add(number) = *sums.add(number * width + row) * share;
                }
            }
        }
    }

    /// What the queries of a block see of these keys; None when no query sees any.
    unsafe fn seen(&self, block: Block, from: usize, count: usize) -> Option<Seen> {
        unsafe {
            let (mut all_seen, mut last) = (true, 0);
            for row in 0..block.count.min(self.query_count) {
                let (query, _) = self.place(block, row);
                let Some(mask) = self.mask(query, from) else { return Some(Seen { count, is_mixed: false }) };
                let (mut seen, mut hidden) = (true, true);
                for key in 0..count {
                    let bits = *mask.add(key);
                    seen &= bits == SEEN;
                    hidden &= bits == HIDDEN;
                }
                all_seen &= seen;
                if !hidden {
                    last = (last..count).rev().find(|&key| *mask.add(key) != HIDDEN).map_or(last, |key| key + 1);
                }
            }
            (last > 0).then_some(Seen { count: last, is_mixed: !all_seen })
        }
    }

    /// Adds the mask to the scores.
    unsafe fn hide(&self, block: Block, from: usize, count: usize, scores: *mut f32, width: usize) {
        unsafe {
            for row in 0..block.count {
                let (query, _) = self.place(block, row);
                let Some(mask) = self.mask(query, from) else { return };
                for key in 0..count {
                    match *mask.add(key) {
                        SEEN => {}
                        bits => *scores.add(key * width + row) += widen_one(bits),
                    }
                }
            }
        }
    }

    /// What a few rows come to over a part of the keys: for each row the highest score, the sum of weights, and the weighted sum of values,
    /// `2 + value_size` numbers at `stride` from each other.
    ///
    /// # Safety
    /// As for [`Self::many`]; `partial` has room for the rows.
    pub unsafe fn few(&self, block: Block, span: Span, partial: *mut f32, stride: usize, space: *mut f32) {
        unsafe {
            let queries = space;
            let scores = queries.add(FEW * self.key_size);
            for row in 0..block.count {
                let (query, head) = self.place(block, row);
                let from = self.queries.at::<f32>(query, head);
                for at in (0..self.key_size).step_by(LANES) {
                    store(queries.add(row * self.key_size + at), multiply(load(from.add(at)), splat(self.scale)));
                }
                let result = partial.add(row * stride);
                *result = LOWEST;
                *result.add(1) = 0.0;
                std::ptr::write_bytes(result.add(2), 0, self.value_size);
            }
            for from in (span.from..span.to).step_by(TILE) {
                let count = TILE.min(span.to - from);
                let Some(Seen { count, .. }) = self.seen(block, from, count) else { continue };
                macro_rules! by_rows {
                    ($($rows:literal)*) => {
                        match block.count {
                            $($rows => {
                                self.score::<$rows>(block, from, count, queries, scores);
                                self.weigh_few::<$rows>(block, from, count, scores, partial, stride);
                                self.add_values::<$rows>(block, from, count, scores, partial, stride);
                            })*
                            _ => unreachable!("a few rows are at most {FEW}"),
                        }
                    };
                }
                by_rows!(1 2 3 4 5 6 7 8);
            }
        }
    }

    unsafe fn score<const R: usize>(
        &self,
        block: Block,
        from: usize,
        count: usize,
        queries: *const f32,
        scores: *mut f32,
    ) {
        unsafe {
            for key in 0..count {
                let numbers: *const u16 = self.keys.at(from + key, block.key_head);
                let mut sums = [splat(0.0); R];
                for at in (0..self.key_size).step_by(LANES) {
                    let key = widen(numbers.add(at));
                    for (row, sum) in sums.iter_mut().enumerate() {
                        *sum = multiply_add(key, load(queries.add(row * self.key_size + at)), *sum);
                    }
                }
                for (row, value) in sums.into_iter().enumerate() {
                    *scores.add(row * TILE + key) = sum(value);
                }
            }
        }
    }

    unsafe fn weigh_few<const R: usize>(
        &self,
        block: Block,
        from: usize,
        count: usize,
        scores: *mut f32,
        partial: *mut f32,
        stride: usize,
    ) {
        unsafe {
            for row in 0..R {
                let scores = scores.add(row * TILE);
                let result = partial.add(row * stride);
                let (query, _) = self.place(block, row);
                if let Some(mask) = self.mask(query, from) {
                    for key in 0..count {
                        match *mask.add(key) {
                            SEEN => {}
                            bits => *scores.add(key) += widen_one(bits),
                        }
                    }
                }
                // What lies behind the last key counts nothing.
                for key in count..count.next_multiple_of(LANES) {
                    *scores.add(key) = f32::NEG_INFINITY;
                }
                let mut highest = splat(*result);
                for at in (0..count).step_by(LANES) {
                    highest = larger(highest, load(scores.add(at)));
                }
                let highest = largest(highest);
                let factor = (*result - highest).exp();
                let mut total = splat(0.0);
                for at in (0..count).step_by(LANES) {
                    let weight = exponential(subtract(load(scores.add(at)), splat(highest)));
                    store(scores.add(at), weight);
                    total = add(total, weight);
                }
                *result.add(1) = *result.add(1) * factor + sum(total);
                if highest > *result {
                    for at in (0..self.value_size).step_by(LANES) {
                        let value = result.add(2 + at);
                        store(value, multiply(load(value), splat(factor)));
                    }
                    *result = highest;
                }
            }
        }
    }

    unsafe fn add_values<const R: usize>(
        &self,
        block: Block,
        from: usize,
        count: usize,
        weights: *const f32,
        partial: *mut f32,
        stride: usize,
    ) {
        unsafe {
            let mut at = 0;
            // Two vectors side by side, so that enough sums are under way, where they fit the registers.
            while (R <= 4 || LANES == 16) && at + 2 * LANES <= self.value_size {
                self.add_columns::<R, 2>(block, from, count, weights, partial.add(2 + at), stride, at);
                at += 2 * LANES;
            }
            while at < self.value_size {
                self.add_columns::<R, 1>(block, from, count, weights, partial.add(2 + at), stride, at);
                at += LANES;
            }
        }
    }

    #[inline(always)]
    #[expect(clippy::too_many_arguments, reason = "the inner loop of its one caller")]
    unsafe fn add_columns<const R: usize, const C: usize>(
        &self,
        block: Block,
        from: usize,
        count: usize,
        weights: *const f32,
        results: *mut f32,
        stride: usize,
        at: usize,
    ) {
        unsafe {
            let mut sums = [[splat(0.0); C]; R];
            for (row, sums) in sums.iter_mut().enumerate() {
                for (column, sum) in sums.iter_mut().enumerate() {
                    *sum = load(results.add(row * stride + column * LANES));
                }
            }
            for key in 0..count {
                let numbers: *const u16 = self.values.at(from + key, block.key_head);
                let mut values = [splat(0.0); C];
                for (column, value) in values.iter_mut().enumerate() {
                    *value = widen(numbers.add(at + column * LANES));
                }
                for (row, sums) in sums.iter_mut().enumerate() {
                    let weight = splat(*weights.add(row * TILE + key));
                    for (sum, value) in sums.iter_mut().zip(values) {
                        *sum = multiply_add(weight, value, *sum);
                    }
                }
            }
            for (row, sums) in sums.into_iter().enumerate() {
                for (column, sum) in sums.into_iter().enumerate() {
                    store(results.add(row * stride + column * LANES), sum);
                }
            }
        }
    }

    /// Joins what parts of the keys came to, `step` numbers from each other, into the output of a row.
    ///
    /// # Safety
    /// As for [`Self::few`], with `parts` partial results.
    pub unsafe fn join(&self, block: Block, row: usize, partial: *const f32, parts: usize, step: usize) {
        unsafe {
            let (query, head) = self.place(block, row);
            let output = self.output.add((query * self.heads + head) * self.value_size);
            let highest = (0..parts).map(|part| *partial.add(part * step)).fold(LOWEST, f32::max);
            let total: f32 = (0..parts)
                .map(|part| (*partial.add(part * step) - highest).exp() * *partial.add(part * step + 1))
                .sum();
            let share = if total > 0.0 { 1.0 / total } else { 0.0 };
            std::ptr::write_bytes(output, 0, self.value_size);
            for part in 0..parts {
                let partial = partial.add(part * step);
                let weight = splat((*partial - highest).exp() * share);
                for at in (0..self.value_size).step_by(LANES) {
                    let sum = multiply_add(weight, load(partial.add(2 + at)), load(output.add(at)));
                    store(output.add(at), sum);
                }
            }
        }
    }
}

/// Turns the scores of a tile into weights, each column by its highest score so far. `factor` is what earlier sums shrink by; false when
/// none does.
unsafe fn weigh(
    scores: *mut f32,
    count: usize,
    width: usize,
    highest: *mut f32,
    total: *mut f32,
    factor: *mut f32,
) -> bool {
    unsafe {
        let mut rose = false;
        for at in (0..width).step_by(LANES) {
            let before = load(highest.add(at));
            let mut high = before;
            for key in 0..count {
                high = larger(high, load(scores.add(key * width + at)));
            }
            let mut sum = splat(0.0);
            for key in 0..count {
                let score = scores.add(key * width + at);
                let weight = exponential(subtract(load(score), high));
                store(score, weight);
                sum = add(sum, weight);
            }
            let shrink = exponential(subtract(before, high));
            store(total.add(at), multiply_add(load(total.add(at)), shrink, sum));
            store(highest.add(at), high);
            store(factor.add(at), shrink);
            rose |= largest(subtract(high, before)) > 0.0;
        }
        rose
    }
}

unsafe fn multiply_row(row: *mut f32, by: *const f32, width: usize) {
    unsafe {
        for at in (0..width).step_by(LANES) {
            store(row.add(at), multiply(load(row.add(at)), load(by.add(at))));
        }
    }
}

unsafe fn widen_row(from: *const u16, to: *mut f32, count: usize) {
    unsafe {
        for at in (0..count).step_by(LANES) {
            store(to.add(at), widen(from.add(at)));
        }
    }
}

unsafe fn widen_one(bits: u16) -> f32 {
    unsafe {
        let mut from = [0; LANES];
        from[0] = bits;
        let mut to = [0.0; LANES];
        store(to.as_mut_ptr(), widen(from.as_ptr()));
        to[0]
    }
}
