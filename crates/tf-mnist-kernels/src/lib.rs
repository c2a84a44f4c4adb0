//! Ops of this project's own: the convolutions of both networks with what lies between them, in kernels that take a
//! fraction of the time of TensorFlow's.
//!
//! [`OpTypes`] lists them; those of gradients TensorFlow's registry does not know.
//!
//! Three things make them fast. Values stay in the cache from one layer to the next; statistics of a batch norm are summed
//! up while its input is made, or, for conv1, follow from the image's own moments; and conv2 takes a quarter of the
//! products, by Winograd's algorithm, and in use none where an image is blank. They are float32, on x86-64 processors with AVX2 or AVX-512, and registered through
//! TensorFlow's C kernel API. An exported model never holds one.

// Loops run over the places of several arrays at once; a closure would not take the instruction set of its function.
#![allow(clippy::needless_range_loop)]
// On other processors nothing of it is ever called.
#![cfg_attr(not(target_arch = "x86_64"), allow(dead_code, unreachable_code, unused_imports))]

mod arguments;
mod baseline;
mod baseline_grad;
mod batch_norm;
mod dense;
mod dropout;
mod first_layer;
mod how;
mod image;
mod layout;
mod ops;
mod optimized;
mod optimized_grad;
mod pool_layer;
mod products;
mod registry;
mod rows;
mod simd;
#[cfg(all(test, target_arch = "x86_64"))]
mod tests;
mod winograd;

pub use batch_norm::EPSILON as BATCH_NORM_EPSILON;
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

/// What the ops need.
struct Loaded {
    api: Api,
    instructions: Instructions,
    /// Those that share the rows of a batch.
    threads: ThreadPool,
}

/// There before the first op is registered.
static LOADED: OnceLock<Loaded> = OnceLock::new();
static REGISTERED: OnceLock<Result<Instructions, Unavailable>> = OnceLock::new();

/// The instruction set that the ops are computed with, once they are [loaded](load).
pub fn instructions() -> Option<Instructions> {
    REGISTERED.get()?.as_ref().ok().copied()
}

/// Units of the dense layer in the ops.
pub const DENSE_UNITS: u64 = dense::UNITS as u64;

/// Makes the ops known to the TensorFlow of this process, which was opened from the file `library`, to run on `threads`
/// threads. This happens once; later calls return how the first one went.
///
/// # Errors
/// They cannot be used here; graphs have to be built without them.
pub fn load(library: &Path, threads: usize) -> Result<(), Unavailable> {
    REGISTERED.get_or_init(|| load_once(library, threads)).as_ref().map(drop).map_err(Clone::clone)
}

fn load_once(library: &Path, threads: usize) -> Result<Instructions, Unavailable> {
    let instructions = Instructions::to_use().map_err(|name| Unavailable::Instructions { name })?;
    let instructions = instructions.ok_or(Unavailable::Processor)?;
    let api = Api::find(library).map_err(Unavailable::TensorFlow)?;
    let threads = ThreadPoolBuilder::new().num_threads(threads);
    let threads = threads.thread_name(|number| format!("kernels-{number}")).build();
    let threads = threads.map_err(|error| Unavailable::Threads(error.to_string()))?;
    let loaded = LOADED.get_or_init(|| Loaded { api, instructions, threads });
    ops::register_all(&loaded.api).map_err(Unavailable::TensorFlow)?;
    Ok(instructions)
}
