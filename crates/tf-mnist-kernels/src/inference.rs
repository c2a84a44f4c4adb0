//! The optimized network in use, from the images to what its first dense layer is fed, in one pass: every image stays in
//! the processor's cache from its pixels to its pooled activations.

use super::arguments::{BIAS1, BIAS2, FEATURES, IMAGES, KERNEL1, KERNEL2};
use super::convolution::at_points;
use super::first_layer::{Folded, SELU, Weights, apply_row};
use super::how::How;
use super::image::pad;
use super::layout::{Line, PIXELS, Room, SIDE, blocks, blocks_mut};
use super::pool_layer::{BLOCKS as OUT, POOLED, WINDOWS};
use super::registry::{Argument, Op, Output};
use super::simd::{Instructions, Register, for_each_instruction_set, registers, selu};
use super::winograd::{POINTS, Scratch, TILES, convolve_tiles, fetch, output_column};
use rayon::prelude::*;

/// SELU(max_pool(SELU(images * kernel1 + bias1) * kernel2 + bias2)), with the batch norms folded into kernels and biases.
pub(super) struct Features;

impl Op<5, 1> for Features {
    const INPUTS: [Argument; 5] = [IMAGES, KERNEL1, BIAS1, KERNEL2, BIAS2];
    const OUTPUTS: [Argument; 1] = [FEATURES];

    fn compute(how: How, [images, kernel1, bias1, kernel2, bias2]: [&[f32]; 5], [features]: [Output<'_>; 1]) {
        let kernel2 = at_points(how.instructions, kernel2);
        let weights = Weights::new(Folded::new(kernel1, bias1), blocks(&kernel2), bias2);
        images.par_chunks(PIXELS).zip(features.images(WINDOWS * OUT)).for_each_init(
            || (vec![Line::default(); PIXELS], Scratch::new()),
            |(hidden, tiles), (image, features)| {
                image_features(how.instructions, image, &weights, features, hidden, tiles);
            },
        );
    }
}

for_each_instruction_set! {
    /// With room for the hidden values of an image, and for a row of their tiles.
    fn image_features<V>(
        image: &[f32],
        weights: &Weights,
        features: &mut [Room],
        hidden: &mut [Line],
        tiles: &mut Scratch<1, OUT>,
    ) {
        let padded = pad(image);
        let hidden = blocks_mut(hidden);
        for tile_row in 0..TILES {
            // As many rows of hidden values as this row of tiles reads: they are in the first-level cache then.
            let made = if tile_row == 0 { 0 } else { 4 * tile_row + 1 };
            for y in made..SIDE.min(4 * tile_row + 5) {
                apply_row::<V, SELU>(&padded, &weights.first, y, &mut hidden[y * SIDE..][..SIDE]);
            }
            let features = &mut features[2 * tile_row * POOLED * OUT..][..2 * POOLED * OUT];
            let rows = convolve_tiles::<V, 1, OUT>(hidden, weights.kernel2, tile_row, tiles, |n| {
                fetch::<V, { 4 * POOLED }, POINTS>(features.as_ptr().cast(), n);
            });
            for (block, part) in registers::<V>(OUT) {
                let bias = V::load(&weights.bias2[block], part);
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
