//! The gradients of [`super::baseline`] in its variables, from that in its features.

use super::baseline::{HALF, HALF_PIXELS, Hidden, OUT, WINDOWS, Weights, first_layer, hidden, place_in};
use super::factors::{factor, factors};
use super::first_layer::add_under;
use super::image::{EMPTY, PLACES, pad};
use super::layout::{Block, Line, PIXELS, SIDE, as_blocks, blocks_mut};
use super::products::Product;
use super::registry::{Argument, Op, Output, ROWS};
use super::simd::{Instructions, for_each_instruction_set};
use super::simd::{Register, registers};
use rayon::prelude::*;

/// Rows whose gradients are summed up by one thread at a time. Fixed, so that sums do not depend on the number of threads.
const ROWS_SUMMED: usize = 10;

/// The gradients.
pub(super) struct BaselineFeaturesGrad<const FACTORS: usize>;

impl<const FACTORS: usize> Op for BaselineFeaturesGrad<FACTORS> {
    const INPUTS: &'static [Argument] = &[
        Argument("gradient", &[ROWS, 7, 7, 32]),
        Argument("features", &[ROWS, 7, 7, 32]),
        Argument("sums", &[ROWS, 14, 14, 32]),
        Argument("images", &[ROWS, 28, 28, 1]),
        Argument("kernel1", &[3, 3, 1, 16]),
        Argument("bias1", &[16]),
        Argument("kernel2", &[3, 3, 16, 32]),
    ];
    const OUTPUTS: &'static [Argument] = &[
        Argument("kernel1_gradient", &[3, 3, 1, 16]),
        Argument("bias1_gradient", &[16]),
        Argument("kernel2_gradient", &[3, 3, 16, 32]),
        Argument("bias2_gradient", &[32]),
    ];

    fn compute(instructions: Instructions, inputs: &[&[f32]], outputs: &mut [Output<'_>]) {
        let (
            [gradient, features, sums, images, kernel1, bias1, kernel2],
            [kernel1_gradient, bias1_gradient, kernel2_gradient, bias2_gradient],
        ) = (inputs, outputs)
        else {
            unreachable!("as many as the op has")
        };
        let images = factors::<FACTORS>(images);
        let weights = Weights::new::<FACTORS>(kernel1, bias1, kernel2, &[0.0; 16 * OUT]);
        let partial: Vec<Gradients> = images
            .par_chunks(ROWS_SUMMED * PIXELS)
            .zip(as_blocks(features).par_chunks(ROWS_SUMMED * WINDOWS * OUT))
            .zip(as_blocks(gradient).par_chunks(ROWS_SUMMED * WINDOWS * OUT))
            .zip(as_blocks(sums).par_chunks(ROWS_SUMMED * HALF_PIXELS * OUT))
            .map_init(Scratch::new, |scratch, (((images, features), gradient), sums)| {
                let mut total = Gradients::zero();
                for (row, image) in images.chunks(PIXELS).enumerate() {
                    let pass = Pass {
                        image,
                        features: &features[row * WINDOWS * OUT..][..WINDOWS * OUT],
                        gradient: &gradient[row * WINDOWS * OUT..][..WINDOWS * OUT],
                        sums: &sums[row * HALF_PIXELS * OUT..][..HALF_PIXELS * OUT],
                    };
                    add_gradients::<FACTORS>(instructions, &pass, &weights, scratch, &mut total);
                }
                total
            })
            .collect();
        let mut total = Gradients::zero();
        for partial in &partial {
            total.add(partial);
        }
        kernel1_gradient.zeroed().copy_from_slice(total.first[..PLACES].as_flattened());
        bias1_gradient.zeroed().copy_from_slice(&total.first[PLACES]);
        kernel2_gradient.zeroed().copy_from_slice(blocks_mut(&mut total.kernel2).as_flattened());
        bias2_gradient.zeroed().copy_from_slice(blocks_mut(&mut total.bias2).as_flattened());
    }
}

/// Gradients of some rows.
struct Gradients {
    /// Of conv1's kernel, and last of its bias.
    first: [Block; PLACES + 1],
    kernel2: Vec<Line>,
    bias2: [Line; OUT],
}

impl Gradients {
    fn zero() -> Self {
        Self {
            first: [[0.0; 16]; PLACES + 1],
            kernel2: vec![Line::default(); PLACES * 16 * OUT],
            bias2: [Line::default(); OUT],
        }
    }

    fn add(&mut self, other: &Self) {
        let totals =
            self.first.iter_mut().chain(blocks_mut(&mut self.kernel2)).chain(blocks_mut(&mut self.bias2));
        let others = other.first.iter().chain(other.kernel2.iter().chain(&other.bias2).map(|line| &line.0));
        for (total, other) in totals.zip(others) {
            for (total, &other) in total.iter_mut().zip(other) {
                *total += other;
            }
        }
    }
}

/// What the forward pass left of an image, and the gradient in its features.
struct Pass<'a> {
    image: &'a [f32],
    features: &'a [Block],
    gradient: &'a [Block],
    sums: &'a [Block],
}

/// Room for what lies between.
struct Scratch {
    hidden: Box<Hidden>,
    /// The gradient in what conv2's ReLU is applied to, `[15][15][out block]`: with zeros above and to the left.
    dsums: Vec<Line>,
}

/// Places of [`Scratch::dsums`] a row.
const WIDE: usize = HALF + 1;

impl Scratch {
    fn new() -> Self {
        Self { hidden: hidden(), dsums: vec![Line::default(); WIDE * WIDE * OUT] }
    }
}

for_each_instruction_set! {
    fn add_gradients<V, const FACTORS: usize>(
        pass: &Pass,
        weights: &Weights,
        scratch: &mut Scratch,
        total: &mut Gradients,
    ) {
        let Scratch { hidden, dsums } = scratch;
        spread_gradient::<V, FACTORS>(pass, dsums, &mut total.bias2);
        first_layer::<V, FACTORS>(pass.image, &weights.first, hidden);
        add_kernel_gradient::<V>(hidden, dsums, &mut total.kernel2);
        add_first_layer_gradient::<V>(pass.image, hidden, dsums, weights, &mut total.first);
    }
}

/// Through the pool and ReLU, and the gradient of conv2's bias.
#[inline(always)]
fn spread_gradient<V: Register, const FACTORS: usize>(
    pass: &Pass,
    dsums: &mut [Line],
    bias: &mut [Line; OUT],
) {
    let zero = V::splat(0.0);
    for (block, part) in registers::<V>(OUT) {
        let mut sum = V::load(&bias[block], part);
        for window in 0..WINDOWS {
            let unit = window * OUT + block;
            let feature = V::load(&pass.features[unit], part);
            // Where ReLU gave 0, nothing comes through.
            let mut left = zero.select_ge(feature, zero, V::load(&pass.gradient[unit], part));
            sum = sum.add(left);
            for k in 0..4 {
                let pixel = place_in(window, k);
                // The first of equals, as TensorFlow's pool has it.
                let value = V::load(&pass.sums[pixel * OUT + block], part);
                let own = value.select_ge(feature, left, zero);
                left = value.select_ge(feature, zero, left);
                let place = (pixel / HALF + 1) * WIDE + pixel % HALF + 1;
                factor::<V, FACTORS>(own).store(&mut dsums[place * OUT + block], part);
            }
        }
        sum.store(&mut bias[block], part);
    }
}

#[inline(always)]
fn add_kernel_gradient<V: Register>(hidden: &Hidden, dsums: &[Line], gradient: &mut [Line]) {
    for (place, gradient) in gradient.chunks_exact_mut(16 * OUT).enumerate() {
        let (values, factors) = (hidden.as_flattened(), dsums);
        let product = Product::<OUT> { values, row: 1, term: 2 * 16, factors, terms: HALF };
        let runs =
            (0..HALF).map(|y| (((2 * y + place / 3) * (SIDE + 1) + place % 3) * 16, (y + 1) * WIDE + 1));
        product.sum::<V, 16>(runs, true, gradient, OUT);
    }
}

/// Through conv2 and ReLU to conv1's kernel and bias.
#[inline(always)]
fn add_first_layer_gradient<V: Register>(
    image: &[f32],
    hidden: &Hidden,
    dsums: &[Line],
    weights: &Weights,
    gradient: &mut [Block; PLACES + 1],
) {
    let zero = V::splat(0.0);
    let mut padded = EMPTY;
    pad(image, &mut padded);
    for y in 0..SIDE {
        let mut row = [Line::default(); SIDE];
        for odd in 0..2 {
            // Every second pixel: those meet the same places of the kernel, and there, of result (y - i) / 2, (x - j) / 2
            // or of the zeros in front, the 32 channels.
            let (values, factors) = (dsums, &weights.transposed2[..]);
            let product = Product::<1> { values, row: 16 * OUT, term: 1, factors, terms: 16 * OUT };
            let met = (0..PLACES)
                .filter(|place| (y + place / 3).is_multiple_of(2) && (odd + place % 3).is_multiple_of(2));
            let runs = met.map(|place| {
                let (above, before) = ((y + 2 - place / 3) / 2, (odd + 2 - place % 3) / 2);
                ((above * WIDE + before) * 16 * OUT, place * 16 * OUT)
            });
            product.sum::<V, HALF>(runs, false, &mut row[odd..], 2);
        }
        for part in 0..V::PARTS {
            let mut totals = [zero; PLACES + 1];
            for x in 0..SIDE {
                let dz = zero.select_ge(V::load(&hidden[y][x], part), zero, V::load(&row[x], part));
                add_under(&padded, y, x, dz, &mut totals);
            }
            for place in 0..=PLACES {
                let gradient = &mut gradient[place];
                V::load(gradient, part).add(totals[place]).store(gradient, part);
            }
        }
    }
}
