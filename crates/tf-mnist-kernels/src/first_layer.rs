//! conv1, its batch norm and SELU, or ReLU: SELU(batch_norm(image * kernel + bias)), float32 `[28][28]` to `[28][28][16]`, row by
//! row, and what its gradients add up.
//!
//! There is one input channel, so the convolution is 9 products a value and cheaper done twice than kept. And what the
//! batch norm needs of it is known without it: with k the kernel, r the sums of the image under each of its 9 places and R
//! those of the products of two places,
//!
//! ```text
//! Σ y = k · r,    Σ y² = kᵀ R k
//! ```

use super::batch_norm::{inverse_deviation, population, statistics};
use super::how::How;
use super::image::{ImageMoments, PLACES, Padded, PaddedRow};
use super::layout::{Block, Place, SIDE, written};
use super::simd::{Register, relu, selu};

/// A kernel and a bias with the batch norm in them.
#[derive(Debug, Clone, Default)]
pub(super) struct Folded {
    pub kernel: [Block; PLACES],
    pub bias: Block,
}

impl Folded {
    pub fn new(kernel: &[f32], bias: &[f32]) -> Self {
        let mut folded = Self::default();
        folded.kernel.as_flattened_mut().copy_from_slice(kernel);
        folded.bias.copy_from_slice(bias);
        folded
    }

    /// By the statistics of a batch of `rows` images, which are written down.
    pub fn normalized(
        moments: &ImageMoments,
        rows: usize,
        [kernel, bias, gamma, beta]: [&[f32]; 4],
        written: &mut [&mut [f32]; 3],
    ) -> Self {
        let mut folded = Self::default();
        for channel in 0..16 {
            let k: [f64; PLACES] = std::array::from_fn(|place| f64::from(kernel[place * 16 + channel]));
            let sums = [moments.product_sum(&k, PLACES), moments.square_sum(&k)];
            let [mean, variance] = statistics(channel, sums, population(rows), bias, written);
            let scale = f64::from(gamma[channel]) * inverse_deviation(variance);
            for place in 0..PLACES {
                folded.kernel[place][channel] = (k[place] * scale) as f32;
            }
            folded.bias[channel] = (f64::from(beta[channel]) - mean * scale) as f32;
        }
        folded
    }
}

/// Those of both convolutions of a network, and how they are computed.
pub(super) struct Weights<'a> {
    pub how: How,
    pub first: Folded,
    /// As conv2's algorithm has it.
    pub kernel2: &'a [Block],
    pub bias2: &'a [Block],
}

/// What [`apply_row`] applies to the sums.
pub(super) const SELU: bool = true;
pub(super) const RELU: bool = false;

/// Row `y` of SELU(image * kernel + bias), or of ReLU of it, to be factors of conv2.
#[inline(always)]
pub(super) fn apply_row<V: Register, const ACTIVATION: bool>(
    padded: &Padded,
    Weights { how, first, .. }: &Weights,
    y: usize,
    hidden: &mut [[impl Place; 16]],
) {
    let hidden = &mut hidden[..SIDE];
    // As many pixels side by side as there are registers for.
    match V::PARTS {
        1 => apply_at_once::<V, ACTIVATION, 7>(padded, first, y, hidden),
        _ => apply_at_once::<V, ACTIVATION, 4>(padded, first, y, hidden),
    }
    // SAFETY: all of the row was written just now.
    how.round(unsafe { written(hidden.as_flattened_mut()) });
}

#[inline(always)]
fn apply_at_once<V: Register, const ACTIVATION: bool, const AT_ONCE: usize>(
    padded: &Padded,
    folded: &Folded,
    y: usize,
    hidden: &mut [[impl Place; 16]],
) {
    const MOST_PARTS: usize = 2;
    for x in (0..SIDE).step_by(AT_ONCE) {
        let hidden = &mut hidden[x..][..AT_ONCE];
        let mut values = [[V::splat(0.0); AT_ONCE]; MOST_PARTS];
        for part in 0..V::PARTS {
            values[part] = [V::load(&folded.bias, part); AT_ONCE];
        }
        for place in 0..PLACES {
            for k in 0..AT_ONCE {
                let pixel = V::splat(padded[y + place / 3][x + place % 3 + k]);
                for part in 0..V::PARTS {
                    let kernel = V::load(&folded.kernel[place], part);
                    values[part][k] = pixel.mul_add(kernel, values[part][k]);
                }
            }
        }
        for part in 0..V::PARTS {
            let values = if ACTIVATION == SELU { selu(values[part]) } else { relu(values[part]) };
            for k in 0..AT_ONCE {
                values[k].store(&mut hidden[k], part);
            }
        }
    }
}

/// The rows of an image under the kernel, of a row of results.
pub(super) fn under(padded: &Padded, y: usize) -> [&PaddedRow; 3] {
    [&padded[y], &padded[y + 1], &padded[y + 2]]
}

/// Adds `dz` of the pixel at `x`, times the image under each place, and alone.
#[inline(always)]
pub(super) fn add_under<V: Register>(rows: [&PaddedRow; 3], x: usize, dz: V, totals: &mut [V; PLACES + 1]) {
    for place in 0..PLACES {
        totals[place] = V::splat(rows[place / 3][x + place % 3]).mul_add(dz, totals[place]);
    }
    totals[PLACES] = totals[PLACES].add(dz);
}
