//! The convolutions of the baseline network: max_pool(ReLU(conv2(ReLU(conv1(images))))), float32 `[rows][28][28]` to
//! `[rows][7][7][32]`, and the gradients.
//!
//! conv2 has stride 2. Everything of an image stays in the processor's cache; conv1 is cheap, and done again for the
//! gradients rather than kept.

use super::factors::{factor, factors};
use super::first_layer::{AT_ONCE, Folded, convolve_pixels};
use super::image::{EMPTY, PLACES, pad};
use super::layout::{Line, PIXELS, Room, SIDE, as_blocks, blocks_mut, boxed};
use super::products::Product;
use super::registry::{Argument, Op, Output, ROWS};
use super::simd::{Instructions, for_each_instruction_set};
use super::simd::{Register, registers};
use rayon::prelude::*;

/// Blocks of channels of conv2.
pub(super) const OUT: usize = 2;
/// Height and width behind conv2.
pub(super) const HALF: usize = SIDE / 2;
pub(super) const HALF_PIXELS: usize = HALF * HALF;
/// Height and width behind the pool.
pub(super) const POOLED: usize = HALF / 2;
pub(super) const WINDOWS: usize = POOLED * POOLED;
/// The layers.
pub(super) struct BaselineFeatures<const FACTORS: usize>;

impl<const FACTORS: usize> Op for BaselineFeatures<FACTORS> {
    const INPUTS: &'static [Argument] = &[
        Argument("images", &[ROWS, 28, 28, 1]),
        Argument("kernel1", &[3, 3, 1, 16]),
        Argument("bias1", &[16]),
        Argument("kernel2", &[3, 3, 16, 32]),
        Argument("bias2", &[32]),
    ];
    const OUTPUTS: &'static [Argument] =
        &[Argument("features", &[ROWS, 7, 7, 32]), Argument("sums", &[ROWS, 14, 14, 32])];

    fn compute(instructions: Instructions, inputs: &[&[f32]], outputs: &mut [Output<'_>]) {
        let ([images, kernel1, bias1, kernel2, bias2], [features, sums]) = (inputs, outputs) else {
            unreachable!("as many as the op has")
        };
        let images = factors::<FACTORS>(images);
        let weights = Weights::new::<FACTORS>(kernel1, bias1, kernel2, bias2);
        images
            .par_chunks(PIXELS)
            .zip(features.images(WINDOWS * OUT))
            .zip(sums.images(HALF_PIXELS * OUT))
            .for_each_init(hidden, |hidden, ((image, features), sums)| {
                image_features::<FACTORS>(instructions, image, &weights, hidden, features, sums);
            });
    }
}

/// Kernels and biases in blocks.
pub(super) struct Weights {
    pub first: Folded,
    /// `[place][in][out block]`
    pub kernel2: Vec<Line>,
    /// `[place][out]`, a block of inputs each.
    pub transposed2: Vec<Line>,
    pub bias2: [Line; OUT],
}

impl Weights {
    pub fn new<const FACTORS: usize>(kernel1: &[f32], bias1: &[f32], kernel2: &[f32], bias2: &[f32]) -> Self {
        let (kernel1, kernel2) = (factors::<FACTORS>(kernel1), factors::<FACTORS>(kernel2));
        let mut weights = Self {
            first: Folded::default(),
            kernel2: as_blocks(&kernel2).iter().copied().map(Line).collect(),
            transposed2: vec![Line::default(); PLACES * 16 * OUT],
            bias2: [Line::default(); OUT],
        };
        weights.first.kernel.copy_from_slice(as_blocks(&kernel1));
        weights.first.bias.copy_from_slice(bias1);
        blocks_mut(&mut weights.bias2).copy_from_slice(as_blocks(bias2));
        for place in 0..PLACES {
            for input in 0..16 {
                for output in 0..16 * OUT {
                    weights.transposed2[place * 16 * OUT + output][input] =
                        kernel2[(place * 16 + input) * 16 * OUT + output];
                }
            }
        }
        weights
    }
}

/// What conv2 is applied to, with a row and a column of zeros behind: `[29][29]` blocks.
pub(super) type Hidden = [[Line; SIDE + 1]; SIDE + 1];

pub(super) fn hidden() -> Box<Hidden> {
    boxed([Line::default(); SIDE + 1])
}

/// ReLU(conv1(image)).
#[inline(always)]
pub(super) fn first_layer<V: Register, const FACTORS: usize>(
    image: &[f32],
    first: &Folded,
    hidden: &mut Hidden,
) {
    let mut padded = EMPTY;
    pad(image, &mut padded);
    for y in 0..SIDE {
        for x in (0..SIDE).step_by(AT_ONCE) {
            for part in 0..V::PARTS {
                let sums = convolve_pixels::<V>(&padded, first, y, x, part);
                for k in 0..AT_ONCE {
                    let value = factor::<V, FACTORS>(V::splat(0.0).max(sums[k]));
                    value.store(&mut hidden[y][x + k], part);
                }
            }
        }
    }
}

for_each_instruction_set! {
    fn image_features<V, const FACTORS: usize>(
        image: &[f32],
        weights: &Weights,
        hidden: &mut Hidden,
        features: &mut [Room],
        sums: &mut [Room],
    ) {
        first_layer::<V, FACTORS>(image, &weights.first, hidden);
        let mut totals = [[Line::default(); OUT]; 2 * HALF];
        for window_row in 0..POOLED {
            totals.fill(weights.bias2);
            for (y, totals) in (2 * window_row..).zip(totals.chunks_exact_mut(HALF)) {
                let product = Product::<OUT> {
                    values: hidden.as_flattened(),
                    row: 2 * 16,
                    term: 1,
                    factors: &weights.kernel2,
                    terms: 16,
                };
                // At each place of the kernel, from the pixel under it.
                let runs =
                    (0..PLACES).map(|place| (((2 * y + place / 3) * (SIDE + 1) + place % 3) * 16, place * 16));
                product.sum::<V, HALF>(runs, true, totals.as_flattened_mut(), OUT);
            }
            let sums = &mut sums[window_row * 2 * HALF * OUT..][..2 * HALF * OUT];
            let features = &mut features[window_row * POOLED * OUT..][..POOLED * OUT];
            for window in 0..POOLED {
                for (block, part) in registers::<V>(OUT) {
                    let mut greatest = V::splat(0.0);
                    for k in 0..4 {
                        let place = place_in(window, k);
                        let total = V::load(&totals[place][block], part);
                        total.store(&mut sums[place * OUT + block], part);
                        greatest = greatest.max(total);
                    }
                    greatest.store(&mut features[window * OUT + block], part);
                }
            }
        }
    }
}

/// The pixel behind conv2 that is the `k`th of a window of the pool.
#[inline(always)]
pub(super) fn place_in(window: usize, k: usize) -> usize {
    let (y, x) = (2 * (window / POOLED) + k / 2, 2 * (window % POOLED) + k % 2);
    y * HALF + x
}
