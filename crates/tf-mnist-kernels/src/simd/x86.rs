//! One register of each instruction set.
//!
//! SAFETY, of all of this module: the caller of a generic kernel has made sure that the processor has the
//! instructions, see [`super::instructions`].

use super::{Block, Place, Register};
use std::arch::x86_64::*;

/// Methods of two registers that are one instruction each.
macro_rules! instructions {
    ($($name:ident: $instruction:ident;)*) => {
        $(#[inline(always)]
        fn $name(self, other: Self) -> Self {
            Self(unsafe { $instruction(self.0, other.0) })
        })*
    };
}

/// Methods that are the same in every instruction set.
macro_rules! common {
    () => {
        #[inline(always)]
        fn fetch(place: *const f32) {
            unsafe { _mm_prefetch::<_MM_HINT_T0>(place.cast()) }
        }
    };
}

/// One register of AVX-512.
#[derive(Clone, Copy)]
pub struct Avx512(__m512);

impl Register for Avx512 {
    const PARTS: usize = 1;

    #[inline(always)]
    fn splat(x: f32) -> Self {
        Self(unsafe { _mm512_set1_ps(x) })
    }
    #[inline(always)]
    fn load(from: &Block, _: usize) -> Self {
        Self(unsafe { _mm512_loadu_ps(from.as_ptr()) })
    }
    #[inline(always)]
    fn store(self, to: &mut impl Place, _: usize) {
        unsafe { _mm512_storeu_ps(to.room().as_mut_ptr().cast(), self.0) }
    }
    common! {}
    instructions! {
        add: _mm512_add_ps;
        sub: _mm512_sub_ps;
        mul: _mm512_mul_ps;
        max: _mm512_max_ps;
        min: _mm512_min_ps;
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, summand: Self) -> Self {
        Self(unsafe { _mm512_fmadd_ps(self.0, factor.0, summand.0) })
    }
    #[inline(always)]
    fn select_ge(self, other: Self, then: Self, otherwise: Self) -> Self {
        unsafe {
            let holds = _mm512_cmp_ps_mask::<_CMP_GE_OQ>(self.0, other.0);
            Self(_mm512_mask_blend_ps(holds, otherwise.0, then.0))
        }
    }
    #[inline(always)]
    fn to_bf16(self) -> Self {
        unsafe {
            let bits = _mm512_castps_si512(self.0);
            let odd = _mm512_and_si512(_mm512_srli_epi32::<16>(bits), _mm512_set1_epi32(1));
            let half = _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff));
            let rounded = _mm512_add_epi32(bits, half);
            let upper = _mm512_set1_epi32(0xffff_0000_u32 as i32);
            Self(_mm512_castsi512_ps(_mm512_and_si512(rounded, upper)))
        }
    }
    #[inline(always)]
    fn add_to_exponent(self, n: Self) -> Self {
        unsafe {
            let shifted = _mm512_slli_epi32::<23>(_mm512_castps_si512(n.0));
            Self(_mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(self.0), shifted)))
        }
    }
}

/// One register of AVX2.
#[derive(Clone, Copy)]
pub struct Avx2(__m256);

impl Register for Avx2 {
    const PARTS: usize = 2;

    #[inline(always)]
    fn splat(x: f32) -> Self {
        Self(unsafe { _mm256_set1_ps(x) })
    }
    #[inline(always)]
    fn load(from: &Block, part: usize) -> Self {
        let (parts, _) = from.as_chunks::<8>();
        Self(unsafe { _mm256_loadu_ps(parts[part].as_ptr()) })
    }
    #[inline(always)]
    fn store(self, to: &mut impl Place, part: usize) {
        let (parts, _) = to.room().as_chunks_mut::<8>();
        unsafe { _mm256_storeu_ps(parts[part].as_mut_ptr().cast(), self.0) }
    }
    common! {}
    instructions! {
        add: _mm256_add_ps;
        sub: _mm256_sub_ps;
        mul: _mm256_mul_ps;
        max: _mm256_max_ps;
        min: _mm256_min_ps;
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, summand: Self) -> Self {
        Self(unsafe { _mm256_fmadd_ps(self.0, factor.0, summand.0) })
    }
    #[inline(always)]
    fn select_ge(self, other: Self, then: Self, otherwise: Self) -> Self {
        unsafe {
            let holds = _mm256_cmp_ps::<_CMP_GE_OQ>(self.0, other.0);
            Self(_mm256_blendv_ps(otherwise.0, then.0, holds))
        }
    }
    #[inline(always)]
    fn to_bf16(self) -> Self {
        unsafe {
            let bits = _mm256_castps_si256(self.0);
            let odd = _mm256_and_si256(_mm256_srli_epi32::<16>(bits), _mm256_set1_epi32(1));
            let half = _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff));
            let rounded = _mm256_add_epi32(bits, half);
            let upper = _mm256_set1_epi32(0xffff_0000_u32 as i32);
            Self(_mm256_castsi256_ps(_mm256_and_si256(rounded, upper)))
        }
    }
    #[inline(always)]
    fn add_to_exponent(self, n: Self) -> Self {
        unsafe {
            let shifted = _mm256_slli_epi32::<23>(_mm256_castps_si256(n.0));
            Self(_mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(self.0), shifted)))
        }
    }
}
