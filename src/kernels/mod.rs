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

mod baseline;
mod batch_norm;
mod c_api;
mod convolution;
mod factors;
mod first_layer;
mod inference;
mod instructions;
mod pool_layer;
mod registry;
mod second_layer;
mod simd;
mod winograd;

use crate::runtime::Runtime;
use baseline::{BaselineFeatures, BaselineFeaturesGrad};
use c_api::Api;
use factors::{BF16, F32};
use first_layer::{FirstLayer, FirstLayerGrad};
use inference::Features;
use instructions::Instructions;
use pool_layer::{PoolLayer, PoolLayerGrad};
use rayon::{ThreadPool, ThreadPoolBuilder};
use registry::{Op, register};
use second_layer::{SecondLayer, SecondLayerInputGrad, SecondLayerKernelGrad};
use std::sync::OnceLock;

/// The types of the ops, for nodes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OpTypes {
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

/// Makes the ops known to the TensorFlow of this process, to run on `threads` threads. This happens once; later calls
/// return how the first one went.
///
/// # Errors
/// They cannot be used here; graphs have to be built without them.
pub fn load(runtime: &Runtime, threads: usize) -> Result<(), Unavailable> {
    static OUTCOME: OnceLock<Result<(), Unavailable>> = OnceLock::new();
    OUTCOME.get_or_init(|| load_once(runtime, threads)).clone()
}

fn load_once(runtime: &Runtime, threads: usize) -> Result<(), Unavailable> {
    let instructions = Instructions::of_this_processor().ok_or(Unavailable::Processor)?;
    let api = Api::find(&runtime.library).map_err(Unavailable::TensorFlow)?;
    let threads = ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|number| format!("kernels-{number}"))
        .build()
        .map_err(|error| Unavailable::Threads(error.to_string()))?;
    let Loaded { api, .. } = LOADED.get_or_init(|| Loaded {
        api,
        instructions,
        threads,
    });
    let always: [Register; 3] = [
        register::<Features>,
        register::<PoolLayer>,
        register::<SecondLayerKernelGrad>,
    ];
    always
        .into_iter()
        .chain(ops_with::<F32>())
        .chain(ops_with::<BF16>())
        .try_for_each(|register| register(api))
        .map_err(Unavailable::TensorFlow)
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
