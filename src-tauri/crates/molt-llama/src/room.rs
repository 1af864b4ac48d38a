//! Memory for keys and values is taken a step at a time, before they are written.
//!
//! The room of a conversation is empty memory (`src/blank.rs`). Taken page by page, by all threads at once, it costs some 3 % of reading a
//! prompt with 1.7 billion weights and more with fewer: each page is a fault of its own, and the threads wait for each other in the kernel.
//! So the system is asked for a step of it in one call. The linker leads llama.cpp here (`build.rs`).
#![expect(
    unsafe_code,
    reason = "llama.cpp hands over tensors as pointers, and the system is told by a function of the C library"
)]

use std::{
    ffi::{c_int, c_void},
    ops::Range,
};

use llama_cpp_sys_2 as sys;

use crate::attention::{Params, ggml_barrier};

/// Bytes: a multiple of every size of pages that Linux has. So much may be taken in vain for each layer's keys, and for its values.
const STEP: usize = 64 << 10;
/// Bytes of a page of x86-64.
const PAGE: usize = 4 << 10;
/// `MADV_POPULATE_WRITE` of Linux 5.14; earlier ones refuse it, and take page by page.
const POPULATE_WRITE: c_int = 23;

unsafe extern "C" {
    fn __real_ggml_compute_forward_set_rows(params: *const Params, tensor: *mut sys::ggml_tensor);
    fn madvise(start: *mut c_void, bytes: usize, advice: c_int) -> c_int;
}

/// Called by each thread of llama.cpp's pool with the same tensor.
#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_ggml_compute_forward_set_rows(params: *const Params, tensor: *mut sys::ggml_tensor) {
    // SAFETY: llama.cpp gives valid tensors whose sources are computed. What lies around the rows is memory of the same tensor.
    unsafe {
        let pool = &*params;
        if let Some(rows) = Rows::of(&*tensor) {
            let room = rows.room();
            if pool.thread == 0 && !room.is_empty() {
                madvise(room.start as *mut c_void, room.len(), POPULATE_WRITE);
            }
            // A single row is written by the first thread alone.
            if rows.count > 1 {
                ggml_barrier(pool.pool);
            }
        }
        __real_ggml_compute_forward_set_rows(params, tensor);
    }
}

/// Rows that are to be written, one after the other.
struct Rows {
    count: usize,
    /// Where in memory they begin and end.
    place: Range<usize>,
    /// Where the tensor ends.
    end: usize,
}

impl Rows {
    /// None where they are not together: each takes its own page then.
    unsafe fn of(tensor: &sys::ggml_tensor) -> Option<Self> {
        unsafe {
            let (rows, numbers) = (&*tensor.src[0], &*tensor.src[1]);
            let is_list = numbers.type_ == sys::GGML_TYPE_I64 && numbers.nb[0] == 8 && numbers.ne[0] == rows.ne[1];
            let is_flat = tensor.ne[2] == 1 && tensor.ne[3] == 1 && is_list;
            let count = usize::try_from(rows.ne[1]).ok().filter(|&count| is_flat && count > 0)?;
            let numbers = std::slice::from_raw_parts(numbers.data.cast::<i64>(), count);
            let first = usize::try_from(*numbers.iter().min()?).ok()?;
            let last = usize::try_from(*numbers.iter().max()?).ok()?;
            let (start, row) = (tensor.data as usize, tensor.nb[1]);
            let all = usize::try_from(tensor.ne[1]).ok()?;
            (last < all && last - first < count).then(|| Self {
                count,
                place: start + first * row..start + (last + 1) * row,
                end: start + all * row,
            })
        }
    }

    /// The memory to ask for: up to the end of a step. With a single row only when a step begins in it.
    fn room(&self) -> Range<usize> {
        let start =
            if self.count > 1 { self.place.start / PAGE * PAGE } else { self.place.start.next_multiple_of(STEP) };
        let end = self.place.end.next_multiple_of(STEP).min(self.end / PAGE * PAGE);
        if start < self.place.end && start < end { start..end } else { 0..0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBERS: usize = 512;
    const ROWS: usize = 1024;

    /// Writes rows of ones from `first` on, as a model does.
    fn write(tensor: *mut sys::ggml_tensor, first: usize, count: usize) {
        // SAFETY: the room of this context is enough for what is made in it, and all is used before it is freed.
        unsafe {
            let params = sys::ggml_init_params { mem_size: 4 << 20, mem_buffer: std::ptr::null_mut(), no_alloc: false };
            let context = sys::ggml_init(params);
            let rows = sys::ggml_new_tensor_2d(context, sys::GGML_TYPE_F32, NUMBERS as i64, count as i64);
            std::slice::from_raw_parts_mut((*rows).data.cast::<f32>(), count * NUMBERS).fill(1.0);
            let numbers = sys::ggml_new_tensor_1d(context, sys::GGML_TYPE_I64, count as i64);
            for (at, number) in (first..first + count).enumerate() {
                *(*numbers).data.cast::<i64>().add(at) = number as i64;
            }
            let graph = sys::ggml_new_graph(context);
            sys::ggml_build_forward_expand(graph, sys::ggml_set_rows(context, tensor, rows, numbers));
            assert_eq!(sys::ggml_graph_compute_with_ctx(context, graph, 2), sys::GGML_STATUS_SUCCESS);
            sys::ggml_free(context);
        }
    }

    #[test]
    fn memory_is_taken_a_step_ahead_and_no_more() {
        unsafe extern "C" {
            fn mincore(start: *mut c_void, bytes: usize, pages: *mut u8) -> c_int;
        }
        // SAFETY: the tensor lives until the end, and what is asked for lies in it.
        unsafe {
            let params = sys::ggml_init_params { mem_size: 8 << 20, mem_buffer: std::ptr::null_mut(), no_alloc: false };
            let context = sys::ggml_init(params);
            let tensor = sys::ggml_new_tensor_2d(context, sys::GGML_TYPE_F16, NUMBERS as i64, ROWS as i64);
            let (start, row) = ((*tensor).data as usize, NUMBERS * 2);
            let first_step = start.next_multiple_of(STEP);
            // The row in which the first step begins.
            let first = (first_step - start) / row;
            let taken = || {
                let mut pages = vec![0; (ROWS - first - 1) * row / PAGE];
                assert_eq!(mincore(first_step as *mut c_void, pages.len() * PAGE, pages.as_mut_ptr()), 0);
                pages.iter().map(|page| usize::from(page & 1)).collect::<Vec<_>>()
            };
            let step = STEP / PAGE;
            (*tensor).data.cast::<u8>().write_bytes(0, ROWS * row);
            // `MADV_DONTNEED`: empty, as `src/blank.rs` leaves it.
            assert_eq!(madvise(first_step as *mut c_void, taken().len() * PAGE, 4), 0);
            assert_eq!(taken().iter().sum::<usize>(), 0);

            write(tensor, first, 1);
            assert_eq!(taken()[..step], vec![1; step], "one row takes the step that begins in it");
            assert_eq!(taken().iter().sum::<usize>(), step);
            write(tensor, first + 1, 20);
            assert_eq!(taken().iter().sum::<usize>(), step, "the next rows have their place already");
            write(tensor, first + 21, STEP / row);
            assert_eq!(taken()[..2 * step], vec![1; 2 * step]);
            assert_eq!(taken().iter().sum::<usize>(), 2 * step);
            write(tensor, ROWS - 30, 30);
            let numbers = std::slice::from_raw_parts((*tensor).data.cast::<u16>(), ROWS * NUMBERS);
            let one = 0x3c00;
            let is_written = |at: usize| (first..first + 21 + STEP / row).contains(&at) || at >= ROWS - 30;
            for (at, row) in numbers.chunks(NUMBERS).enumerate() {
                assert!(row.iter().all(|&number| number == if is_written(at) { one } else { 0 }), "row {at}");
            }
            sys::ggml_free(context);
        }
    }

    #[test]
    fn rows_that_lie_apart_are_left_alone() {
        let rows_at = |mut numbers: [i64; 3], stride| {
            // SAFETY: tensors are plain data; all that is looked at is set.
            unsafe {
                let mut tensor: sys::ggml_tensor = std::mem::zeroed();
                let (mut rows, mut places): (sys::ggml_tensor, sys::ggml_tensor) =
                    (std::mem::zeroed(), std::mem::zeroed());
                rows.ne = [8, 3, 1, 1];
                places.type_ = sys::GGML_TYPE_I64;
                places.ne = [3, 1, 1, 1];
                places.nb[0] = stride;
                places.data = numbers.as_mut_ptr().cast();
                tensor.ne = [8, 16, 1, 1];
                tensor.nb[1] = 16;
                tensor.src[0] = &raw mut rows;
                tensor.src[1] = &raw mut places;
                Rows::of(&tensor).map(|rows| (rows.count, rows.place, rows.end))
            }
        };
        let rows_of = |numbers| rows_at(numbers, 8);
        assert_eq!(rows_of([3, 4, 5]), Some((3, 48..96, 256)));
        assert_eq!(rows_of([3, 4, 9]), None);
        assert_eq!(rows_of([14, 15, 16]), None, "it has sixteen");
        assert_eq!(rows_of([-1, 0, 1]), None);
        assert_eq!(rows_at([3, 4, 5], 16), None, "the numbers do not lie side by side");
    }
}
