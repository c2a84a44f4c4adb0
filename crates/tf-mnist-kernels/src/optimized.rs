//! The first layers of the optimized network: conv1, batch norm, SELU, conv2, batch norm, pool, SELU; float32
//! `[rows][28][28]` to `[rows][14][14][32]`.
//!
//! An image stays in the processor's cache from its pixels to what conv2 makes of it, and in use, where the batch norms are
//! folded into kernels and biases, to its pooled activations.

use super::arguments::{
    BETA1, BETA2, BIAS1, BIAS2, FEATURES, GAMMA1, GAMMA2, HIDDEN, IMAGES, KERNEL1, KERNEL2, MEAN1, MEAN2,
    MOMENTS, SUMS, VARIANCE1, VARIANCE2,
};
use super::batch_norm::{Sums, population, statistics, totals};
use super::first_layer::{Folded, SELU, Weights, apply_row};
use super::how::How;
use super::image::{ImageMoments, Padded, pad};
use super::layout::{Block, Line, PIXELS, Place, Room, SIDE, as_blocks, blocks, blocks_mut, written};
use super::pool_layer::{BLOCKS, POOLED, WINDOWS, affine, pool};
use super::registry::{Argument, Op, Output};
use super::simd::{Instructions, Register, for_each_instruction_set, registers, selu};
use super::winograd::{POINTS, Scratch, TILES, at_points, convolve_tiles, fetch, output_column};
use rayon::prelude::*;

/// In training; all but the features are for the gradients and for the moving averages.
pub(super) struct Layers;

impl Op<9, 10> for Layers {
    const INPUTS: [Argument; 9] = [IMAGES, KERNEL1, BIAS1, GAMMA1, BETA1, KERNEL2, BIAS2, GAMMA2, BETA2];
    const OUTPUTS: [Argument; 10] = [
        FEATURES,
        SUMS,
        HIDDEN,
        MOMENTS,
        MEAN1,
        VARIANCE1,
        MEAN2,
        VARIANCE2,
        Argument("unbiased_variance1", VARIANCE1.1),
        Argument("unbiased_variance2", VARIANCE2.1),
    ];

    fn compute(
        how: How,
        [images, kernel1, bias1, gamma1, beta1, kernel2, bias2, gamma2, beta2]: [&[f32]; 9],
        [mut features, mut sums, mut hidden, rest @ ..]: [Output<'_>; 10],
    ) {
        let [image_moments, mean1, variance1, mean2, variance2, unbiased1, unbiased2] =
            rest.map(Output::zeroed);
        let rows = images.len() / PIXELS;
        let (images, kernel1) = (how.factors(images), how.factors(kernel1));
        let moments = ImageMoments::of(how.instructions, &images);
        moments.write(image_moments);
        let statistics1 = &mut [mean1, variance1, unbiased1];
        let first = Folded::normalized(&moments, rows, [&kernel1, bias1, gamma1, beta1], statistics1);
        let kernel2 = at_points(how.instructions, &how.factors(kernel2));
        let weights = Weights { how, first, kernel2: blocks(&kernel2), bias2: as_blocks(bias2) };
        let of_images: Vec<Sums<BLOCKS>> = images
            .par_chunks(PIXELS)
            .zip(hidden.images(PIXELS))
            .zip(sums.images(PIXELS * BLOCKS))
            .map_init(Scratch::new, |tiles, ((image, hidden), y)| {
                let mut sums = Sums::default();
                convolutions(how.instructions, image, &weights, hidden, y, &mut sums, tiles);
                sums
            })
            .collect();
        let totals = totals(&of_images);
        for channel in 0..16 * BLOCKS {
            let statistics2 = &mut [&mut *mean2, &mut *variance2, &mut *unbiased2];
            let sums = totals[channel / 16].map(|sums| sums.0[channel % 16]);
            statistics(channel, sums, population(rows), bias2, statistics2);
        }
        let affine = affine([mean2, variance2, gamma2, beta2]);
        // SAFETY: all of every image's was written.
        let sums = as_blocks(unsafe { sums.written() }).par_chunks(PIXELS * BLOCKS);
        let images = sums.zip(features.images(WINDOWS * BLOCKS));
        images.for_each(|(x, features)| pool(how.instructions, x, &affine, features));
    }
}

/// In use.
pub(super) struct Features;

impl Op<5, 1> for Features {
    const INPUTS: [Argument; 5] = [IMAGES, KERNEL1, BIAS1, KERNEL2, BIAS2];
    const OUTPUTS: [Argument; 1] = [FEATURES];

    fn compute(
        how: How,
        [images, kernel1, bias1, kernel2, bias2]: [&[f32]; 5],
        [mut features]: [Output<'_>; 1],
    ) {
        let kernel2 = at_points(how.instructions, kernel2);
        let first = Folded::new(kernel1, bias1);
        let weights = Weights { how, first, kernel2: blocks(&kernel2), bias2: as_blocks(bias2) };
        images.par_chunks(PIXELS).zip(features.images(WINDOWS * BLOCKS)).for_each_init(
            || (vec![Line::default(); PIXELS], Scratch::new()),
            |(hidden, tiles), (image, features)| {
                image_features(how.instructions, image, &weights, features, hidden, tiles);
            },
        );
    }
}

/// Makes the rows of hidden values that row `tile_row` of tiles reads and that before it did not: they are in the
/// first-level cache then. Gives all that are made.
#[inline(always)]
fn hidden_rows<'a, V: Register, P: Place>(
    padded: &Padded,
    weights: &Weights,
    tile_row: usize,
    hidden: &'a mut [[P; 16]],
) -> &'a [Block] {
    let (before, made) = (4 * tile_row + usize::from(tile_row > 0), SIDE.min(4 * tile_row + 5));
    for y in before..made {
        apply_row::<V, SELU>(padded, weights, y, &mut hidden[y * SIDE..][..SIDE]);
    }
    // SAFETY: so was every row before.
    as_blocks(unsafe { written(&mut hidden[..made * SIDE]) })
}

for_each_instruction_set! {
    /// Of an image, with the sums over conv2's results before the bias, and over their squares.
    fn convolutions<V>(
        image: &[f32],
        weights: &Weights,
        hidden: &mut [Room],
        y: &mut [Room],
        sums: &mut Sums<BLOCKS>,
        tiles: &mut Scratch<1, BLOCKS>,
    ) {
        let padded = pad(image);
        for tile_row in 0..TILES {
            let hidden = hidden_rows::<V, _>(&padded, weights, tile_row, hidden);
            let y = &mut y[4 * tile_row * SIDE * BLOCKS..][..4 * SIDE * BLOCKS];
            let rows = convolve_tiles::<V, 1, BLOCKS>(hidden, weights.kernel2, tile_row, tiles, |n| {
                // What is written next.
                fetch::<V, { 4 * SIDE * BLOCKS }, POINTS>(y.as_ptr().cast(), n);
            });
            for (block, part) in registers::<V>(BLOCKS) {
                let bias = V::load(&weights.bias2[block], part);
                let [sum, squares] = &mut sums[block];
                let (mut total, mut total_squares) = (V::load(sum, part), V::load(squares, part));
                for column in 0..SIDE {
                    let results = output_column::<V, BLOCKS>(rows, column, block, part);
                    let [a, b, c, d] = results;
                    total = total.add(a.add(b).add(c.add(d)));
                    let (ab, cd) = (a.mul_add(a, b.mul(b)), c.mul_add(c, d.mul(d)));
                    total_squares = total_squares.add(ab.add(cd));
                    for i in 0..4 {
                        results[i].add(bias).store(&mut y[(i * SIDE + column) * BLOCKS + block], part);
                    }
                }
                total.store(sum, part);
                total_squares.store(squares, part);
            }
        }
    }
}

for_each_instruction_set! {
    /// With room for the hidden values of an image, and for a row of their tiles.
    fn image_features<V>(
        image: &[f32],
        weights: &Weights,
        features: &mut [Room],
        hidden: &mut [Line],
        tiles: &mut Scratch<1, BLOCKS>,
    ) {
        let padded = pad(image);
        for tile_row in 0..TILES {
            let hidden = hidden_rows::<V, _>(&padded, weights, tile_row, blocks_mut(hidden));
            let features = &mut features[2 * tile_row * POOLED * BLOCKS..][..2 * POOLED * BLOCKS];
            let rows = convolve_tiles::<V, 1, BLOCKS>(hidden, weights.kernel2, tile_row, tiles, |n| {
                fetch::<V, { 2 * POOLED * BLOCKS }, POINTS>(features.as_ptr().cast(), n);
            });
            for (block, part) in registers::<V>(BLOCKS) {
                let bias = V::load(&weights.bias2[block], part);
                for tile in 0..TILES {
                    // Of each window of the pool the greatest.
                    let mut greatest = [V::splat(f32::NEG_INFINITY); 4];
                    for column in 0..4 {
                        let [a, b, c, d] = output_column::<V, BLOCKS>(rows, 4 * tile + column, block, part);
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
                        values[k].store(&mut features[place * BLOCKS + block], part);
                    }
                }
            }
        }
    }
}
