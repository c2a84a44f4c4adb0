//! The batch norm behind conv2, the pool and SELU: SELU(max_pool(batch_norm(x))), float32 `[rows][28][28][32]` to
//! `[rows][14][14][32]`, and the gradients. SELU is increasing: the greatest of a window stays the greatest.

use super::batch_norm::{BLOCKS, Sums, inverse_deviation, norm_gradient, population, totals};
use super::layout::{Block, Room, SIDE};
use super::simd::{Instructions, Register, each, for_each_instruction_set, registers, selu, selu_derivative};

/// Height and width behind the pool.
pub(super) const POOLED: usize = SIDE / 2;
pub(super) const WINDOWS: usize = POOLED * POOLED;

/// Three numbers of each channel.
pub(super) type PerChannel = [[Block; BLOCKS]; 3];

fn per_channel(mut of: impl FnMut(usize) -> [f64; 3]) -> PerChannel {
    let mut made = PerChannel::default();
    for channel in 0..16 * BLOCKS {
        for (made, value) in made.iter_mut().zip(of(channel)) {
            made[channel / 16][channel % 16] = value as f32;
        }
    }
    made
}

/// The batch norm as one multiplication and addition: scale, shift and the mean.
pub(super) fn affine([mean, variance, gamma, beta]: [&[f32]; 4]) -> PerChannel {
    per_channel(|channel| {
        let [mean, variance, gamma, beta] = [mean, variance, gamma, beta].map(|of| f64::from(of[channel]));
        let scale = gamma * inverse_deviation(variance);
        [scale, beta - mean * scale, mean]
    })
}

/// [`norm_gradient`], from the sums of every image; also gives the gradients in gamma and beta.
pub(super) fn through(
    sums: &[Sums],
    [mean, variance, gamma]: [&[f32]; 3],
    [gamma_gradient, beta_gradient]: [&mut [f32]; 2],
) -> PerChannel {
    let totals = totals(sums);
    per_channel(|channel| {
        let [sum, product_sum] = totals[channel];
        let [mean, variance, gamma] = [mean, variance, gamma].map(|of| f64::from(of[channel]));
        let inverse = inverse_deviation(variance);
        // Summed up with x - mean.
        let product_sum = product_sum * inverse;
        (gamma_gradient[channel], beta_gradient[channel]) = (product_sum as f32, sum as f32);
        norm_gradient(gamma, mean, inverse, population(sums.len()), [sum, product_sum])
    })
}

/// The pixel that is the `k`th of a window.
#[inline(always)]
fn pixel(window: usize, k: usize) -> usize {
    (2 * (window / POOLED) + k / 2) * SIDE + 2 * (window % POOLED) + k % 2
}

/// The four values of a window, and what the batch norm makes of them.
#[inline(always)]
fn window<V: Register>(
    x: &[Block],
    place: usize,
    (block, part): (usize, usize),
    [scale, shift, _]: &PerChannel,
) -> ([V; 4], [V; 4]) {
    let (scale, shift) = (V::load(&scale[block], part), V::load(&shift[block], part));
    let values: [V; 4] = each(|k| V::load(&x[pixel(place, k) * BLOCKS + block], part));
    (values, each(|k| values[k].mul_add(scale, shift)))
}

/// The least value of a window that counts as its greatest. On a blank part of an image all four are equal in truth, and
/// as Winograd's algorithm rounds them they differ by less than this; the first takes the gradient, as in TensorFlow's pool.
#[inline(always)]
fn tied<V: Register>(z: &[V; 4]) -> V {
    const ROUNDING: f32 = 1e-5;
    z[0].max(z[1]).max(z[2].max(z[3])).sub(V::splat(ROUNDING))
}

for_each_instruction_set! {
    pub(super) fn pool<V>(x: &[Block], affine: &PerChannel, features: &mut [Room]) {
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
        affine: &PerChannel,
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
                let value = value.sub(V::load(&affine[2][block], part));
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
    affine: &PerChannel,
    through: &PerChannel,
    x_gradient: &mut [Block],
) {
    let zero = V::splat(0.0);
    for place in 0..WINDOWS {
        for (block, part) in registers::<V>(BLOCKS) {
            let (values, z) = window::<V>(x, place, (block, part), affine);
            let tied = tied(&z);
            let unit = place * BLOCKS + block;
            let dz = V::load(&gradient[unit], part).mul(selu_derivative(V::load(&features[unit], part)));
            let [slope, offset, pull] = through.each_ref().map(|channels| V::load(&channels[block], part));
            let mut left = dz.mul(slope);
            for k in 0..4 {
                let own = z[k].select_ge(tied, left, zero);
                left = z[k].select_ge(tied, zero, left);
                let dx = values[k].mul_add(pull, offset).add(own);
                dx.store(&mut x_gradient[pixel(place, k) * BLOCKS + block], part);
            }
        }
    }
}
