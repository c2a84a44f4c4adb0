//! Images under a kernel of 3 x 3 places: with a border of zeros, and their moments.

use super::layout::{PIXELS, SIDE};
use super::simd::{Instructions, Register, for_each_instruction_set};
use rayon::prelude::*;

/// Places of the kernel.
pub(super) const PLACES: usize = 9;
/// An image with a border of zeros; behind it two registers' width can be read.
pub(super) type Padded = [PaddedRow; SIDE + 2];
pub(super) type PaddedRow = [f32; SIDE + 6];

#[inline(always)]
pub(super) fn pad(image: &[f32]) -> Padded {
    let mut padded = [[0.0; SIDE + 6]; SIDE + 2];
    for y in 0..SIDE {
        padded[y + 1][1..=SIDE].copy_from_slice(&image[y * SIDE..][..SIDE]);
    }
    padded
}

/// Of a batch of images, with the pixels that lie under each of the kernel's places: their sums r, and the sums R of the
/// products of two.
///
/// The rows of R, and last r.
#[derive(Debug, Clone)]
pub(super) struct ImageMoments(pub [[f64; PLACES]; PLACES + 1]);

impl ImageMoments {
    pub fn of(instructions: Instructions, images: &[f32]) -> Self {
        let each: Vec<RawMoments> = images
            .par_chunks(PIXELS)
            .map(|image| {
                let mut moments = [[0.0; PLACES + 1]; PLACES];
                image_moments(instructions, image, &mut moments);
                moments
            })
            .collect();
        let mut total = [[0.0; PLACES]; PLACES + 1];
        for moments in &each {
            for p in 0..PLACES {
                total[PLACES][p] += f64::from(moments[p][PLACES]);
                for q in 0..PLACES {
                    total[p][q] += f64::from(moments[p.min(q)][p.max(q)]);
                }
            }
        }
        Self(total)
    }

    /// In float32, from the layer to its gradient.
    pub fn write(&self, to: &mut [f32]) {
        for (to, &value) in to.iter_mut().zip(self.0.as_flattened()) {
            *to = value as f32;
        }
    }

    pub fn read(from: &[f32]) -> Self {
        let row = |row: usize| std::array::from_fn(|place| f64::from(from[row * PLACES + place]));
        Self(std::array::from_fn(row))
    }

    /// Σ y² of the convolution with `k`.
    pub fn square_sum(&self, k: &[f64; PLACES]) -> f64 {
        (0..PLACES).map(|place| k[place] * self.product_sum(k, place)).sum()
    }

    /// Σ y · (what lies under `place`) of it; behind the last place, Σ y.
    pub fn product_sum(&self, k: &[f64; PLACES], place: usize) -> f64 {
        k.iter().zip(self.0[place]).map(|(k, product)| k * product).sum()
    }
}

/// Of one image, row p: the sums of the products of what lies under p and under q, q >= p, and last that of p alone.
type RawMoments = [[f32; PLACES + 1]; PLACES];

for_each_instruction_set! {
    fn image_moments<V>(image: &[f32], moments: &mut RawMoments) {
        let padded = pad(image);
        // 28 pixels are one register and 12 numbers of another.
        let mut masks = [[1.0; 16]; 2];
        masks[1][SIDE - 16..].fill(0.0);
        for p in 0..PLACES {
            let mut lanes = [[0.0; 16]; PLACES + 1];
            for part in 0..V::PARTS {
                let mut sums = [V::splat(0.0); PLACES + 1];
                for y in 0..SIDE {
                    for half in 0..2 {
                        let mask = V::load(&masks[half], part);
                        let under = window::<V>(&padded, p, y, 16 * half, part).mul(mask);
                        sums[PLACES] = sums[PLACES].add(under);
                        for q in p..PLACES {
                            sums[q] = under.mul_add(window(&padded, q, y, 16 * half, part), sums[q]);
                        }
                    }
                }
                for q in 0..=PLACES {
                    sums[q].store(&mut lanes[q], part);
                }
            }
            for q in 0..=PLACES {
                moments[p][q] = lanes[q].iter().sum();
            }
        }
    }
}

/// A part of the sixteen pixels from `x` on of row `y` of what lies under `place`.
#[inline(always)]
fn window<V: Register>(padded: &Padded, place: usize, y: usize, x: usize, part: usize) -> V {
    let row = &padded[y + place / 3];
    let mut pixels = [0.0; 16];
    pixels.copy_from_slice(&row[x + place % 3..][..16]);
    V::load(&pixels, part)
}
