//! The convolutions of the baseline network: max_pool(ReLU(conv2(ReLU(conv1(images))))), float32 `[rows][28][28]` to
//! `[rows][7][7][32]`, and the gradients.
//!
//! conv2 has stride 2. Everything of an image stays in the processor's cache; conv1 is cheap, and done again for the
//! gradients rather than kept.

use super::factors::{factor, factors};
use super::first_layer::{Folded, convolve_pixel, kernel_of};
use super::image::{EMPTY, PLACES, pad};
use super::layout::{Block, PIXELS, SIDE, as_blocks, boxed};
use super::registry::{Argument, Op, Output, ROWS};
use super::simd::F32x16;
use super::simd::{Instructions, for_each_instruction_set};
use rayon::prelude::*;

/// Blocks of channels of conv2.
pub(super) const OUT: usize = 2;
/// Height and width behind conv2.
pub(super) const HALF: usize = SIDE / 2;
pub(super) const HALF_PIXELS: usize = HALF * HALF;
/// Height and width behind the pool.
pub(super) const POOLED: usize = HALF / 2;
pub(super) const WINDOWS: usize = POOLED * POOLED;
/// Results of conv2 summed up side by side: half a row.
pub(super) const SUMS: usize = HALF / 2;
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
    pub kernel2: Vec<Block>,
    /// `[place][out]`, a block of inputs each.
    pub transposed2: Vec<Block>,
    pub bias2: [Block; OUT],
}

impl Weights {
    pub fn new<const FACTORS: usize>(kernel1: &[f32], bias1: &[f32], kernel2: &[f32], bias2: &[f32]) -> Self {
        let (kernel1, kernel2) = (factors::<FACTORS>(kernel1), factors::<FACTORS>(kernel2));
        let mut weights = Self {
            first: Folded::default(),
            kernel2: as_blocks(&kernel2).to_vec(),
            transposed2: vec![[0.0; 16]; PLACES * 16 * OUT],
            bias2: [[0.0; 16]; OUT],
        };
        weights.first.kernel.copy_from_slice(as_blocks(&kernel1));
        weights.first.bias.copy_from_slice(bias1);
        weights.bias2.copy_from_slice(as_blocks(bias2));
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
pub(super) type Hidden = [[Block; SIDE + 1]; SIDE + 1];

pub(super) fn hidden() -> Box<Hidden> {
    boxed([[0.0; 16]; SIDE + 1])
}

/// ReLU(conv1(image)).
#[inline(always)]
pub(super) fn first_layer<V: F32x16, const FACTORS: usize>(
    image: &[f32],
    first: &Folded,
    hidden: &mut Hidden,
) {
    let mut padded = EMPTY;
    pad(image, &mut padded);
    let kernel = kernel_of::<V>(first);
    let bias = V::load(&first.bias);
    for y in 0..SIDE {
        for x in 0..SIDE {
            let sum = convolve_pixel(&padded, &kernel, bias, y, x);
            factor::<V, FACTORS>(V::splat(0.0).max(sum)).store(&mut hidden[y][x]);
        }
    }
}

for_each_instruction_set! {
    fn image_features<const FACTORS: usize>(
        image: &[f32], weights: &Weights, hidden: &mut Hidden, features: &mut [Block], sums: &mut [Block],
    ) = image_features_with
}

#[inline(always)]
fn image_features_with<V: F32x16, const FACTORS: usize>(
    image: &[f32],
    weights: &Weights,
    hidden: &mut Hidden,
    features: &mut [Block],
    sums: &mut [Block],
) {
    first_layer::<V, FACTORS>(image, &weights.first, hidden);
    for y in 0..HALF {
        for left in [0, SUMS] {
            for block in 0..OUT {
                let mut totals = [V::load(&weights.bias2[block]); SUMS];
                for place in 0..PLACES {
                    let row = &hidden[2 * y + place / 3];
                    for channel in 0..16 {
                        let factor = V::load(&weights.kernel2[(place * 16 + channel) * OUT + block]);
                        for x in 0..SUMS {
                            let value = V::splat(row[2 * (left + x) + place % 3][channel]);
                            totals[x] = value.mul_add(factor, totals[x]);
                        }
                    }
                }
                for x in 0..SUMS {
                    totals[x].store(&mut sums[(y * HALF + left + x) * OUT + block]);
                }
            }
        }
    }
    for window in 0..WINDOWS {
        for block in 0..OUT {
            let mut greatest = V::splat(0.0);
            for k in 0..4 {
                greatest = greatest.max(V::load(&sums[place_in(window, k) * OUT + block]));
            }
            greatest.store(&mut features[window * OUT + block]);
        }
    }
}

/// The pixel behind conv2 that is the `k`th of a window of the pool.
#[inline(always)]
pub(super) fn place_in(window: usize, k: usize) -> usize {
    let (y, x) = (2 * (window / POOLED) + k / 2, 2 * (window % POOLED) + k % 2);
    y * HALF + x
}
