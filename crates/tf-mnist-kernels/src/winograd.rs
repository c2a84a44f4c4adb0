//! 3x3 convolutions of 28 x 28 images by Winograd's minimal filtering, F(4x4, 3x3) (Lavin and Gray, 2015): a tile of 4 x 4
//! results takes 36 products a pair of channels instead of 144.
//!
//! ```text
//! y = Aᵀ [ (G g Gᵀ) · (Bᵀ d B) ] A
//! ```
//!
//! of a tile's 6 x 6 values d and the kernel g. The products of one of the 36 points over all channels are a matrix
//! product, tiles by input channels by output channels. A row of tiles goes through it six points at a time, so that what
//! is between two steps is found in the first-level cache.

mod filter;
mod kernel;
#[cfg(all(test, target_arch = "x86_64"))]
mod tests;
mod transforms;

use super::layout::{Block, Line, SIDE, floats};
use super::products::Product;
use super::simd::{Register, registers};
pub(super) use filter::{FilterScratch, add_filter_gradient};
pub(super) use kernel::{at_points, from_points, turned};
use transforms::{Input, Output, OutputGradient, Transform};

/// Tiles along an image's side.
pub(super) const TILES: usize = SIDE / 4;
/// Products of a tile.
pub(super) const POINTS: usize = 36;

/// Points that lie in a row of the 6 x 6.
const ACROSS: usize = 6;

/// Most blocks of channels.
const MAX_BLOCKS: usize = 2;

/// The values of as many tiles as lie in a row at six points: `[point][tile][block]`.
type Points<const BLOCKS: usize> = [[[Line; BLOCKS]; TILES]; ACROSS];

/// What lies between the two directions of an input's transform: `[point][column][block]`.
type Columns<const BLOCKS: usize, const WIDTH: usize> = [[[Line; BLOCKS]; WIDTH]; 6];

/// What lies between the two directions of an output's transform, of as many tiles: `[point][column][block]`.
type Rows<const BLOCKS: usize> = [[[Line; BLOCKS]; SIDE]; 6];

/// Room for six points or for what lies between, all zero.
fn room<const BLOCKS: usize, const WIDTH: usize>() -> Box<[[[Line; BLOCKS]; WIDTH]; 6]> {
    Box::new([[[Line::default(); BLOCKS]; WIDTH]; 6])
}

/// Zeros, for the rows around an image.
static NOTHING: [Block; SIDE * MAX_BLOCKS] = [[0.0; 16]; SIDE * MAX_BLOCKS];

/// The rows of the image `x`, `[28][28][block]`, that tile row `tile_row` reads, with zeros around the image.
#[inline(always)]
fn rows_read<const BLOCKS: usize>(x: &[Block], tile_row: usize) -> [&[Block]; 6] {
    std::array::from_fn(|i| match (4 * tile_row + i).checked_sub(1) {
        Some(row) if row < SIDE => &x[row * SIDE * BLOCKS..][..SIDE * BLOCKS],
        _ => &NOTHING[..SIDE * BLOCKS],
    })
}

/// The rows of the results `y`, `[28][28][block]`, of tile row `tile_row`.
#[inline(always)]
fn rows_made<const BLOCKS: usize>(y: &[Block], tile_row: usize) -> [&[Block]; 4] {
    std::array::from_fn(|i| &y[(4 * tile_row + i) * SIDE * BLOCKS..][..SIDE * BLOCKS])
}

/// Of rows of values ([`rows_read`]) or of the gradient in results ([`rows_made`]): a column at the points down it, to
/// that at `place`.
#[inline(always)]
fn transform_column<
    V: Register,
    T: Transform<N, 6>,
    const BLOCKS: usize,
    const N: usize,
    const WIDTH: usize,
>(
    rows: [&[Block]; N],
    column: usize,
    columns: &mut Columns<BLOCKS, WIDTH>,
    place: usize,
) {
    for (block, part) in registers::<V>(BLOCKS) {
        let mut d = [V::splat(0.0); N];
        for i in 0..N {
            d[i] = V::load(&rows[i][column * BLOCKS + block], part);
        }
        let d = T::of(d);
        for i in 0..6 {
            d[i].store(&mut columns[i][place][block], part);
        }
    }
}

/// What [`transform_column`] made at one point, at the six points across. `first` are the tiles' first columns.
#[inline(always)]
fn transform_rows<V: Register, T: Transform<N, 6>, const BLOCKS: usize, const N: usize>(
    columns: &[[Line; BLOCKS]],
    first: &[usize; TILES],
    points: &mut Points<BLOCKS>,
) {
    for tile in 0..TILES {
        let columns = &columns[first[tile]..][..N];
        for (block, part) in registers::<V>(BLOCKS) {
            let mut d = [V::splat(0.0); N];
            for j in 0..N {
                d[j] = V::load(&columns[j][block], part);
            }
            let d = T::of(d);
            for j in 0..6 {
                d[j].store(&mut points[j][tile][block], part);
            }
        }
    }
}

/// From six points across to the four columns of each tile.
#[inline(always)]
fn output_rows<V: Register, const BLOCKS: usize>(points: &Points<BLOCKS>, rows: &mut [[Line; BLOCKS]; SIDE]) {
    for tile in 0..TILES {
        for (block, part) in registers::<V>(BLOCKS) {
            let mut m = [V::splat(0.0); 6];
            for j in 0..6 {
                m[j] = V::load(&points[j][tile][block], part);
            }
            let m = Output::of(m);
            for j in 0..4 {
                m[j].store(&mut rows[4 * tile + j][block], part);
            }
        }
    }
}

/// Of tiles side by side: the four results of a column in a part of a block of channels.
#[inline(always)]
pub(super) fn output_column<V: Register, const BLOCKS: usize>(
    rows: &Rows<BLOCKS>,
    column: usize,
    block: usize,
    part: usize,
) -> [V; 4] {
    let mut m = [V::splat(0.0); 6];
    for i in 0..6 {
        m[i] = V::load(&rows[i][column][block], part);
    }
    Output::of(m)
}

/// Room for as many tiles of an image as lie in a row.
pub(super) struct Scratch<const IN: usize, const OUT: usize> {
    columns: Box<Columns<IN, { 6 * TILES }>>,
    inputs: Box<Points<IN>>,
    outputs: Box<Points<OUT>>,
    rows: Box<Rows<OUT>>,
}

impl<const IN: usize, const OUT: usize> Scratch<IN, OUT> {
    pub fn new() -> Self {
        Self { columns: room(), inputs: room(), outputs: room(), rows: room() }
    }
}

/// Where a tile lies in an image: down and across.
pub(super) type Tile = [usize; 2];

/// A row of tiles.
pub(super) fn row_of_tiles(down: usize) -> [Tile; TILES] {
    std::array::from_fn(|across| [down, across])
}

/// These tiles of the image `x`, `[28][28][block]`, times the transformed kernel: what [`output_column`]
/// takes. While it multiplies, the memory has time for `meanwhile`, which is told the number of the point.
#[inline(always)]
pub(super) fn convolve_tiles<'a, V: Register, const IN: usize, const OUT: usize>(
    x: &[Block],
    kernel: &[Block],
    tiles: &[Tile; TILES],
    scratch: &'a mut Scratch<IN, OUT>,
    meanwhile: impl Fn(usize),
) -> &'a Rows<OUT> {
    let Scratch { columns, inputs, outputs, rows } = scratch;
    let mut first = [0; TILES];
    for number in 0..TILES {
        let [down, across] = tiles[number];
        let rows = rows_read::<IN>(x, down);
        // Neighbours have two columns in common.
        let beside = number > 0 && across > 0 && tiles[number - 1] == [down, across - 1];
        let known = if beside { 2 } else { 0 };
        first[number] = number.checked_sub(1).map_or(0, |before| first[before] + 6 - known);
        for j in known..6 {
            let place = first[number] + j;
            // The first is that before the tile. There are zeros on either side.
            match (4 * across + j).checked_sub(1) {
                Some(column) if column < SIDE => {
                    transform_column::<V, Input, IN, 6, _>(rows, column, columns, place);
                }
                _ => columns.iter_mut().for_each(|columns| columns[place] = [Line::default(); IN]),
            }
        }
    }
    for i in 0..6 {
        transform_rows::<V, Input, IN, 6>(&columns[i], &first, inputs);
        // At each point: tiles by input channels, times input by output channels.
        let kernel = kernel[i * ACROSS * 16 * IN * OUT..].chunks_exact(16 * IN * OUT);
        for (point, factors) in kernel.take(ACROSS).enumerate() {
            meanwhile(ACROSS * i + point);
            let values = floats(inputs[point].as_flattened());
            let (row, terms, runs) = (16 * IN, 16 * IN, [(0, 0)]);
            let product = Product::<_, OUT> { values, row, term: 1, factors, runs, terms, added: false };
            product.sum::<V, TILES>(outputs[point].as_flattened_mut());
        }
        output_rows::<V, OUT>(outputs, &mut rows[i]);
    }
    rows
}

/// Brings the `n`th of `parts` parts of so many blocks nearer.
#[inline(always)]
pub(super) fn fetch<V: Register, const BLOCKS: usize, const PARTS: usize>(from: *const Block, n: usize) {
    for k in 0..const { BLOCKS.div_ceil(PARTS) } {
        V::fetch(from.wrapping_add(n * BLOCKS.div_ceil(PARTS) + k).cast());
    }
}
