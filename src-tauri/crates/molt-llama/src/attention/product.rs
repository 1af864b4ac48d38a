//! Products of small matrices, a tile of which stays in the registers.

use super::lanes::*;

/// Rows of a tile.
const ROWS: usize = 4;

/// A matrix whose number in row i and column k stands at `i · row + k · column`.
#[derive(Clone, Copy)]
pub struct Matrix {
    pub start: *const f32,
    pub row: usize,
    pub column: usize,
}

/// `c += a · b` with a of m × k, b of k × n, c of m × n; b and c row by row, n a multiple of [`LANES`].
///
/// # Safety
/// The numbers are there, and nobody else writes to c.
pub unsafe fn product(a: Matrix, b: *const f32, c: *mut f32, [m, k, n]: [usize; 3]) {
    unsafe {
        let mut column = 0;
        while column < n {
            let columns = ((n - column) / LANES).min(COLUMNS);
            let (b, c) = (b.add(column), c.add(column));
            match columns {
                #[cfg(target_feature = "avx512f")]
                4 => rows::<4>(a, b, c, [m, k, n]),
                #[cfg(target_feature = "avx512f")]
                3 => rows::<3>(a, b, c, [m, k, n]),
                2 => rows::<2>(a, b, c, [m, k, n]),
                _ => rows::<1>(a, b, c, [m, k, n]),
            }
            column += columns * LANES;
        }
    }
}

#[inline(always)]
unsafe fn rows<const C: usize>(a: Matrix, b: *const f32, c: *mut f32, [m, k, n]: [usize; 3]) {
    unsafe {
        let mut row = 0;
        while row + ROWS <= m {
            let a = Matrix { start: a.start.add(row * a.row), ..a };
            tile::<ROWS, C>(a, b, c.add(row * n), k, n);
            row += ROWS;
        }
        while row < m {
            let a = Matrix { start: a.start.add(row * a.row), ..a };
            tile::<1, C>(a, b, c.add(row * n), k, n);
            row += 1;
        }
    }
}

#[inline(always)]
unsafe fn tile<const R: usize, const C: usize>(a: Matrix, b: *const f32, c: *mut f32, k: usize, n: usize) {
    unsafe {
        let mut sums = [[splat(0.0); C]; R];
        for (row, sums) in sums.iter_mut().enumerate() {
            for (column, sum) in sums.iter_mut().enumerate() {
                *sum = load(c.add(row * n + column * LANES));
            }
        }
        for step in 0..k {
            let mut line = [splat(0.0); C];
            for (column, value) in line.iter_mut().enumerate() {
                *value = load(b.add(step * n + column * LANES));
            }
            for (row, sums) in sums.iter_mut().enumerate() {
                let factor = splat(*a.start.add(row * a.row + step * a.column));
                for (sum, value) in sums.iter_mut().zip(line) {
                    *sum = multiply_add(factor, value, *sum);
                }
            }
        }
        for (row, sums) in sums.into_iter().enumerate() {
            for (column, sum) in sums.into_iter().enumerate() {
                store(c.add(row * n + column * LANES), sum);
            }
        }
    }
}
