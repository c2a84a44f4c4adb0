#![doc = include_str!("../README.md")]

mod adam;
pub mod checkpoint;
mod conditional;
mod debug_as_displayed;
mod error;
mod get_variable;
mod gradients;
mod initializer;
mod layers;
mod literal_path;
mod loss;
mod names;
mod op;
pub mod proto;
mod scope;
pub mod session;
mod subgraph;
mod variable;

pub use adam::AdamOptimizer;
#[doc(inline)]
pub use checkpoint::{
    Checkpoint, CheckpointError, CheckpointManager, Saver, TensorEntry, checkpoints_in, existing_prefix,
    export_meta_graph, latest_checkpoint,
};
pub use conditional::Conditional;
pub use error::{GraphError, Result, is_out_of_memory};
pub use gradients::{gradients, gradients_at};
pub use initializer::Initializer;
pub use layers::{
    Activation, BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig, Dense, Dropout, Mode, Padding, Pair, Pool,
    Precision, Randomness, Statistics, SynchronizedNorm, bias_add, pool, reshape, softmax, to_f32,
};
pub use literal_path::{LiteralPath, has_pattern};
pub use loss::{
    Accuracy, Loss, cast, in_top_1, reduce_mean, sparse_softmax_cross_entropy,
    sparse_softmax_cross_entropy_share,
};
pub use op::OpBuilder;
pub use scope::Scope;
#[doc(inline)]
pub use session::{GraphSession, SessionConfig, Step};
pub use subgraph::{Import, Subgraph};
pub use variable::{MovingAverage, Variable};

pub use libtensorflow::{self, tensorflow};
