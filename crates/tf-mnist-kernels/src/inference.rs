//! The optimized network in use, from the images to what its first dense layer is fed, in one pass: every image stays in
//! the processor's cache from its pixels to its pooled activations.

use super::convolution::transform_kernel;
use super::factors::F32;
use super::first_layer::{self, Folded};
use super::layout::{Block, PIXELS, SIDE, as_blocks};
use super::registry::{Argument, Op, Output, ROWS};
use super::simd::{F32x16, selu};
use super::simd::{Instructions, for_each_instruction_set};
use super::winograd::{
    Columns, POINTS, Points, TILES, multiply, tile_output, transform_input, zero_columns, zero_points,
};
use rayon::prelude::*;

/// Blocks of channels of conv2.
const OUT: usize = 2;
/// Height and width behind the pool.
const POOLED: usize = SIDE / 2;

/// SELU(max_pool(SELU(images * kernel1 + bias1) * kernel2 + bias2)), with the batch norms folded into kernels and biases.
pub(super) struct Features;

impl Op for Features {
    const INPUTS: &'static [Argument] = &[
        Argument("images", &[ROWS, 28, 28, 1]),
        Argument("kernel1", &[3, 3, 1, 16]),
        Argument("bias1", &[16]),
        Argument("kernel2", &[3, 3, 16, 32]),
        Argument("bias2", &[32]),
    ];
    const OUTPUTS: &'static [Argument] = &[Argument("features", &[ROWS, 14, 14, 32])];

    fn compute(instructions: Instructions, inputs: &[&[f32]], outputs: &mut [Output<'_>]) {
        let ([images, kernel1, bias1, kernel2, bias2], [features]) = (inputs, outputs) else {
            unreachable!("as many as the op has")
        };
        let mut kernels = Kernels {
            first: Folded::default(),
            kernel2: vec![[0.0; 16]; POINTS * 16 * OUT],
            bias2: [[0.0; 16]; OUT],
        };
        kernels.first.kernel.copy_from_slice(as_blocks(kernel1));
        kernels.first.bias.copy_from_slice(bias1);
        kernels.bias2.copy_from_slice(as_blocks(bias2));
        transform_kernel(instructions, as_blocks(kernel2), &mut kernels.kernel2);
        images.par_chunks(PIXELS).zip(features.images(POOLED * POOLED * OUT)).for_each_init(
            Scratch::new,
            |scratch, (image, features)| {
                image_features(instructions, image, &kernels, features, scratch);
            },
        );
    }
}

/// Kernels and biases in blocks, the kernel of conv2 transformed.
struct Kernels {
    first: Folded,
    kernel2: Vec<Block>,
    bias2: [Block; OUT],
}

/// What lies between the layers, of one image.
struct Scratch {
    hidden: Vec<Block>,
    columns: Box<Columns<1>>,
    inputs: Box<Points<1>>,
    outputs: Box<Points<OUT>>,
}

impl Scratch {
    fn new() -> Self {
        Self {
            hidden: vec![[0.0; 16]; PIXELS],
            columns: zero_columns(),
            inputs: zero_points(),
            outputs: zero_points(),
        }
    }
}

for_each_instruction_set! {
    fn image_features<>(image: &[f32], kernels: &Kernels, features: &mut [Block], scratch: &mut Scratch) = image_features_with
}

#[inline(always)]
fn image_features_with<V: F32x16>(
    image: &[f32],
    kernels: &Kernels,
    features: &mut [Block],
    scratch: &mut Scratch,
) {
    let Scratch { hidden, columns, inputs, outputs } = scratch;
    first_layer::apply_with::<V, F32>(image, &kernels.first, hidden);
    for tile_row in 0..TILES {
        transform_input::<V, 1>(hidden, tile_row, columns, inputs);
        multiply::<V, 1, OUT>(inputs, &kernels.kernel2, outputs);
        for tile in 0..TILES {
            for block in 0..OUT {
                let bias = V::load(&kernels.bias2[block]);
                let results = tile_output::<V, OUT>(outputs, tile, block);
                for i in 0..2 {
                    for j in 0..2 {
                        let upper = results[2 * i][2 * j].max(results[2 * i][2 * j + 1]);
                        let lower = results[2 * i + 1][2 * j].max(results[2 * i + 1][2 * j + 1]);
                        // The bias and SELU, which increases, do not change which of the four is the greatest.
                        let feature = selu(upper.max(lower).add(bias));
                        let place = (2 * tile_row + i) * POOLED + 2 * tile + j;
                        feature.store(&mut features[place * OUT + block]);
                    }
                }
            }
        }
    }
}
