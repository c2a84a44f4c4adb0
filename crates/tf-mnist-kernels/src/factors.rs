//! What the factors of convolutions are rounded to.

use super::simd::Register;
use std::borrow::Cow;

/// Factors as they are, float32.
pub(super) const F32: usize = 0;
/// Factors rounded to bfloat16. They are multiplied and summed up as float32, in which a product of two is exact.
pub(super) const BF16: usize = 1;

/// `x`, rounded to be a factor.
#[inline(always)]
pub(super) fn factor<V: Register, const FACTORS: usize>(x: V) -> V {
    if FACTORS == BF16 { x.to_bf16() } else { x }
}

/// All of `values`, rounded to be factors.
pub(super) fn factors<const FACTORS: usize>(values: &[f32]) -> Cow<'_, [f32]> {
    if FACTORS == BF16 { values.iter().map(|&value| to_bf16(value)).collect() } else { Cow::Borrowed(values) }
}

/// The nearest bfloat16, ties to even.
fn to_bf16(x: f32) -> f32 {
    let bits = x.to_bits();
    f32::from_bits(bits.wrapping_add(0x7fff + (bits >> 16 & 1)) & 0xffff_0000)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "x86_64")]
    use crate::simd::{Instructions, for_each_instruction_set};

    #[test]
    fn bfloat16_has_eight_bits_and_rounds_ties_to_even() {
        for (x, rounded) in [
            (1.0, 1.0),
            (1.0 + 1.0 / 128.0, 1.0 + 1.0 / 128.0),
            (1.0 + 1.0 / 256.0, 1.0),               // a tie, down
            (1.0 + 3.0 / 256.0, 1.0 + 4.0 / 256.0), // a tie, up
            (1.0 + 1.1 / 256.0, 1.0 + 1.0 / 128.0),
            (-0.1, -0.100_097_656),
            (0.0, 0.0),
            (f32::INFINITY, f32::INFINITY),
        ] {
            assert_eq!(to_bf16(x), rounded, "{x}");
        }
        assert!(to_bf16(f32::NAN).is_nan());
    }

    #[cfg(target_arch = "x86_64")]
    for_each_instruction_set! {
        fn bf16s<V>(x: &[f32; 16], y: &mut [f32; 16]) {
            for part in 0..V::PARTS {
                V::load(x, part).to_bf16().store(y, part);
            }
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn bfloat16_is_rounded_as_one_by_one() {
        for instructions in Instructions::all_of_this_processor() {
            let mut y = [0.0; 16];
            for x in (-48_000..48_000)
                .map(|block| std::array::from_fn(|lane| (16 * block + lane as i32) as f32 * 4e-6))
            {
                bf16s(instructions, &x, &mut y);
                assert_eq!(factors::<BF16>(&x)[..], y);
            }
        }
    }
}
