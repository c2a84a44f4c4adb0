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

mod baseline;
mod baseline_grad;
mod batch_norm;
mod convolution;
mod dense;
mod dropout;
mod factors;
mod first_layer;
mod image;
mod inference;
mod layers_grad;
mod layout;
mod ops;
mod pool_layer;
mod products;
mod registry;
mod second_layer;
mod simd;
mod winograd;

pub use ops::OpTypes;
use rayon::{ThreadPool, ThreadPoolBuilder};
use registry::Api;
pub use simd::Instructions;
use std::path::Path;
use std::sync::OnceLock;
use tensorflow::{DataType, Graph, Operation, Status};

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
    api: Api,
    instructions: Instructions,
    threads: ThreadPool,
}

static LOADED: OnceLock<Loaded> = OnceLock::new();

/// Epsilon of the batch norms in the ops.
pub const BATCH_NORM_EPSILON: f32 = batch_norm::EPSILON;

/// The instruction set that the ops are computed with, once they are [loaded](load).
pub fn instructions() -> Option<Instructions> {
    LOADED.get().map(|loaded| loaded.instructions)
}

/// Units of the dense layer in the ops.
pub const DENSE_UNITS: u64 = dense::UNITS as u64;

/// TensorFlow's functions, once the ops are being registered.
fn api() -> Option<&'static Api> {
    LOADED.get().map(|loaded| &loaded.api)
}

/// Runs `work`, whose rows are to be shared among the kernels' threads.
fn on_our_threads(work: impl FnOnce(Instructions) + Send) -> Result<(), String> {
    let loaded = LOADED.get().ok_or("its kernels are not loaded")?;
    loaded.threads.install(|| work(loaded.instructions));
    Ok(())
}

/// Makes the ops known to the TensorFlow of this process, which was opened from the file `library`, to run on `threads`
/// threads. This happens once; later calls return how the first one went.
///
/// # Errors
/// They cannot be used here; graphs have to be built without them.
pub fn load(library: &Path, threads: usize) -> Result<(), Unavailable> {
    static OUTCOME: OnceLock<Result<(), Unavailable>> = OnceLock::new();
    OUTCOME.get_or_init(|| load_once(library, threads)).clone()
}

fn load_once(library: &Path, threads: usize) -> Result<(), Unavailable> {
    let instructions = Instructions::to_use().map_err(|name| Unavailable::Instructions { name })?;
    let instructions = instructions.ok_or(Unavailable::Processor)?;
    let api = Api::find(library).map_err(Unavailable::TensorFlow)?;
    let threads = ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|number| format!("kernels-{number}"))
        .build()
        .map_err(|error| Unavailable::Threads(error.to_string()))?;
    let Loaded { api, .. } = LOADED.get_or_init(|| Loaded { api, instructions, threads });
    ops::REGISTER
        .iter()
        .try_for_each(|register| register(api))
        .and_then(|()| probe())
        .map_err(Unavailable::TensorFlow)
}

/// Builds a node with several outputs: TensorFlow 2.9 took such an op, and refused every node of it.
fn probe() -> Result<(), String> {
    let mut graph = Graph::new();
    let mut placeholder = |name: &str| -> Result<Operation, Status> {
        let mut node = graph.new_operation("Placeholder", name)?;
        node.set_attr_type("dtype", DataType::Float)?;
        node.finish()
    };
    let built = ["hidden", "kernel", "bias"].map(&mut placeholder).into_iter().collect::<Result<Vec<_>, _>>();
    built
        .and_then(|inputs| {
            let mut node = graph.new_operation(OpTypes::F32.second_layer, "probe")?;
            inputs.iter().for_each(|input| node.add_input(input.clone()));
            node.finish()
        })
        .map(drop)
        .map_err(|status| status.to_string())
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::registry::{Argument, Op, Output, ROWS};
    use super::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{RngCore, SeedableRng};

    const TEST_ROWS: i64 = 29;

    fn size(Argument(_, shape): &Argument) -> usize {
        let sized = shape.iter().map(|&size| if size == ROWS { TEST_ROWS } else { size });
        sized.product::<i64>() as usize
    }

    /// Numbers in -1..1, gammas of either sign among them; variances are positive.
    fn drawn(random: &mut ChaCha8Rng, argument: &Argument) -> Vec<f32> {
        let shift = if argument.0.starts_with("variance") { 1.5 } else { 0.0 };
        let mut draw = || (random.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0 + shift;
        (0..size(argument)).map(|_| draw()).collect()
    }

    /// With one instruction set the same bits as with the other: the wider one is what the tests through TensorFlow run, where
    /// there is one.
    pub fn instruction_sets_agree<O: Op>() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let inputs: Vec<_> = O::INPUTS.iter().map(|argument| drawn(&mut random, argument)).collect();
        let inputs: Vec<&[f32]> = inputs.iter().map(Vec::as_slice).collect();
        let mut found = Instructions::all_of_this_processor().into_iter().map(|instructions| {
            let [outputs, others] = [1, 3].map(|threads| {
                let mut outputs: Vec<_> =
                    O::OUTPUTS.iter().map(|argument| vec![f32::NAN; size(argument)]).collect();
                let mut slices: Vec<_> = outputs.iter_mut().map(|output| Output::over(output)).collect();
                let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| O::compute(instructions, &inputs, &mut slices));
                outputs
            });
            assert!(outputs == others, "{}: it depends on the number of threads", O::TYPE);
            outputs
        });
        let Some(first) = found.next() else { return };
        for other in found {
            for ((a, b), Argument(name, _)) in first.iter().zip(&other).zip(O::OUTPUTS) {
                assert!(a == b && a.iter().any(|&x| x != 0.0), "{} {name}", O::TYPE);
                assert!(a.iter().chain(b).all(|x| x.is_finite()), "{} {name}", O::TYPE);
            }
        }
    }

    #[test]
    fn every_op_computes_the_same_with_every_instruction_set() {
        ops::TEST.iter().for_each(|test| test());
    }
}
