//! Ops of this project's own: the convolutions of both networks with what lies between them, in kernels that take a
//! fraction of the time of TensorFlow's.
//!
//! [`OpTypes`] lists them; those of gradients TensorFlow's registry does not know.
//!
//! Three things make them fast. Values stay in the cache from one layer to the next; statistics of a batch norm are summed
//! up while its input is made, or, for conv1, follow from the image's own moments; and conv2 takes a quarter of the
//! products, by Winograd's algorithm. They are float32, on x86-64 processors with AVX2 or AVX-512, and registered through
//! TensorFlow's C kernel API. An exported model never holds one.

// Loops run over the places of several arrays at once; a closure would not take the instruction set of its function.
#![allow(clippy::needless_range_loop)]
// On other processors nothing of it is ever called.
#![cfg_attr(not(target_arch = "x86_64"), allow(dead_code, unreachable_code, unused_imports))]

mod arguments;
mod baseline;
mod baseline_grad;
mod batch_norm;
mod convolution;
mod dense;
mod dropout;
mod first_layer;
mod how;
mod image;
mod inference;
mod layers_grad;
mod layout;
mod ops;
mod pool_layer;
mod products;
mod registry;
mod rows;
mod simd;
mod winograd;

pub use ops::OpTypes;
use rayon::{ThreadPool, ThreadPoolBuilder};
use registry::Api;
pub use simd::Instructions;
use std::path::Path;
use std::sync::OnceLock;

/// Why graphs are built of TensorFlow's ops alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// The processor has no AVX2.
    #[error("there are none for this processor")]
    Processor,
    /// The environment names instructions that there are no kernels for, or that the processor lacks.
    #[error("{} is {name}: it is avx2 or avx512, as far as the processor has it", simd::VARIABLE)]
    Instructions {
        /// What it names.
        name: String,
    },
    /// TensorFlow's library lacks a function, or refuses an op.
    #[error("TensorFlow does not take them: {0}")]
    TensorFlow(String),
    /// The system gives no threads.
    #[error("no threads for them: {0}")]
    Threads(String),
}

struct Loaded {
    api: &'static Api,
    instructions: Instructions,
    /// Those that share the rows of a batch.
    threads: ThreadPool,
}

/// TensorFlow's functions, also where not all ops could be registered.
static API: OnceLock<Api> = OnceLock::new();
static LOADED: OnceLock<Result<Loaded, Unavailable>> = OnceLock::new();

/// Epsilon of the batch norms in the ops.
pub const BATCH_NORM_EPSILON: f32 = batch_norm::EPSILON;

/// The instruction set that the ops are computed with, once they are [loaded](load).
pub fn instructions() -> Option<Instructions> {
    loaded().map(|loaded| loaded.instructions)
}

/// Units of the dense layer in the ops.
pub const DENSE_UNITS: u64 = dense::UNITS as u64;

/// What there is once the ops are registered.
fn loaded() -> Option<&'static Loaded> {
    LOADED.get()?.as_ref().ok()
}

/// Makes the ops known to the TensorFlow of this process, which was opened from the file `library`, to run on `threads`
/// threads. This happens once; later calls return how the first one went.
///
/// # Errors
/// They cannot be used here; graphs have to be built without them.
pub fn load(library: &Path, threads: usize) -> Result<(), Unavailable> {
    LOADED.get_or_init(|| load_once(library, threads)).as_ref().map(drop).map_err(Clone::clone)
}

fn load_once(library: &Path, threads: usize) -> Result<Loaded, Unavailable> {
    let instructions = Instructions::to_use().map_err(|name| Unavailable::Instructions { name })?;
    let instructions = instructions.ok_or(Unavailable::Processor)?;
    let found = Api::find(library).map_err(Unavailable::TensorFlow)?;
    let api = API.get_or_init(|| found);
    let threads = ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|number| format!("kernels-{number}"))
        .build()
        .map_err(|error| Unavailable::Threads(error.to_string()))?;
    ops::register_all(api).map_err(Unavailable::TensorFlow)?;
    Ok(Loaded { api, instructions, threads })
}

#[cfg(test)]
#[cfg(target_arch = "x86_64")]
mod tests {
    use super::how::How;
    use super::registry::{Argument, Op, Output, ROWS};
    use super::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{RngCore, SeedableRng};

    const TEST_ROWS: i64 = 29;

    fn size(Argument(_, shape): Argument) -> usize {
        let sized = shape.iter().map(|&size| if size == ROWS { TEST_ROWS } else { size });
        sized.product::<i64>() as usize
    }

    /// Numbers in -1..1, gammas of either sign among them; variances are positive, winners -1 to 3.
    fn drawn(random: &mut ChaCha8Rng, argument: Argument) -> Vec<f32> {
        if argument.0 == "winners" {
            return (0..size(argument)).map(|_| (random.next_u32() % 5) as f32 - 1.0).collect();
        }
        let shift = if argument.0.starts_with("variance") { 1.5 } else { 0.0 };
        let mut draw = || (random.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0 + shift;
        (0..size(argument)).map(|_| draw()).collect()
    }

    /// With one instruction set the same bits as with the other: the wider one is what the tests through TensorFlow run, where
    /// there is one.
    pub fn instruction_sets_agree<O: Op<IN, OUT>, const IN: usize, const OUT: usize>() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let inputs = O::INPUTS.map(|argument| drawn(&mut random, argument));
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
            let Some(first) = found.next() else { return };
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
}
