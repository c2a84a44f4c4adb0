//! What the `tensorflow` crate lacks for building and training TF1-style static graphs: layers with variables, losses
//! and their gradients, Adam, and a Saver whose checkpoints Python reads and writes.
//!
//! [`tensorflow`] here is the crate itself. A dependency of one's own on it must read `tensorflow = { version = "0.21",
//! default-features = false, features = ["tensorflow_runtime_linking"] }`: with its default features on as well, it does
//! not compile.
//!
//! ```
//! use tf_static_graph::libtensorflow::{self, Silent};
//! use tf_static_graph::tensorflow::Tensor;
//! use tf_static_graph::{AdamOptimizer, Dense, Saver, Scope, sparse_softmax_cross_entropy};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let options = libtensorflow::Options::default();
//! # let cache = libtensorflow::Cache { variable: "TF_MNIST_CACHE", name: "tf-mnist" }; // it may be there already
//! # let options = libtensorflow::Options { cache, ..options };
//! // Finds TensorFlow's library, or installs it into the cache. SAFETY: no other thread runs yet.
//! unsafe { libtensorflow::load_with_environment(&options, &Silent)? };
//!
//! let graph = Scope::new(Some(1));
//! let x = graph.placeholder::<f32>("x", &[None, Some(4)])?;
//! let y = graph.placeholder::<i32>("y", &[None])?;
//! let logits = Dense::new(&graph, "output", 4, 3, None)?.apply(&graph, &x)?;
//! let loss = sparse_softmax_cross_entropy(&graph, &logits, &y)?;
//! let train = AdamOptimizer::new(0.01).minimize(&graph, &loss, &graph.trainable_variables())?;
//! let saver = Saver::new(&graph, &graph.variables())?;
//!
//! let (rows, labels) = (Tensor::new(&[2, 4]).with_values(&[0.5_f32; 8])?, Tensor::new(&[2]).with_values(&[0, 2])?);
//! let session = graph.initialized_session()?;
//! for _ in 0..10 {
//!     let step = session.step().feed(&x, &rows).feed(&y, &labels).target(&train);
//!     println!("loss {}", step.fetch(&loss.value).run()?[0][0]);
//! }
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path();
//! saver.save(&session, folder.join("model.ckpt"))?;
//! # Ok(())
//! # }
//! ```

mod accuracy;
mod adam;
pub mod checkpoint;
mod conditional;
mod error;
mod get_variable;
mod gradients;
mod initializer;
mod layers;
mod loss;
mod moving_average;
mod names;
mod op;
mod placeholder;
mod scope;
pub mod session;
mod subgraph;
mod variable;

pub use accuracy::{Accuracy, in_top_1};
pub use adam::AdamOptimizer;
#[doc(inline)]
pub use checkpoint::{
    Checkpoint, CheckpointError, CheckpointManager, Saver, TensorEntry, checkpoints_in, existing_prefix,
    export_meta_graph, latest_checkpoint,
};
pub use conditional::{Branches, Conditional};
pub use error::{GraphError, Result, is_out_of_memory};
pub use gradients::{gradients, gradients_at};
pub use initializer::Initializer;
pub use layers::{
    Activation, BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig, Dense, Dropout, Folded, Mode, Padding,
    Pair, Pool, Precision, Randomness, Statistics, SynchronizedNorm, bias_add, pool, reshape, reshape_to,
    softmax, to_f32,
};
pub use loss::{Loss, cast, reduce_mean, sparse_softmax_cross_entropy, sparse_softmax_cross_entropy_share};
pub use moving_average::MovingAverage;
pub use op::OpBuilder;
pub use scope::Scope;
#[doc(inline)]
pub use session::{GraphSession, SessionConfig, Step};
pub use subgraph::{Import, Subgraph};
pub use variable::Variable;

pub use libtensorflow::{self, tensorflow};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
