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

/// exp(x) for x <= 0, within 2 units in the last place; below -87 it is exp(-87), which is next to nothing.
///
/// x = n ln 2 + r with |r| <= ln 2 / 2, and exp(r) = 1 + r + r² q(r) by the q of degree 4 whose greatest error is least,
/// 3e-9. Of several registers each step is done before the next: their chains of steps overlap.
#[inline(always)]
pub(super) fn exp_of_negative<V: Register, const N: usize>(mut x: [V; N]) -> [V; N] {
    const LOG2_E: f32 = std::f32::consts::LOG2_E;
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    // Adding 1.5 · 2^23 rounds to a whole number, in the low bits of the sum; subtracting it leaves that number.
    const ROUND: f32 = 12_582_912.0;

    let (mut bits, mut p) = (x, [V::splat(1.381_454e-3); N]);
    for k in 0..N {
        x[k] = V::splat(-87.0).max(x[k]);
        bits[k] = x[k].mul_add(V::splat(LOG2_E), V::splat(ROUND));
    }
    for k in 0..N {
        let n = bits[k].sub(V::splat(ROUND));
        x[k] = n.mul_add(V::splat(-LN2_LOW), n.mul_add(V::splat(-LN2_HIGH), x[k]));
    }
    for coefficient in [8.368_746e-3, 4.166_839e-2, 1.666_652e-1, 0.499_999_94, 1.0, 1.0] {
        for k in 0..N {
            p[k] = p[k].mul_add(x[k], V::splat(coefficient));
        }
    }
    for k in 0..N {
        p[k] = p[k].add_to_exponent(bits[k]);
    }
    p
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
pub(super) fn relu<V: Register, const N: usize>(mut x: [V; N]) -> [V; N] {
    for k in 0..N {
        x[k] = V::splat(0.0).max(x[k]);
    }
    x
}

/// SELU: 1.0507 x for x > 0, else 1.7581 (exp(x) - 1).
#[inline(always)]
pub(super) fn selu<V: Register, const N: usize>(x: [V; N]) -> [V; N] {
    let mut y = x;
    for k in 0..N {
        y[k] = V::splat(0.0).min(x[k]);
    }
    y = exp_of_negative(y);
    for k in 0..N {
        // This is zero where x is positive.
        let negative = y[k].mul_add(V::splat(SELU_SCALE_ALPHA), V::splat(-SELU_SCALE_ALPHA));
        y[k] = V::splat(0.0).max(x[k]).mul_add(V::splat(SELU_SCALE), negative);
    }
    y
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

    for_each_instruction_set! {
        fn exps<V>(x: &[f32; 16], y: &mut [f32; 16]) {
            for part in 0..V::PARTS {
                exp_of_negative([V::load(x, part)])[0].store(y, part);
            }
        }
    }

    /// Numbers from `from` to `to`, sixteen at a time.
    fn numbers(from: f32, to: f32) -> impl Iterator<Item = [f32; 16]> {
        const COUNT: usize = 1 << 16;
        let number = move |i: usize| from + (to - from) * i as f32 / COUNT as f32;
        (0..COUNT / 16).map(move |block| std::array::from_fn(|lane| number(16 * block + lane)))
    }

    #[test]
    fn exp_is_within_two_units_in_the_last_place() {
        for instructions in Instructions::all_of_this_processor() {
            let mut y = [0.0; 16];
            for x in numbers(-86.0, 0.0).chain(numbers(-1e-3, 0.0)) {
                exps(instructions, &x, &mut y);
                for (x, y) in x.into_iter().zip(y) {
                    let truth = f64::from(x).exp();
                    let unit = f64::from(truth as f32) * f64::from(f32::EPSILON);
                    assert!((f64::from(y) - truth).abs() <= 2.0 * unit, "{instructions:?}: exp({x}) = {y}");
                }
            }
            exps(instructions, &[-1e30; 16], &mut y);
            assert!(y.iter().all(|&y| (0.0..1e-37).contains(&y)), "{y:?}");
        }
    }

    #[test]
    fn selu_is_that_of_float64() {
        for instructions in Instructions::all_of_this_processor() {
            let mut y = [0.0; 16];
            for x in numbers(-20.0, 20.0) {
                selus(instructions, &x, &mut y);
                for (x, y) in x.into_iter().zip(y) {
                    let (scale, alpha) = (1.050_700_987_355_480_5, 1.673_263_242_354_377_2);
                    let x = f64::from(x);
                    let truth = scale * if x > 0.0 { x } else { alpha * (x.exp() - 1.0) };
                    assert!((f64::from(y) - truth).abs() <= 2e-7 * truth.abs().max(1.0), "SELU({x}) = {y}");
                }
            }
        }
    }
}
