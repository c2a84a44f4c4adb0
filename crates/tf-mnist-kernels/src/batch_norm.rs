//! Batch normalization over the channels of a batch of images, from sums that the layers' passes bring along.

use super::layout::{Block, PIXELS};

/// Epsilon of every batch norm of the networks here.
pub(super) const EPSILON: f32 = 0.001;

/// Sums over pixels of each of 16 channels, added up in float32 for one image and in float64 over images.
#[derive(Debug, Clone, Copy)]
pub(super) struct ChannelSums(pub [f64; 16]);

impl ChannelSums {
    pub const ZERO: Self = Self([0.0; 16]);

    pub fn add(&mut self, sums: &Block) {
        for (total, &sum) in self.0.iter_mut().zip(sums) {
            *total += f64::from(sum);
        }
    }
}

/// Number of values that each channel of `rows` images is normalized over.
pub(super) fn population(rows: usize) -> f64 {
    (rows * PIXELS) as f64
}

/// The variance of values whose sums and sums of squares are these. Rounding may make it negative; what is no number stays so.
pub(super) fn variance(mean: f64, squares: f64, population: f64) -> f64 {
    let variance = squares / population - mean * mean;
    if variance < 0.0 { 0.0 } else { variance }
}

/// The variance that a moving average takes: the unbiased one (Bessel's correction).
pub(super) fn unbiased(variance: f64, population: f64) -> f64 {
    variance * population / (population - 1.0).max(1.0)
}

/// 1 / sqrt(variance + epsilon).
pub(super) fn inverse_deviation(variance: f64) -> f64 {
    1.0 / (variance + f64::from(EPSILON)).sqrt()
}

/// Gradients of a batch norm, of one channel.
#[derive(Debug, Clone, Copy)]
pub(super) struct ChannelGradient {
    /// dx = `slope` · dy + `offset` + `pull` · x.
    pub slope: f64,
    pub offset: f64,
    pub pull: f64,
}

impl ChannelGradient {
    /// From the sums of dy and of dy · (x - mean) / deviation over the population (Ioffe and Szegedy, 2015, section 3).
    pub fn new(
        gamma: f64,
        mean: f64,
        inverse_deviation: f64,
        population: f64,
        sum: f64,
        product_sum: f64,
    ) -> Self {
        let slope = gamma * inverse_deviation;
        let pull = -slope * inverse_deviation * product_sum / population;
        Self { slope, offset: -slope * sum / population - pull * mean, pull }
    }
}
