//! 3x3 convolutions of 28 x 28 images by Winograd's minimal filtering, F(4x4, 3x3) (Lavin and Gray, 2015): a tile of 4 x 4
//! results takes 36 products a pair of channels instead of 144.
//!
//! ```text
//! y = Aᵀ [ (G g Gᵀ) · (Bᵀ d B) ] A
//! ```
//!
//! of a tile's 6 x 6 values d and the kernel g. The products of one of the 36 points over all channels are a matrix
//! product, tiles by input channels by output channels. Channels come in blocks of 16, one [`F32x16`].

mod transforms;

use super::layout::{Block, SIDE, boxed};
use super::simd::F32x16;
use transforms::{
    input_transform, kernel_gradient_transform, kernel_transform, output_gradient_transform, output_transform,
};

/// Tiles along an image's side.
pub(super) const TILES: usize = SIDE / 4;
/// Products of a tile.
pub(super) const POINTS: usize = 36;

/// Most blocks of channels.
const MAX_BLOCKS: usize = 2;

/// The values of one row of tiles at the 36 points: `[point][tile][block]`.
pub(super) type Points<const BLOCKS: usize> = [[[Block; BLOCKS]; TILES]; POINTS];

/// A row of tiles at zero everywhere.
pub(super) fn zero_points<const BLOCKS: usize>() -> Box<Points<BLOCKS>> {
    boxed([[[0.0; 16]; BLOCKS]; TILES])
}

/// The kernel at the 36 points, `[point][in][out block]`, from float32 `[3][3][in][out]`.
#[inline(always)]
pub(super) fn transformed_kernel<V: F32x16>(kernel: &[Block], transformed: &mut [Block]) {
    let pairs = kernel.len() / 9;
    for pair in 0..pairs {
        let mut columns = [[V::splat(0.0); 6]; 3];
        for j in 0..3 {
            let mut g = [V::splat(0.0); 3];
            for i in 0..3 {
                g[i] = V::load(&kernel[(3 * i + j) * pairs + pair]);
            }
            columns[j] = kernel_transform(g);
        }
        for i in 0..6 {
            let row = kernel_transform([columns[0][i], columns[1][i], columns[2][i]]);
            for j in 0..6 {
                row[j].store(&mut transformed[(6 * i + j) * pairs + pair]);
            }
        }
    }
}

/// The kernel's gradient, float32 `[3][3][in][out]`, from that of the transformed kernel.
#[inline(always)]
pub(super) fn kernel_gradient<V: F32x16>(transformed: &[Block], gradient: &mut [Block]) {
    let pairs = gradient.len() / 9;
    for pair in 0..pairs {
        let mut columns = [[V::splat(0.0); 3]; 6];
        for j in 0..6 {
            let mut u = [V::splat(0.0); 6];
            for i in 0..6 {
                u[i] = V::load(&transformed[(6 * i + j) * pairs + pair]);
            }
            columns[j] = kernel_gradient_transform(u);
        }
        for i in 0..3 {
            let row = kernel_gradient_transform(across(&columns, i));
            for j in 0..3 {
                row[j].store(&mut gradient[(3 * i + j) * pairs + pair]);
            }
        }
    }
}

/// Zeros, for the rows around an image.
static NOTHING: [Block; SIDE * MAX_BLOCKS] = [[0.0; 16]; SIDE * MAX_BLOCKS];

/// What lies between the two directions of an input's transform; the first and the last column stay zero.
pub(super) type Columns<const BLOCKS: usize> = [[[Block; BLOCKS]; SIDE + 2]; 6];

/// Room for a transform, all zero.
pub(super) fn zero_columns<const BLOCKS: usize>() -> Box<Columns<BLOCKS>> {
    boxed([[[0.0; 16]; BLOCKS]; SIDE + 2])
}

/// The image `x`, `[28][28][block]`, at the points of tile row `tile_row`, with zeros around the image.
#[inline(always)]
pub(super) fn transform_input<V: F32x16, const BLOCKS: usize>(
    x: &[Block],
    tile_row: usize,
    columns: &mut Columns<BLOCKS>,
    points: &mut Points<BLOCKS>,
) {
    // Down the columns first, which neighbouring tiles share.
    let mut rows = [&NOTHING[..SIDE * BLOCKS]; 6];
    for i in 0..6 {
        let row = 4 * tile_row + i;
        if (1..=SIDE).contains(&row) {
            rows[i] = &x[(row - 1) * SIDE * BLOCKS..][..SIDE * BLOCKS];
        }
    }
    for column in 0..SIDE {
        for block in 0..BLOCKS {
            let mut d = [V::splat(0.0); 6];
            for i in 0..6 {
                d[i] = V::load(&rows[i][column * BLOCKS + block]);
            }
            let d = input_transform(d);
            for i in 0..6 {
                d[i].store(&mut columns[i][column + 1][block]);
            }
        }
    }
    for i in 0..6 {
        for tile in 0..TILES {
            for block in 0..BLOCKS {
                let mut d = [V::splat(0.0); 6];
                for j in 0..6 {
                    d[j] = V::load(&columns[i][4 * tile + j][block]);
                }
                let d = input_transform(d);
                for j in 0..6 {
                    d[j].store(&mut points[6 * i + j][tile][block]);
                }
            }
        }
    }
}

/// The gradient of the results, `[28][28][block]`, at the points of tile row `tile_row`.
#[inline(always)]
pub(super) fn transform_output_gradient<V: F32x16, const BLOCKS: usize>(
    dy: &[Block],
    tile_row: usize,
    points: &mut Points<BLOCKS>,
) {
    for tile in 0..TILES {
        for block in 0..BLOCKS {
            let mut columns = [[V::splat(0.0); 6]; 4];
            for j in 0..4 {
                let mut y = [V::splat(0.0); 4];
                for i in 0..4 {
                    let pixel = (4 * tile_row + i) * SIDE + 4 * tile + j;
                    y[i] = V::load(&dy[pixel * BLOCKS + block]);
                }
                columns[j] = output_gradient_transform(y);
            }
            for i in 0..6 {
                let row = output_gradient_transform(across(&columns, i));
                for j in 0..6 {
                    row[j].store(&mut points[6 * i + j][tile][block]);
                }
            }
        }
    }
}

/// The 4 x 4 results of one tile in one block of channels.
#[inline(always)]
pub(super) fn tile_output<V: F32x16, const BLOCKS: usize>(
    points: &Points<BLOCKS>,
    tile: usize,
    block: usize,
) -> [[V; 4]; 4] {
    let mut columns = [[V::splat(0.0); 4]; 6];
    for j in 0..6 {
        let mut m = [V::splat(0.0); 6];
        for i in 0..6 {
            m[i] = V::load(&points[6 * i + j][tile][block]);
        }
        columns[j] = output_transform(m);
    }
    let mut results = [[V::splat(0.0); 4]; 4];
    for i in 0..4 {
        results[i] = output_transform(across(&columns, i));
    }
    results
}

/// Row `i` of a matrix given by its columns.
#[inline(always)]
fn across<V: F32x16, const HEIGHT: usize, const WIDTH: usize>(
    columns: &[[V; HEIGHT]; WIDTH],
    i: usize,
) -> [V; WIDTH] {
    let mut row = [V::splat(0.0); WIDTH];
    for j in 0..WIDTH {
        row[j] = columns[j][i];
    }
    row
}

/// At each point: tiles by input channels, times the transformed kernel, input by output channels.
#[inline(always)]
pub(super) fn multiply<V: F32x16, const IN: usize, const OUT: usize>(
    inputs: &Points<IN>,
    kernel: &[Block],
    outputs: &mut Points<OUT>,
) {
    for ((inputs, kernel), outputs) in
        inputs.iter().zip(kernel.chunks_exact(16 * IN * OUT)).zip(outputs.iter_mut())
    {
        // As many sums at a time as fit into registers: one block of results of each of the 7 tiles.
        for out in 0..OUT {
            let mut sums = [V::splat(0.0); TILES];
            for block in 0..IN {
                for channel in 0..16 {
                    let factor = V::load(&kernel[(16 * block + channel) * OUT + out]);
                    for tile in 0..TILES {
                        let value = V::splat(inputs[tile][block][channel]);
                        sums[tile] = value.mul_add(factor, sums[tile]);
                    }
                }
            }
            for tile in 0..TILES {
                sums[tile].store(&mut outputs[tile][out]);
            }
        }
    }
}

/// Adds to the transformed kernel's gradient, `[point][in][out block]`: at each point, the transpose of tiles by input
/// channels, times tiles by output channels.
#[inline(always)]
pub(super) fn multiply_transposed<V: F32x16, const IN: usize, const OUT: usize>(
    inputs: &Points<IN>,
    outputs: &Points<OUT>,
    gradient: &mut [Block],
) {
    for ((inputs, outputs), gradient) in
        inputs.iter().zip(outputs).zip(gradient.chunks_exact_mut(16 * IN * OUT))
    {
        for out in 0..OUT {
            let mut values = [V::splat(0.0); TILES];
            for tile in 0..TILES {
                values[tile] = V::load(&outputs[tile][out]);
            }
            for block in 0..IN {
                for channel in 0..16 {
                    let sum = &mut gradient[(16 * block + channel) * OUT + out];
                    let mut total = V::load(sum);
                    for tile in 0..TILES {
                        total = V::splat(inputs[tile][block][channel]).mul_add(values[tile], total);
                    }
                    total.store(sum);
                }
            }
        }
    }
}
