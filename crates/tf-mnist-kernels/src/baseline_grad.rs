//! The gradients of [`super::baseline`] in its variables, from that in its features.
//!
//! Of the four pixels of a pool's window the gradient comes through one, so three quarters of the products with conv2's
//! results are by zero. They are left out: each feature's gradient meets what lies under the kernel at the one pixel.

use super::arguments::{BIAS1, BIAS2, IMAGES, KERNEL1, KERNEL2};
use super::baseline::{APART, FEATURES, Hidden, OUT, POOLED, WINDOWS, WINNERS, first_layer, hidden};
use super::first_layer::{Folded, Weights, add_under, under};
use super::how::How;
use super::image::{PLACES, Padded, pad};
use super::layout::{Block, Line, PIXELS, SIDE, add, as_blocks, blocks, blocks_mut, floats};
use super::registry::{Argument, Op, Output};
use super::rows::sum_of_rows;
use super::simd::{Instructions, Register, each, for_each_instruction_set, registers};
use std::cell::RefCell;

/// The gradients.
pub(super) struct BaselineFeaturesGrad;

impl Op<6, 4> for BaselineFeaturesGrad {
    const INPUTS: [Argument; 6] =
        [Argument("gradient", FEATURES.1), WINNERS, IMAGES, KERNEL1, BIAS1, KERNEL2];
    const OUTPUTS: [Argument; 4] = [
        Argument("kernel1_gradient", KERNEL1.1),
        Argument("bias1_gradient", BIAS1.1),
        Argument("kernel2_gradient", KERNEL2.1),
        Argument("bias2_gradient", BIAS2.1),
    ];

    fn compute(
        how: How,
        [gradient, winners, images, kernel1, bias1, kernel2]: [&[f32]; 6],
        [kernel1_gradient, bias1_gradient, kernel2_gradient, bias2_gradient]: [Output<'_>; 4],
    ) {
        let images = how.factors(images);
        let first = Folded::new(&how.factors(kernel1), bias1);
        let mut kernel2_by_channel = vec![Line::default(); FACTORS];
        let numbers = blocks_mut(&mut kernel2_by_channel).as_flattened_mut();
        for (number, &factor) in how.factors(kernel2).iter().enumerate() {
            numbers[by_channel(number)] = factor;
        }
        let weights = Weights { how, first, kernel2: blocks(&kernel2_by_channel), bias2: &[] };
        let [gradient, winners] = [gradient, winners].map(as_blocks);
        let add_row = |row: usize, sums: &mut Vec<Line>| {
            let image = &images[row * PIXELS..][..PIXELS];
            let features = row * WINDOWS * OUT..(row + 1) * WINDOWS * OUT;
            let (gradient, winners) = (&gradient[features.clone()], &winners[features]);
            HIDDEN.with_borrow_mut(|hidden| {
                add_gradients(how.instructions, image, gradient, winners, &weights, hidden, sums);
            });
        };
        let zero = || vec![Line::default(); FACTORS + PLACES + 1 + OUT];
        let sums = sum_of_rows(images.len() / PIXELS, zero, add_row, |total, sums| add(total, sums));
        let (kernel2, rest) = floats(&sums).split_at(16 * FACTORS);
        for (number, gradient) in kernel2_gradient.zeroed().iter_mut().enumerate() {
            *gradient = kernel2[by_channel(number)];
        }
        let (kernel1, biases) = rest.split_at(16 * PLACES);
        kernel1_gradient.zeroed().copy_from_slice(kernel1);
        bias1_gradient.zeroed().copy_from_slice(&biases[..16]);
        bias2_gradient.zeroed().copy_from_slice(&biases[16..]);
    }
}

/// Channels of conv2's results.
const CHANNELS: usize = OUT * 16;
/// Blocks of its kernel: here, for each of its results' channels and each place, those of the inputs.
const FACTORS: usize = CHANNELS * PLACES;

/// Where the `number`th of conv2's kernel, `[place][input][output]`, lies then.
fn by_channel(number: usize) -> usize {
    number % CHANNELS * PLACES * 16 + number / CHANNELS
}

thread_local! {
    /// Room for the hidden values of an image, and the gradient in them.
    static HIDDEN: RefCell<[Box<Hidden>; 2]> = RefCell::new([hidden(), hidden()]);
}

/// Pixels of a row of [`Hidden`].
const WIDE: usize = SIDE + 1;

for_each_instruction_set! {
    /// To the sums of the gradients: in conv2's kernel, conv1's kernel and bias, and conv2's bias.
    fn add_gradients<V>(
        image: &[f32],
        gradient: &[Block],
        winners: &[Block],
        weights: &Weights,
        room: &mut [Box<Hidden>; 2],
        sums: &mut [Line],
    ) {
        let [hidden, dhidden] = room;
        let (kernel2, rest) = sums.split_at_mut(FACTORS);
        let (first, bias2) = rest.split_at_mut(PLACES + 1);
        let padded = pad(image);
        first_layer::<V>(&padded, weights, 0..1, hidden);
        dhidden[0].fill(Line::default());
        let windows = gradient.chunks_exact(POOLED * OUT).zip(winners.chunks_exact(POOLED * OUT));
        for (window_row, (gradient, winners)) in windows.enumerate() {
            let rows = APART * window_row..APART * (window_row + 1);
            first_layer::<V>(&padded, weights, rows.start + 1..(rows.end + 1).min(SIDE), hidden);
            dhidden[rows.start + 1..=rows.end].fill([Line::default(); WIDE]);
            let through = Through::new::<V>(gradient, winners, weights.how, bias2);
            let values = hidden[rows.start..=rows.end].as_flattened();
            let dvalues = dhidden[rows.start..=rows.end].as_flattened_mut();
            add_conv2_gradients::<V>(&through, weights.kernel2, values, kernel2, dvalues);
            for y in rows {
                add_first_layer_gradient::<V>(&padded, y, &hidden[y], &dhidden[y], first);
            }
        }
    }
}

/// What comes through the pool and ReLU of a row of windows.
struct Through {
    /// The gradient, zero where nothing comes through.
    gradient: [Line; POOLED * OUT],
    /// Of each pixel of each window, the channels that come through there.
    channels: [[u32; 4]; POOLED],
}

impl Through {
    /// Adds the gradient in conv2's bias.
    #[inline(always)]
    fn new<V: Register>(gradient: &[Block], winners: &[Block], how: How, bias2: &mut [Line]) -> Self {
        let mut through = Self { gradient: Default::default(), channels: Default::default() };
        let lanes = 16 / V::PARTS;
        for (block, part) in registers::<V>(OUT) {
            let mut sum = V::load(&bias2[block], part);
            for window in 0..POOLED {
                let unit = window * OUT + block;
                let winner = V::load(&winners[unit], part);
                let left = winner.select_ge(V::splat(0.0), V::load(&gradient[unit], part), V::splat(0.0));
                sum = sum.add(left);
                left.store(&mut through.gradient[unit], part);
                let from: [u32; 5] =
                    std::array::from_fn(|k| if k < 4 { winner.lanes_ge(V::splat(k as f32)) } else { 0 });
                for k in 0..4 {
                    through.channels[window][k] |= (from[k] & !from[k + 1]) << (block * 16 + part * lanes);
                }
            }
            sum.store(&mut bias2[block], part);
        }
        how.round(blocks_mut(&mut through.gradient).as_flattened_mut());
        through
    }
}

/// Adds the gradients in conv2's kernel and in the hidden values, where something comes through.
#[inline(always)]
fn add_conv2_gradients<V: Register>(
    through: &Through,
    kernel2: &[Block],
    hidden: &[Line],
    kernel2_gradient: &mut [Line],
    dhidden: &mut [Line],
) {
    let (kernel2, _) = kernel2.as_chunks::<PLACES>();
    let (kernel2_gradient, _) = kernel2_gradient.as_chunks_mut::<PLACES>();
    // How far the pixel under a place of the kernel is from that under the first, and a number of pixels that holds all.
    let offset = |place: usize| place / 3 * WIDE + place % 3;
    const UNDER: usize = 2 * WIDE + 3;
    for window in 0..POOLED {
        for k in 0..4 {
            let first = 2 * (k / 2) * WIDE + APART * window + 2 * (k % 2);
            let (values, dvalues) = (&hidden[first..][..UNDER], &mut dhidden[first..][..UNDER]);
            for part in 0..V::PARTS {
                let under_kernel: [V; PLACES] = each(|place| V::load(&values[offset(place)], part));
                let mut sums: [V; PLACES] = each(|place| V::load(&dvalues[offset(place)], part));
                let mut channels = through.channels[window][k];
                while channels != 0 {
                    let channel = channels.trailing_zeros() as usize;
                    channels &= channels - 1;
                    let left = V::splat(through.gradient[window * OUT + channel / 16][channel % 16]);
                    let (kernel, gradient) = (&kernel2[channel], &mut kernel2_gradient[channel]);
                    for place in 0..PLACES {
                        sums[place] = left.mul_add(V::load(&kernel[place], part), sums[place]);
                        let sum = V::load(&gradient[place], part);
                        left.mul_add(under_kernel[place], sum).store(&mut gradient[place], part);
                    }
                }
                for place in 0..PLACES {
                    sums[place].store(&mut dvalues[offset(place)], part);
                }
            }
        }
    }
}

/// Of row `y`, through ReLU to conv1's kernel and bias.
#[inline(always)]
fn add_first_layer_gradient<V: Register>(
    padded: &Padded,
    y: usize,
    hidden: &[Line],
    dhidden: &[Line],
    gradient: &mut [Line],
) {
    let (zero, rows) = (V::splat(0.0), under(padded, y));
    for part in 0..V::PARTS {
        let mut totals = [zero; PLACES + 1];
        for x in 0..SIDE {
            let dz = zero.select_ge(V::load(&hidden[x], part), zero, V::load(&dhidden[x], part));
            add_under(rows, x, dz, &mut totals);
        }
        for place in 0..=PLACES {
            let gradient = &mut gradient[place];
            V::load(gradient, part).add(totals[place]).store(gradient, part);
        }
    }
}
