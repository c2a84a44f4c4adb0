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

use super::batch_norm::{self, ChannelGradient, ChannelSums, inverse_deviation, population, unbiased};
use super::factors::{BF16, factor, factors};
use super::instructions::{Instructions, for_each_instruction_set};
use super::registry::{Argument, Op, ROWS};
use super::simd::{F32x16, selu, selu_derivative};
use super::winograd::{Block, PIXELS, SIDE, as_blocks, as_blocks_mut};
use rayon::prelude::*;

/// Places of the kernel.
pub(super) const PLACES: usize = 9;
/// An image with a border of zeros; behind it two registers' width can be read.
pub(super) type Padded = [[f32; SIDE + 6]; SIDE + 2];

/// The layer in training.
pub(super) struct FirstLayer<const FACTORS: usize>;

impl<const FACTORS: usize> Op for FirstLayer<FACTORS> {
    const TYPE: &'static str = if FACTORS == BF16 {
        "TfMnistFirstLayerBf16"
    } else {
        "TfMnistFirstLayer"
    };
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

    fn compute(instructions: Instructions, inputs: &[&[f32]], outputs: &mut [&mut [f32]]) {
        let ([images, kernel, bias, gamma, beta], [hidden, mean, variance, unbiased_variance, image_moments]) =
            (inputs, outputs)
        else {
            unreachable!("as many as the op has")
        };
        let (images, kernel) = (factors::<FACTORS>(images), factors::<FACTORS>(kernel));
        let population = population(images.len() / PIXELS);
        let moments = ImageMoments::of(instructions, &images);
        moments.write(image_moments);
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
            .zip(as_blocks_mut(hidden).par_chunks_mut(PIXELS))
            .for_each(|(image, hidden)| apply::<FACTORS>(instructions, image, &folded, hidden));
    }
}

/// The layer's gradients, from that in `hidden`. That in the bias is zero: the batch norm takes it out again.
pub(super) struct FirstLayerGrad<const FACTORS: usize>;

impl<const FACTORS: usize> Op for FirstLayerGrad<FACTORS> {
    const TYPE: &'static str = if FACTORS == BF16 {
        "TfMnistFirstLayerGradBf16"
    } else {
        "TfMnistFirstLayerGrad"
    };
    const INPUTS: &'static [Argument] = &[
        Argument("gradient", &[ROWS, 28, 28, 16]),
        Argument("hidden", &[ROWS, 28, 28, 16]),
        Argument("images", &[ROWS, 28, 28, 1]),
        Argument("kernel", &[3, 3, 1, 16]),
        Argument("bias", &[16]),
        Argument("gamma", &[16]),
        Argument("mean", &[16]),
        Argument("variance", &[16]),
        Argument("image_moments", &[10, 9]),
    ];
    const OUTPUTS: &'static [Argument] = &[
        Argument("kernel_gradient", &[3, 3, 1, 16]),
        Argument("gamma_gradient", &[16]),
        Argument("beta_gradient", &[16]),
    ];

    fn compute(instructions: Instructions, inputs: &[&[f32]], outputs: &mut [&mut [f32]]) {
        let (
            [
                gradient,
                hidden,
                images,
                kernel,
                bias,
                gamma,
                mean,
                variance,
                image_moments,
            ],
            [kernel_gradient, gamma_gradient, beta_gradient],
        ) = (inputs, outputs)
        else {
            unreachable!("as many as the op has")
        };
        let (images, kernel) = (factors::<FACTORS>(images), factors::<FACTORS>(kernel));
        let population = population(images.len() / PIXELS);
        let moments = ImageMoments::read(image_moments);
        // Of dz, the gradient in what SELU is applied to: its sum times the image under each place, and its sum.
        let sums: Vec<GradientSums> = images
            .par_chunks(PIXELS)
            .zip(as_blocks(hidden).par_chunks(PIXELS))
            .zip(as_blocks(gradient).par_chunks(PIXELS))
            .map(|((image, hidden), gradient)| {
                let mut sums = [[0.0; 16]; PLACES + 1];
                sum_gradient(instructions, image, hidden, gradient, &mut sums);
                sums
            })
            .collect();
        let mut total = [ChannelSums::ZERO; PLACES + 1];
        for sums in &sums {
            for (total, sum) in total.iter_mut().zip(sums) {
                total.add(sum);
            }
        }
        for channel in 0..16 {
            let k: [f64; PLACES] = std::array::from_fn(|place| f64::from(kernel[place * 16 + channel]));
            let under: [f64; PLACES] = std::array::from_fn(|place| total[place].0[channel]);
            let sum = total[PLACES].0[channel];
            let centre = f64::from(mean[channel]) - f64::from(bias[channel]);
            let inverse = inverse_deviation(f64::from(variance[channel]));
            let with_values: f64 = k.iter().zip(under).map(|(k, under)| k * under).sum();
            let product_sum = inverse * (with_values - centre * sum);
            gamma_gradient[channel] = product_sum as f32;
            beta_gradient[channel] = sum as f32;
            let dx = ChannelGradient::new(
                f64::from(gamma[channel]),
                centre,
                inverse,
                population,
                sum,
                product_sum,
            );
            for place in 0..PLACES {
                let values_under = moments.product_sum(&k, place);
                let gradient =
                    dx.slope * under[place] + dx.offset * moments.sums[place] + dx.pull * values_under;
                kernel_gradient[place * 16 + channel] = gradient as f32;
            }
        }
    }
}

/// Of a batch of images, with the pixels that lie under each of the kernel's places: their sums r, and the sums R of the
/// products of two.
#[derive(Debug, Clone)]
struct ImageMoments {
    sums: [f64; PLACES],
    products: [[f64; PLACES]; PLACES],
}

impl ImageMoments {
    fn of(instructions: Instructions, images: &[f32]) -> Self {
        let each: Vec<RawMoments> = images
            .par_chunks(PIXELS)
            .map(|image| {
                let mut moments = [[0.0; PLACES + 1]; PLACES];
                image_moments(instructions, image, &mut moments);
                moments
            })
            .collect();
        let mut total = Self {
            sums: [0.0; PLACES],
            products: [[0.0; PLACES]; PLACES],
        };
        for moments in &each {
            for p in 0..PLACES {
                total.sums[p] += f64::from(moments[p][PLACES]);
                for q in 0..PLACES {
                    total.products[p][q] += f64::from(moments[p.min(q)][p.max(q)]);
                }
            }
        }
        total
    }

    /// The products and last the sums, float32 `[10][9]`, from the layer to its gradient.
    fn write(&self, to: &mut [f32]) {
        let rows = self.products.iter().chain([&self.sums]);
        for (to, &value) in to.iter_mut().zip(rows.flatten()) {
            *to = value as f32;
        }
    }

    fn read(from: &[f32]) -> Self {
        let row = |row: usize| std::array::from_fn(|place| f64::from(from[row * PLACES + place]));
        Self {
            products: std::array::from_fn(row),
            sums: row(PLACES),
        }
    }

    /// Σ y of the convolution with `k`.
    fn sum(&self, k: &[f64; PLACES]) -> f64 {
        k.iter().zip(self.sums).map(|(k, sum)| k * sum).sum()
    }

    /// Σ y² of it.
    fn square_sum(&self, k: &[f64; PLACES]) -> f64 {
        (0..PLACES)
            .map(|place| k[place] * self.product_sum(k, place))
            .sum()
    }

    /// Σ y · (what lies under `place`).
    fn product_sum(&self, k: &[f64; PLACES], place: usize) -> f64 {
        k.iter()
            .zip(self.products[place])
            .map(|(k, product)| k * product)
            .sum()
    }
}

/// Of one image, row p: the sums of the products of what lies under p and under q, q >= p, and last that of p alone.
type RawMoments = [[f32; PLACES + 1]; PLACES];

for_each_instruction_set! {
    fn image_moments<>(image: &[f32], moments: &mut RawMoments) = image_moments_with
}

#[inline(always)]
fn image_moments_with<V: F32x16>(image: &[f32], moments: &mut RawMoments) {
    let mut padded = EMPTY;
    pad(image, &mut padded);
    // 28 pixels are one register and 12 numbers of another.
    let mut last = [0.0; 16];
    last[..SIDE - 16].fill(1.0);
    let masks = [V::splat(1.0), V::load(&last)];
    for p in 0..PLACES {
        let mut sums = [V::splat(0.0); PLACES + 1];
        for y in 0..SIDE {
            for half in 0..2 {
                let under = window::<V>(&padded, p, y, 16 * half).mul(masks[half]);
                sums[PLACES] = sums[PLACES].add(under);
                for q in p..PLACES {
                    sums[q] = under.mul_add(window(&padded, q, y, 16 * half), sums[q]);
                }
            }
        }
        for q in 0..=PLACES {
            moments[p][q] = sums[q].to_array().iter().sum();
        }
    }
}

/// Sixteen pixels from `x` on of row `y` of what lies under `place`.
#[inline(always)]
fn window<V: F32x16>(padded: &Padded, place: usize, y: usize, x: usize) -> V {
    let row = &padded[y + place / 3];
    let mut pixels = [0.0; 16];
    pixels.copy_from_slice(&row[x + place % 3..][..16]);
    V::load(&pixels)
}

pub(super) const EMPTY: Padded = [[0.0; SIDE + 6]; SIDE + 2];

#[inline(always)]
pub(super) fn pad(image: &[f32], padded: &mut Padded) {
    for y in 0..SIDE {
        padded[y + 1][1..=SIDE].copy_from_slice(&image[y * SIDE..][..SIDE]);
    }
}

/// A kernel and a bias with the batch norm in them.
#[derive(Debug, Clone, Default)]
pub(super) struct Folded {
    pub kernel: [Block; PLACES],
    pub bias: Block,
}

#[inline(always)]
pub(super) fn kernel_of<V: F32x16>(folded: &Folded) -> [V; PLACES] {
    let mut kernel = [V::splat(0.0); PLACES];
    for place in 0..PLACES {
        kernel[place] = V::load(&folded.kernel[place]);
    }
    kernel
}

/// image * kernel + bias at one pixel.
#[inline(always)]
pub(super) fn convolve_pixel<V: F32x16>(
    padded: &Padded,
    kernel: &[V; PLACES],
    bias: V,
    y: usize,
    x: usize,
) -> V {
    let mut sum = bias;
    for place in 0..PLACES {
        sum = V::splat(padded[y + place / 3][x + place % 3]).mul_add(kernel[place], sum);
    }
    sum
}

for_each_instruction_set! {
    fn apply<const FACTORS: usize>(image: &[f32], folded: &Folded, hidden: &mut [Block]) = apply_with
}

/// SELU(image * kernel + bias), to be a factor of conv2.
#[inline(always)]
pub(super) fn apply_with<V: F32x16, const FACTORS: usize>(
    image: &[f32],
    folded: &Folded,
    hidden: &mut [Block],
) {
    let mut padded = EMPTY;
    pad(image, &mut padded);
    let kernel = kernel_of::<V>(folded);
    let bias = V::load(&folded.bias);
    for y in 0..SIDE {
        for x in 0..SIDE {
            let sum = convolve_pixel(&padded, &kernel, bias, y, x);
            factor::<V, FACTORS>(selu(sum)).store(&mut hidden[y * SIDE + x]);
        }
    }
}

/// Of one image: the sums of dz times the image under each place, and last of dz alone.
type GradientSums = [Block; PLACES + 1];

for_each_instruction_set! {
    fn sum_gradient<>(image: &[f32], hidden: &[Block], gradient: &[Block], sums: &mut GradientSums) = sum_gradient_with
}

#[inline(always)]
fn sum_gradient_with<V: F32x16>(
    image: &[f32],
    hidden: &[Block],
    gradient: &[Block],
    sums: &mut GradientSums,
) {
    let mut padded = EMPTY;
    pad(image, &mut padded);
    let mut totals = [V::splat(0.0); PLACES + 1];
    for y in 0..SIDE {
        for x in 0..SIDE {
            let pixel = y * SIDE + x;
            let dz = V::load(&gradient[pixel]).mul(selu_derivative(V::load(&hidden[pixel])));
            for place in 0..PLACES {
                totals[place] = V::splat(padded[y + place / 3][x + place % 3]).mul_add(dz, totals[place]);
            }
            totals[PLACES] = totals[PLACES].add(dz);
        }
    }
    for place in 0..=PLACES {
        totals[place].store(&mut sums[place]);
    }
}
