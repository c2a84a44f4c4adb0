//! The gradients of the optimized network's first layers in their variables, from that in the features. Those in the biases
//! are zero: the batch norms take them out again.
//!
//! The batch norm behind conv2 needs two sums over all images first. The rest is one pass, in which everything of an image
//! stays in the cache: through the pool to conv2's results, from there to conv2's kernel and to the hidden values, and on
//! to conv1.

use super::arguments::{
    BETA1, BETA2, BIAS1, BIAS2, FEATURES, GAMMA1, GAMMA2, GRADIENT, HIDDEN, IMAGES, KERNEL1, KERNEL2, MEAN1,
    MEAN2, MOMENTS, SUMS, VARIANCE1, VARIANCE2,
};
use super::batch_norm::{BLOCKS, Sums, inverse_deviation, norm_gradient, population};
use super::first_layer::{add_under, under};
use super::how::How;
use super::image::{ImageMoments, PLACES, pad};
use super::layout::{Block, Line, PIXELS, SIDE, add, as_blocks, blocks, blocks_mut, floats};
use super::pool_layer::{PerChannel, WINDOWS, affine, spread_gradient, sum_gradient, through};
use super::registry::{Argument, Op, Output};
use super::rows::sum_of_rows;
use super::simd::{Instructions, Register, each, for_each_instruction_set, selu_derivative};
use super::winograd::{
    FilterScratch, POINTS, Scratch, TILES, add_filter_gradient, at_points, convolve_tiles, fetch,
    from_points, output_column, row_of_tiles, turned,
};
use rayon::prelude::*;
use std::cell::RefCell;

/// The gradients: from that in the features, the inputs of the layers, and their outputs but for the last two.
pub(super) struct LayersGrad;

impl Op<18, 6> for LayersGrad {
    const INPUTS: [Argument; 18] = [
        GRADIENT, IMAGES, KERNEL1, BIAS1, GAMMA1, BETA1, KERNEL2, BIAS2, GAMMA2, BETA2, FEATURES, SUMS,
        HIDDEN, MOMENTS, MEAN1, VARIANCE1, MEAN2, VARIANCE2,
    ];
    const OUTPUTS: [Argument; 6] = [
        Argument("kernel1_gradient", KERNEL1.1),
        Argument("gamma1_gradient", GAMMA1.1),
        Argument("beta1_gradient", GAMMA1.1),
        Argument("kernel2_gradient", KERNEL2.1),
        Argument("gamma2_gradient", GAMMA2.1),
        Argument("beta2_gradient", BETA2.1),
    ];

    fn compute(how: How, inputs: [&[f32]; 18], outputs: [Output<'_>; 6]) {
        let [gradient, images, kernel1, bias1, gamma1, _, kernel2, _, gamma2, beta2, made @ ..] = inputs;
        let [features, sums, hidden, image_moments, mean1, variance1, mean2, variance2] = made;
        let [outputs1 @ .., kernel2_gradient, gamma2_gradient, beta2_gradient] = outputs.map(Output::zeroed);
        let images = how.factors(images);
        let [gradient, features, sums, hidden] = [gradient, features, sums, hidden].map(as_blocks);
        let rows = images.len() / PIXELS;
        let row = |row: usize| Row {
            image: &images[row * PIXELS..][..PIXELS],
            hidden: &hidden[row * PIXELS..][..PIXELS],
            sums: &sums[row * PIXELS * BLOCKS..][..PIXELS * BLOCKS],
            features: &features[row * WINDOWS * BLOCKS..][..WINDOWS * BLOCKS],
            gradient: &gradient[row * WINDOWS * BLOCKS..][..WINDOWS * BLOCKS],
        };

        let affine = affine([mean2, variance2, gamma2, beta2]);
        let sums_of_row = |number| {
            let (Row { sums: x, features, gradient, .. }, mut sums) = (row(number), Sums::default());
            sum_gradient(how.instructions, x, features, gradient, &affine, &mut sums);
            sums
        };
        let sums: Vec<Sums> = (0..rows).into_par_iter().map(sums_of_row).collect();
        let through = through(&sums, [mean2, variance2, gamma2], [gamma2_gradient, beta2_gradient]);

        let kernel2 = at_points(how.instructions, &turned(&how.factors(kernel2), 16, 16 * BLOCKS));
        let behind = Behind { affine, through, kernel2, how };
        let add_row = |number, total: &mut Gradients| {
            ROOM.with_borrow_mut(|room| add_row(how.instructions, &row(number), &behind, room, total));
        };
        let total = sum_of_rows(rows, Gradients::zero, add_row, Gradients::add);
        from_points(how.instructions, &total.kernel2, kernel2_gradient);
        let norm1 = [mean1, variance1, bias1, gamma1];
        let moments = ImageMoments::read(image_moments);
        first_layer_gradients(&moments, norm1, &how.factors(kernel1), rows, &total.first, outputs1);
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
    affine: PerChannel,
    through: PerChannel,
    /// Turned, at the points of Winograd's algorithm.
    kernel2: Vec<Line>,
    how: How,
}

/// Room for an image.
struct Room {
    /// The gradient in conv2's results.
    gradient: Vec<Line>,
    filter: FilterScratch<1, BLOCKS>,
    tiles: Scratch<BLOCKS, 1>,
}

thread_local! {
    /// A thread keeps its half megabyte: to ask the system for it in every step costs more than to fill it.
    static ROOM: RefCell<Room> = RefCell::new(Room {
        gradient: vec![Line::default(); PIXELS * BLOCKS],
        filter: FilterScratch::new(),
        tiles: Scratch::new(),
    });
}

/// Of some rows.
struct Gradients {
    /// Of conv2's kernel at the points of Winograd's algorithm.
    kernel2: Vec<Line>,
    /// Of dz, the gradient in what SELU makes the hidden values of: its sums times the image under each place, and its sum.
    first: Under,
}

/// Numbers of each of conv1's channels, in float64: of each place, and one more.
type Under = [[f64; 16]; PLACES + 1];

impl Gradients {
    fn zero() -> Self {
        Self { kernel2: vec![Line::default(); POINTS * 16 * BLOCKS], first: Under::default() }
    }

    fn add(&mut self, other: &Self) {
        add(&mut self.kernel2, &other.kernel2);
        self.add_first(other.first.as_flattened());
    }

    fn add_first<T: Copy + Into<f64>>(&mut self, sums: &[T]) {
        let totals = self.first.as_flattened_mut().iter_mut();
        totals.zip(sums).for_each(|(total, &sum)| *total += sum.into());
    }
}

for_each_instruction_set! {
    fn add_row<V>(row: &Row, behind: &Behind, room: &mut Room, total: &mut Gradients) {
        let Behind { affine, through, kernel2, how } = behind;
        let gradient = blocks_mut(&mut room.gradient);
        spread_gradient::<V>(row.sums, row.features, row.gradient, affine, through, gradient);
        how.round(gradient.as_flattened_mut());
        // While it multiplies, the memory has time for the next row: at each of the points of each row of tiles.
        const ALL: usize = POINTS * TILES;
        let next = |blocks: &[Block]| blocks.as_ptr().wrapping_add(blocks.len());
        let (next_hidden, sums) = (next(row.hidden), next(row.sums));
        let (features, in_features) = (next(row.features), next(row.gradient));
        add_filter_gradient::<V, 1, BLOCKS>(row.hidden, gradient, &mut total.kernel2, &mut room.filter, |n| {
            fetch::<V, { PIXELS * BLOCKS }, ALL>(sums, n)
        });

        let padded = pad(row.image);
        let mut sums = [Line::default(); PLACES + 1];
        for tile_row in 0..TILES {
            let hidden = &row.hidden[4 * tile_row * SIDE..][..4 * SIDE];
            let rows = convolve_tiles::<V, BLOCKS, 1>(gradient, blocks(kernel2), &row_of_tiles(tile_row), &mut room.tiles, |n| {
                let n = tile_row * POINTS + n;
                fetch::<V, PIXELS, ALL>(next_hidden, n);
                fetch::<V, { WINDOWS * BLOCKS }, ALL>(features, n);
                fetch::<V, { WINDOWS * BLOCKS }, ALL>(in_features, n);
            });
            let under: [_; 4] = std::array::from_fn(|i| under(&padded, 4 * tile_row + i));
            for part in 0..V::PARTS {
                let mut totals = each(|place| V::load(&sums[place], part));
                for column in 0..SIDE {
                    let in_hidden = output_column::<V, 1>(rows, column, 0, part);
                    for i in 0..4 {
                        let dz = in_hidden[i].mul(selu_derivative(V::load(&hidden[i * SIDE + column], part)));
                        add_under(under[i], column, dz, &mut totals);
                    }
                }
                for place in 0..=PLACES {
                    totals[place].store(&mut sums[place], part);
                }
            }
        }
        total.add_first(floats(&sums));
    }
}

/// The gradients in conv1's kernel and in its batch norm.
fn first_layer_gradients(
    moments: &ImageMoments,
    norm: [&[f32]; 4],
    kernel: &[f32],
    rows: usize,
    total: &Under,
    [kernel_gradient, gamma_gradient, beta_gradient]: [&mut [f32]; 3],
) {
    for channel in 0..16 {
        let k: [f64; PLACES] = std::array::from_fn(|place| f64::from(kernel[place * 16 + channel]));
        let under: [f64; PLACES] = std::array::from_fn(|place| total[place][channel]);
        let sum = total[PLACES][channel];
        let [mean, variance, bias, gamma] = norm.map(|of| f64::from(of[channel]));
        let (centre, inverse) = (mean - bias, inverse_deviation(variance));
        let with_values: f64 = k.iter().zip(under).map(|(k, under)| k * under).sum();
        let product_sum = inverse * (with_values - centre * sum);
        gamma_gradient[channel] = product_sum as f32;
        beta_gradient[channel] = sum as f32;
        let [slope, offset, pull] =
            norm_gradient(gamma, centre, inverse, population(rows), [sum, product_sum]);
        for place in 0..PLACES {
            let values_under = moments.product_sum(&k, place);
            let gradient = slope * under[place] + offset * moments.0[PLACES][place] + pull * values_under;
            kernel_gradient[place * 16 + channel] = gradient as f32;
        }
    }
}
