//! The batch norm behind conv2, the pool and SELU: SELU(max_pool(batch_norm(x))), float32 `[rows][28][28][32]` to
//! `[rows][14][14][32]`, and the gradients. SELU is increasing: the greatest of a window stays the greatest.

use super::arguments::{BETA2, FEATURES, GAMMA2, MEAN2, SUMS, VARIANCE2};
use super::batch_norm::{ChannelGradient, ChannelSums, Sums, inverse_deviation, totals};
use super::how::How;
use super::layout::{Block, PIXELS, Room, SIDE, as_blocks, window_pixel};
use super::registry::{Argument, Op, Output};
use super::simd::{Instructions, Register, for_each_instruction_set, registers, selu, selu_derivative};
use rayon::prelude::*;

/// Blocks of channels.
pub(super) const BLOCKS: usize = 2;
const CHANNELS: usize = 16 * BLOCKS;
/// Height and width behind the pool.
pub(super) const POOLED: usize = SIDE / 2;
pub(super) const WINDOWS: usize = POOLED * POOLED;

/// The layer in training.
pub(super) struct PoolLayer;

impl Op<5, 1> for PoolLayer {
    const INPUTS: [Argument; 5] = [SUMS, MEAN2, VARIANCE2, GAMMA2, BETA2];
    const OUTPUTS: [Argument; 1] = [FEATURES];

    fn compute(how: How, [x, mean, variance, gamma, beta]: [&[f32]; 5], [features]: [Output<'_>; 1]) {
        let affine = Affine::new(mean, variance, gamma, beta);
        as_blocks(x)
            .par_chunks(PIXELS * BLOCKS)
            .zip(features.images(WINDOWS * BLOCKS))
            .for_each(|(x, features)| pool(how.instructions, x, &affine, features));
    }
}

/// The batch norm as one multiplication and addition, and the mean.
#[derive(Debug)]
pub(super) struct Affine {
    scale: [Block; BLOCKS],
    shift: [Block; BLOCKS],
    mean: [Block; BLOCKS],
}

/// Of each channel.
fn channels(of: impl Fn(usize) -> f64) -> [Block; BLOCKS] {
    std::array::from_fn(|block| std::array::from_fn(|lane| of(16 * block + lane) as f32))
}

impl Affine {
    pub fn new(mean: &[f32], variance: &[f32], gamma: &[f32], beta: &[f32]) -> Self {
        let value = |of: &[f32], channel: usize| f64::from(of[channel]);
        let scale = |channel| value(gamma, channel) * inverse_deviation(value(variance, channel));
        Self {
            scale: channels(scale),
            shift: channels(|channel| value(beta, channel) - value(mean, channel) * scale(channel)),
            mean: channels(|channel| value(mean, channel)),
        }
    }
}

/// [`ChannelGradient`] of every channel.
#[derive(Debug)]
pub(super) struct Through {
    slope: [Block; BLOCKS],
    offset: [Block; BLOCKS],
    pull: [Block; BLOCKS],
}

impl Through {
    /// From the sums of every image; also gives the gradients in gamma and beta.
    pub fn new(
        sums: &[Sums<BLOCKS>],
        [mean, variance, gamma]: [&[f32]; 3],
        population: f64,
        [gamma_gradient, beta_gradient]: [&mut [f32]; 2],
    ) -> Self {
        let totals = totals(sums);
        let gradients: [ChannelGradient; CHANNELS] = std::array::from_fn(|channel| {
            let [ChannelSums(sums), ChannelSums(products)] = &totals[channel / 16];
            let (sum, inverse) = (sums[channel % 16], inverse_deviation(f64::from(variance[channel])));
            // Summed up with x - mean.
            let product_sum = products[channel % 16] * inverse;
            (gamma_gradient[channel], beta_gradient[channel]) = (product_sum as f32, sum as f32);
            let (gamma, mean) = (f64::from(gamma[channel]), f64::from(mean[channel]));
            ChannelGradient::new(gamma, mean, inverse, population, [sum, product_sum])
        });
        Self {
            slope: channels(|channel| gradients[channel].slope),
            offset: channels(|channel| gradients[channel].offset),
            pull: channels(|channel| gradients[channel].pull),
        }
    }
}

/// The four values of a window, and what the batch norm makes of them.
#[inline(always)]
fn window<V: Register>(
    x: &[Block],
    place: usize,
    (block, part): (usize, usize),
    affine: &Affine,
) -> ([V; 4], [V; 4]) {
    let (scale, shift) = (V::load(&affine.scale[block], part), V::load(&affine.shift[block], part));
    let mut values = [V::splat(0.0); 4];
    let mut normalized = [V::splat(0.0); 4];
    for k in 0..4 {
        values[k] = V::load(&x[window_pixel::<SIDE>(place, k) * BLOCKS + block], part);
        normalized[k] = values[k].mul_add(scale, shift);
    }
    (values, normalized)
}

/// The least value of a window that counts as its greatest. On a blank part of an image all four are equal in truth, and
/// as Winograd's algorithm rounds them they differ by less than this; the first takes the gradient, as in TensorFlow's pool.
#[inline(always)]
fn tied<V: Register>(z: &[V; 4]) -> V {
    const ROUNDING: f32 = 1e-5;
    z[0].max(z[1]).max(z[2].max(z[3])).sub(V::splat(ROUNDING))
}

for_each_instruction_set! {
    fn pool<V>(x: &[Block], affine: &Affine, features: &mut [Room]) {
        for place in 0..WINDOWS {
            for (block, part) in registers::<V>(BLOCKS) {
                let (_, z) = window::<V>(x, place, (block, part), affine);
                let greatest = z[0].max(z[1]).max(z[2].max(z[3]));
                selu([greatest])[0].store(&mut features[place * BLOCKS + block], part);
            }
        }
    }
}

for_each_instruction_set! {
    /// The sums of one image, of dz, the gradient behind the batch norm, and of dz · (x - mean); `sums` are zero before.
    pub(super) fn sum_gradient<V>(
        x: &[Block],
        features: &[Block],
        gradient: &[Block],
        affine: &Affine,
        sums: &mut Sums<BLOCKS>,
    ) {
        for place in 0..WINDOWS {
            for (block, part) in registers::<V>(BLOCKS) {
                let (values, z) = window::<V>(x, place, (block, part), affine);
                let tied = tied(&z);
                let mut value = values[3];
                for k in [2, 1, 0] {
                    value = z[k].select_ge(tied, values[k], value);
                }
                let unit = place * BLOCKS + block;
                let dz = V::load(&gradient[unit], part).mul(selu_derivative(V::load(&features[unit], part)));
                let [sum, product_sum] = &mut sums[block];
                let value = value.sub(V::load(&affine.mean[block], part));
                V::load(sum, part).add(dz).store(sum, part);
                dz.mul_add(value, V::load(product_sum, part)).store(product_sum, part);
            }
        }
    }
}

/// The gradient in x.
#[inline(always)]
pub(super) fn spread_gradient<V: Register>(
    x: &[Block],
    features: &[Block],
    gradient: &[Block],
    affine: &Affine,
    through: &Through,
    x_gradient: &mut [Block],
) {
    let zero = V::splat(0.0);
    for place in 0..WINDOWS {
        for (block, part) in registers::<V>(BLOCKS) {
            let (values, z) = window::<V>(x, place, (block, part), affine);
            let tied = tied(&z);
            let unit = place * BLOCKS + block;
            let dz = V::load(&gradient[unit], part).mul(selu_derivative(V::load(&features[unit], part)));
            let [slope, offset, pull] = [&through.slope, &through.offset, &through.pull]
                .map(|channels| V::load(&channels[block], part));
            let mut left = dz.mul(slope);
            for k in 0..4 {
                let own = z[k].select_ge(tied, left, zero);
                left = z[k].select_ge(tied, zero, left);
                let dx = values[k].mul_add(pull, offset).add(own);
                dx.store(&mut x_gradient[window_pixel::<SIDE>(place, k) * BLOCKS + block], part);
            }
        }
    }
}
