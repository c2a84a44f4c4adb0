//! Batch normalization over the channels of a batch of images, from sums that the layers' passes bring along.

use super::layout::{Block, PIXELS};

/// Epsilon of the batch norms in the ops.
pub const EPSILON: f32 = 0.001;

/// Blocks of channels of conv2's results.
pub(super) const BLOCKS: usize = 2;

/// Of one image and each block of channels: the sums of a value and of a product, in float32.
pub(super) type Sums = [[Block; 2]; BLOCKS];

/// Both sums of each channel over images, in float64.
pub(super) fn totals(images: &[Sums]) -> [[f64; 2]; 16 * BLOCKS] {
    let mut totals = [[0.0; 2]; 16 * BLOCKS];
    for sums in images {
        for (channel, totals) in totals.iter_mut().enumerate() {
            let sums = sums[channel / 16].map(|sums| f64::from(sums[channel % 16]));
            totals.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
        }
    }
    totals
}

/// Number of values that each channel of `rows` images is normalized over.
pub(super) fn population(rows: usize) -> f64 {
    (rows * PIXELS) as f64
}

/// Of the values of a channel, whose sum and sum of squares are these without their bias: the mean without it and the
/// variance. Writes down mean, variance, and the variance that a moving average takes, the unbiased one (Bessel's
/// correction). Rounding may make a variance negative; what is no number stays so.
pub(super) fn statistics(
    channel: usize,
    [sum, squares]: [f64; 2],
    population: f64,
    bias: &[f32],
    [means, variances, unbiased_variances]: &mut [&mut [f32]; 3],
) -> [f64; 2] {
    let mean = sum / population;
    let variance = squares / population - mean * mean;
    let variance = if variance < 0.0 { 0.0 } else { variance };
    means[channel] = (mean + f64::from(bias[channel])) as f32;
    variances[channel] = variance as f32;
    unbiased_variances[channel] = (variance * population / (population - 1.0).max(1.0)) as f32;
    [mean, variance]
}

/// 1 / sqrt(variance + epsilon).
pub(super) fn inverse_deviation(variance: f64) -> f64 {
    1.0 / (variance + f64::from(EPSILON)).sqrt()
}

/// The gradient of a batch norm of one channel: `[slope, offset, pull]`, where dx = slope · dy + offset + pull · x. From
/// 1 / deviation, and the sums of dy and of dy · (x - mean) / deviation over the population (Ioffe and Szegedy, 2015,
/// section 3).
pub(super) fn norm_gradient(
    gamma: f64,
    mean: f64,
    inverse: f64,
    population: f64,
    [sum, product_sum]: [f64; 2],
) -> [f64; 3] {
    let slope = gamma * inverse;
    let pull = -slope * inverse * product_sum / population;
    [slope, -slope * sum / population - pull * mean, pull]
}
