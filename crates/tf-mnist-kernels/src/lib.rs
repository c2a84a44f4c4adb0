//! Ops of this project's own: the convolutions of both networks with what lies between them, in kernels that take a
//! fraction of the time of TensorFlow's.
//!
//! | op | computes |
//! |---|---|
//! | `TfMnistBaselineFeatures` | the baseline: conv1, ReLU, conv2, ReLU, pool |
//! | `TfMnistFeatures` | the optimized network in use: conv1, SELU, conv2, pool, SELU, batch norms folded |
//! | `TfMnistFirstLayer` | in training: its conv1, batch norm, SELU |
//! | `TfMnistSecondLayer` | conv2, and the statistics of its results |
//! | `TfMnistPoolLayer` | batch norm, pool, SELU |
//! | `Tf...Grad` | their gradients, which TensorFlow's registry does not know |
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
mod factors;
mod first_layer;
mod image;
mod inference;
mod layout;
mod pool_layer;
mod registry;
mod second_layer;
mod simd;
mod winograd;

use baseline::BaselineFeatures;
use baseline_grad::BaselineFeaturesGrad;
use factors::{BF16, F32};
use first_layer::{FirstLayer, FirstLayerGrad};
use inference::Features;
use pool_layer::{PoolLayer, PoolLayerGrad};
use rayon::{ThreadPool, ThreadPoolBuilder};
use registry::Api;
use registry::{Op, register};
use second_layer::{SecondLayer, SecondLayerInputGrad, SecondLayerKernelGrad};
use simd::Instructions;
use std::path::Path;
use std::sync::OnceLock;
use tensorflow::{DataType, Graph, Operation, Status};

/// The types of the ops, for nodes.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs)] // each is the op of its name
pub struct OpTypes {
    pub baseline_features: &'static str,
    pub baseline_features_grad: &'static str,
    pub first_layer: &'static str,
    pub first_layer_grad: &'static str,
    pub second_layer: &'static str,
    pub second_layer_kernel_grad: &'static str,
    pub second_layer_input_grad: &'static str,
    pub pool_layer: &'static str,
    pub pool_layer_grad: &'static str,
    /// Always float32.
    pub features: &'static str,
}

impl OpTypes {
    /// Those whose convolutions multiply float32 numbers.
    pub const F32: Self = Self::new::<F32>();
    /// Those whose convolutions multiply numbers rounded to bfloat16.
    pub const BF16: Self = Self::new::<BF16>();

    const fn new<const FACTORS: usize>() -> Self {
        Self {
            baseline_features: BaselineFeatures::<FACTORS>::TYPE,
            baseline_features_grad: BaselineFeaturesGrad::<FACTORS>::TYPE,
            first_layer: FirstLayer::<FACTORS>::TYPE,
            first_layer_grad: FirstLayerGrad::<FACTORS>::TYPE,
            second_layer: SecondLayer::<FACTORS>::TYPE,
            second_layer_kernel_grad: SecondLayerKernelGrad::TYPE,
            second_layer_input_grad: SecondLayerInputGrad::<FACTORS>::TYPE,
            pool_layer: PoolLayer::TYPE,
            pool_layer_grad: PoolLayerGrad::<FACTORS>::TYPE,
            features: Features::TYPE,
        }
    }
}

/// Why graphs are built of TensorFlow's ops alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// The processor has no AVX2.
    #[error("there are none for this processor")]
    Processor,
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
    let instructions = Instructions::of_this_processor().ok_or(Unavailable::Processor)?;
    let api = Api::find(library).map_err(Unavailable::TensorFlow)?;
    let threads = ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|number| format!("kernels-{number}"))
        .build()
        .map_err(|error| Unavailable::Threads(error.to_string()))?;
    let Loaded { api, .. } = LOADED.get_or_init(|| Loaded { api, instructions, threads });
    let always: [Register; 3] =
        [register::<Features>, register::<PoolLayer>, register::<SecondLayerKernelGrad>];
    always
        .into_iter()
        .chain(ops_with::<F32>())
        .chain(ops_with::<BF16>())
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
            let mut node = graph.new_operation(SecondLayer::<F32>::TYPE, "probe")?;
            inputs.iter().for_each(|input| node.add_input(input.clone()));
            node.finish()
        })
        .map(drop)
        .map_err(|status| status.to_string())
}

/// Registers an op.
type Register = fn(&'static Api) -> Result<(), String>;

/// The ops that round their factors.
fn ops_with<const FACTORS: usize>() -> [Register; 7] {
    [
        register::<BaselineFeatures<FACTORS>>,
        register::<BaselineFeaturesGrad<FACTORS>>,
        register::<FirstLayer<FACTORS>>,
        register::<FirstLayerGrad<FACTORS>>,
        register::<SecondLayer<FACTORS>>,
        register::<SecondLayerInputGrad<FACTORS>>,
        register::<PoolLayerGrad<FACTORS>>,
    ]
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::registry::{Argument, Output, ROWS};
    use super::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{RngCore, SeedableRng};

    const TEST_ROWS: i64 = 11;

    fn size(Argument(_, shape): &Argument) -> usize {
        let sized = shape.iter().map(|&size| if size == ROWS { TEST_ROWS } else { size });
        sized.product::<i64>() as usize
    }

    /// Numbers in -1..1, gammas of either sign among them; variances are positive.
    fn drawn(random: &mut ChaCha8Rng, argument: &Argument) -> Vec<f32> {
        let shift = if argument.0 == "variance" { 1.5 } else { 0.0 };
        let mut draw = || (random.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0 + shift;
        (0..size(argument)).map(|_| draw()).collect()
    }

    /// With one instruction set as with the other: the wider one is what the tests through TensorFlow run, where there is one.
    fn instruction_sets_agree<O: Op>() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let inputs: Vec<_> = O::INPUTS.iter().map(|argument| drawn(&mut random, argument)).collect();
        let inputs: Vec<&[f32]> = inputs.iter().map(Vec::as_slice).collect();
        let mut found = Instructions::all_of_this_processor().into_iter().map(|instructions| {
            let mut outputs: Vec<_> =
                O::OUTPUTS.iter().map(|argument| vec![f32::NAN; size(argument)]).collect();
            let mut slices: Vec<_> = outputs.iter_mut().map(|output| Output::over(output)).collect();
            O::compute(instructions, &inputs, &mut slices);
            outputs
        });
        let Some(first) = found.next() else { return };
        for other in found {
            for ((a, b), Argument(name, _)) in first.iter().zip(&other).zip(O::OUTPUTS) {
                let greatest = a.iter().map(|x| x.abs()).fold(0.0, f32::max);
                let worst = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(
                    greatest > 0.0 && worst <= 1e-5 * greatest,
                    "{} {name}: {worst} of {greatest}",
                    O::TYPE
                );
                assert!(a.iter().chain(b).all(|x| x.is_finite()), "{} {name}", O::TYPE);
            }
        }
    }

    #[test]
    fn every_op_computes_the_same_with_every_instruction_set() {
        instruction_sets_agree::<Features>();
        instruction_sets_agree::<PoolLayer>();
        instruction_sets_agree::<SecondLayerKernelGrad>();
        instruction_sets_agree::<BaselineFeatures<F32>>();
        instruction_sets_agree::<BaselineFeaturesGrad<F32>>();
        instruction_sets_agree::<FirstLayer<F32>>();
        instruction_sets_agree::<FirstLayerGrad<F32>>();
        instruction_sets_agree::<SecondLayer<F32>>();
        instruction_sets_agree::<SecondLayerInputGrad<F32>>();
        instruction_sets_agree::<PoolLayerGrad<F32>>();
        // What is rounded may fall on either side of a tie, so only where nothing is rounded after a sum.
        instruction_sets_agree::<SecondLayer<BF16>>();
        instruction_sets_agree::<SecondLayerInputGrad<BF16>>();
        instruction_sets_agree::<FirstLayerGrad<BF16>>();
    }
}
