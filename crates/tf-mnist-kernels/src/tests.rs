//! Every op by every instruction set that this processor has. What they compute is tested through TensorFlow, by the widest.

use super::how::How;
use super::layout::PIXELS;
use super::registry::{Argument, Op, Output, ROWS};
use super::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// Numbers in -1..1.
pub fn random(count: usize, seed: u64) -> Vec<f32> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| (random.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0).collect()
}

fn size(Argument(_, shape): Argument) -> usize {
    shape.iter().map(|&size| if size == ROWS { 29 } else { size as usize }).product()
}

/// Gammas of either sign; variances are positive, winners -1 to 3.
fn drawn(argument: Argument, seed: u64) -> Vec<f32> {
    let number = |x: f32| match argument.0 {
        "winners" => (2.5 * x + 1.5).floor(),
        name if name.starts_with("variance") => x + 1.5,
        _ => x,
    };
    random(size(argument), seed).into_iter().map(number).collect()
}

pub fn instruction_sets_agree<O: Op<IN, OUT>, const IN: usize, const OUT: usize>() {
    let inputs: [_; IN] = std::array::from_fn(|number| drawn(O::INPUTS[number], number as u64));
    let compute = |instructions, threads, bf16| {
        let mut outputs = O::OUTPUTS.map(|argument| vec![f32::NAN; size(argument)]);
        let slices = outputs.each_mut().map(|output| Output::over(output));
        let inputs = inputs.each_ref().map(Vec::as_slice);
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| O::compute(How { instructions, bf16 }, inputs, slices));
        outputs
    };
    for (bf16, name) in [false, true].into_iter().zip(O::TYPES) {
        let mut found = Instructions::all_of_this_processor().into_iter().map(|instructions| {
            let [outputs, others] = [1, 3].map(|threads| compute(instructions, threads, bf16));
            assert!(outputs == others, "{name}: it depends on the number of threads");
            outputs
        });
        let Some(first) = found.next() else {
            let is_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
            assert!(!is_ci, "cannot be tested for want of a processor with AVX2");
            return;
        };
        for other in found {
            for ((a, b), Argument(output, _)) in first.iter().zip(&other).zip(O::OUTPUTS) {
                assert!(a == b && a.iter().any(|&x| x != 0.0), "{name} {output}");
                assert!(a.iter().chain(b).all(|x| x.is_finite()), "{name} {output}");
            }
        }
    }
}

#[test]
fn every_op_computes_the_same_with_every_instruction_set() {
    ops::test_all();
}

/// A number too small to change a sum is not blank, so its tiles are computed.
#[test]
fn what_is_not_computed_of_blank_parts_is_as_if_it_were() {
    let weights: Vec<_> = optimized::Features::INPUTS[1..].iter().map(|&weight| drawn(weight, 7)).collect();
    // In image k only the kth pixel is not blank, or all from it on.
    let pixel = |place: usize, image: usize| place == image || image >= PIXELS && place >= image - PIXELS;
    let images = |background: f32| -> Vec<f32> {
        let pixels = (0..2 * PIXELS).flat_map(|image| (0..PIXELS).map(move |place| (place, image)));
        pixels.map(|(place, image)| if pixel(place, image) { 0.5 } else { background }).collect()
    };
    for instructions in Instructions::all_of_this_processor() {
        let [skipped, computed] = [0.0, f32::MIN_POSITIVE].map(|background| {
            let images = images(background);
            let mut features = vec![f32::NAN; 2 * PIXELS * 14 * 14 * 32];
            let inputs = [&images, &weights[0], &weights[1], &weights[2], &weights[3]].map(Vec::as_slice);
            let how = How { instructions, bf16: false };
            optimized::Features::compute(how, inputs, [Output::over(&mut features)]);
            features
        });
        assert!(skipped == computed, "{instructions:?}");
    }
}
