//! The optimized network in use, from the images to what its first dense layer is fed, in one pass: every image stays in
//! the processor's cache from its pixels to its pooled activations.

use super::convolution::at_points;
use super::factors::F32;
use super::first_layer::{Folded, apply_row};
use super::image::{EMPTY, pad};
use super::layout::{Block, Line, PIXELS, Room, SIDE, as_blocks, blocks_mut};
use super::registry::{Argument, Op, Output, ROWS};
use super::simd::{Instructions, for_each_instruction_set};
use super::simd::{Register, registers, selu};
use super::winograd::{self, POINTS, TILES, convolve_tiles, fetch, output_column};
use rayon::prelude::*;

/// Blocks of channels of conv2.
const OUT: usize = 2;
/// Height and width behind the pool.
const POOLED: usize = SIDE / 2;

/// SELU(max_pool(SELU(images * kernel1 + bias1) * kernel2 + bias2)), with the batch norms folded into kernels and biases.
pub(super) struct Features;

impl Op for Features {
    const INPUTS: &'static [Argument] = &[
        Argument("images", &[ROWS, 28, 28, 1]),
        Argument("kernel1", &[3, 3, 1, 16]),
        Argument("bias1", &[16]),
        Argument("kernel2", &[3, 3, 16, 32]),
        Argument("bias2", &[32]),
    ];
    const OUTPUTS: &'static [Argument] = &[Argument("features", &[ROWS, 14, 14, 32])];

    fn compute(instructions: Instructions, inputs: &[&[f32]], outputs: &mut [Output<'_>]) {
        let ([images, kernel1, bias1, kernel2, bias2], [features]) = (inputs, outputs) else {
            unreachable!("as many as the op has")
        };
        let mut kernels = Kernels {
            first: Folded::default(),
            kernel2: at_points(instructions, kernel2),
            bias2: [[0.0; 16]; OUT],
        };
        kernels.first.kernel.copy_from_slice(as_blocks(kernel1));
        kernels.first.bias.copy_from_slice(bias1);
        kernels.bias2.copy_from_slice(as_blocks(bias2));
        images.par_chunks(PIXELS).zip(features.images(POOLED * POOLED * OUT)).for_each_init(
            Scratch::new,
            |scratch, (image, features)| {
                image_features(instructions, image, &kernels, features, scratch);
            },
        );
    }
}

/// Kernels and biases in blocks, the kernel of conv2 transformed.
struct Kernels {
    first: Folded,
    kernel2: Vec<Line>,
    bias2: [Block; OUT],
}

/// What lies between the layers, of one image.
struct Scratch {
    hidden: Vec<Line>,
    tiles: winograd::Scratch<1, OUT>,
}

impl Scratch {
    fn new() -> Self {
        Self { hidden: vec![Line::default(); PIXELS], tiles: winograd::Scratch::new() }
    }
}

for_each_instruction_set! {
    fn image_features<V>(image: &[f32], kernels: &Kernels, features: &mut [Room], scratch: &mut Scratch) {
        let mut padded = EMPTY;
        pad(image, &mut padded);
        for tile_row in 0..TILES {
            // As many rows of hidden values as this row of tiles reads: they are in the first-level cache then.
            let made = if tile_row == 0 { 0 } else { 4 * tile_row + 1 };
            for y in made..SIDE.min(4 * tile_row + 5) {
                apply_row::<V, F32>(&padded, &kernels.first, y, &mut scratch.hidden[y * SIDE..][..SIDE]);
            }
            let hidden = blocks_mut(&mut scratch.hidden);
            let features = &mut features[2 * tile_row * POOLED * OUT..][..2 * POOLED * OUT];
            let rows = convolve_tiles::<V, 1, OUT>(hidden, &kernels.kernel2, tile_row, &mut scratch.tiles, |n| {
                fetch::<V, { 4 * POOLED }, POINTS>(features.as_ptr().cast(), n);
            });
            for (block, part) in registers::<V>(OUT) {
                let bias = V::load(&kernels.bias2[block], part);
                for tile in 0..TILES {
                    // Of each window of the pool the greatest.
                    let mut greatest = [V::splat(f32::NEG_INFINITY); 4];
                    for column in 0..4 {
                        let [a, b, c, d] = output_column::<V, OUT>(rows, 4 * tile + column, block, part);
                        let (upper, lower) = (column / 2, 2 + column / 2);
                        greatest[upper] = greatest[upper].max(a.max(b));
                        greatest[lower] = greatest[lower].max(c.max(d));
                    }
                    // The bias and SELU, which increases, do not change which it is.
                    for k in 0..4 {
                        greatest[k] = greatest[k].add(bias);
                    }
                    let values = selu(greatest);
                    for k in 0..4 {
                        let place = k / 2 * POOLED + 2 * tile + k % 2;
                        values[k].store(&mut features[place * OUT + block], part);
                    }
                }
            }
        }
    }
}
