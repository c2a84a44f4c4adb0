//! conv1, its batch norm and SELU: SELU(batch_norm(images * kernel + bias)), float32 `[rows][28][28]` to
//! `[rows][28][28][16]`, and the gradients.
//!
//! There is one input channel, so the convolution is 9 products a value and cheaper done twice than kept. And what the
//! batch norm needs of it is known without it: with k the kernel, r the sums of the image under each of its 9 places and R
//! those of the products of two places,
//!
//! ```text
//! Σ y = k · r,    Σ y² = kᵀ R k
//! ```

use super::batch_norm::{self, inverse_deviation, population, unbiased};
use super::factors::{factor, factors};
use super::image::{EMPTY, ImageMoments, PLACES, Padded, pad};
use super::layout::{Block, PIXELS, Place, Room, SIDE};
use super::registry::{Argument, Op, Output, ROWS};
use super::simd::{Instructions, for_each_instruction_set};
use super::simd::{Register, selu};
use rayon::prelude::*;

/// The layer in training.
pub(super) struct FirstLayer<const FACTORS: usize>;

impl<const FACTORS: usize> Op for FirstLayer<FACTORS> {
    const INPUTS: &'static [Argument] = &[
        Argument("images", &[ROWS, 28, 28, 1]),
        Argument("kernel", &[3, 3, 1, 16]),
        Argument("bias", &[16]),
        Argument("gamma", &[16]),
        Argument("beta", &[16]),
    ];
    const OUTPUTS: &'static [Argument] = &[
        Argument("hidden", &[ROWS, 28, 28, 16]),
        Argument("mean", &[16]),
        Argument("variance", &[16]),
        Argument("unbiased_variance", &[16]),
        Argument("image_moments", &[10, 9]),
    ];

    fn compute(instructions: Instructions, inputs: &[&[f32]], outputs: &mut [Output<'_>]) {
        let ([images, kernel, bias, gamma, beta], [hidden, mean, variance, unbiased_variance, image_moments]) =
            (inputs, outputs)
        else {
            unreachable!("as many as the op has")
        };
        let [mean, variance, unbiased_variance] = [mean, variance, unbiased_variance].map(Output::zeroed);
        let (images, kernel) = (factors::<FACTORS>(images), factors::<FACTORS>(kernel));
        let population = population(images.len() / PIXELS);
        let moments = ImageMoments::of(instructions, &images);
        moments.write(image_moments.zeroed());
        let mut folded = Folded::default();
        for channel in 0..16 {
            let k: [f64; PLACES] = std::array::from_fn(|place| f64::from(kernel[place * 16 + channel]));
            let centre = moments.sum(&k) / population;
            let spread = batch_norm::variance(centre, moments.square_sum(&k), population);
            let scale = f64::from(gamma[channel]) * inverse_deviation(spread);
            mean[channel] = (centre + f64::from(bias[channel])) as f32;
            variance[channel] = spread as f32;
            unbiased_variance[channel] = unbiased(spread, population) as f32;
            for place in 0..PLACES {
                folded.kernel[place][channel] = (k[place] * scale) as f32;
            }
            folded.bias[channel] = (f64::from(beta[channel]) - centre * scale) as f32;
        }
        images
            .par_chunks(PIXELS)
            .zip(hidden.images(PIXELS))
            .for_each(|(image, hidden)| apply::<FACTORS>(instructions, image, &folded, hidden));
    }
}

/// A kernel and a bias with the batch norm in them.
#[derive(Debug, Clone, Default)]
pub(super) struct Folded {
    pub kernel: [Block; PLACES],
    pub bias: Block,
}

/// Pixels side by side whose results are computed at once.
pub(super) const AT_ONCE: usize = 4;

/// image * kernel + bias at the pixels from `x` on of row `y`.
#[inline(always)]
pub(super) fn convolve_pixels<V: Register>(
    padded: &Padded,
    folded: &Folded,
    y: usize,
    x: usize,
    part: usize,
) -> [V; AT_ONCE] {
    let mut sums = [V::load(&folded.bias, part); AT_ONCE];
    for place in 0..PLACES {
        let kernel = V::load(&folded.kernel[place], part);
        for k in 0..AT_ONCE {
            sums[k] = V::splat(padded[y + place / 3][x + place % 3 + k]).mul_add(kernel, sums[k]);
        }
    }
    sums
}

for_each_instruction_set! {
    fn apply<V, const FACTORS: usize>(image: &[f32], folded: &Folded, hidden: &mut [Room]) {
        let mut padded = EMPTY;
        pad(image, &mut padded);
        for (y, hidden) in hidden.chunks_exact_mut(SIDE).enumerate() {
            apply_row::<V, FACTORS>(&padded, folded, y, hidden);
        }
    }
}

/// Row `y` of SELU(image * kernel + bias), to be factors of conv2.
#[inline(always)]
pub(super) fn apply_row<V: Register, const FACTORS: usize>(
    padded: &Padded,
    folded: &Folded,
    y: usize,
    hidden: &mut [impl Place],
) {
    for x in (0..SIDE).step_by(AT_ONCE) {
        let hidden = &mut hidden[x..][..AT_ONCE];
        for part in 0..V::PARTS {
            let values = selu(convolve_pixels::<V>(padded, folded, y, x, part));
            for k in 0..AT_ONCE {
                factor::<V, FACTORS>(values[k]).store(&mut hidden[k], part);
            }
        }
    }
}

/// Adds `dz` of one pixel, times the image under each place, and alone.
#[inline(always)]
pub(super) fn add_under<V: Register>(
    padded: &Padded,
    y: usize,
    x: usize,
    dz: V,
    totals: &mut [V; PLACES + 1],
) {
    for place in 0..PLACES {
        totals[place] = V::splat(padded[y + place / 3][x + place % 3]).mul_add(dz, totals[place]);
    }
    totals[PLACES] = totals[PLACES].add(dz);
}
