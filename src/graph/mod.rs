//! What the `tensorflow` crate lacks for building and training TF1-style static graphs: layers with variables, losses
//! and their gradients, Adam, and a Saver whose checkpoints Python reads and writes.
//!
//! ```
//! use tensorflow::Tensor;
//! use tf_mnist::graph::{AdamOptimizer, Dense, Saver, Scope, sparse_softmax_cross_entropy};
//! use tf_mnist::{fetch::Silent, runtime};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let options = runtime::Options::default();
//! // SAFETY: nothing has started a thread yet that could read the environment meanwhile.
//! let _environment = unsafe { runtime::set_environment(&options) };
//! runtime::load(&options, &Silent)?; // finds libtensorflow, or installs it into the cache
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
//! saver.save(session.session(), &folder.join("model.ckpt"))?;
//! # Ok(())
//! # }
//! ```

mod accuracy;
mod activation;
mod adam;
mod batch_norm;
mod checkpoint;
mod checkpoint_error;
mod checkpoint_manager;
mod checkpoint_state;
mod conditional;
mod convolution;
mod dense;
mod dropout;
mod error;
mod foreign_format;
mod gradients;
mod graph_session;
mod initializer;
mod loss;
pub(crate) mod meta_graph;
mod meta_graph_file;
mod object_graph;
mod op;
mod placeholder;
mod pooling;
mod saver;
mod scope;
mod table;
mod tensor_bundle;
mod text_format;
mod variable;
mod window;

pub use accuracy::{Accuracy, in_top_1};
pub use activation::{Activation, softmax};
pub use adam::AdamOptimizer;
pub use batch_norm::{BatchNorm, BatchNormConfig, Folded, Mode};
pub use checkpoint::{Checkpoint, TensorEntry};
pub use checkpoint_error::CheckpointError;
pub use checkpoint_manager::CheckpointManager;
pub(crate) use checkpoint_state::STATE_FILE;
pub use checkpoint_state::{checkpoints_in, existing_prefix, latest_checkpoint};
pub use conditional::{Branches, Conditional};
pub use convolution::{Conv2d, Conv2dConfig, Precision, bias_add, to_f32};
pub use dense::{Dense, reshape, reshape_to};
pub use dropout::{Dropout, Randomness};
pub use error::{GraphError, Result, is_out_of_memory};
pub(crate) use foreign_format::{foreign_file, foreign_shard};
pub use gradients::{gradients, gradients_at};
pub use graph_session::{GraphSession, Step};
pub use initializer::Initializer;
pub use loss::{Loss, cast, reduce_mean, sparse_softmax_cross_entropy};
pub use meta_graph::export_meta_graph;
pub use op::OpBuilder;
pub use pooling::{Pool, pool};
pub use saver::Saver;
pub use scope::Scope;
pub(crate) use table::mask;
pub use variable::Variable;
pub use window::{Padding, Pair};
