//! The first layers of the optimized network: conv1, batch norm, SELU, conv2, batch norm, pool, SELU; float32
//! `[rows][28][28]` to `[rows][14][14][32]`.
//!
//! An image stays in the processor's cache from its pixels to what conv2 makes of it, and in use, where the batch norms are
//! folded into kernels and biases, to its pooled activations.

use super::arguments::{
    BETA1, BETA2, BIAS1, BIAS2, FEATURES, GAMMA1, GAMMA2, HIDDEN, IMAGES, KERNEL1, KERNEL2, MEAN1, MEAN2,
    MOMENTS, SUMS, VARIANCE1, VARIANCE2,
};
use super::batch_norm::{BLOCKS, Sums, population, statistics, totals};
use super::first_layer::{Folded, SELU, Weights, apply_row};
use super::how::How;
use super::image::{ImageMoments, Padded, pad};
use super::layout::{Block, Line, PIXELS, Place, Room, SIDE, as_blocks, blocks, blocks_mut, written};
use super::pool_layer::{POOLED, WINDOWS, affine, pool};
use super::registry::{Argument, Op, Output};
use super::simd::{Instructions, Register, for_each_instruction_set, registers, selu};
use super::winograd::{
    POINTS, Scratch, TILES, Tile, at_points, convolve_tiles, fetch, output_column, row_of_tiles,
};
use rayon::prelude::*;
use std::mem::MaybeUninit;

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
        let of_images: Vec<Sums> = images
            .par_chunks(PIXELS)
            .zip(hidden.images(PIXELS))
            .zip(sums.images(PIXELS * BLOCKS))
            .map_init(Scratch::new, |tiles, ((image, hidden), y)| {
                let mut sums = Sums::default();
                convolutions(how.instructions, image, &weights, hidden, y, &mut sums, tiles);
                sums
            })
            .collect();
        let statistics2 = &mut [&mut *mean2, &mut *variance2, unbiased2];
        for (channel, sums) in totals(&of_images).into_iter().enumerate() {
            statistics(channel, sums, population(rows), bias2, statistics2);
        }
        let affine = affine([mean2, variance2, gamma2, beta2]);
        // SAFETY: all of every image's was written.
        let sums = as_blocks(unsafe { written(sums.0) }).par_chunks(PIXELS * BLOCKS);
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
        let room = || (vec![Line::default(); PIXELS], Scratch::new());
        let apply =
            |image: &[f32], tiles: &[Tile], features: &mut [Room], (hidden, scratch): &mut (Vec<_>, _)| {
                image_features(how.instructions, image, &weights, tiles, features, hidden, scratch);
            };
        let mut blank = [[MaybeUninit::new(0.0); 16]; WINDOWS * BLOCKS];
        let all: Vec<Tile> = (0..TILES).flat_map(row_of_tiles).collect();
        // What is gained by knowing it pays with several images.
        let leaves_blank = images.len() >= 8 * PIXELS;
        if leaves_blank {
            apply(&[0.0; PIXELS], &all, &mut blank, &mut room());
        }
        let images = images.par_chunks(PIXELS).zip(features.images(WINDOWS * BLOCKS));
        images.for_each_init(room, |room, (image, features)| {
            let mut tiles = if leaves_blank { marked_tiles(image) } else { all.clone() };
            let marked = tiles.len();
            if marked < all.len() {
                features.copy_from_slice(&blank);
            }
            // The last again, until they are whole rows of tiles.
            tiles.resize(marked.next_multiple_of(TILES), tiles.last().copied().unwrap_or_default());
            apply(image, &tiles, features, room);
        });
    }
}

/// The tiles in whose results a pixel counts that is not blank.
fn marked_tiles(image: &[f32]) -> Vec<Tile> {
    let counting = |tile: usize| (4 * tile).saturating_sub(2)..SIDE.min(4 * tile + 6);
    let mut tiles = Vec::with_capacity(TILES * TILES);
    for down in 0..TILES {
        let mut columns = [0; SIDE];
        for row in image[counting(down).start * SIDE..counting(down).end * SIDE].chunks_exact(SIDE) {
            columns.iter_mut().zip(row).for_each(|(column, pixel)| *column |= pixel.to_bits());
        }
        let is_marked = |&[_, across]: &Tile| columns[counting(across)].iter().any(|bits| bits << 1 != 0);
        tiles.extend(row_of_tiles(down).into_iter().filter(is_marked));
    }
    tiles
}

/// Makes the rows of hidden values that tiles down to `tile_row` read, but for the `made` ones: they are in the first-level
/// cache then. Gives all that are made.
///
/// # Safety
/// The `made` first rows of `hidden` were written, as this does.
#[inline(always)]
unsafe fn hidden_rows<'a, V: Register, P: Place>(
    padded: &Padded,
    weights: &Weights,
    tile_row: usize,
    made: &mut usize,
    hidden: &'a mut [[P; 16]],
) -> &'a [Block] {
    for y in *made..SIDE.min(4 * tile_row + 5) {
        apply_row::<V, SELU>(padded, weights, y, &mut hidden[y * SIDE..][..SIDE]);
        *made = y + 1;
    }
    // SAFETY: these rows were written, as the caller says or now.
    as_blocks(unsafe { written(hidden[..*made * SIDE].as_flattened_mut()) })
}

for_each_instruction_set! {
    /// Of an image, with the sums over conv2's results before the bias, and over their squares.
    fn convolutions<V>(
        image: &[f32],
        weights: &Weights,
        hidden: &mut [Room],
        y: &mut [Room],
        sums: &mut Sums,
        tiles: &mut Scratch<1, BLOCKS>,
    ) {
        let (padded, mut made) = (pad(image), 0);
        for tile_row in 0..TILES {
            // SAFETY: none is made before the first call, and it alone makes them.
            let hidden = unsafe { hidden_rows::<V, _>(&padded, weights, tile_row, &mut made, hidden) };
            let y = &mut y[4 * tile_row * SIDE * BLOCKS..][..4 * SIDE * BLOCKS];
            let rows = convolve_tiles::<V, 1, BLOCKS>(hidden, weights.kernel2, &row_of_tiles(tile_row), tiles, |n| {
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
    /// Of these tiles of an image, rows of them, with room for its hidden values and for a row of tiles.
    fn image_features<V>(
        image: &[f32],
        weights: &Weights,
        tiles: &[Tile],
        features: &mut [Room],
        hidden: &mut [Line],
        scratch: &mut Scratch<1, BLOCKS>,
    ) {
        let (padded, mut made) = (pad(image), 0);
        for tiles in tiles.as_chunks::<TILES>().0 {
            let [lowest, _] = tiles[TILES - 1];
            // SAFETY: none is made before the first call, and it alone makes them.
            let hidden = unsafe { hidden_rows::<V, _>(&padded, weights, lowest, &mut made, blocks_mut(hidden)) };
            let rows = convolve_tiles::<V, 1, BLOCKS>(hidden, weights.kernel2, tiles, scratch, |_| ());
            for (block, part) in registers::<V>(BLOCKS) {
                let bias = V::load(&weights.bias2[block], part);
                for (number, [down, across]) in tiles.iter().enumerate() {
                    // Of each window of the pool the greatest.
                    let mut greatest = [V::splat(f32::NEG_INFINITY); 4];
                    for column in 0..4 {
                        let [a, b, c, d] = output_column::<V, BLOCKS>(rows, 4 * number + column, block, part);
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
                        let place = (2 * down + k / 2) * POOLED + 2 * across + k % 2;
                        values[k].store(&mut features[place * BLOCKS + block], part);
                    }
                }
            }
        }
    }
}
