//! Files for TensorBoard: scalars, texts, images, the graph and hyperparameters, as `tf.summary` writes them.

mod event_file;
mod proto;
mod summary;

pub use event_file::EventFile;
pub use summary::Summary;
