//! What the `tensorflow` crate lacks for building and training TF1-style static graphs: layers with variables, losses
//! and their gradients, Adam, and a Saver whose checkpoints Python reads and writes.
//!
//! ```no_run
//! use tensorflow::{DataType, Session, SessionOptions};
//! use tf_mnist::graph::{AdamOptimizer, Dense, Saver, Scope, sparse_softmax_cross_entropy};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let scope = Scope::new(Some(1));
//! let x = scope.op("Placeholder", "x").data_type("dtype", DataType::Float).shape("shape", &[None, Some(4)]).output()?;
//! let y = scope.op("Placeholder", "y").data_type("dtype", DataType::Int32).shape("shape", &[None]).output()?;
//! let logits = Dense::new(&scope, "output", 4, 3, None)?.apply(&scope, &x)?;
//! let loss = sparse_softmax_cross_entropy(&scope, &logits, &y)?;
//! let train = AdamOptimizer::new(0.01).minimize(&scope, &loss, &scope.trainable_variables())?;
//! let initialize = scope.global_variables_initializer()?;
//! let saver = Saver::new(&scope, &scope.variables())?;
//! let session = Session::new(&SessionOptions::new(), &scope.graph())?;
//! // run `initialize` once, `train` with x and y fed for each batch, then:
//! saver.save(&session, std::path::Path::new("model.ckpt"))?;
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
