//! The convolutions of the baseline network: max_pool(ReLU(conv2(ReLU(conv1(images))))), float32 `[rows][28][28]` to
//! `[rows][7][7][32]`, and the gradients.
//!
//! conv2 has stride 2. Everything of an image stays in the processor's cache; conv1 is cheap, and done again for the
//! gradients rather than kept.

use super::arguments::{BIAS1, BIAS2, IMAGES, KERNEL1, KERNEL2};
use super::first_layer::{Folded, RELU, Weights, apply_row};
use super::how::How;
use super::image::{Padded, pad};
use super::layout::{Line, PIXELS, Room, SIDE, as_blocks, blocks, blocks_mut, floats};
use super::products::Product;
use super::registry::{Argument, Op, Output, ROWS};
use super::simd::{Instructions, Register, each, for_each_instruction_set, registers};
use rayon::prelude::*;
use std::ops::Range;

/// Blocks of channels of conv2.
pub(super) const OUT: usize = 2;
/// Height and width behind the pool.
pub(super) const POOLED: usize = SIDE / APART;
/// Pixels from a window to the next, before conv2.
pub(super) const APART: usize = 4;
pub(super) const WINDOWS: usize = POOLED * POOLED;

pub(super) const FEATURES: Argument = Argument("features", &[ROWS, 7, 7, 32]);
/// Which pixel of its window each of them is, in rows: 0 to 3; -1 where ReLU gave zero, and nothing comes through.
pub(super) const WINNERS: Argument = Argument("winners", FEATURES.1);

/// The layers.
pub(super) struct BaselineFeatures;

impl Op<5, 2> for BaselineFeatures {
    const INPUTS: [Argument; 5] = [IMAGES, KERNEL1, BIAS1, KERNEL2, BIAS2];
    const OUTPUTS: [Argument; 2] = [FEATURES, WINNERS];

    fn compute(
        how: How,
        [images, kernel1, bias1, kernel2, bias2]: [&[f32]; 5],
        [mut features, mut winners]: [Output<'_>; 2],
    ) {
        let images = how.factors(images);
        let first = Folded::new(&how.factors(kernel1), bias1);
        let kernel2 = at_points(&how.factors(kernel2));
        let weights = Weights { how, first, kernel2: blocks(&kernel2), bias2: as_blocks(bias2) };
        let scratch = || Scratch { hidden: hidden(), points: Box::default(), sums: Box::default() };
        images
            .par_chunks(PIXELS)
            .zip(features.images(WINDOWS * OUT))
            .zip(winners.images(WINDOWS * OUT))
            .for_each_init(scratch, |scratch, ((image, features), winners)| {
                image_features(how.instructions, image, &weights, scratch, features, winners);
            });
    }
}

/// What conv2 is applied to, with a row and a column of zeros behind: `[29][29]` blocks.
pub(super) type Hidden = [[Line; SIDE + 1]; SIDE + 1];

pub(super) fn hidden() -> Box<Hidden> {
    Box::new([[Line::default(); SIDE + 1]; SIDE + 1])
}

/// Rows of ReLU(conv1(image)).
#[inline(always)]
pub(super) fn first_layer<V: Register>(
    padded: &Padded,
    weights: &Weights,
    rows: Range<usize>,
    hidden: &mut Hidden,
) {
    for y in rows {
        apply_row::<V, RELU>(padded, weights, y, blocks_mut(&mut hidden[y]));
    }
}

/// Of the five pixels a, b, c, d, e of a line that two results of conv2 lie over, with its kernel k, l, m there, the products
/// are (a - c) k, b l, c (k + m), d l and (e - c) m: five instead of six, by Winograd's algorithm of the even pixels. The
/// first two sum up to the first result, the last two to the second, but for the third, which is part of both.
const PARTS: [Range<usize>; 3] = [0..2, 2..3, 3..5];
const POINTS: usize = 5;
/// Which of k, l, k + m, m meets each.
const FACTOR: [usize; POINTS] = [0, 1, 2, 1, 3];
const FACTORS: usize = 4;

/// A row of windows at its points, `[y][window][x]`.
type Points = [[[Line; POINTS]; POOLED]; POINTS];

/// Sums of products of each two parts, of y and x, `[window][block]` each.
type Sums = [[[Line; POOLED * OUT]; 3]; 3];

/// The places whose sum each of them is.
const ADDED: [&[usize]; FACTORS] = [&[0], &[1], &[0, 2], &[2]];

/// conv2's `kernel`, `[FACTORS][FACTORS][16][OUT]`.
fn at_points(kernel: &[f32]) -> Vec<Line> {
    const PAIRS: usize = 16 * 16 * OUT;
    let number = |place: usize| -> f32 {
        let (factors, pair) = (place / PAIRS, place % PAIRS);
        let across =
            |y| ADDED[factors % FACTORS].iter().map(|x| kernel[(y * 3 + x) * PAIRS + pair]).sum::<f32>();
        ADDED[factors / FACTORS].iter().map(|&y| across(y)).sum()
    };
    let mut made = vec![Line::default(); FACTORS * FACTORS * 16 * OUT];
    let numbers = blocks_mut(&mut made).as_flattened_mut();
    numbers.iter_mut().enumerate().for_each(|(place, made)| *made = number(place));
    made
}

/// Room for what lies between.
struct Scratch {
    hidden: Box<Hidden>,
    points: Box<Points>,
    sums: Box<Sums>,
}

for_each_instruction_set! {
    fn image_features<V>(
        image: &[f32],
        weights: &Weights,
        scratch: &mut Scratch,
        features: &mut [Room],
        winners: &mut [Room],
    ) {
        let Scratch { hidden, points, sums } = scratch;
        let padded = pad(image);
        let mut made = 0;
        for window_row in 0..POOLED {
            let rows = APART * window_row..APART * window_row + POINTS;
            first_layer::<V>(&padded, weights, made..rows.end.min(SIDE), hidden);
            made = rows.end;
            transform::<V>(&hidden[rows], points);
            for (part_y, sums) in sums.iter_mut().enumerate() {
                for (part_x, sums) in sums.iter_mut().enumerate() {
                    let runs = PARTS[part_y].clone().flat_map(|y| {
                        PARTS[part_x].clone().map(move |x| {
                            ((y * POOLED * POINTS + x) * 16, (FACTOR[y] * FACTORS + FACTOR[x]) * 16)
                        })
                    });
                    let values = floats(points.as_flattened().as_flattened());
                    let (row, factors) = (POINTS * 16, weights.kernel2);
                    let product = Product::<_, OUT> { values, row, term: 1, factors, runs, terms: 16, added: false };
                    product.sum::<V, POOLED>(sums);
                }
            }
            let row = window_row * POOLED * OUT..(window_row + 1) * POOLED * OUT;
            let (features, winners) = (&mut features[row.clone()], &mut winners[row]);
            for window in 0..POOLED {
                for (block, part) in registers::<V>(OUT) {
                    let sum = |y: usize, x: usize| V::load(&sums[y][x][window * OUT + block], part);
                    let bias = V::load(&weights.bias2[block], part);
                    let (mut greatest, mut winner) = (V::splat(0.0), V::splat(-1.0));
                    for k in 0..4 {
                        // The same order for all: as the pixels of neighbours are equal, so are they.
                        let (y, x) = (k / 2 * 2, k % 2 * 2);
                        let total = sum(y, x).add(sum(y, 1)).add(sum(1, x).add(sum(1, 1))).add(bias);
                        // The first of equals, as TensorFlow's pool has it.
                        winner = greatest.select_ge(total, winner, V::splat(k as f32));
                        greatest = greatest.max(total);
                    }
                    greatest.store(&mut features[window * OUT + block], part);
                    winner.store(&mut winners[window * OUT + block], part);
                }
            }
        }
    }
}

#[inline(always)]
fn transform<V: Register>(hidden: &[[Line; SIDE + 1]], points: &mut Points) {
    for (y, windows) in points.iter_mut().enumerate() {
        for (window, points) in windows.iter_mut().enumerate() {
            for part in 0..V::PARTS {
                let pixel = |y: usize, x: usize| V::load(&hidden[y][APART * window + x], part);
                let [a, b, c, d, e]: [V; POINTS] =
                    each(|x| if y % 4 == 0 { pixel(y, x).sub(pixel(2, x)) } else { pixel(y, x) });
                for (x, value) in [a.sub(c), b, c, d, e.sub(c)].into_iter().enumerate() {
                    value.store(&mut points[x], part);
                }
            }
        }
    }
}
