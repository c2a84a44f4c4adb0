//! The gradient in a kernel: at each point, the transpose of what the images come to there, times what the gradients in
//! their results come to.

use super::{
    ACROSS, Columns, Input, OutputGradient, Points, TILES, room, rows_made, rows_read, transform_column,
    transform_rows,
};
use crate::layout::{Block, Line, SIDE, blocks, floats};
use crate::products::Product;
use crate::simd::Register;

/// Room for the points of an image and of the gradient of its results.
pub struct FilterScratch<const IN: usize, const OUT: usize> {
    /// With a column of zeros on either side.
    input_columns: Vec<Columns<IN, { SIDE + 2 }>>,
    output_columns: Vec<Columns<OUT, SIDE>>,
    inputs: Box<Points<IN>>,
    outputs: Box<Points<OUT>>,
}

impl<const IN: usize, const OUT: usize> FilterScratch<IN, OUT> {
    pub fn new() -> Self {
        Self {
            input_columns: vec![*room(); TILES],
            output_columns: vec![*room(); TILES],
            inputs: room(),
            outputs: room(),
        }
    }
}

/// Adds to the gradient in the kernel at the points, `[point][in][out block]`, from an image x and the gradient in its y.
#[inline(always)]
pub fn add_filter_gradient<V: Register, const IN: usize, const OUT: usize>(
    x: &[Block],
    dy: &[Block],
    sums: &mut [Line],
    scratch: &mut FilterScratch<IN, OUT>,
    meanwhile: impl Fn(usize),
) {
    let FilterScratch { input_columns, output_columns, inputs, outputs } = scratch;
    for tile_row in 0..TILES {
        let (x, dy) = (rows_read::<IN>(x, tile_row), rows_made::<OUT>(dy, tile_row));
        for column in 0..SIDE {
            transform_column::<V, Input, IN, 6, _>(x, column, &mut input_columns[tile_row], column + 1);
            transform_column::<V, OutputGradient, OUT, 4, _>(
                dy,
                column,
                &mut output_columns[tile_row],
                column,
            );
        }
    }
    let first = std::array::from_fn(|tile| 4 * tile);
    // The sums of six points stay in the first-level cache meanwhile.
    for (i, sums) in sums.chunks_exact_mut(ACROSS * 16 * IN * OUT).enumerate() {
        let tile_rows = input_columns.iter().zip(output_columns.iter()).enumerate();
        for (tile_row, (input_columns, output_columns)) in tile_rows {
            transform_rows::<V, Input, IN, 6>(&input_columns[i], &first, inputs);
            transform_rows::<V, OutputGradient, OUT, 4>(&output_columns[i], &first, outputs);
            for (point, sums) in sums.chunks_exact_mut(16 * IN * OUT).enumerate() {
                meanwhile((i * TILES + tile_row) * ACROSS + point);
                let (values, factors) = (inputs[point].as_flattened(), outputs[point].as_flattened());
                let (values, factors) = (floats(values), blocks(factors));
                // Sixteen channels at a time.
                for (block, sums) in sums.chunks_exact_mut(16 * OUT).enumerate() {
                    let (term, terms, runs) = (16 * IN, TILES, [(16 * block, 0)]);
                    let product =
                        Product::<_, OUT> { values, row: 1, term, factors, runs, terms, added: true };
                    product.sum::<V, 16>(sums);
                }
            }
        }
    }
}
