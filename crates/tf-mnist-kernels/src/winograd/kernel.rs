//! Kernels at the points of the algorithm, and back.

use super::POINTS;
use super::transforms::{A, A2, B, B2};
use crate::layout::{Block, Line, as_blocks, blocks, blocks_mut};
use crate::simd::{Instructions, Register, for_each_instruction_set, registers};

/// What the rows of G are divided by: the derivatives of x (x² - A²) (x² - B²) at 0, ±A and ±B.
const AT_0: f32 = A2 * B2;
const AT_A: f32 = 2.0 * A2 * (A2 - B2);
const AT_B: f32 = 2.0 * B2 * (B2 - A2);

const G: [[f32; 3]; 6] = [
    [1.0 / AT_0, 0.0, 0.0],
    [1.0 / AT_A, A / AT_A, A2 / AT_A],
    [1.0 / AT_A, -A / AT_A, A2 / AT_A],
    [1.0 / AT_B, B / AT_B, B2 / AT_B],
    [1.0 / AT_B, -B / AT_B, B2 / AT_B],
    [0.0, 0.0, 1.0],
];

/// G g Gᵀ of `kernel`, float32 `[3][3][in][out]`: `[point][in][out block]`.
pub fn at_points(instructions: Instructions, kernel: &[f32]) -> Vec<Line> {
    let mut made = vec![Line::default(); POINTS * kernel.len() / (9 * 16)];
    transform(instructions, &G, as_blocks(kernel), blocks_mut(&mut made));
    made
}

/// Gᵀ u G, the transpose: the kernel's gradient from that at the points.
pub fn from_points(instructions: Instructions, at_points: &[Line], gradient: &mut [f32]) {
    let transposed: [[f32; 6]; 3] = std::array::from_fn(|place| G.map(|row| row[place]));
    transform(instructions, &transposed, blocks(at_points), gradient.as_chunks_mut().0);
}

for_each_instruction_set! {
    /// Along both axes: first down the columns, then across the rows of what that makes.
    fn transform<V, const FROM: usize, const TO: usize>(
        matrix: &[[f32; FROM]; TO],
        from: &[Block],
        to: &mut [Block],
    ) {
        let pairs = to.len() / (TO * TO);
        for (pair, part) in registers::<V>(pairs) {
            let mut rows = [[V::splat(0.0); FROM]; TO];
            for number in 0..FROM * FROM {
                let value = V::load(&from[number * pairs + pair], part);
                for k in 0..TO {
                    let sum = &mut rows[k][number % FROM];
                    *sum = V::splat(matrix[k][number / FROM]).mul_add(value, *sum);
                }
            }
            for number in 0..TO * TO {
                let mut sum = V::splat(0.0);
                for k in 0..FROM {
                    sum = V::splat(matrix[number % TO][k]).mul_add(rows[number / TO][k], sum);
                }
                sum.store(&mut to[number * pairs + pair], part);
            }
        }
    }
}

/// The kernel that y's gradient is convolved with for that in x: turned by half a turn, its `[in][out]` the other way
/// round.
pub fn turned(kernel: &[f32], inputs: usize, outputs: usize) -> Vec<f32> {
    let pairs = inputs * outputs;
    let number = |to: usize| {
        let (place, output, input) = (to / pairs, to % pairs / inputs, to % inputs);
        kernel[(8 - place) * pairs + input * outputs + output]
    };
    (0..kernel.len()).map(number).collect()
}
