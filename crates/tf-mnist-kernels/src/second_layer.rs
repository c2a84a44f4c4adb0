//! conv2 in training: 3x3, stride 1, zeros around the images, float32 `[rows][28][28][16]` to `[rows][28][28][32]`, with
//! the statistics that its batch norm needs.

use super::batch_norm::{self, ChannelSums, population, unbiased};
use super::convolution::convolve;
use super::factors::factors;
use super::layout::PIXELS;
use super::registry::{Argument, Op, Output, ROWS};
use super::simd::Instructions;

/// The layer.
pub(super) struct SecondLayer<const FACTORS: usize>;

impl<const FACTORS: usize> Op for SecondLayer<FACTORS> {
    const INPUTS: &'static [Argument] = &[
        Argument("hidden", &[ROWS, 28, 28, 16]),
        Argument("kernel", &[3, 3, 16, 32]),
        Argument("bias", &[32]),
    ];
    const OUTPUTS: &'static [Argument] = &[
        Argument("sums", &[ROWS, 28, 28, 32]),
        Argument("mean", &[32]),
        Argument("variance", &[32]),
        Argument("unbiased_variance", &[32]),
    ];

    fn compute(instructions: Instructions, inputs: &[&[f32]], outputs: &mut [Output<'_>]) {
        let ([hidden, kernel, bias], [y, mean, variance, unbiased_variance]) = (inputs, outputs) else {
            unreachable!("as many as the op has")
        };
        let population = population(hidden.len() / PIXELS / 16);
        let [mean, variance, unbiased_variance] = [mean, variance, unbiased_variance].map(Output::zeroed);
        let statistics = convolve::<1, 2>(instructions, hidden, &factors::<FACTORS>(kernel), bias, y);
        for (block, [sums, squares]) in statistics.iter().enumerate() {
            let (ChannelSums(sums), ChannelSums(squares)) = (sums, squares);
            for lane in 0..16 {
                let channel = 16 * block + lane;
                let centre = sums[lane] / population;
                let spread = batch_norm::variance(centre, squares[lane], population);
                mean[channel] = (centre + f64::from(bias[channel])) as f32;
                variance[channel] = spread as f32;
                unbiased_variance[channel] = unbiased(spread, population) as f32;
            }
        }
    }
}
