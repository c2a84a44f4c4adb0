//! The transforms of kernels.

use super::transforms::{kernel_gradient_transform, kernel_transform};
use crate::layout::{Block, Line};
use crate::simd::{Instructions, Register, for_each_instruction_set, registers};

for_each_instruction_set! {
    /// The kernel at the 36 points, `[point][in][out block]`, from float32 `[3][3][in][out]`.
    pub fn transform_kernel<V>(kernel: &[Block], transformed: &mut [Line]) {
        let pairs = kernel.len() / 9;
        for (pair, part) in registers::<V>(pairs) {
            let mut columns = [[V::splat(0.0); 6]; 3];
            for j in 0..3 {
                let mut g = [V::splat(0.0); 3];
                for i in 0..3 {
                    g[i] = V::load(&kernel[(3 * i + j) * pairs + pair], part);
                }
                columns[j] = kernel_transform(g);
            }
            for i in 0..6 {
                let row = kernel_transform(across(&columns, i));
                for j in 0..6 {
                    row[j].store(&mut transformed[(6 * i + j) * pairs + pair], part);
                }
            }
        }
    }
}

for_each_instruction_set! {
    /// The kernel's gradient, float32 `[3][3][in][out]`, from that of the transformed kernel.
    pub fn transform_kernel_gradient<V>(transformed: &[Line], gradient: &mut [Block]) {
        let pairs = gradient.len() / 9;
        for (pair, part) in registers::<V>(pairs) {
            let mut columns = [[V::splat(0.0); 3]; 6];
            for j in 0..6 {
                let mut u = [V::splat(0.0); 6];
                for i in 0..6 {
                    u[i] = V::load(&transformed[(6 * i + j) * pairs + pair], part);
                }
                columns[j] = kernel_gradient_transform(u);
            }
            for i in 0..3 {
                let row = kernel_gradient_transform(across(&columns, i));
                for j in 0..3 {
                    row[j].store(&mut gradient[(3 * i + j) * pairs + pair], part);
                }
            }
        }
    }
}

/// Row `i` of a matrix given by its columns.
#[inline(always)]
fn across<V: Register, const HEIGHT: usize, const WIDTH: usize>(
    columns: &[[V; HEIGHT]; WIDTH],
    i: usize,
) -> [V; WIDTH] {
    let mut row = [V::splat(0.0); WIDTH];
    for j in 0..WIDTH {
        row[j] = columns[j][i];
    }
    row
}
