//! How numbers are computed.

use super::simd::Instructions;
use std::borrow::Cow;

/// By which instructions, and of which factors.
#[derive(Debug, Clone, Copy)]
pub(super) struct How {
    pub instructions: Instructions,
    /// Whether the factors of convolutions are rounded to bfloat16. They are multiplied and summed up as float32, in which a
    /// product of two is exact; Winograd's algorithms multiply sums of them.
    pub bf16: bool,
}

impl How {
    /// Rounds all of `values` to be factors.
    #[inline(always)]
    pub fn round(self, values: &mut [f32]) {
        if self.bf16 {
            for value in values {
                *value = to_bf16(*value);
            }
        }
    }

    /// All of `values`, rounded to be factors.
    pub fn factors(self, values: &[f32]) -> Cow<'_, [f32]> {
        let mut factors = Cow::Borrowed(values);
        if self.bf16 {
            self.round(factors.to_mut());
        }
        factors
    }
}

/// The nearest bfloat16, ties to even: the upper half of a float32's bits.
#[inline(always)]
fn to_bf16(x: f32) -> f32 {
    let bits = x.to_bits();
    f32::from_bits(bits.wrapping_add(0x7fff + (bits >> 16 & 1)) & 0xffff_0000)
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
