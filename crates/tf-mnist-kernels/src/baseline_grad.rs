//! The gradients of [`super::baseline`] in its variables, from that in its features.
//!
//! Of the four pixels of a pool's window the gradient comes through one, so three quarters of the products with conv2's
//! results are by zero. They are left out: each feature's gradient meets what lies under the kernel at the one pixel.

use super::arguments::{BIAS1, BIAS2, IMAGES, KERNEL1, KERNEL2};
use super::baseline::{APART, FEATURES, Hidden, OUT, POOLED, WINDOWS, WINNERS, first_layer, hidden};
use super::first_layer::{Folded, add_under, under as under_kernel};
use super::how::How;
use super::image::{PLACES, Padded, pad};
use super::layout::{Block, Line, PIXELS, SIDE, add, as_blocks, blocks_mut, floats};
use super::registry::{Argument, Op, Output};
use super::rows::sum_of_rows;
use super::simd::{Instructions, Register, for_each_instruction_set, registers};
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
        let mut kernel2_by_channel = Box::<ByChannel>::default();
        each_factor(|place, input, output| {
            kernel2_by_channel[output][place][input] = kernel2[(place * 16 + input) * CHANNELS + output];
        });
        how.round(blocks_mut(kernel2_by_channel.as_flattened_mut()).as_flattened_mut());
        let kernels = Kernels { first, kernel2: kernel2_by_channel, how };
        let [gradient, winners] = [gradient, winners].map(as_blocks);
        let add_row = |row: usize, total: &mut Totals| {
            let features = row * WINDOWS * OUT..(row + 1) * WINDOWS * OUT;
            let pass = Pass {
                image: &images[row * PIXELS..][..PIXELS],
                gradient: &gradient[features.clone()],
                winners: &winners[features],
            };
            SCRATCH
                .with_borrow_mut(|scratch| add_gradients(how.instructions, &pass, &kernels, scratch, total));
        };
        let total = sum_of_rows(images.len() / PIXELS, Totals::default, add_row, |total, other| {
            add(&mut total.first, &other.first);
            add(total.kernel2.as_flattened_mut(), other.kernel2.as_flattened());
            add(&mut total.bias2, &other.bias2);
        });
        let (kernel1, bias1) = total.first.split_at(PLACES);
        kernel1_gradient.zeroed().copy_from_slice(floats(kernel1));
        bias1_gradient.zeroed().copy_from_slice(floats(bias1));
        bias2_gradient.zeroed().copy_from_slice(floats(&total.bias2));
        let kernel2_gradient = kernel2_gradient.zeroed();
        each_factor(|place, input, output| {
            kernel2_gradient[(place * 16 + input) * CHANNELS + output] = total.kernel2[output][place][input];
        });
    }
}

/// Channels of conv2's results.
const CHANNELS: usize = OUT * 16;

/// Of conv2's kernel: for each channel of its results, for each place, those of the inputs.
type ByChannel = [[Line; PLACES]; CHANNELS];

/// Calls `each` for the place, the input and the output of each number of conv2's kernel.
fn each_factor(mut each: impl FnMut(usize, usize, usize)) {
    for place in 0..PLACES {
        for input in 0..16 {
            for output in 0..CHANNELS {
                each(place, input, output);
            }
        }
    }
}

/// Kernels in blocks, conv1's bias, and how they multiply.
struct Kernels {
    first: Folded,
    kernel2: Box<ByChannel>,
    how: How,
}

/// What the forward pass left of an image, and the gradient in its features.
struct Pass<'a> {
    image: &'a [f32],
    gradient: &'a [Block],
    winners: &'a [Block],
}

/// Sums of the gradients.
#[derive(Default)]
struct Totals {
    /// In conv1's kernel, and last in its bias.
    first: [Line; PLACES + 1],
    kernel2: Box<ByChannel>,
    bias2: [Line; OUT],
}

/// Room for what lies between.
struct Scratch {
    hidden: Box<Hidden>,
    /// The gradient in it.
    dhidden: Box<Hidden>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch { hidden: hidden(), dhidden: hidden() });
}

/// Pixels of a row of [`Hidden`].
const WIDE: usize = SIDE + 1;

for_each_instruction_set! {
    fn add_gradients<V>(pass: &Pass, kernels: &Kernels, scratch: &mut Scratch, totals: &mut Totals) {
        let Scratch { hidden, dhidden } = scratch;
        let padded = pad(pass.image);
        first_layer::<V>(&padded, &kernels.first, kernels.how, 0..1, hidden);
        dhidden[0].fill(Line::default());
        for (window_row, (gradient, winners)) in
            pass.gradient.chunks_exact(POOLED * OUT).zip(pass.winners.chunks_exact(POOLED * OUT)).enumerate()
        {
            let rows = APART * window_row..APART * (window_row + 1);
            let made = rows.start + 1..(rows.end + 1).min(SIDE);
            first_layer::<V>(&padded, &kernels.first, kernels.how, made, hidden);
            dhidden[rows.start + 1..=rows.end].fill([Line::default(); WIDE]);
            let through = Through::new::<V>(gradient, winners, kernels.how, &mut totals.bias2);
            let values = hidden[rows.start..=rows.end].as_flattened();
            let dvalues = dhidden[rows.start..=rows.end].as_flattened_mut();
            add_conv2_gradients::<V>(&through, &kernels.kernel2, values, &mut totals.kernel2, dvalues);
            for y in rows {
                add_first_layer_gradient::<V>(&padded, y, &hidden[y], &dhidden[y], &mut totals.first);
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
    fn new<V: Register>(gradient: &[Block], winners: &[Block], how: How, bias2: &mut [Line; OUT]) -> Self {
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

/// The first pixel of [`Hidden`] under the kernel at the `k`th pixel of a window, from the first of the windows' row on.
#[inline(always)]
fn first_pixel(window: usize, k: usize) -> usize {
    2 * (k / 2) * WIDE + APART * window + 2 * (k % 2)
}

/// How far the pixel under a place of the kernel is from the first.
#[inline(always)]
fn under(place: usize) -> usize {
    place / 3 * WIDE + place % 3
}

/// From the first to the last pixel under the kernel.
const UNDER: usize = 2 * WIDE + 3;

/// Adds the gradients in conv2's kernel and in the hidden values, where something comes through.
#[inline(always)]
fn add_conv2_gradients<V: Register>(
    through: &Through,
    kernel2: &ByChannel,
    hidden: &[Line],
    kernel2_gradient: &mut ByChannel,
    dhidden: &mut [Line],
) {
    for window in 0..POOLED {
        for k in 0..4 {
            let first = first_pixel(window, k);
            let (values, dvalues) = (&hidden[first..][..UNDER], &mut dhidden[first..][..UNDER]);
            for part in 0..V::PARTS {
                let (mut under_kernel, mut sums) = ([V::splat(0.0); PLACES], [V::splat(0.0); PLACES]);
                for place in 0..PLACES {
                    under_kernel[place] = V::load(&values[under(place)], part);
                    sums[place] = V::load(&dvalues[under(place)], part);
                }
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
                    sums[place].store(&mut dvalues[under(place)], part);
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
    let zero = V::splat(0.0);
    let rows = under_kernel(padded, y);
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
