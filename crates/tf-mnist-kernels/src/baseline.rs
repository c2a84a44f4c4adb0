//! The convolutions of the baseline network: max_pool(ReLU(conv2(ReLU(conv1(images))))), float32 `[rows][28][28]` to
//! `[rows][7][7][32]`, and the gradients.
//!
//! conv2 has stride 2. Everything of an image stays in the processor's cache; conv1 is cheap, and done again for the
//! gradients rather than kept.

use super::arguments::{BIAS1, BIAS2, IMAGES, KERNEL1, KERNEL2};
use super::first_layer::{Folded, RELU, Weights, apply_row};
use super::how::How;
use super::image::{PLACES, Padded, pad};
use super::layout::{Line, PIXELS, Room, SIDE, as_blocks, blocks_mut, floats, window_pixel};
use super::products::Product;
use super::registry::{Argument, Op, Output, ROWS};
use super::simd::{Instructions, Register, for_each_instruction_set, registers};
use rayon::prelude::*;
use std::ops::Range;

/// Blocks of channels of conv2.
pub(super) const OUT: usize = 2;
/// Height and width behind conv2.
pub(super) const HALF: usize = SIDE / 2;
/// Height and width behind the pool.
pub(super) const POOLED: usize = HALF / 2;
pub(super) const WINDOWS: usize = POOLED * POOLED;

pub(super) const FEATURES: Argument = Argument("features", &[ROWS, 7, 7, 32]);
/// Which pixel of its window each of them is, in rows: 0 to 3; -1 where ReLU gave zero, and nothing comes through.
pub(super) const WINNERS: Argument = Argument("winners", FEATURES.1);

/// The layers.
pub(super) struct BaselineFeatures;

impl Op<5, 2> for BaselineFeatures {
    const INPUTS: [Argument; 5] = [IMAGES, KERNEL1, BIAS1, KERNEL2, BIAS2];
    const OUTPUTS: [Argument; 2] = [FEATURES, WINNERS];

    fn compute(
        how: How,
        [images, kernel1, bias1, kernel2, bias2]: [&[f32]; 5],
        [features, winners]: [Output<'_>; 2],
    ) {
        let images = how.factors(images);
        let first = Folded::new(&how.factors(kernel1), bias1);
        let kernel2 = how.factors(kernel2);
        let weights = Weights::new(first, as_blocks(&kernel2), bias2);
        images
            .par_chunks(PIXELS)
            .zip(features.images(WINDOWS * OUT))
            .zip(winners.images(WINDOWS * OUT))
            .for_each_init(hidden, |hidden, ((image, features), winners)| {
                image_features(how.instructions, image, &weights, how, hidden, features, winners);
            });
    }
}

/// What conv2 is applied to, with a row and a column of zeros behind: `[29][29]` blocks.
pub(super) type Hidden = [[Line; SIDE + 1]; SIDE + 1];

pub(super) fn hidden() -> Box<Hidden> {
    Box::new([[Line::default(); SIDE + 1]; SIDE + 1])
}

/// Rows of ReLU(conv1(image)), to be factors of conv2.
#[inline(always)]
pub(super) fn first_layer<V: Register>(
    padded: &Padded,
    first: &Folded,
    how: How,
    rows: Range<usize>,
    hidden: &mut Hidden,
) {
    for y in rows {
        apply_row::<V, RELU>(padded, first, y, blocks_mut(&mut hidden[y]));
        how.round(blocks_mut(&mut hidden[y]).as_flattened_mut());
    }
}

for_each_instruction_set! {
    fn image_features<V>(
        image: &[f32],
        weights: &Weights,
        how: How,
        hidden: &mut Hidden,
        features: &mut [Room],
        winners: &mut [Room],
    ) {
        first_layer::<V>(&pad(image), &weights.first, how, 0..SIDE, hidden);
        let mut totals = [[Line::default(); OUT]; 2 * HALF];
        for window_row in 0..POOLED {
            totals.fill(weights.bias2);
            for (y, totals) in (2 * window_row..).zip(totals.chunks_exact_mut(HALF)) {
                let product = Product::<OUT> {
                    values: floats(hidden.as_flattened()),
                    row: 2 * 16,
                    term: 1,
                    factors: weights.kernel2,
                    terms: 16,
                };
                // At each place of the kernel, from the pixel under it.
                let runs =
                    (0..PLACES).map(|place| (((2 * y + place / 3) * (SIDE + 1) + place % 3) * 16, place * 16));
                product.sum::<V, HALF>(runs, true, totals.as_flattened_mut(), OUT);
            }
            let row = window_row * POOLED * OUT..(window_row + 1) * POOLED * OUT;
            let (features, winners) = (&mut features[row.clone()], &mut winners[row]);
            for window in 0..POOLED {
                for (block, part) in registers::<V>(OUT) {
                    let (mut greatest, mut winner) = (V::splat(0.0), V::splat(-1.0));
                    for k in 0..4 {
                        let total = V::load(&totals[window_pixel::<HALF>(window, k)][block], part);
                        // The first of equals, as TensorFlow's pool has it.
                        winner = greatest.select_ge(total, winner, V::splat(k as f32));
                        greatest = greatest.max(total);
                    }
                    greatest.store(&mut features[window * OUT + block], part);
                    winner.store(&mut winners[window * OUT + block], part);
                }
            }
        }
    }
}
