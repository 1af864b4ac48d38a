//! As many 32-bit floats as the processor computes with in one go: 16 with AVX-512, else 8.
//!
//! Owns the instructions; it must not know what is computed. Every function needs the instructions that this crate is compiled for
//! (`.cargo/config.toml` names them), and pointers to [`LANES`] readable or writable numbers; no alignment.

#[cfg(target_feature = "avx512f")]
pub use wide::*;

#[cfg(not(target_feature = "avx512f"))]
pub use narrow::*;

#[cfg(target_feature = "avx512f")]
mod wide {
    use std::arch::x86_64::*;

    pub const LANES: usize = 16;
    /// Columns of vectors that a tile of a product keeps in registers.
    pub const COLUMNS: usize = 4;
    pub type Lanes = __m512;

    #[inline(always)]
    pub unsafe fn load(from: *const f32) -> Lanes {
        unsafe { _mm512_loadu_ps(from) }
    }

    /// From 16-bit floats.
    #[inline(always)]
    pub unsafe fn widen(from: *const u16) -> Lanes {
        unsafe { _mm512_cvtph_ps(_mm256_loadu_si256(from.cast())) }
    }

    #[inline(always)]
    pub unsafe fn store(to: *mut f32, value: Lanes) {
        unsafe { _mm512_storeu_ps(to, value) }
    }

    #[inline(always)]
    pub unsafe fn splat(value: f32) -> Lanes {
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    pub unsafe fn add(a: Lanes, b: Lanes) -> Lanes {
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    pub unsafe fn subtract(a: Lanes, b: Lanes) -> Lanes {
        unsafe { _mm512_sub_ps(a, b) }
    }

    #[inline(always)]
    pub unsafe fn multiply(a: Lanes, b: Lanes) -> Lanes {
        unsafe { _mm512_mul_ps(a, b) }
    }

    /// `a · b + c`
    #[inline(always)]
    pub unsafe fn multiply_add(a: Lanes, b: Lanes, c: Lanes) -> Lanes {
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    pub unsafe fn larger(a: Lanes, b: Lanes) -> Lanes {
        unsafe { _mm512_max_ps(a, b) }
    }

    #[inline(always)]
    pub unsafe fn sum(value: Lanes) -> f32 {
        unsafe { _mm512_reduce_add_ps(value) }
    }

    #[inline(always)]
    pub unsafe fn largest(value: Lanes) -> f32 {
        unsafe { _mm512_reduce_max_ps(value) }
    }

    #[inline(always)]
    pub unsafe fn round(value: Lanes) -> Lanes {
        unsafe { _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(value) }
    }

    /// `value · 2^power` for whole powers.
    #[inline(always)]
    pub unsafe fn scale(value: Lanes, power: Lanes) -> Lanes {
        unsafe { _mm512_scalef_ps(value, power) }
    }

    /// `value` where `of` is at least `least`, else 0.
    #[inline(always)]
    pub unsafe fn where_at_least(value: Lanes, of: Lanes, least: Lanes) -> Lanes {
        unsafe { _mm512_maskz_mov_ps(_mm512_cmp_ps_mask::<_CMP_GE_OQ>(of, least), value) }
    }
}

#[cfg(not(target_feature = "avx512f"))]
mod narrow {
    use std::arch::x86_64::*;

    pub const LANES: usize = 8;
    /// Columns of vectors that a tile of a product keeps in registers.
    pub const COLUMNS: usize = 2;
    pub type Lanes = __m256;

    #[inline(always)]
    pub unsafe fn load(from: *const f32) -> Lanes {
        unsafe { _mm256_loadu_ps(from) }
    }

    /// From 16-bit floats.
    #[inline(always)]
    pub unsafe fn widen(from: *const u16) -> Lanes {
        unsafe { _mm256_cvtph_ps(_mm_loadu_si128(from.cast())) }
    }

    #[inline(always)]
    pub unsafe fn store(to: *mut f32, value: Lanes) {
        unsafe { _mm256_storeu_ps(to, value) }
    }

    #[inline(always)]
    pub unsafe fn splat(value: f32) -> Lanes {
        unsafe { _mm256_set1_ps(value) }
    }

    #[inline(always)]
    pub unsafe fn add(a: Lanes, b: Lanes) -> Lanes {
        unsafe { _mm256_add_ps(a, b) }
    }

    #[inline(always)]
    pub unsafe fn subtract(a: Lanes, b: Lanes) -> Lanes {
        unsafe { _mm256_sub_ps(a, b) }
    }

    #[inline(always)]
    pub unsafe fn multiply(a: Lanes, b: Lanes) -> Lanes {
        unsafe { _mm256_mul_ps(a, b) }
    }

    /// `a · b + c`
    #[inline(always)]
    pub unsafe fn multiply_add(a: Lanes, b: Lanes, c: Lanes) -> Lanes {
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    pub unsafe fn larger(a: Lanes, b: Lanes) -> Lanes {
        unsafe { _mm256_max_ps(a, b) }
    }

    #[inline(always)]
    pub unsafe fn sum(value: Lanes) -> f32 {
        unsafe {
            let half = _mm_add_ps(_mm256_castps256_ps128(value), _mm256_extractf128_ps::<1>(value));
            let pair = _mm_add_ps(half, _mm_movehl_ps(half, half));
            _mm_cvtss_f32(_mm_add_ss(pair, _mm_movehdup_ps(pair)))
        }
    }

    #[inline(always)]
    pub unsafe fn largest(value: Lanes) -> f32 {
        unsafe {
            let half = _mm_max_ps(_mm256_castps256_ps128(value), _mm256_extractf128_ps::<1>(value));
            let pair = _mm_max_ps(half, _mm_movehl_ps(half, half));
            _mm_cvtss_f32(_mm_max_ss(pair, _mm_movehdup_ps(pair)))
        }
    }

    #[inline(always)]
    pub unsafe fn round(value: Lanes) -> Lanes {
        unsafe { _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(value) }
    }

    /// `value · 2^power` for whole powers, as long as the result is a normal number.
    #[inline(always)]
    pub unsafe fn scale(value: Lanes, power: Lanes) -> Lanes {
        unsafe {
            let exponent = _mm256_slli_epi32::<23>(_mm256_cvtps_epi32(power));
            _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(value), exponent))
        }
    }

    /// `value` where `of` is at least `least`, else 0.
    #[inline(always)]
    pub unsafe fn where_at_least(value: Lanes, of: Lanes, least: Lanes) -> Lanes {
        unsafe { _mm256_and_ps(_mm256_cmp_ps::<_CMP_GE_OQ>(of, least), value) }
    }
}

/// The smallest power of e whose result is a normal number.
const LEAST_POWER: f32 = -87.0;

/// e to the power of `x` for x up to 0; 0 below [`LEAST_POWER`]. Off by at most 2 units in the last place.
///
/// e^x = 2^n · e^r with n = round(x / ln 2) and |r| ≤ ln 2 / 2; e^r by the polynomial of Cephes' `expf` (S. Moshier), ln 2 in its two parts.
#[inline(always)]
pub unsafe fn exponential(x: Lanes) -> Lanes {
    unsafe {
        let n = round(multiply(x, splat(std::f32::consts::LOG2_E)));
        let r = multiply_add(n, splat(-0.693_359_4), x);
        let r = multiply_add(n, splat(2.121_944_4e-4), r);
        let mut sum = splat(1.987_569_1e-4);
        for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 5e-1] {
            sum = multiply_add(sum, r, splat(coefficient));
        }
        let power = add(multiply_add(multiply(r, r), sum, r), splat(1.0));
        where_at_least(scale(power, n), x, splat(LEAST_POWER))
    }
}
