//! The batch norm behind conv2, the pool and SELU: SELU(max_pool(batch_norm(x))), float32 `[rows][28][28][32]` to
//! `[rows][14][14][32]`, and the gradients. SELU is increasing: the greatest of a window stays the greatest.

use super::batch_norm::{ChannelGradient, ChannelSums, inverse_deviation, population};
use super::factors::factor;
use super::layout::{Block, PIXELS, Room, SIDE, as_blocks};
use super::registry::{Argument, Op, Output, ROWS};
use super::simd::{Instructions, for_each_instruction_set};
use super::simd::{Register, registers, selu, selu_derivative};
use rayon::prelude::*;

/// Blocks of channels.
const BLOCKS: usize = 2;
const CHANNELS: usize = 16 * BLOCKS;
/// Height and width behind the pool.
const POOLED: usize = SIDE / 2;
const WINDOWS: usize = POOLED * POOLED;

/// The layer in training.
pub(super) struct PoolLayer;

impl Op for PoolLayer {
    const INPUTS: &'static [Argument] = &[
        Argument("x", &[ROWS, 28, 28, 32]),
        Argument("mean", &[32]),
        Argument("variance", &[32]),
        Argument("gamma", &[32]),
        Argument("beta", &[32]),
    ];
    const OUTPUTS: &'static [Argument] = &[Argument("features", &[ROWS, 14, 14, 32])];

    fn compute(instructions: Instructions, inputs: &[&[f32]], outputs: &mut [Output<'_>]) {
        let ([x, mean, variance, gamma, beta], [features]) = (inputs, outputs) else {
            unreachable!("as many as the op has")
        };
        let affine = Affine::new(mean, variance, gamma, beta);
        as_blocks(x)
            .par_chunks(PIXELS * BLOCKS)
            .zip(features.images(WINDOWS * BLOCKS))
            .for_each(|(x, features)| pool(instructions, x, &affine, features));
    }
}

/// The layer's gradients, from that in `features`.
pub(super) struct PoolLayerGrad<const FACTORS: usize>;

impl<const FACTORS: usize> Op for PoolLayerGrad<FACTORS> {
    const INPUTS: &'static [Argument] = &[
        Argument("gradient", &[ROWS, 14, 14, 32]),
        Argument("features", &[ROWS, 14, 14, 32]),
        Argument("x", &[ROWS, 28, 28, 32]),
        Argument("mean", &[32]),
        Argument("variance", &[32]),
        Argument("gamma", &[32]),
        Argument("beta", &[32]),
    ];
    const OUTPUTS: &'static [Argument] = &[
        Argument("x_gradient", &[ROWS, 28, 28, 32]),
        Argument("gamma_gradient", &[32]),
        Argument("beta_gradient", &[32]),
    ];

    fn compute(instructions: Instructions, inputs: &[&[f32]], outputs: &mut [Output<'_>]) {
        let (
            [gradient, features, x, mean, variance, gamma, beta],
            [x_gradient, gamma_gradient, beta_gradient],
        ) = (inputs, outputs)
        else {
            unreachable!("as many as the op has")
        };
        let [gamma_gradient, beta_gradient] = [gamma_gradient, beta_gradient].map(Output::zeroed);
        let population = population(x.len() / PIXELS / CHANNELS);
        let affine = Affine::new(mean, variance, gamma, beta);
        let images = || {
            as_blocks(x)
                .par_chunks(PIXELS * BLOCKS)
                .zip(as_blocks(features).par_chunks(WINDOWS * BLOCKS))
                .zip(as_blocks(gradient).par_chunks(WINDOWS * BLOCKS))
        };
        let sums: Vec<Sums> = images()
            .map(|((x, features), gradient)| {
                let mut sums = [[[0.0; 16]; 2]; BLOCKS];
                sum_gradient(instructions, x, features, gradient, &affine, &mut sums);
                sums
            })
            .collect();
        let mut through = Through::default();
        for block in 0..BLOCKS {
            let mut totals = [ChannelSums::ZERO; 2];
            for sums in &sums {
                totals[0].add(&sums[block][0]);
                totals[1].add(&sums[block][1]);
            }
            let [ChannelSums(sums), ChannelSums(products)] = totals;
            for lane in 0..16 {
                let channel = 16 * block + lane;
                let inverse = inverse_deviation(f64::from(variance[channel]));
                // Summed up with x - mean.
                let product_sum = products[lane] * inverse;
                let (gamma, mean) = (f64::from(gamma[channel]), f64::from(mean[channel]));
                let dx = ChannelGradient::new(gamma, mean, inverse, population, sums[lane], product_sum);
                gamma_gradient[channel] = product_sum as f32;
                beta_gradient[channel] = sums[lane] as f32;
                through.slope[block][lane] = dx.slope as f32;
                through.offset[block][lane] = dx.offset as f32;
                through.pull[block][lane] = dx.pull as f32;
            }
        }
        images().zip(x_gradient.images(PIXELS * BLOCKS)).for_each(
            |(((x, features), gradient), x_gradient)| {
                spread_gradient::<FACTORS>(
                    instructions,
                    x,
                    features,
                    gradient,
                    &affine,
                    &through,
                    x_gradient,
                );
            },
        );
    }
}

/// The batch norm as one multiplication and addition, and the mean.
#[derive(Debug, Default)]
struct Affine {
    scale: [Block; BLOCKS],
    shift: [Block; BLOCKS],
    mean: [Block; BLOCKS],
}

impl Affine {
    fn new(mean: &[f32], variance: &[f32], gamma: &[f32], beta: &[f32]) -> Self {
        let mut affine = Self::default();
        for channel in 0..CHANNELS {
            let (block, lane) = (channel / 16, channel % 16);
            let scale = f64::from(gamma[channel]) * inverse_deviation(f64::from(variance[channel]));
            affine.scale[block][lane] = scale as f32;
            affine.shift[block][lane] = (f64::from(beta[channel]) - f64::from(mean[channel]) * scale) as f32;
            affine.mean[block][lane] = mean[channel];
        }
        affine
    }
}

/// [`ChannelGradient`] of every channel.
#[derive(Debug, Default)]
struct Through {
    slope: [Block; BLOCKS],
    offset: [Block; BLOCKS],
    pull: [Block; BLOCKS],
}

/// Of one image and block of channels: the sums of dz, the gradient behind the batch norm, and of dz · (x - mean).
type Sums = [[Block; 2]; BLOCKS];

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
        values[k] = V::load(&x[pixel(place, k) * BLOCKS + block], part);
        normalized[k] = values[k].mul_add(scale, shift);
    }
    (values, normalized)
}

/// The `k`th pixel of a window.
#[inline(always)]
fn pixel(place: usize, k: usize) -> usize {
    (2 * (place / POOLED) + k / 2) * SIDE + 2 * (place % POOLED) + k % 2
}

/// The least value of a window that counts as its greatest. On a blank part of an image all four are equal in truth, and
/// as Winograd's algorithm rounds them they differ by less than this; the first takes the gradient, as in TensorFlow's pool.
#[inline(always)]
fn tied<V: Register>(z: &[V; 4]) -> V {
    const ROUNDING: f32 = 1e-5;
    z[0].max(z[1]).max(z[2].max(z[3])).sub(V::splat(ROUNDING))
}

for_each_instruction_set! {
    fn pool<>(x: &[Block], affine: &Affine, features: &mut [Room]) = pool_with
}

#[inline(always)]
fn pool_with<V: Register>(x: &[Block], affine: &Affine, features: &mut [Room]) {
    for place in 0..WINDOWS {
        for (block, part) in registers::<V>(BLOCKS) {
            let (_, z) = window::<V>(x, place, (block, part), affine);
            let greatest = z[0].max(z[1]).max(z[2].max(z[3]));
            selu([greatest])[0].store(&mut features[place * BLOCKS + block], part);
        }
    }
}

for_each_instruction_set! {
    fn sum_gradient<>(
        x: &[Block], features: &[Block], gradient: &[Block], affine: &Affine, sums: &mut Sums,
    ) = sum_gradient_with
}

#[inline(always)]
fn sum_gradient_with<V: Register>(
    x: &[Block],
    features: &[Block],
    gradient: &[Block],
    affine: &Affine,
    sums: &mut Sums,
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

for_each_instruction_set! {
    fn spread_gradient<const FACTORS: usize>(
        x: &[Block], features: &[Block], gradient: &[Block], affine: &Affine, through: &Through, x_gradient: &mut [Room],
    ) = spread_gradient_with
}

#[inline(always)]
fn spread_gradient_with<V: Register, const FACTORS: usize>(
    x: &[Block],
    features: &[Block],
    gradient: &[Block],
    affine: &Affine,
    through: &Through,
    x_gradient: &mut [Room],
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
                let x_gradient = &mut x_gradient[pixel(place, k) * BLOCKS + block];
                factor::<V, FACTORS>(dx).store(x_gradient, part);
            }
        }
    }
}
