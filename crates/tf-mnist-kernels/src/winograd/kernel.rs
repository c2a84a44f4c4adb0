//! The transforms of kernels.

use super::transforms::{Kernel, KernelGradient, Transform};
use crate::layout::Block;
use crate::simd::{Instructions, Register, for_each_instruction_set, registers};

for_each_instruction_set! {
    /// The kernel at the 36 points, `[point][in][out block]`, from float32 `[3][3][in][out]`.
    pub fn transform_kernel<V>(kernel: &[Block], transformed: &mut [Block]) {
        transform::<V, Kernel, 3, 6>(kernel, transformed);
    }
}

for_each_instruction_set! {
    /// The kernel's gradient, float32 `[3][3][in][out]`, from that of the transformed kernel.
    pub fn transform_kernel_gradient<V>(transformed: &[Block], gradient: &mut [Block]) {
        transform::<V, KernelGradient, 6, 3>(transformed, gradient);
    }
}

/// Along both axes: first down the columns, then across the rows of what that makes.
#[inline(always)]
fn transform<V: Register, T: Transform<FROM, TO>, const FROM: usize, const TO: usize>(
    from: &[Block],
    to: &mut [Block],
) {
    let pairs = to.len() / (TO * TO);
    for (pair, part) in registers::<V>(pairs) {
        let mut rows = [[V::splat(0.0); FROM]; TO];
        for j in 0..FROM {
            let mut column = [V::splat(0.0); FROM];
            for i in 0..FROM {
                column[i] = V::load(&from[(FROM * i + j) * pairs + pair], part);
            }
            let column = T::of(column);
            for i in 0..TO {
                rows[i][j] = column[i];
            }
        }
        for i in 0..TO {
            let row = T::of(rows[i]);
            for j in 0..TO {
                row[j].store(&mut to[(TO * i + j) * pairs + pair], part);
            }
        }
    }
}
