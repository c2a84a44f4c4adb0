//! As many float32 numbers at a time as a register of the processor holds.
//!
//! The kernels are generic over [`Register`] and inlined whole into one function per instruction set (see
//! [`super::instructions`]), so that its operations become single instructions there.

mod instructions;
#[cfg(target_arch = "x86_64")]
pub(super) mod x86;

use super::layout::{Block, Place};
pub(super) use instructions::for_each_instruction_set;
pub use instructions::{Instructions, VARIABLE};

/// A register: all or a part of a block of sixteen numbers.
pub(super) trait Register: Copy {
    /// Registers that hold a block.
    const PARTS: usize;

    fn splat(x: f32) -> Self;
    fn load(from: &Block, part: usize) -> Self;
    fn store<P: Place>(self, to: &mut [P; 16], part: usize);
    /// Brings the line of the cache that holds `place` nearer, if there is one.
    fn fetch(place: *const f32);
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    /// self · factor + summand, rounded once.
    fn mul_add(self, factor: Self, summand: Self) -> Self;
    /// The greater; `other` where either is no number. A bound comes first, so that what is no number stays so.
    fn max(self, other: Self) -> Self;
    /// The lesser; `other` where either is no number.
    fn min(self, other: Self) -> Self;
    /// Where self >= other, `then`, else `otherwise`.
    fn select_ge(self, other: Self, then: Self, otherwise: Self) -> Self;
    /// Where self >= other, the bit of the lane, from the lowest on.
    fn lanes_ge(self, other: Self) -> u32;
    /// self · 2^n, where n is a whole number of up to 9 bits in the low bits of `n`, and all is in the range of float32.
    fn add_to_exponent(self, n: Self) -> Self;
    /// Of the bits.
    fn and(self, other: Self) -> Self;
    fn xor(self, other: Self) -> Self;
    /// The bits as numbers of 64: the lower half of each times `factor`.
    fn lower_times(self, factor: u32) -> Self;
    /// The bits as numbers of 64: the upper half of each.
    fn upper(self) -> Self;
}

/// Of so many blocks, each register: its block and its part.
#[inline(always)]
pub(super) fn registers<V: Register>(blocks: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..blocks * V::PARTS).map(|register| (register / V::PARTS, register % V::PARTS))
}

/// A register for each number below `N`. The function of an array's own would not take the instruction set.
#[inline(always)]
pub(super) fn each<V: Register, const N: usize>(of: impl Fn(usize) -> V) -> [V; N] {
    let mut registers = [V::splat(0.0); N];
    for k in 0..N {
        registers[k] = of(k);
    }
    registers
}

/// Scale and scale · alpha of SELU (Klambauer et al., 2017), as TensorFlow's kernel has them.
pub(super) const SELU_SCALE: f32 = 1.050_701;
pub(super) const SELU_SCALE_ALPHA: f32 = 1.758_099_3;

/// The derivative of SELU where its value is `y`.
#[inline(always)]
pub(super) fn selu_derivative<V: Register>(y: V) -> V {
    let negative = y.add(V::splat(SELU_SCALE_ALPHA));
    y.select_ge(V::splat(0.0), V::splat(SELU_SCALE), negative)
}

/// ReLU.
#[inline(always)]
pub(super) fn relu<V: Register, const N: usize>(x: [V; N]) -> [V; N] {
    each(|k| V::splat(0.0).max(x[k]))
}

/// SELU: 1.0507 x for x > 0, else 1.7581 (exp(x) - 1), within 2e-7 of its size or of 1.
///
/// x = n ln 2 + r with |r| <= ln 2 / 2, and exp(r) = 1 + r + r² q(r) by the q of degree 4 whose greatest error is least,
/// 3e-9. Where ln 2, rounded, is off by more than that, exp(x) is next to nothing. Of several registers each step is done
/// before the next: their chains of steps overlap.
#[inline(always)]
pub(super) fn selu<V: Register, const N: usize>(x: [V; N]) -> [V; N] {
    const LOG2_E: f32 = std::f32::consts::LOG2_E;
    const LN_2: f32 = std::f32::consts::LN_2;
    // Adding 1.5 · 2^23 rounds to a whole number, in the low bits of the sum; subtracting it leaves that number.
    const ROUND: f32 = 12_582_912.0;

    let (mut r, mut bits, mut p) = (x, x, [V::splat(1.381_454e-3); N]);
    for k in 0..N {
        r[k] = V::splat(-87.0).max(V::splat(0.0).min(x[k]));
        bits[k] = r[k].mul_add(V::splat(LOG2_E), V::splat(ROUND));
    }
    for k in 0..N {
        r[k] = bits[k].sub(V::splat(ROUND)).mul_add(V::splat(-LN_2), r[k]);
    }
    for coefficient in [8.368_746e-3, 4.166_839e-2, 1.666_652e-1, 0.499_999_94, 1.0, 1.0] {
        for k in 0..N {
            p[k] = p[k].mul_add(r[k], V::splat(coefficient));
        }
    }
    for k in 0..N {
        p[k] = p[k].add_to_exponent(bits[k]);
        // This is zero where x is positive.
        let negative = p[k].mul_add(V::splat(SELU_SCALE_ALPHA), V::splat(-SELU_SCALE_ALPHA));
        p[k] = V::splat(0.0).max(x[k]).mul_add(V::splat(SELU_SCALE), negative);
    }
    p
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;
    use super::{Instructions, for_each_instruction_set};

    for_each_instruction_set! {
        fn selus<V>(x: &[f32; 16], y: &mut [f32; 16]) {
            for part in 0..V::PARTS {
                selu([V::load(x, part)])[0].store(y, part);
            }
        }
    }

    #[test]
    fn selu_is_that_of_float64() {
        let near = (-(1 << 15)..1 << 15).map(|i| i as f32 * (20.0 / (1 << 15) as f32));
        let far = [f32::MIN, -1e30, -100.0, -87.5, -86.5, -40.0, -1e-3, -1e-6, 1e30];
        for x in near.chain(far) {
            let (scale, alpha, x64) = (1.050_700_987_355_480_5, 1.673_263_242_354_377_2, f64::from(x));
            let truth = scale * if x > 0.0 { x64 } else { alpha * (x64.exp() - 1.0) };
            for instructions in Instructions::all_of_this_processor() {
                let mut y = [f32::NAN; 16];
                selus(instructions, &[x; 16], &mut y);
                let near = |&y: &f32| (f64::from(y) - truth).abs() <= 2e-7 * truth.abs().max(1.0);
                assert!(y.iter().all(near), "{instructions:?}: SELU({x}) = {y:?}");
            }
        }
    }
}
