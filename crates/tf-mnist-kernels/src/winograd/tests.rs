//! Against sums of products in float64.

use super::*;
use crate::layout::{PIXELS, add, as_blocks, blocks};
use crate::rows::sum_of_rows;
use crate::simd::{Instructions, for_each_instruction_set};
use crate::tests::random;

const ROWS: usize = 23;
const IN: usize = 16;
const OUT: usize = 32;
/// Of the greatest value. A sum of 144 products of numbers below 1 is rounded by sqrt(144) · 2^-24 = 7e-7 of it, and
/// Winograd's transforms multiply that by a few.
const TOLERANCE: f64 = 3e-6;

for_each_instruction_set! {
    fn convolve<V, const IN: usize, const OUT: usize>(x: &[Block], kernel: &[Line], y: &mut [Block]) {
        let mut scratch = Scratch::<IN, OUT>::new();
        for tile_row in 0..TILES {
            let rows = convolve_tiles::<V, IN, OUT>(x, blocks(kernel), &row_of_tiles(tile_row), &mut scratch, |_| ());
            for column in 0..SIDE {
                for (block, part) in registers::<V>(OUT) {
                    for (i, y_of_row) in output_column::<V, OUT>(rows, column, block, part).into_iter().enumerate() {
                        y_of_row.store(&mut y[((4 * tile_row + i) * SIDE + column) * OUT + block], part);
                    }
                }
            }
        }
    }
}

for_each_instruction_set! {
    fn add_image<V>(x: &[Block], dy: &[Block], sums: &mut [Line]) {
        add_filter_gradient::<V, 1, 2>(x, dy, sums, &mut FilterScratch::new(), |_| ());
    }
}

/// Calls `each` for each place that a kernel element meets: image row, y, x, kernel place, input pixel.
fn products(mut each: impl FnMut(usize, usize, usize)) {
    for row in 0..ROWS {
        for y in 0..SIDE {
            for x in 0..SIDE {
                for place in 0..9 {
                    let (from_y, from_x) = (y + place / 3, x + place % 3);
                    if (1..=SIDE).contains(&from_y) && (1..=SIDE).contains(&from_x) {
                        let input = (row * SIDE + from_y - 1) * SIDE + from_x - 1;
                        each((row * SIDE + y) * SIDE + x, place, input);
                    }
                }
            }
        }
    }
}

fn assert_near(found: &[f32], expected: &[f64], what: &str) {
    let size = expected.iter().map(|x| x.abs()).fold(0.0, f64::max);
    let worst = found.iter().zip(expected).map(|(&a, b)| (f64::from(a) - b).abs()).fold(0.0, f64::max);
    assert!(worst <= TOLERANCE * size, "{what}: off by {worst} of {size}");
}

#[test]
fn convolutions_and_their_gradients_are_those_of_float64_sums() {
    let [x, dy] = [(1, IN), (3, OUT)].map(|(seed, channels)| random(ROWS * PIXELS * channels, seed));
    let kernel = random(9 * IN * OUT, 2);
    let [mut y, mut dx, mut dk] = [dy.len(), x.len(), kernel.len()].map(|count| vec![0.0; count]);
    products(|output, place, input| {
        for i in 0..IN {
            for o in 0..OUT {
                let value = f64::from(x[input * IN + i]);
                let factor = f64::from(kernel[(place * IN + i) * OUT + o]);
                let gradient = f64::from(dy[output * OUT + o]);
                y[output * OUT + o] += value * factor;
                dx[input * IN + i] += gradient * factor;
                dk[(place * IN + i) * OUT + o] += value * gradient;
            }
        }
    });
    for instructions in Instructions::all_of_this_processor() {
        let [mut found_y, mut found_dx, mut found_dk] =
            [&y, &dx, &dk].map(|expected| vec![0.0; expected.len()]);
        let [forwards, back] =
            [at_points(instructions, &kernel), at_points(instructions, &turned(&kernel, IN, OUT))];
        let of_row = |row| {
            (&as_blocks(&x)[row * PIXELS..][..PIXELS], &as_blocks(&dy)[2 * row * PIXELS..][..2 * PIXELS])
        };
        let found = found_dx.as_chunks_mut().0.chunks_mut(PIXELS);
        for (row, (dx, y)) in found.zip(found_y.as_chunks_mut().0.chunks_mut(2 * PIXELS)).enumerate() {
            convolve::<1, 2>(instructions, of_row(row).0, &forwards, y);
            convolve::<2, 1>(instructions, of_row(row).1, &back, dx);
        }
        // As the op does.
        let zero = || vec![Line::default(); POINTS * IN * 2];
        let add_row = |row, sums: &mut Vec<_>| add_image(instructions, of_row(row).0, of_row(row).1, sums);
        let sums = sum_of_rows(ROWS, zero, add_row, |total, sums| add(total, sums));
        from_points(instructions, &sums, &mut found_dk);
        for (found, expected, what) in [(found_y, &y, "y"), (found_dx, &dx, "dx"), (found_dk, &dk, "dk")] {
            assert_near(&found, expected, &format!("{what}, {instructions:?}"));
        }
    }
}
