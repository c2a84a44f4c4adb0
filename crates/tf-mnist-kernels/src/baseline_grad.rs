//! The gradients of [`super::baseline`] in its variables, from that in its features.

use super::baseline::{
    HALF, HALF_PIXELS, Hidden, OUT, SUMS, WINDOWS, Weights, first_layer, hidden, place_in,
};
use super::factors::{factor, factors};
use super::image::{EMPTY, PLACES, pad};
use super::layout::{Block, PIXELS, SIDE, as_blocks};
use super::registry::{Argument, Op, Output, ROWS};
use super::simd::F32x16;
use super::simd::{Instructions, for_each_instruction_set};
use rayon::prelude::*;

/// Rows whose gradients are summed up by one thread at a time. Fixed, so that sums do not depend on the number of threads.
const ROWS_SUMMED: usize = 10;

/// The gradients.
pub(super) struct BaselineFeaturesGrad<const FACTORS: usize>;

impl<const FACTORS: usize> Op for BaselineFeaturesGrad<FACTORS> {
    const INPUTS: &'static [Argument] = &[
        Argument("gradient", &[ROWS, 7, 7, 32]),
        Argument("features", &[ROWS, 7, 7, 32]),
        Argument("sums", &[ROWS, 14, 14, 32]),
        Argument("images", &[ROWS, 28, 28, 1]),
        Argument("kernel1", &[3, 3, 1, 16]),
        Argument("bias1", &[16]),
        Argument("kernel2", &[3, 3, 16, 32]),
    ];
    const OUTPUTS: &'static [Argument] = &[
        Argument("kernel1_gradient", &[3, 3, 1, 16]),
        Argument("bias1_gradient", &[16]),
        Argument("kernel2_gradient", &[3, 3, 16, 32]),
        Argument("bias2_gradient", &[32]),
    ];

    fn compute(instructions: Instructions, inputs: &[&[f32]], outputs: &mut [Output<'_>]) {
        let (
            [gradient, features, sums, images, kernel1, bias1, kernel2],
            [kernel1_gradient, bias1_gradient, kernel2_gradient, bias2_gradient],
        ) = (inputs, outputs)
        else {
            unreachable!("as many as the op has")
        };
        let images = factors::<FACTORS>(images);
        let weights = Weights::new::<FACTORS>(kernel1, bias1, kernel2, &[0.0; 16 * OUT]);
        let partial: Vec<Gradients> = images
            .par_chunks(ROWS_SUMMED * PIXELS)
            .zip(as_blocks(features).par_chunks(ROWS_SUMMED * WINDOWS * OUT))
            .zip(as_blocks(gradient).par_chunks(ROWS_SUMMED * WINDOWS * OUT))
            .zip(as_blocks(sums).par_chunks(ROWS_SUMMED * HALF_PIXELS * OUT))
            .map_init(Scratch::new, |scratch, (((images, features), gradient), sums)| {
                let mut total = Gradients::zero();
                for (row, image) in images.chunks(PIXELS).enumerate() {
                    let pass = Pass {
                        image,
                        features: &features[row * WINDOWS * OUT..][..WINDOWS * OUT],
                        gradient: &gradient[row * WINDOWS * OUT..][..WINDOWS * OUT],
                        sums: &sums[row * HALF_PIXELS * OUT..][..HALF_PIXELS * OUT],
                    };
                    add_gradients::<FACTORS>(instructions, &pass, &weights, scratch, &mut total);
                }
                total
            })
            .collect();
        let mut total = Gradients::zero();
        for partial in &partial {
            total.add(partial);
        }
        kernel1_gradient.zeroed().copy_from_slice(total.first[..PLACES].as_flattened());
        bias1_gradient.zeroed().copy_from_slice(&total.first[PLACES]);
        kernel2_gradient.zeroed().copy_from_slice(total.kernel2.as_flattened());
        bias2_gradient.zeroed().copy_from_slice(total.bias2.as_flattened());
    }
}

/// Gradients of some rows.
struct Gradients {
    /// Of conv1's kernel, and last of its bias.
    first: [Block; PLACES + 1],
    kernel2: Vec<Block>,
    bias2: [Block; OUT],
}

impl Gradients {
    fn zero() -> Self {
        Self {
            first: [[0.0; 16]; PLACES + 1],
            kernel2: vec![[0.0; 16]; PLACES * 16 * OUT],
            bias2: [[0.0; 16]; OUT],
        }
    }

    fn add(&mut self, other: &Self) {
        let totals = self.first.iter_mut().chain(&mut self.kernel2).chain(&mut self.bias2);
        let others = other.first.iter().chain(&other.kernel2).chain(&other.bias2);
        for (total, other) in totals.zip(others) {
            for (total, &other) in total.iter_mut().zip(other) {
                *total += other;
            }
        }
    }
}

/// What the forward pass left of an image, and the gradient in its features.
struct Pass<'a> {
    image: &'a [f32],
    features: &'a [Block],
    gradient: &'a [Block],
    sums: &'a [Block],
}

/// Room for what lies between.
struct Scratch {
    hidden: Box<Hidden>,
    /// The gradient in what conv2's ReLU is applied to, `[15][15][out block]`: with zeros above and to the left.
    dsums: Vec<Block>,
}

/// Places of [`Scratch::dsums`] a row.
const WIDE: usize = HALF + 1;

impl Scratch {
    fn new() -> Self {
        Self { hidden: hidden(), dsums: vec![[0.0; 16]; WIDE * WIDE * OUT] }
    }
}

for_each_instruction_set! {
    fn add_gradients<const FACTORS: usize>(pass: &Pass, weights: &Weights, scratch: &mut Scratch, total: &mut Gradients) = add_gradients_with
}

#[inline(always)]
fn add_gradients_with<V: F32x16, const FACTORS: usize>(
    pass: &Pass,
    weights: &Weights,
    scratch: &mut Scratch,
    total: &mut Gradients,
) {
    let Scratch { hidden, dsums } = scratch;
    spread_gradient::<V, FACTORS>(pass, dsums, &mut total.bias2);
    first_layer::<V, FACTORS>(pass.image, &weights.first, hidden);
    add_kernel_gradient::<V>(hidden, dsums, &mut total.kernel2);
    add_first_layer_gradient::<V>(pass.image, hidden, dsums, weights, &mut total.first);
}

/// Through the pool and ReLU, and the gradient of conv2's bias.
#[inline(always)]
fn spread_gradient<V: F32x16, const FACTORS: usize>(
    pass: &Pass,
    dsums: &mut [Block],
    bias: &mut [Block; OUT],
) {
    let zero = V::splat(0.0);
    for block in 0..OUT {
        let mut sum = V::load(&bias[block]);
        for window in 0..WINDOWS {
            let unit = window * OUT + block;
            let feature = V::load(&pass.features[unit]);
            // Where ReLU gave 0, nothing comes through.
            let mut left = zero.select_ge(feature, zero, V::load(&pass.gradient[unit]));
            sum = sum.add(left);
            for k in 0..4 {
                let pixel = place_in(window, k);
                // The first of equals, as TensorFlow's pool has it.
                let value = V::load(&pass.sums[pixel * OUT + block]);
                let own = value.select_ge(feature, left, zero);
                left = value.select_ge(feature, zero, left);
                let place = (pixel / HALF + 1) * WIDE + pixel % HALF + 1;
                factor::<V, FACTORS>(own).store(&mut dsums[place * OUT + block]);
            }
        }
        sum.store(&mut bias[block]);
    }
}

/// Channels whose sums, in every block of results, are kept in registers at once.
const CHANNELS: usize = 4;

#[inline(always)]
fn add_kernel_gradient<V: F32x16>(hidden: &Hidden, dsums: &[Block], gradient: &mut [Block]) {
    for place in 0..PLACES {
        for first in (0..16).step_by(CHANNELS) {
            let gradient = &mut gradient[(place * 16 + first) * OUT..][..CHANNELS * OUT];
            let mut totals = [[V::splat(0.0); OUT]; CHANNELS];
            for y in 0..HALF {
                let row = &hidden[2 * y + place / 3];
                let dsums = &dsums[((y + 1) * WIDE + 1) * OUT..][..HALF * OUT];
                for x in 0..HALF {
                    let values = &row[2 * x + place % 3];
                    for block in 0..OUT {
                        let dsum = V::load(&dsums[x * OUT + block]);
                        for channel in 0..CHANNELS {
                            let value = V::splat(values[first + channel]);
                            totals[channel][block] = value.mul_add(dsum, totals[channel][block]);
                        }
                    }
                }
            }
            for channel in 0..CHANNELS {
                for block in 0..OUT {
                    let total = &mut gradient[channel * OUT + block];
                    V::load(total).add(totals[channel][block]).store(total);
                }
            }
        }
    }
}

/// Through conv2 and ReLU to conv1's kernel and bias.
#[inline(always)]
fn add_first_layer_gradient<V: F32x16>(
    image: &[f32],
    hidden: &Hidden,
    dsums: &[Block],
    weights: &Weights,
    gradient: &mut [Block; PLACES + 1],
) {
    let zero = V::splat(0.0);
    let mut padded = EMPTY;
    pad(image, &mut padded);
    let mut totals = [zero; PLACES + 1];
    for place in 0..=PLACES {
        totals[place] = V::load(&gradient[place]);
    }
    for y in 0..SIDE {
        let mut row = [[0.0; 16]; SIDE];
        for odd in 0..2 {
            // Every second pixel, half of them at a time: those meet the same places of the kernel.
            for left in [0, SUMS] {
                let mut dhidden = [zero; SUMS];
                for place in 0..PLACES {
                    let (i, j) = (place / 3, place % 3);
                    if (y + i) % 2 != 0 || (odd + j) % 2 != 0 {
                        continue;
                    }
                    // From result (y - i) / 2, (x - j) / 2, or the zeros in front.
                    let above = (y + 2 - i) / 2;
                    let before = left + (odd + 2 - j) / 2;
                    let dsums = &dsums[(above * WIDE + before) * OUT..][..SUMS * OUT];
                    for block in 0..OUT {
                        for channel in 0..16 {
                            let output = 16 * block + channel;
                            let factor = V::load(&weights.transposed2[place * 16 * OUT + output]);
                            for x in 0..SUMS {
                                let dsum = V::splat(dsums[x * OUT + block][channel]);
                                dhidden[x] = dsum.mul_add(factor, dhidden[x]);
                            }
                        }
                    }
                }
                for x in 0..SUMS {
                    dhidden[x].store(&mut row[2 * (left + x) + odd]);
                }
            }
        }
        for x in 0..SIDE {
            let dz = zero.select_ge(V::load(&hidden[y][x]), zero, V::load(&row[x]));
            for place in 0..PLACES {
                totals[place] = V::splat(padded[y + place / 3][x + place % 3]).mul_add(dz, totals[place]);
            }
            totals[PLACES] = totals[PLACES].add(dz);
        }
    }
    for place in 0..=PLACES {
        totals[place].store(&mut gradient[place]);
    }
}
