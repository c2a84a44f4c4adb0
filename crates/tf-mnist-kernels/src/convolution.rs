//! 3x3 convolutions with stride 1 over batches of 28 x 28 images, and their gradients.
//!
//! Images are float32 `[rows][28][28][channels]`, kernels `[3][3][in][out]`, with zeros around the images (`SAME`).
//! Channels are given in blocks of 16. Rows are shared among the threads of the rayon pool that this is called in.

use super::batch_norm::ChannelSums;
use super::layout::{Block, Line, PIXELS, Room, SIDE, as_blocks, as_blocks_mut};
use super::registry::Output;
use super::simd::{Instructions, for_each_instruction_set};
use super::simd::{Register, registers};
use super::winograd::{
    ACROSS, Columns, POINTS, Points, Scratch, TILES, columns, convolve_tiles, kernel_gradient,
    multiply_transposed, output_column, room, transform_columns, transform_gradient_columns,
    transform_gradient_rows, transform_rows, transformed_kernel,
};
use rayon::prelude::*;

/// Of each block of channels: the sums of the results before the bias, and of their squares.
pub(super) type Statistics<const BLOCKS: usize> = [[ChannelSums; 2]; BLOCKS];

/// y = x * kernel + bias: `x` `[rows][28][28][16 IN]`, `kernel` `[3][3][16 IN][16 OUT]`, `bias` `[16 OUT]`, `y`
/// `[rows][28][28][16 OUT]`.
pub(super) fn convolve<const IN: usize, const OUT: usize>(
    instructions: Instructions,
    x: &[f32],
    kernel: &[f32],
    bias: Option<&[f32]>,
    y: &mut Output<'_>,
) -> Statistics<OUT> {
    let mut transformed = vec![Line::default(); POINTS * 16 * IN * OUT];
    transform_kernel(instructions, as_blocks(kernel), &mut transformed);
    let mut bias_blocks = [[0.0; 16]; OUT];
    if let Some(bias) = bias {
        bias_blocks.copy_from_slice(as_blocks(bias));
    }
    let sums: Vec<[[Block; 2]; OUT]> = as_blocks(x)
        .par_chunks(PIXELS * IN)
        .zip(y.images(PIXELS * OUT))
        .map_init(Scratch::<IN, OUT>::new, |scratch, (x, y)| {
            let mut sums = [[[0.0; 16]; 2]; OUT];
            convolve_image(instructions, x, &transformed, &bias_blocks, y, &mut sums, scratch);
            sums
        })
        .collect();
    let mut statistics = [[ChannelSums::ZERO; 2]; OUT];
    for sums in &sums {
        for (totals, sums) in statistics.iter_mut().zip(sums) {
            totals[0].add(&sums[0]);
            totals[1].add(&sums[1]);
        }
    }
    statistics
}

/// The gradient in x of `convolve::<IN, OUT>`, from that in y.
pub(super) fn input_gradient<const IN: usize, const OUT: usize>(
    instructions: Instructions,
    dy: &[f32],
    kernel: &[f32],
    dx: &mut Output<'_>,
) {
    // That is the convolution with the kernel turned by half a turn, and its channels the other way round.
    let (inputs, outputs) = (16 * IN, 16 * OUT);
    let mut turned = vec![0.0; kernel.len()];
    for place in 0..9 {
        let from = &kernel[(8 - place) * inputs * outputs..][..inputs * outputs];
        let to = &mut turned[place * inputs * outputs..][..inputs * outputs];
        for input in 0..inputs {
            for output in 0..outputs {
                to[output * inputs + input] = from[input * outputs + output];
            }
        }
    }
    convolve::<OUT, IN>(instructions, dy, &turned, None, dx);
}

/// Rows whose gradient is summed up by one thread at a time. Fixed, so that sums do not depend on the number of threads.
const ROWS_SUMMED: usize = 10;

/// The gradient in the kernel of `convolve::<IN, OUT>`, from x and the gradient in y.
pub(super) fn filter_gradient<const IN: usize, const OUT: usize>(
    instructions: Instructions,
    x: &[f32],
    dy: &[f32],
    gradient: &mut [f32],
) {
    let partial: Vec<Vec<Line>> = as_blocks(x)
        .par_chunks(ROWS_SUMMED * PIXELS * IN)
        .zip(as_blocks(dy).par_chunks(ROWS_SUMMED * PIXELS * OUT))
        .map_init(GradientScratch::<IN, OUT>::new, |scratch, (x, dy)| {
            let mut sums = vec![Line::default(); POINTS * 16 * IN * OUT];
            for (x, dy) in x.chunks(PIXELS * IN).zip(dy.chunks(PIXELS * OUT)) {
                add_filter_gradient(instructions, x, dy, &mut sums, scratch);
            }
            sums
        })
        .collect();
    let mut partial = partial.into_iter();
    let mut total = partial.next().unwrap_or_else(|| vec![Line::default(); POINTS * 16 * IN * OUT]);
    for sums in partial {
        for (total, sum) in total.iter_mut().zip(&sums) {
            total.iter_mut().zip(sum.0).for_each(|(total, sum)| *total += sum);
        }
    }
    transform_kernel_gradient(instructions, &total, as_blocks_mut(gradient));
}

for_each_instruction_set! {
    pub(super) fn transform_kernel<>(kernel: &[Block], transformed: &mut [Line]) = transformed_kernel
}

for_each_instruction_set! {
    fn transform_kernel_gradient<>(transformed: &[Line], gradient: &mut [Block]) = kernel_gradient
}

for_each_instruction_set! {
    fn convolve_image<const IN: usize, const OUT: usize>(
        x: &[Block],
        kernel: &[Line],
        bias: &[Block; OUT],
        y: &mut [Room],
        sums: &mut [[Block; 2]; OUT],
        scratch: &mut Scratch<IN, OUT>,
    ) = convolve_image_with
}

#[inline(always)]
fn convolve_image_with<V: Register, const IN: usize, const OUT: usize>(
    x: &[Block],
    kernel: &[Line],
    bias: &[Block; OUT],
    y: &mut [Room],
    sums: &mut [[Block; 2]; OUT],
    scratch: &mut Scratch<IN, OUT>,
) {
    for tile_row in 0..TILES {
        let y = &mut y[4 * tile_row * SIDE * OUT..][..4 * SIDE * OUT];
        let rows = convolve_tiles::<V, IN, OUT>(x, kernel, tile_row, scratch, y);
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

/// Room for the points of an image.
struct GradientScratch<const IN: usize, const OUT: usize> {
    input_columns: Vec<Columns<IN>>,
    output_columns: Vec<Columns<OUT>>,
    inputs: Box<Points<IN>>,
    outputs: Box<Points<OUT>>,
}

impl<const IN: usize, const OUT: usize> GradientScratch<IN, OUT> {
    fn new() -> Self {
        Self {
            input_columns: columns(TILES),
            output_columns: columns(TILES),
            inputs: room(),
            outputs: room(),
        }
    }
}

for_each_instruction_set! {
    fn add_filter_gradient<const IN: usize, const OUT: usize>(
        x: &[Block],
        dy: &[Block],
        sums: &mut [Line],
        scratch: &mut GradientScratch<IN, OUT>,
    ) = add_filter_gradient_with
}

#[inline(always)]
fn add_filter_gradient_with<V: Register, const IN: usize, const OUT: usize>(
    x: &[Block],
    dy: &[Block],
    sums: &mut [Line],
    scratch: &mut GradientScratch<IN, OUT>,
) {
    let GradientScratch { input_columns, output_columns, inputs, outputs } = scratch;
    for tile_row in 0..TILES {
        transform_columns::<V, IN>(x, tile_row, &mut input_columns[tile_row]);
        transform_gradient_columns::<V, OUT>(dy, tile_row, &mut output_columns[tile_row]);
    }
    // The sums of six points stay in the first-level cache meanwhile.
    for (i, sums) in sums.chunks_exact_mut(ACROSS * 16 * IN * OUT).enumerate() {
        for (input_columns, output_columns) in input_columns.iter().zip(output_columns.iter()) {
            transform_rows::<V, IN>(&input_columns[i], inputs);
            transform_gradient_rows::<V, OUT>(&output_columns[i], outputs);
            multiply_transposed::<V, IN, OUT>(inputs, outputs, sums);
        }
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{RngCore, SeedableRng};

    fn random(count: usize, seed: u64) -> Vec<f32> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        (0..count).map(|_| (random.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0).collect()
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
            convolve::<1, 2>(instructions, &x, &kernel, None, &mut Output::over(&mut found));
            assert_near(&found, &y, TOLERANCE, &format!("y, {instructions:?}"));
            let mut found = vec![f32::NAN; dx.len()];
            input_gradient::<1, 2>(instructions, &dy, &kernel, &mut Output::over(&mut found));
            assert_near(&found, &dx, TOLERANCE, &format!("dx, {instructions:?}"));
            let mut found = vec![f32::NAN; dk.len()];
            filter_gradient::<1, 2>(instructions, &x, &dy, &mut found);
            assert_near(&found, &dk, TOLERANCE, &format!("dk, {instructions:?}"));
        }
    }
}
