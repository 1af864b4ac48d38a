//! Attention on a processor, in place of llama.cpp's.
//!
//! llama.cpp's own flash attention for processors computes query by query where there are fewer than 64, with sums of 16 bits, and without
//! flash attention the scores of all queries are written out; this one is as fast for one query as for many (`cargo xtask bench engine`).
//! The linker leads llama.cpp here (`build.rs`); what is not computed here goes back to llama.cpp. Owns the way from its tensors to
//! [`kernel`].
#![expect(unsafe_code, reason = "llama.cpp hands over tensors as pointers, and vectors are read through pointers")]

mod kernel;
mod lanes;
mod product;

use std::ffi::{c_int, c_void};

use llama_cpp_sys_2 as sys;

use self::{
    kernel::{Attention, BLOCK, Block, Grid, Span},
    lanes::LANES,
};

/// Fewer keys are not divided among threads.
const WORTH_DIVIDING: usize = 256;

/// `ggml_compute_params` of ggml-cpu-impl.h; the version of llama.cpp is pinned.
#[repr(C)]
pub struct Params {
    pub thread: c_int,
    threads: c_int,
    space_bytes: usize,
    space: *mut c_void,
    pub pool: *mut c_void,
    is_reference: bool,
}

unsafe extern "C" {
    fn __real_ggml_compute_forward_flash_attn_ext(params: *const Params, tensor: *mut sys::ggml_tensor);
    pub fn ggml_barrier(pool: *mut c_void);
    fn ggml_threadpool_chunk_set(pool: *mut c_void, value: c_int);
    fn ggml_threadpool_chunk_add(pool: *mut c_void, value: c_int) -> c_int;
}

/// Called by each thread of llama.cpp's pool with the same tensor.
#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_ggml_compute_forward_flash_attn_ext(params: *const Params, tensor: *mut sys::ggml_tensor) {
    // SAFETY: llama.cpp gives valid tensors whose sources are computed, and a working space for all threads, whose size is checked.
    unsafe {
        let pool = &*params;
        match attention(&*tensor).filter(|attention| !pool.is_reference && fits(attention, pool)) {
            Some(attention) => {
                #[cfg(test)]
                tests::CALLS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                if attention.is_few() { few(&attention, pool) } else { many(&attention, pool) }
            }
            None => __real_ggml_compute_forward_flash_attn_ext(params, tensor),
        }
    }
}

/// The attention that the tensor stands for, if it is of a kind that is computed here: nearly all models' is.
unsafe fn attention(tensor: &sys::ggml_tensor) -> Option<Attention> {
    unsafe {
        let [queries, keys, values] = [0, 1, 2].map(|source| &*tensor.src[source]);
        let mask = tensor.src[3].as_ref();
        let parameter = |at: usize| f32::from_bits(tensor.op_params[at].cast_unsigned());
        let (scale, bias, cap) = (parameter(0), parameter(1), parameter(2));
        let has_sinks = !tensor.src[4].is_null();

        let is_half = |tensor: &sys::ggml_tensor| tensor.type_ == sys::GGML_TYPE_F16 && tensor.nb[0] == 2;
        let is_one = |tensor: &sys::ggml_tensor| tensor.ne[3] == 1;
        let is_plain = queries.type_ == sys::GGML_TYPE_F32
            && queries.nb[0] == 4
            && is_half(keys)
            && is_half(values)
            && [queries, keys, values].into_iter().all(is_one)
            && keys.ne[2] == values.ne[2]
            && mask.is_none_or(|mask| is_half(mask) && mask.ne[2] == 1 && is_one(mask) && mask.ne[0] >= keys.ne[1]);
        let sizes = [queries.ne[0], values.ne[0], queries.ne[1], keys.ne[1], queries.ne[2], keys.ne[2]];
        let [key_size, value_size, query_count, key_count, heads, key_heads] = sizes.map(|size| size as usize);
        let is_even = key_size.is_multiple_of(LANES)
            && value_size.is_multiple_of(LANES)
            && key_heads > 0
            && heads.is_multiple_of(key_heads)
            && query_count > 0;
        if !is_plain || !is_even || has_sinks || bias != 0.0 || cap != 0.0 {
            return None;
        }
        let grid = |tensor: &sys::ggml_tensor| Grid {
            start: tensor.data.cast::<u8>().cast_const(),
            token: tensor.nb[1],
            head: tensor.nb[2],
        };
        Some(Attention {
            queries: grid(queries),
            keys: grid(keys),
            values: grid(values),
            mask: mask.map(grid),
            output: tensor.data.cast(),
            scale,
            query_count,
            key_count,
            heads,
            key_heads,
            key_size,
            value_size,
        })
    }
}

/// How the work for a few queries is divided: into parts of the keys.
fn parts(attention: &Attention, threads: usize) -> usize {
    if attention.key_heads.is_multiple_of(threads) || attention.key_count < WORTH_DIVIDING { 1 } else { threads }
}

/// Numbers of a partial result of a row.
fn partial(attention: &Attention) -> usize {
    attention.value_size + 2
}

/// Whether the working space is as large as is needed here.
fn fits(attention: &Attention, pool: &Params) -> bool {
    let threads = pool.threads as usize;
    let partials = if attention.is_few() {
        attention.heads * attention.query_count * parts(attention, threads) * partial(attention)
    } else {
        0
    };
    (threads * attention.space() + partials) * size_of::<f32>() <= pool.space_bytes
}

unsafe fn few(attention: &Attention, pool: &Params) {
    unsafe {
        let (thread, threads) = (pool.thread as usize, pool.threads as usize);
        let spaces: *mut f32 = pool.space.cast();
        let space = spaces.add(thread * attention.space());
        let partials = spaces.add(threads * attention.space());
        let (rows, size) = (attention.rows(), partial(attention));
        let parts = parts(attention, threads);
        let keys = attention.key_count.div_ceil(parts);
        let all = |key_head| Block { key_head, first: 0, count: rows };
        let of =
            |key_head: usize, row: usize, part: usize| partials.add(((key_head * rows + row) * parts + part) * size);
        for unit in (thread..attention.key_heads * parts).step_by(threads) {
            let (key_head, part) = (unit / parts, unit % parts);
            let span =
                Span { from: (part * keys).min(attention.key_count), to: ((part + 1) * keys).min(attention.key_count) };
            attention.few(all(key_head), span, of(key_head, 0, part), parts * size, space);
        }
        if parts > 1 {
            ggml_barrier(pool.pool);
        }
        // With one part each thread joins what it has computed itself.
        for key_head in 0..attention.key_heads {
            for row in 0..rows {
                let is_mine = if parts == 1 { key_head } else { key_head * rows + row } % threads == thread;
                if is_mine {
                    attention.join(all(key_head), row, of(key_head, row, 0), parts, size);
                }
            }
        }
    }
}

unsafe fn many(attention: &Attention, pool: &Params) {
    unsafe {
        let (thread, threads) = (pool.thread as usize, pool.threads as usize);
        let space = pool.space.cast::<f32>().add(thread * attention.space());
        let rows = attention.rows();
        // At least two blocks for each thread, so that none waits long for another.
        let largest = (rows * attention.key_heads / (2 * threads)).clamp(LANES, BLOCK);
        let blocks = rows.div_ceil(largest);
        let size = rows.div_ceil(blocks).next_multiple_of(LANES).min(BLOCK);
        let blocks = rows.div_ceil(size);

        if thread == 0 {
            ggml_threadpool_chunk_set(pool.pool, pool.threads);
        }
        ggml_barrier(pool.pool);
        let mut unit = thread;
        while unit < attention.key_heads * blocks {
            let first = unit % blocks * size;
            attention.many(Block { key_head: unit / blocks, first, count: size.min(rows - first) }, space);
            unit = ggml_threadpool_chunk_add(pool.pool, 1) as usize;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
        sync::atomic::{AtomicUsize, Ordering},
    };

    use super::*;

    /// Threads of llama.cpp that came here.
    pub static CALLS: AtomicUsize = AtomicUsize::new(0);

    /// Queries, keys and values of chance, and which query sees which key.
    struct Case {
        query_count: usize,
        key_count: usize,
        heads: usize,
        key_heads: usize,
        size: usize,
        /// For each query and key the bits of a 16-bit float.
        mask: Vec<u16>,
        queries: Vec<f32>,
        keys: Vec<u16>,
        values: Vec<u16>,
    }

    const SEEN: u16 = 0;
    const HIDDEN: u16 = 0xfc00;
    /// -1.5
    const LESS: u16 = 0xbe00;

    impl Case {
        fn new(name: u64, [query_count, key_count, heads, key_heads, size]: [usize; 5]) -> Self {
            let mut count = 0;
            let mut chance = || {
                count += 1;
                BuildHasherDefault::<DefaultHasher>::default().hash_one((name, count))
            };
            // Numbers from -2 to 2 with an exponent that both kinds of floats have.
            let mut number = || (chance() % 4096) as f32 / 1024.0 - 2.0;
            let queries = (0..query_count * heads * size).map(|_| number()).collect();
            let mut halves = || (0..key_count * key_heads * size).map(|_| half(number())).collect();
            let (keys, values) = (halves(), halves());
            // As in a conversation: each query sees what stands before it; and here and there a key is hidden, or counts less.
            let before = key_count - query_count;
            let mask = (0..query_count * key_count).map(|at| {
                let (query, key) = (at / key_count, at % key_count);
                let is_odd = name % 2 == 1;
                match chance() % 16 {
                    _ if key > before + query => HIDDEN,
                    0 if is_odd && key > 0 => HIDDEN,
                    1 if is_odd => LESS,
                    _ => SEEN,
                }
            });
            let mask = mask.collect();
            Self { query_count, key_count, heads, key_heads, size, mask, queries, keys, values }
        }

        fn scale(&self) -> f32 {
            1.0 / (self.size as f32).sqrt()
        }

        fn attention(&self, output: &mut [f32]) -> Attention {
            let halves = |numbers: &[u16]| Grid {
                start: numbers.as_ptr().cast(),
                token: self.key_heads * self.size * 2,
                head: self.size * 2,
            };
            Attention {
                queries: Grid {
                    start: self.queries.as_ptr().cast(),
                    token: self.heads * self.size * 4,
                    head: self.size * 4,
                },
                keys: halves(&self.keys),
                values: halves(&self.values),
                mask: Some(Grid { start: self.mask.as_ptr().cast(), token: self.key_count * 2, head: 0 }),
                output: output.as_mut_ptr(),
                scale: self.scale(),
                query_count: self.query_count,
                key_count: self.key_count,
                heads: self.heads,
                key_heads: self.key_heads,
                key_size: self.size,
                value_size: self.size,
            }
        }

        /// By the definition, in 64-bit floats.
        fn expected(&self) -> Vec<f32> {
            let mut output = Vec::new();
            for query in 0..self.query_count {
                for head in 0..self.heads {
                    let key_head = head / (self.heads / self.key_heads);
                    let row = |numbers: &[u16], key: usize| -> Vec<f64> {
                        let start = (key * self.key_heads + key_head) * self.size;
                        numbers[start..start + self.size].iter().map(|&bits| whole(bits)).collect()
                    };
                    let start = (query * self.heads + head) * self.size;
                    let asked = &self.queries[start..start + self.size];
                    let weights: Vec<f64> = (0..self.key_count)
                        .map(|key| {
                            let score: f64 = row(&self.keys, key)
                                .iter()
                                .zip(asked)
                                .map(|(key, &query)| key * f64::from(query))
                                .sum();
                            let mask = match self.mask[query * self.key_count + key] {
                                HIDDEN => f64::NEG_INFINITY,
                                bits => whole(bits),
                            };
                            score.mul_add(f64::from(self.scale()), mask).exp()
                        })
                        .collect();
                    let total: f64 = weights.iter().sum();
                    let mut sum = vec![0.0; self.size];
                    for (key, weight) in weights.iter().enumerate() {
                        for (sum, value) in sum.iter_mut().zip(row(&self.values, key)) {
                            *sum += weight / total * value;
                        }
                    }
                    output.extend(sum.iter().map(|&sum| sum as f32));
                }
            }
            output
        }
    }

    /// A 16-bit float; only for numbers that need no rounding.
    fn half(value: f32) -> u16 {
        if value == 0.0 {
            return 0;
        }
        let bits = value.to_bits();
        let exponent = (bits >> 23 & 0xff) - 127 + 15;
        (bits >> 16 & 0x8000 | exponent << 10 | bits >> 13 & 0x3ff) as u16
    }

    fn whole(bits: u16) -> f64 {
        if bits & 0x7fff == 0 {
            return 0.0;
        }
        let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
        sign * f64::from(1024 + (bits & 0x3ff)) * 2_f64.powi(i32::from(bits >> 10 & 0x1f) - 25)
    }

    fn assert_close(got: &[f32], expected: &[f32], what: &str) {
        let largest = got.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(largest < 1e-5, "{what}: off by {largest}");
    }

    /// Each thread in turn, with as many threads as there are.
    fn computed(case: &Case, blocks: usize) -> Vec<f32> {
        let mut output = vec![f32::NAN; case.query_count * case.heads * case.size];
        let attention = case.attention(&mut output);
        let mut space = vec![f32::NAN; attention.space()];
        let rows = attention.rows();
        let size = rows.div_ceil(blocks);
        for key_head in 0..case.key_heads {
            for first in (0..rows).step_by(size) {
                let block = Block { key_head, first, count: size.min(rows - first) };
                // SAFETY: the grids lie over the case's numbers, the space is as large as it says.
                unsafe { attention.many(block, space.as_mut_ptr()) };
            }
        }
        output
    }

    #[test]
    fn many_queries_give_what_the_definition_gives() {
        for (name, sizes, blocks) in [
            (1, [17, 17, 4, 2, 64], 1),
            (2, [30, 330, 4, 2, 128], 1),
            (3, [64, 256, 2, 1, 64], 2),
            (4, [21, 129, 6, 3, 80], 3),
            (5, [9, 1000, 3, 3, 96], 1),
        ] {
            let case = Case::new(name, sizes);
            assert_close(&computed(&case, blocks), &case.expected(), &format!("{sizes:?}"));
        }
    }

    #[test]
    fn few_queries_give_what_the_definition_gives_however_the_keys_are_divided() {
        for (name, sizes) in [
            (1, [1, 1, 4, 2, 64]),
            (2, [1, 700, 16, 8, 128]),
            (3, [2, 257, 8, 2, 64]),
            (4, [1, 90, 7, 1, 80]),
            (5, [4, 512, 6, 3, 96]),
            (6, [1, 65, 5, 1, 256]),
            (7, [3, 66, 2, 1, 112]),
        ] {
            let case = Case::new(name, sizes);
            for parts in [1, 2, 3, 7] {
                let mut output = vec![f32::NAN; case.query_count * case.heads * case.size];
                let attention = case.attention(&mut output);
                assert!(attention.is_few(), "{sizes:?}");
                let (rows, size) = (attention.rows(), partial(&attention));
                let mut space = vec![f32::NAN; attention.space()];
                let mut partials = vec![f32::NAN; rows * parts * size];
                for key_head in 0..case.key_heads {
                    let block = Block { key_head, first: 0, count: rows };
                    let keys = case.key_count.div_ceil(parts);
                    for part in 0..parts {
                        let end = |part: usize| (part * keys).min(case.key_count);
                        let span = Span { from: end(part), to: end(part + 1) };
                        // SAFETY: as above, and there is room for each row's and each part's result.
                        unsafe {
                            let partial = partials.as_mut_ptr().add(part * size);
                            attention.few(block, span, partial, parts * size, space.as_mut_ptr());
                        }
                    }
                    for row in 0..rows {
                        // SAFETY: as above.
                        unsafe { attention.join(block, row, partials.as_ptr().add(row * parts * size), parts, size) };
                    }
                }
                assert_close(&output, &case.expected(), &format!("{sizes:?} in {parts} parts"));
            }
        }
    }

    #[test]
    fn llama_cpp_comes_here_with_its_tensors() {
        const THREADS: usize = 2;
        for (name, sizes) in [(2, [1, 700, 6, 3, 128]), (4, [30, 330, 4, 2, 64])] {
            let case = Case::new(name, sizes);
            let [query_count, key_count, heads, key_heads, size] = sizes.map(|size| size as i64);
            let calls = CALLS.load(Ordering::Relaxed);
            // SAFETY: the tensors are as large as the case's numbers, which outlive the context.
            let output = unsafe {
                let context = sys::ggml_init(sys::ggml_init_params {
                    mem_size: 64 << 20,
                    mem_buffer: std::ptr::null_mut(),
                    no_alloc: false,
                });
                let put = |kind, shape: [i64; 3], data: *const c_void, bytes: usize| {
                    let tensor = sys::ggml_new_tensor_3d(context, kind, shape[0], shape[1], shape[2]);
                    std::ptr::copy_nonoverlapping(data.cast::<u8>(), (*tensor).data.cast::<u8>(), bytes);
                    tensor
                };
                let by_head = |tensor| sys::ggml_permute(context, tensor, 0, 2, 1, 3);
                let halves = |numbers: &[u16], shape| {
                    put(sys::GGML_TYPE_F16, shape, numbers.as_ptr().cast(), size_of_val(numbers))
                };
                let queries = put(
                    sys::GGML_TYPE_F32,
                    [size, heads, query_count],
                    case.queries.as_ptr().cast(),
                    size_of_val(case.queries.as_slice()),
                );
                let keys = halves(&case.keys, [size, key_heads, key_count]);
                let values = halves(&case.values, [size, key_heads, key_count]);
                let mask = halves(&case.mask, [key_count, query_count, 1]);
                let result = sys::ggml_flash_attn_ext(
                    context,
                    by_head(queries),
                    by_head(keys),
                    by_head(values),
                    mask,
                    case.scale(),
                    0.0,
                    0.0,
                );
                let graph = sys::ggml_new_graph(context);
                sys::ggml_build_forward_expand(graph, result);
                sys::ggml_graph_compute_with_ctx(context, graph, THREADS as c_int);
                let numbers = (*result).data.cast::<f32>().cast_const();
                let output = std::slice::from_raw_parts(numbers, case.queries.len()).to_vec();
                sys::ggml_free(context);
                output
            };
            assert!(CALLS.load(Ordering::Relaxed) >= calls + THREADS, "each thread comes once");
            assert_close(&output, &case.expected(), &format!("{sizes:?}"));
        }
    }

    #[test]
    fn a_query_that_sees_nothing_comes_to_zero() {
        let mut case = Case::new(2, [20, 64, 2, 1, 64]);
        case.mask[..64].fill(HIDDEN);
        let output = computed(&case, 1);
        assert!(output[..2 * 64].iter().all(|&number| number == 0.0), "nothing was seen");
        assert_close(&output[2 * 64..], &case.expected()[2 * 64..], "the others");
    }

    #[test]
    fn scores_far_apart_stay_numbers() {
        let mut case = Case::new(4, [16, 128, 1, 1, 64]);
        for query in &mut case.queries {
            *query *= 300.0;
        }
        assert_close(&computed(&case, 1), &case.expected(), "far apart");
    }
}
