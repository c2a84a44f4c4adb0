//! Sixteen float32 at a time, in whatever registers the processor has.
//!
//! The kernels are generic over [`F32x16`] and inlined whole into one function per instruction set (see
//! [`super::instructions`]), so that its operations become single instructions there.

mod instructions;
#[cfg(target_arch = "x86_64")]
pub(super) mod x86;

pub(super) use instructions::{Instructions, for_each_instruction_set};

/// Sixteen float32 numbers.
pub(super) trait F32x16: Copy {
    fn splat(x: f32) -> Self;
    fn load(from: &[f32; 16]) -> Self;
    fn store(self, to: &mut [f32; 16]);
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
    /// The nearest bfloat16, ties to even: the upper half of a float32's bits.
    fn to_bf16(self) -> Self;
    /// self · 2^n, where every n is a whole number in -126..=127.
    fn scale_by_power_of_2(self, n: Self) -> Self;

    /// All sixteen, as an array.
    #[inline(always)]
    fn to_array(self) -> [f32; 16] {
        let mut array = [0.0; 16];
        self.store(&mut array);
        array
    }
}

/// exp(x) for x <= 0, within 2 units in the last place; below -87 it is exp(-87), which is next to nothing.
///
/// x = n ln 2 + r with |r| <= ln 2 / 2, and exp(r) by the polynomial of the Cephes library's `expf` (S. Moshier).
#[inline(always)]
pub(super) fn exp_of_negative<V: F32x16>(x: V) -> V {
    const LOG2_E: f32 = std::f32::consts::LOG2_E;
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    // Adding and subtracting 1.5 · 2^23 rounds to a whole number.
    const ROUND: f32 = 12_582_912.0;

    let x = V::splat(-87.0).max(x);
    let n = x.mul_add(V::splat(LOG2_E), V::splat(ROUND)).sub(V::splat(ROUND));
    let r = n.mul_add(V::splat(-LN2_HIGH), x);
    let r = n.mul_add(V::splat(-LN2_LOW), r);
    let mut p = V::splat(1.987_569_1e-4);
    for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        p = p.mul_add(r, V::splat(coefficient));
    }
    let p = p.mul_add(r.mul(r), r).add(V::splat(1.0));
    p.scale_by_power_of_2(n)
}

/// Scale and scale · alpha of SELU (Klambauer et al., 2017), as TensorFlow's kernel has them.
pub(super) const SELU_SCALE: f32 = 1.050_701;
pub(super) const SELU_SCALE_ALPHA: f32 = 1.758_099_3;

/// The derivative of SELU where its value is `y`.
#[inline(always)]
pub(super) fn selu_derivative<V: F32x16>(y: V) -> V {
    let negative = y.add(V::splat(SELU_SCALE_ALPHA));
    y.select_ge(V::splat(0.0), V::splat(SELU_SCALE), negative)
}

/// SELU: 1.0507 x for x > 0, else 1.7581 (exp(x) - 1).
#[inline(always)]
pub(super) fn selu<V: F32x16>(x: V) -> V {
    let zero = V::splat(0.0);
    let negative = exp_of_negative(zero.min(x)).sub(V::splat(1.0));
    let positive = zero.max(x).mul(V::splat(SELU_SCALE));
    negative.mul_add(V::splat(SELU_SCALE_ALPHA), positive)
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;
    use super::{Instructions, for_each_instruction_set};

    for_each_instruction_set! {
        fn selus<>(x: &[f32; 16], y: &mut [f32; 16]) = selus_with
    }

    #[inline(always)]
    fn selus_with<V: F32x16>(x: &[f32; 16], y: &mut [f32; 16]) {
        selu(V::load(x)).store(y);
    }

    for_each_instruction_set! {
        fn exps<>(x: &[f32; 16], y: &mut [f32; 16]) = exps_with
    }

    #[inline(always)]
    fn exps_with<V: F32x16>(x: &[f32; 16], y: &mut [f32; 16]) {
        exp_of_negative(V::load(x)).store(y);
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
