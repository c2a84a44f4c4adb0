//! The gradients of [`super::baseline`] in its variables, from that in its features.

use super::arguments::{BIAS1, BIAS2, IMAGES, KERNEL1, KERNEL2};
use super::baseline::{FEATURES, HALF, HALF_PIXELS, Hidden, OUT, SUMS, WINDOWS, first_layer, hidden};
use super::convolution::turned;
use super::first_layer::{Folded, add_under};
use super::how::How;
use super::image::{PLACES, pad};
use super::layout::{Block, Line, PIXELS, SIDE, add, as_blocks, blocks, blocks_mut, floats, window_pixel};
use super::products::Product;
use super::registry::{Argument, Op, Output};
use super::rows::sum_of_rows;
use super::simd::{Instructions, Register, for_each_instruction_set, registers};
use std::cell::RefCell;

/// The gradients.
pub(super) struct BaselineFeaturesGrad;

impl Op<7, 4> for BaselineFeaturesGrad {
    const INPUTS: [Argument; 7] =
        [Argument("gradient", FEATURES.1), FEATURES, SUMS, IMAGES, KERNEL1, BIAS1, KERNEL2];
    const OUTPUTS: [Argument; 4] = [
        Argument("kernel1_gradient", KERNEL1.1),
        Argument("bias1_gradient", BIAS1.1),
        Argument("kernel2_gradient", KERNEL2.1),
        Argument("bias2_gradient", BIAS2.1),
    ];

    fn compute(
        how: How,
        [gradient, features, sums, images, kernel1, bias1, kernel2]: [&[f32]; 7],
        outputs: [Output<'_>; 4],
    ) {
        let images = how.factors(images);
        let first = Folded::new(&how.factors(kernel1), bias1);
        let turned2 = turned(&how.factors(kernel2), 16, 16 * OUT);
        let kernels = Kernels { first, turned2, how };
        let [gradient, features, sums] = [gradient, features, sums].map(as_blocks);
        let add_row = |row: usize, total: &mut Vec<Line>| {
            let pass = Pass {
                image: &images[row * PIXELS..][..PIXELS],
                features: &features[row * WINDOWS * OUT..][..WINDOWS * OUT],
                gradient: &gradient[row * WINDOWS * OUT..][..WINDOWS * OUT],
                sums: &sums[row * HALF_PIXELS * OUT..][..HALF_PIXELS * OUT],
            };
            SCRATCH
                .with_borrow_mut(|scratch| add_gradients(how.instructions, &pass, &kernels, scratch, total));
        };
        let zero = || vec![Line::default(); LINES.iter().sum()];
        let total = sum_of_rows(images.len() / PIXELS, zero, add_row, |total, other| add(total, other));
        let mut total = floats(&total);
        for output in outputs.map(Output::zeroed) {
            let own;
            (own, total) = total.split_at(output.len());
            output.copy_from_slice(own);
        }
    }
}

/// How many lines there are of each gradient: of conv1's kernel and bias, of conv2's kernel and bias, one behind the other.
const LINES: [usize; 4] = [PLACES, 1, PLACES * 16 * OUT, OUT];

/// Kernels in blocks, conv1's bias, and how they multiply.
struct Kernels {
    first: Folded,
    /// conv2's kernel, [`turned`].
    turned2: Vec<Line>,
    how: How,
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

thread_local! {
    static SCRATCH: RefCell<Scratch> =
        RefCell::new(Scratch { hidden: hidden(), dsums: vec![Line::default(); WIDE * WIDE * OUT] });
}

for_each_instruction_set! {
    fn add_gradients<V>(pass: &Pass, kernels: &Kernels, scratch: &mut Scratch, total: &mut [Line]) {
        let Scratch { hidden, dsums } = scratch;
        let (first, second) = total.split_at_mut(PLACES + 1);
        let (kernel2, bias2) = second.split_at_mut(PLACES * 16 * OUT);
        spread_gradient::<V>(pass, dsums, bias2);
        kernels.how.round(blocks_mut(dsums).as_flattened_mut());
        first_layer::<V>(pass.image, &kernels.first, kernels.how, hidden);
        add_kernel_gradient::<V>(hidden, dsums, kernel2);
        add_first_layer_gradient::<V>(pass.image, hidden, dsums, &kernels.turned2, first);
    }
}

/// Through the pool and ReLU, and the gradient of conv2's bias.
#[inline(always)]
fn spread_gradient<V: Register>(pass: &Pass, dsums: &mut [Line], bias: &mut [Line]) {
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
                let pixel = window_pixel::<HALF>(window, k);
                // The first of equals, as TensorFlow's pool has it.
                let value = V::load(&pass.sums[pixel * OUT + block], part);
                let own = value.select_ge(feature, left, zero);
                left = value.select_ge(feature, zero, left);
                let place = (pixel / HALF + 1) * WIDE + pixel % HALF + 1;
                own.store(&mut dsums[place * OUT + block], part);
            }
        }
        sum.store(&mut bias[block], part);
    }
}

#[inline(always)]
fn add_kernel_gradient<V: Register>(hidden: &Hidden, dsums: &[Line], gradient: &mut [Line]) {
    for (place, gradient) in gradient.chunks_exact_mut(16 * OUT).enumerate() {
        let (values, factors) = (floats(hidden.as_flattened()), blocks(dsums));
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
    turned: &[Line],
    gradient: &mut [Line],
) {
    let zero = V::splat(0.0);
    let padded = pad(image);
    for y in 0..SIDE {
        let mut row = [Line::default(); SIDE];
        for odd in 0..2 {
            // Every second pixel: those meet the same places of the kernel, and there, of result (y - i) / 2, (x - j) / 2
            // or of the zeros in front, the 32 channels.
            let (values, factors) = (floats(dsums), blocks(turned));
            let product = Product::<1> { values, row: 16 * OUT, term: 1, factors, terms: 16 * OUT };
            let met = (0..PLACES)
                .filter(|place| (y + place / 3).is_multiple_of(2) && (odd + place % 3).is_multiple_of(2));
            let runs = met.map(|place| {
                let (above, before) = ((y + 2 - place / 3) / 2, (odd + 2 - place % 3) / 2);
                ((above * WIDE + before) * 16 * OUT, (PLACES - 1 - place) * 16 * OUT)
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
