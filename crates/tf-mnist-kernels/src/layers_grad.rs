//! The gradients of the optimized network's first layers in their variables, from that in the features. Those in the biases
//! are zero: the batch norms take them out again.
//!
//! The batch norm behind conv2 needs two sums over all images first. The rest is one pass, in which everything of an image
//! stays in the cache: through the pool to conv2's results, from there to conv2's kernel and to the hidden values, and on
//! to conv1.

use super::batch_norm::{ChannelGradient, ChannelSums, inverse_deviation, population};
use super::convolution::{FilterScratch, add_filter_gradient, at_points, turned};
use super::factors::factors;
use super::first_layer::add_under;
use super::image::{EMPTY, ImageMoments, PLACES, pad};
use super::layout::{Block, Line, PIXELS, SIDE, as_blocks, as_blocks_mut, blocks_mut};
use super::pool_layer::{Affine, BLOCKS, Sums, Through, WINDOWS, spread_gradient, sum_gradient};
use super::registry::{Argument, Op, Output, ROWS};
use super::simd::{Instructions, Register, for_each_instruction_set, selu_derivative};
use super::winograd::{
    POINTS, Scratch, TILES, convolve_tiles, fetch, output_column, transform_kernel_gradient,
};
use rayon::prelude::*;
use std::cell::RefCell;

/// Rows whose gradients are summed up by one thread at a time. Fixed, so that sums do not depend on the number of threads.
const ROWS_SUMMED: usize = 10;

/// The gradients.
pub(super) struct LayersGrad<const FACTORS: usize>;

impl<const FACTORS: usize> Op for LayersGrad<FACTORS> {
    const INPUTS: &'static [Argument] = &[
        Argument("gradient", &[ROWS, 14, 14, 32]),
        Argument("features", &[ROWS, 14, 14, 32]),
        Argument("sums", &[ROWS, 28, 28, 32]),
        Argument("mean2", &[32]),
        Argument("variance2", &[32]),
        Argument("gamma2", &[32]),
        Argument("beta2", &[32]),
        Argument("kernel2", &[3, 3, 16, 32]),
        Argument("hidden", &[ROWS, 28, 28, 16]),
        Argument("mean1", &[16]),
        Argument("variance1", &[16]),
        Argument("image_moments", &[10, 9]),
        Argument("images", &[ROWS, 28, 28, 1]),
        Argument("kernel1", &[3, 3, 1, 16]),
        Argument("bias1", &[16]),
        Argument("gamma1", &[16]),
    ];
    const OUTPUTS: &'static [Argument] = &[
        Argument("kernel1_gradient", &[3, 3, 1, 16]),
        Argument("gamma1_gradient", &[16]),
        Argument("beta1_gradient", &[16]),
        Argument("kernel2_gradient", &[3, 3, 16, 32]),
        Argument("gamma2_gradient", &[32]),
        Argument("beta2_gradient", &[32]),
    ];

    fn compute(instructions: Instructions, inputs: &[&[f32]], outputs: &mut [Output<'_>]) {
        let (
            &[gradient, features, sums, mean2, variance2, gamma2, beta2, kernel2, hidden, ref first @ ..],
            [outputs1 @ .., kernel2_gradient, gamma2_gradient, beta2_gradient],
        ) = (inputs, outputs)
        else {
            unreachable!("as many as the op has")
        };
        let images = factors::<FACTORS>(first[3]);
        let (gradient, features, sums) = (as_blocks(gradient), as_blocks(features), as_blocks(sums));
        let hidden = as_blocks(hidden);
        let rows = images.len() / PIXELS;
        let row = |row: usize| Row {
            image: &images[row * PIXELS..][..PIXELS],
            hidden: &hidden[row * PIXELS..][..PIXELS],
            sums: &sums[row * PIXELS * BLOCKS..][..PIXELS * BLOCKS],
            features: &features[row * WINDOWS * BLOCKS..][..WINDOWS * BLOCKS],
            gradient: &gradient[row * WINDOWS * BLOCKS..][..WINDOWS * BLOCKS],
        };

        let affine = Affine::new(mean2, variance2, gamma2, beta2);
        let sums: Vec<Sums> = (0..rows)
            .into_par_iter()
            .map(|number| {
                let mut sums = [[[0.0; 16]; 2]; BLOCKS];
                let Row { sums: x, features, gradient, .. } = row(number);
                sum_gradient(instructions, x, features, gradient, &affine, &mut sums);
                sums
            })
            .collect();
        let through = Through::new(
            &sums,
            [mean2, variance2, gamma2],
            population(rows),
            [gamma2_gradient.zeroed(), beta2_gradient.zeroed()],
        );

        let kernel2 = turned(&factors::<FACTORS>(kernel2), 16, 16 * BLOCKS);
        let behind = Behind { affine, through, kernel2: at_points(instructions, &kernel2) };
        let partial: Vec<Gradients> = (0..rows.div_ceil(ROWS_SUMMED))
            .into_par_iter()
            .map(|chunk| {
                let mut total = Gradients::zero();
                ROOM.with_borrow_mut(|room| {
                    for number in chunk * ROWS_SUMMED..rows.min((chunk + 1) * ROWS_SUMMED) {
                        add_row::<FACTORS>(instructions, &row(number), &behind, room, &mut total);
                    }
                });
                total
            })
            .collect();
        let mut total = Gradients::zero();
        partial.iter().for_each(|partial| total.add(partial));
        let kernel2_gradient = as_blocks_mut(kernel2_gradient.zeroed());
        transform_kernel_gradient(instructions, &total.kernel2, kernel2_gradient);
        first_layer_gradients::<FACTORS>(first, rows, &total.first, outputs1);
    }
}

/// What there is of an image.
struct Row<'a> {
    image: &'a [f32],
    hidden: &'a [Block],
    sums: &'a [Block],
    features: &'a [Block],
    gradient: &'a [Block],
}

/// What comes behind the hidden values.
struct Behind {
    affine: Affine,
    through: Through,
    /// Turned, at the points of Winograd's algorithm.
    kernel2: Vec<Line>,
}

/// Room for an image.
struct Room {
    /// The gradient in conv2's results.
    gradient: Vec<Line>,
    filter: FilterScratch<1, BLOCKS>,
    tiles: Scratch<BLOCKS, 1>,
}

impl Room {
    fn new() -> Self {
        let gradient = vec![Line::default(); PIXELS * BLOCKS];
        Self { gradient, filter: FilterScratch::new(), tiles: Scratch::new() }
    }
}

thread_local! {
    /// A thread keeps its half megabyte: to ask the system for it in every step costs more than to fill it.
    static ROOM: RefCell<Room> = RefCell::new(Room::new());
}

/// Of some rows.
struct Gradients {
    /// Of conv2's kernel at the points of Winograd's algorithm.
    kernel2: Vec<Line>,
    /// Of dz, the gradient in what SELU makes the hidden values of: its sums times the image under each place, and its sum.
    first: [ChannelSums; PLACES + 1],
}

impl Gradients {
    fn zero() -> Self {
        let kernel2 = vec![Line::default(); POINTS * 16 * BLOCKS];
        Self { kernel2, first: [ChannelSums::ZERO; PLACES + 1] }
    }

    fn add(&mut self, other: &Self) {
        for (total, other) in self.kernel2.iter_mut().zip(&other.kernel2) {
            total.iter_mut().zip(other.0).for_each(|(total, other)| *total += other);
        }
        for (total, other) in self.first.iter_mut().zip(&other.first) {
            total.0.iter_mut().zip(other.0).for_each(|(total, other)| *total += other);
        }
    }
}

for_each_instruction_set! {
    fn add_row<V, const FACTORS: usize>(row: &Row, behind: &Behind, room: &mut Room, total: &mut Gradients) {
        let Behind { affine, through, kernel2 } = behind;
        let gradient = blocks_mut(&mut room.gradient);
        spread_gradient::<V, FACTORS>(row.sums, row.features, row.gradient, affine, through, gradient);
        // While it multiplies, the memory has time for the next row: at each of the points of each row of tiles.
        const ALL: usize = POINTS * TILES;
        let next = |blocks: &[Block]| blocks.as_ptr().wrapping_add(blocks.len());
        let (next_hidden, sums) = (next(row.hidden), next(row.sums));
        let (features, in_features) = (next(row.features), next(row.gradient));
        add_filter_gradient::<V, 1, BLOCKS>(row.hidden, gradient, &mut total.kernel2, &mut room.filter, |n| {
            fetch::<V, { PIXELS * BLOCKS }, ALL>(sums, n)
        });

        let mut padded = EMPTY;
        pad(row.image, &mut padded);
        let mut sums = [Line::default(); PLACES + 1];
        for tile_row in 0..TILES {
            let hidden = &row.hidden[4 * tile_row * SIDE..][..4 * SIDE];
            let rows = convolve_tiles::<V, BLOCKS, 1>(gradient, kernel2, tile_row, &mut room.tiles, |n| {
                let n = tile_row * POINTS + n;
                fetch::<V, PIXELS, ALL>(next_hidden, n);
                fetch::<V, { WINDOWS * BLOCKS }, ALL>(features, n);
                fetch::<V, { WINDOWS * BLOCKS }, ALL>(in_features, n);
            });
            for part in 0..V::PARTS {
                let mut totals = [V::splat(0.0); PLACES + 1];
                for place in 0..=PLACES {
                    totals[place] = V::load(&sums[place], part);
                }
                for column in 0..SIDE {
                    let in_hidden = output_column::<V, 1>(rows, column, 0, part);
                    for i in 0..4 {
                        let dz = in_hidden[i].mul(selu_derivative(V::load(&hidden[i * SIDE + column], part)));
                        add_under(&padded, 4 * tile_row + i, column, dz, &mut totals);
                    }
                }
                for place in 0..=PLACES {
                    totals[place].store(&mut sums[place], part);
                }
            }
        }
        total.first.iter_mut().zip(&sums).for_each(|(total, sums)| total.add(sums));
    }
}

/// The gradients in conv1's kernel and in its batch norm.
fn first_layer_gradients<const FACTORS: usize>(
    inputs: &[&[f32]],
    rows: usize,
    total: &[ChannelSums; PLACES + 1],
    outputs: &mut [Output<'_>],
) {
    let ([mean, variance, image_moments, _, kernel, bias, gamma], [kernel_gradient, norm_gradients @ ..]) =
        (inputs, outputs)
    else {
        unreachable!("as many as the op has")
    };
    let kernel_gradient = kernel_gradient.zeroed();
    let [gamma_gradient, beta_gradient] = norm_gradients else { unreachable!("as many as the op has") };
    let [gamma_gradient, beta_gradient] = [gamma_gradient, beta_gradient].map(Output::zeroed);
    let kernel = factors::<FACTORS>(kernel);
    let population = population(rows);
    let moments = ImageMoments::read(image_moments);
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
        let dx =
            ChannelGradient::new(f64::from(gamma[channel]), centre, inverse, population, sum, product_sum);
        for place in 0..PLACES {
            let values_under = moments.product_sum(&k, place);
            let gradient = dx.slope * under[place] + dx.offset * moments.sums[place] + dx.pull * values_under;
            kernel_gradient[place * 16 + channel] = gradient as f32;
        }
    }
}
