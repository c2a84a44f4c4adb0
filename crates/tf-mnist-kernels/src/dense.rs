//! The optimized network's first dense layer in training, with dropout in front of it: x·kernel, where x is the features
//! with units dropped, float32 `[rows][14][14][32]` to `[rows][32]`, and the gradients. x is made again wherever it is needed.

use super::arguments::{FEATURES, GRADIENT};
use super::dropout::{DRAWN, Dropout, Units};
use super::how::How;
use super::layout::{Block, Line, Room, as_blocks, blocks, blocks_mut, floats};
use super::products::Product;
use super::registry::{Argument, Op, Output, ROWS};
use super::simd::{Instructions, Register, for_each_instruction_set, registers};
use rayon::prelude::*;

pub(super) const UNITS: usize = 32;
/// Blocks of units.
const BLOCKS: usize = UNITS / 16;
const INPUTS: usize = 14 * 14 * 32;
/// Chunks of a row of the features.
const CHUNKS: usize = INPUTS / DRAWN;
/// Rows that are worked on at once.
const GROUP: usize = 24;
/// A chunk of a group of rows.
type Rows = [Units; GROUP];

const SUMS: Argument = Argument("sums", &[ROWS, 32]);
const KERNEL: Argument = Argument("kernel", &[INPUTS as i64, 32]);
const RATE: Argument = Argument("rate", &[]);
/// The bits of what masks are drawn by, see [`Dropout`].
const KEY: Argument = Argument("key", &[2, 2]);

/// The layer's sums, without a bias.
pub(super) struct Dense;

impl Op<4, 1> for Dense {
    const INPUTS: [Argument; 4] = [FEATURES, KERNEL, RATE, KEY];
    const OUTPUTS: [Argument; 1] = [SUMS];

    fn compute(how: How, [features, kernel, rate, key]: [&[f32]; 4], [sums]: [Output<'_>; 1]) {
        let layer = Layer::new(features, kernel, rate, key);
        let groups = sums.zeroed().par_chunks_mut(GROUP * UNITS).enumerate();
        groups.for_each(|(group, sums)| multiply(how.instructions, &layer, group, sums));
    }
}

/// Its gradients, from that in `sums`.
pub(super) struct DenseGrad;

impl Op<5, 2> for DenseGrad {
    const INPUTS: [Argument; 5] = [Argument("sums_gradient", SUMS.1), FEATURES, KERNEL, RATE, KEY];
    const OUTPUTS: [Argument; 2] = [GRADIENT, Argument("kernel_gradient", KERNEL.1)];

    fn compute(
        how: How,
        [gradient, features, kernel, rate, key]: [&[f32]; 5],
        [spread, mut outer]: [Output<'_>; 2],
    ) {
        let layer = Layer::new(features, kernel, rate, key);
        // Whole groups of rows: zeros behind the last.
        let rows = gradient.len() / UNITS;
        let mut padded = vec![Line::default(); rows.next_multiple_of(GROUP) * BLOCKS];
        blocks_mut(&mut padded)[..rows * BLOCKS].copy_from_slice(as_blocks(gradient));
        let chunks = outer.images(DRAWN * BLOCKS).zip(spread.columns(CHUNKS, DRAWN / 16)).enumerate();
        chunks.for_each(|(chunk, (outer, mut spread))| {
            back(how.instructions, &layer, chunk, &padded, &mut spread, outer);
        });
    }
}

/// What the layer is applied to, and what it is.
struct Layer<'a> {
    /// `[row][chunk][8]`
    features: &'a [Block],
    /// `[input][2]`
    kernel: &'a [Block],
    dropout: Dropout,
}

impl<'a> Layer<'a> {
    fn new(features: &'a [f32], kernel: &'a [f32], rate: &[f32], key: &[f32]) -> Self {
        // TensorFlow's memory begins with a line of the cache, as a rule.
        let [features, kernel] = [features, kernel].map(as_blocks);
        Self { features, kernel, dropout: Dropout::new(rate[0], key) }
    }

    /// A chunk of a row of the features.
    #[inline(always)]
    fn units(&self, row: usize, chunk: usize) -> Units {
        let mut units = [Line::default(); DRAWN / 16];
        let blocks: &[[Block; DRAWN / 16]] = self.features.as_chunks().0;
        blocks_mut(&mut units).copy_from_slice(&blocks[row * CHUNKS + chunk]);
        units
    }

    /// A chunk of the kernel.
    #[inline(always)]
    fn factors(&self, chunk: usize) -> &[Block] {
        &self.kernel[chunk * DRAWN * BLOCKS..][..DRAWN * BLOCKS]
    }
}

for_each_instruction_set! {
    /// x·kernel of a group of rows.
    fn multiply<V>(layer: &Layer<'_>, group: usize, sums: &mut [f32]) {
        let mut x: Rows = [[Line::default(); DRAWN / 16]; GROUP];
        let mut totals = [Line::default(); GROUP * BLOCKS];
        for chunk in 0..CHUNKS {
            for row in 0..sums.len() / UNITS {
                x[row] = layer.units(GROUP * group + row, chunk);
                layer.dropout.apply::<V, 1>(GROUP * group + row, chunk, [&mut x[row]]);
            }
            let (values, factors) = (floats(x.as_flattened()), layer.factors(chunk));
            let (runs, terms) = ([(0, 0)], DRAWN);
            let product = Product::<_, BLOCKS> { values, row: DRAWN, term: 1, factors, runs, terms, added: true };
            product.sum::<V, GROUP>(&mut totals);
        }
        sums.copy_from_slice(&floats(&totals)[..sums.len()]);
    }
}

for_each_instruction_set! {
    /// Of a chunk of inputs. The gradient in the kernel is the transpose of x, times the gradient; that in x is the gradient,
    /// times the transpose of the kernel.
    fn back<V>(
        layer: &Layer<'_>, chunk: usize, gradient: &[Line], spread: &mut [&mut [Room]], outer: &mut [Room],
    ) {
        let mut transposed: [Units; UNITS] = [[Line::default(); DRAWN / 16]; UNITS];
        for (input, units) in layer.factors(chunk).as_flattened().chunks_exact(UNITS).enumerate() {
            for unit in 0..UNITS {
                transposed[unit][input / 16][input % 16] = units[unit];
            }
        }
        let mut x: Rows = [[Line::default(); DRAWN / 16]; GROUP];
        let (mut dx, mut sums) = (x, [Line::default(); DRAWN * BLOCKS]);
        for (group, spread) in spread.chunks_mut(GROUP).enumerate() {
            let gradient = &gradient[group * GROUP * BLOCKS..][..GROUP * BLOCKS];
            let (values, factors) = (floats(gradient), blocks(transposed.as_flattened()));
            let (row, terms, runs) = (UNITS, UNITS, [(0, 0)]);
            let product = Product::<_, { DRAWN / 16 }> { values, row, term: 1, factors, runs, terms, added: false };
            product.sum::<V, GROUP>(dx.as_flattened_mut());
            for (row, spread) in spread.iter_mut().enumerate() {
                x[row] = layer.units(GROUP * group + row, chunk);
                layer.dropout.apply::<V, 2>(GROUP * group + row, chunk, [&mut x[row], &mut dx[row]]);
                for (block, part) in registers::<V>(DRAWN / 16) {
                    V::load(&dx[row][block], part).store(&mut spread[block], part);
                }
            }
            let (values, factors, terms) = (floats(x.as_flattened()), blocks(gradient), spread.len());
            let (term, runs) = (DRAWN, [(0, 0)]);
            let product = Product::<_, BLOCKS> { values, row: 1, term, factors, runs, terms, added: true };
            product.sum::<V, DRAWN>(&mut sums);
        }
        for (block, part) in registers::<V>(DRAWN * BLOCKS) {
            V::load(&sums[block], part).store(&mut outer[block], part);
        }
    }
}
