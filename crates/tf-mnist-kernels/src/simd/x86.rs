//! One register of each instruction set.
//!
//! SAFETY, of all of this module: the caller of a generic kernel has made sure that the processor has the
//! instructions, see [`super::instructions`].

use super::{Block, Place, Register};
use std::arch::x86_64::*;

/// A register of `$lanes` numbers, `$parts` of which hold a block, by the instructions of the set; `$bits` makes integers of
/// numbers, `$floats` numbers of integers.
macro_rules! register {
    (
        $(#[$documentation:meta])*
        $name:ident($register:ty), $parts:literal of $lanes:literal:
        $splat:ident $load:ident $store:ident $mul_add:ident
        $bits:ident $floats:ident $splat_bits:ident $add_bits:ident $left:ident $multiply:ident $upper:ident;
        $($binary:ident: $instruction:ident,)*
        ($a:ident >= $b:ident, $then:ident, $otherwise:ident) $select_ge:block $lanes_ge:block
    ) => {
        $(#[$documentation])*
        #[derive(Clone, Copy)]
        pub struct $name($register);

        impl Register for $name {
            const PARTS: usize = $parts;

            #[inline(always)]
            fn splat(x: f32) -> Self {
                Self(unsafe { $splat(x) })
            }
            #[inline(always)]
            fn load(from: &Block, part: usize) -> Self {
                let (parts, _) = from.as_chunks::<$lanes>();
                Self(unsafe { $load(parts[part].as_ptr()) })
            }
            #[inline(always)]
            fn store<P: Place>(self, to: &mut [P; 16], part: usize) {
                let (parts, _) = to.as_chunks_mut::<$lanes>();
                unsafe { $store(parts[part].as_mut_ptr().cast(), self.0) }
            }
            #[inline(always)]
            fn fetch(place: *const f32) {
                unsafe { _mm_prefetch::<_MM_HINT_T0>(place.cast()) }
            }
            $(#[inline(always)]
            fn $binary(self, other: Self) -> Self {
                Self(unsafe { $instruction(self.0, other.0) })
            })*
            #[inline(always)]
            fn mul_add(self, factor: Self, summand: Self) -> Self {
                Self(unsafe { $mul_add(self.0, factor.0, summand.0) })
            }
            #[inline(always)]
            fn add_to_exponent(self, n: Self) -> Self {
                Self(unsafe { $floats($add_bits($bits(self.0), $left::<23>($bits(n.0)))) })
            }
            #[inline(always)]
            fn lower_times(self, factor: u32) -> Self {
                Self(unsafe { $floats($multiply($bits(self.0), $splat_bits(factor as i32))) })
            }
            #[inline(always)]
            fn upper(self) -> Self {
                Self(unsafe { $upper(self.0) })
            }
            #[inline(always)]
            fn select_ge(self, other: Self, then: Self, otherwise: Self) -> Self {
                let ($a, $b, $then, $otherwise) = (self.0, other.0, then.0, otherwise.0);
                Self(unsafe { $select_ge })
            }
            #[inline(always)]
            fn lanes_ge(self, other: Self) -> u32 {
                let ($a, $b) = (self.0, other.0);
                unsafe { $lanes_ge }
            }
        }
    };
}

register! {
    /// One register of AVX-512.
    Avx512(__m512), 1 of 16:
    _mm512_set1_ps _mm512_loadu_ps _mm512_storeu_ps _mm512_fmadd_ps
    _mm512_castps_si512 _mm512_castsi512_ps _mm512_set1_epi32 _mm512_add_epi32 _mm512_slli_epi32 _mm512_mul_epu32
    _mm512_movehdup_ps;
    add: _mm512_add_ps,
    sub: _mm512_sub_ps,
    mul: _mm512_mul_ps,
    max: _mm512_max_ps,
    min: _mm512_min_ps,
    and: _mm512_and_ps,
    xor: _mm512_xor_ps,
    (a >= b, then, otherwise) { _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_GE_OQ>(a, b), otherwise, then) }
    { u32::from(_mm512_cmp_ps_mask::<_CMP_GE_OQ>(a, b)) }
}

register! {
    /// One register of AVX2.
    Avx2(__m256), 2 of 8:
    _mm256_set1_ps _mm256_loadu_ps _mm256_storeu_ps _mm256_fmadd_ps
    _mm256_castps_si256 _mm256_castsi256_ps _mm256_set1_epi32 _mm256_add_epi32 _mm256_slli_epi32 _mm256_mul_epu32
    _mm256_movehdup_ps;
    add: _mm256_add_ps,
    sub: _mm256_sub_ps,
    mul: _mm256_mul_ps,
    max: _mm256_max_ps,
    min: _mm256_min_ps,
    and: _mm256_and_ps,
    xor: _mm256_xor_ps,
    (a >= b, then, otherwise) { _mm256_blendv_ps(otherwise, then, _mm256_cmp_ps::<_CMP_GE_OQ>(a, b)) }
    { _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_GE_OQ>(a, b)) as u32 }
}
