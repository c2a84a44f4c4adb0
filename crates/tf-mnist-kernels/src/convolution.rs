//! conv2 of the optimized network in training, with the statistics that its batch norm needs: 3x3 convolutions with stride 1
//! over batches of 28 x 28 images, and their gradients.
//!
//! Images are float32 `[rows][28][28][channels]`, kernels `[3][3][in][out]`, with zeros around the images (`SAME`).
//! Channels are given in blocks of 16. Rows are shared among the threads of the rayon pool that this is called in.

use super::arguments::{BIAS2, HIDDEN, KERNEL2, MEAN2, SUMS, VARIANCE2};
use super::batch_norm::{ChannelSums, Sums, population, statistics, totals};
use super::how::How;
use super::layout::{Block, Line, PIXELS, Room, SIDE, as_blocks, blocks, blocks_mut};
use super::registry::{Argument, Op, Output};
use super::simd::{Instructions, Register, for_each_instruction_set, registers};
use super::winograd::{
    ACROSS, Columns, Input, OutputGradient, POINTS, Points, Scratch, TILES, convolve_tiles, fetch,
    multiply_transposed, output_column, room, rows_made, rows_read, transform_columns, transform_kernel,
    transform_rows,
};
use rayon::prelude::*;

/// The layer.
pub(super) struct SecondLayer;

impl Op<3, 4> for SecondLayer {
    const INPUTS: [Argument; 3] = [HIDDEN, Argument("kernel", KERNEL2.1), Argument("bias", BIAS2.1)];
    const OUTPUTS: [Argument; 4] = [SUMS, MEAN2, VARIANCE2, Argument("unbiased_variance", VARIANCE2.1)];

    fn compute(how: How, [hidden, kernel, bias]: [&[f32]; 3], [y, statistics2 @ ..]: [Output<'_>; 4]) {
        let population = population(hidden.len() / PIXELS / 16);
        let [mean, variance, unbiased_variance] = statistics2.map(Output::zeroed);
        let sums = convolve::<1, 2>(how.instructions, hidden, &how.factors(kernel), bias, y);
        for channel in 0..32 {
            let [sum, squares] = sums[channel / 16].map(|sums| sums.0[channel % 16]);
            let [centre, spread, unbiased] = statistics(sum, squares, population);
            mean[channel] = (centre + f64::from(bias[channel])) as f32;
            variance[channel] = spread as f32;
            unbiased_variance[channel] = unbiased as f32;
        }
    }
}

/// y = x * kernel + bias: `x` `[rows][28][28][16 IN]`, `kernel` `[3][3][16 IN][16 OUT]`, `bias` `[16 OUT]`, `y`
/// `[rows][28][28][16 OUT]`. Of each block of channels: the sums of the results before the bias, and of their squares.
pub(super) fn convolve<const IN: usize, const OUT: usize>(
    instructions: Instructions,
    x: &[f32],
    kernel: &[f32],
    bias: &[f32],
    y: Output<'_>,
) -> [[ChannelSums; 2]; OUT] {
    let transformed = at_points(instructions, kernel);
    let mut bias_blocks = [[0.0; 16]; OUT];
    bias_blocks.copy_from_slice(as_blocks(bias));
    let sums: Vec<Sums<OUT>> = as_blocks(x)
        .par_chunks(PIXELS * IN)
        .zip(y.images(PIXELS * OUT))
        .map_init(Scratch::<IN, OUT>::new, |scratch, (x, y)| {
            let mut sums = [[[0.0; 16]; 2]; OUT];
            convolve_image(instructions, x, blocks(&transformed), &bias_blocks, y, &mut sums, scratch);
            sums
        })
        .collect();
    totals(&sums)
}

/// The kernel that y's gradient is convolved with for that in x: turned by half a turn, its `[in][out]` the other way
/// round.
pub(super) fn turned(kernel: &[f32], inputs: usize, outputs: usize) -> Vec<Line> {
    let mut turned = vec![Line::default(); kernel.len() / 16];
    for place in 0..9 {
        let from = &kernel[(8 - place) * inputs * outputs..][..inputs * outputs];
        let to =
            &mut blocks_mut(&mut turned).as_flattened_mut()[place * inputs * outputs..][..inputs * outputs];
        for input in 0..inputs {
            for output in 0..outputs {
                to[output * inputs + input] = from[input * outputs + output];
            }
        }
    }
    turned
}

/// `kernel` at the points of Winograd's algorithm.
pub(super) fn at_points(instructions: Instructions, kernel: &[f32]) -> Vec<Line> {
    let mut transformed = vec![Line::default(); POINTS * kernel.len() / (9 * 16)];
    transform_kernel(instructions, as_blocks(kernel), blocks_mut(&mut transformed));
    transformed
}

for_each_instruction_set! {
    fn convolve_image<V, const IN: usize, const OUT: usize>(
        x: &[Block],
        kernel: &[Block],
        bias: &[Block; OUT],
        y: &mut [Room],
        sums: &mut Sums<OUT>,
        scratch: &mut Scratch<IN, OUT>,
    ) {
        for tile_row in 0..TILES {
            let y = &mut y[4 * tile_row * SIDE * OUT..][..4 * SIDE * OUT];
            let next = x.as_ptr().wrapping_add((4 * tile_row + 5) * SIDE * IN);
            let rows = convolve_tiles::<V, IN, OUT>(x, kernel, tile_row, scratch, |n| {
                // What is read and written next.
                fetch::<V, { 4 * SIDE }, POINTS>(next, n);
                fetch::<V, { 8 * SIDE }, POINTS>(y.as_ptr().cast(), n);
            });
            for (block, part) in registers::<V>(OUT) {
                let bias = V::load(&bias[block], part);
                let [sum, squares] = &mut sums[block];
                let (mut total, mut total_squares) = (V::load(sum, part), V::load(squares, part));
                for column in 0..SIDE {
                    let results = output_column::<V, OUT>(rows, column, block, part);
                    let [a, b, c, d] = results;
                    total = total.add(a.add(b).add(c.add(d)));
                    let (ab, cd) = (a.mul_add(a, b.mul(b)), c.mul_add(c, d.mul(d)));
                    total_squares = total_squares.add(ab.add(cd));
                    for i in 0..4 {
                        results[i].add(bias).store(&mut y[(i * SIDE + column) * OUT + block], part);
                    }
                }
                total.store(sum, part);
                total_squares.store(squares, part);
            }
        }
    }
}

/// Room for the points of an image and of the gradient of its results.
pub(super) struct FilterScratch<const IN: usize, const OUT: usize> {
    input_columns: Vec<Columns<IN>>,
    output_columns: Vec<Columns<OUT>>,
    inputs: Box<Points<IN>>,
    outputs: Box<Points<OUT>>,
}

impl<const IN: usize, const OUT: usize> FilterScratch<IN, OUT> {
    pub fn new() -> Self {
        Self {
            input_columns: vec![*room(); TILES],
            output_columns: vec![*room(); TILES],
            inputs: room(),
            outputs: room(),
        }
    }
}

/// Adds to the gradient in the kernel at the points, from an image x and the gradient in its y.
#[inline(always)]
pub(super) fn add_filter_gradient<V: Register, const IN: usize, const OUT: usize>(
    x: &[Block],
    dy: &[Block],
    sums: &mut [Line],
    scratch: &mut FilterScratch<IN, OUT>,
    meanwhile: impl Fn(usize),
) {
    let FilterScratch { input_columns, output_columns, inputs, outputs } = scratch;
    for tile_row in 0..TILES {
        transform_columns::<V, Input, IN, 6>(rows_read::<IN>(x, tile_row), &mut input_columns[tile_row]);
        let dy = rows_made::<OUT>(dy, tile_row);
        transform_columns::<V, OutputGradient, OUT, 4>(dy, &mut output_columns[tile_row]);
    }
    // The sums of six points stay in the first-level cache meanwhile.
    for (i, sums) in sums.chunks_exact_mut(ACROSS * 16 * IN * OUT).enumerate() {
        let tile_rows = input_columns.iter().zip(output_columns.iter()).enumerate();
        for (tile_row, (input_columns, output_columns)) in tile_rows {
            transform_rows::<V, Input, IN, 6>(&input_columns[i], inputs);
            transform_rows::<V, OutputGradient, OUT, 4>(&output_columns[i], outputs);
            multiply_transposed::<V, IN, OUT>(inputs, outputs, sums, |point| {
                meanwhile((i * TILES + tile_row) * ACROSS + point);
            });
        }
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::super::layout::{as_blocks_mut, floats};
    use super::super::winograd::transform_kernel_gradient;
    use super::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{RngCore, SeedableRng};

    fn random(count: usize, seed: u64) -> Vec<f32> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        (0..count).map(|_| (random.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0).collect()
    }

    for_each_instruction_set! {
        fn add_image<V>(x: &[Block], dy: &[Block], sums: &mut [Line]) {
            add_filter_gradient::<V, 1, 2>(x, dy, sums, &mut FilterScratch::new(), |_| ());
        }
    }

    /// Calls `each` for each place that a kernel element meets: image row, y, x, kernel place, input pixel.
    fn products(rows: usize, mut each: impl FnMut(usize, usize, usize)) {
        for row in 0..rows {
            for y in 0..SIDE {
                for x in 0..SIDE {
                    for place in 0..9 {
                        let (from_y, from_x) = (y + place / 3, x + place % 3);
                        if (1..=SIDE).contains(&from_y) && (1..=SIDE).contains(&from_x) {
                            let input = (row * SIDE + from_y - 1) * SIDE + from_x - 1;
                            each((row * SIDE + y) * SIDE + x, place, input);
                        }
                    }
                }
            }
        }
    }

    fn assert_near(found: &[f32], expected: &[f64], tolerance: f64, what: &str) {
        let size = expected.iter().map(|x| x.abs()).fold(0.0, f64::max);
        let worst = found.iter().zip(expected).map(|(&a, b)| (f64::from(a) - b).abs()).fold(0.0, f64::max);
        assert!(worst <= tolerance * size, "{what}: off by {worst} of {size}");
    }

    /// Of the greatest value. A sum of 144 products of numbers below 1 is rounded by sqrt(144) · 2^-24 = 7e-7 of it, and
    /// Winograd's transforms multiply that by a few.
    const TOLERANCE: f64 = 3e-6;

    #[test]
    fn convolutions_and_their_gradients_are_those_of_float64_sums() {
        const ROWS: usize = 23; // more than two sums of the filter's gradient, the last in part
        const IN: usize = 16;
        const OUT: usize = 32;
        let x = random(ROWS * PIXELS * IN, 1);
        let kernel = random(9 * IN * OUT, 2);
        let dy = random(ROWS * PIXELS * OUT, 3);
        let mut y = vec![0.0; ROWS * PIXELS * OUT];
        let mut dx = vec![0.0; ROWS * PIXELS * IN];
        let mut dk = vec![0.0; 9 * IN * OUT];
        products(ROWS, |output, place, input| {
            for i in 0..IN {
                for o in 0..OUT {
                    let value = f64::from(x[input * IN + i]);
                    let factor = f64::from(kernel[(place * IN + i) * OUT + o]);
                    let gradient = f64::from(dy[output * OUT + o]);
                    y[output * OUT + o] += value * factor;
                    dx[input * IN + i] += gradient * factor;
                    dk[(place * IN + i) * OUT + o] += value * gradient;
                }
            }
        });
        for instructions in Instructions::all_of_this_processor() {
            let mut found = vec![f32::NAN; y.len()];
            convolve::<1, 2>(instructions, &x, &kernel, &[0.0; OUT], Output::over(&mut found));
            assert_near(&found, &y, TOLERANCE, &format!("y, {instructions:?}"));
            let mut found = vec![f32::NAN; dx.len()];
            let turned = turned(&kernel, IN, OUT);
            convolve::<2, 1>(instructions, &dy, floats(&turned), &[0.0; IN], Output::over(&mut found));
            assert_near(&found, &dx, TOLERANCE, &format!("dx, {instructions:?}"));
            // Ten rows at a time, as the op does.
            let mut total = vec![Line::default(); POINTS * IN * 2];
            for (x, dy) in x.chunks(10 * PIXELS * IN).zip(dy.chunks(10 * PIXELS * OUT)) {
                let mut sums = vec![Line::default(); POINTS * IN * 2];
                for (x, dy) in as_blocks(x).chunks(PIXELS).zip(as_blocks(dy).chunks(2 * PIXELS)) {
                    add_image(instructions, x, dy, &mut sums);
                }
                let both = blocks_mut(&mut total).as_flattened_mut().iter_mut().zip(floats(&sums));
                both.for_each(|(total, sum)| *total += sum);
            }
            let mut found = vec![f32::NAN; dk.len()];
            transform_kernel_gradient(instructions, blocks(&total), as_blocks_mut(&mut found));
            assert_near(&found, &dk, TOLERANCE, &format!("dk, {instructions:?}"));
        }
    }
}
