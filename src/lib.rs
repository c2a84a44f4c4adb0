//! `tf-mnist` builds the static graph of the classic TF1 MNIST network from Rust, through TensorFlow's C API, and
//! trains, evaluates and exports it.

mod at_once;
pub mod classifier;
pub mod dataset;
pub mod drawing;
mod lossy_path;
pub mod model;
pub mod networks;
pub mod picture;
mod readable;
pub mod saved_model;
pub mod tensorboard;
pub mod training;

/// Where MNIST is kept once it was fetched, and TensorFlow's library once it was installed.
pub const CACHE: fetch::Cache = fetch::Cache { variable: "TF_MNIST_CACHE", name: "tf-mnist" };

pub use libtensorflow as runtime;
pub use tf_mnist_kernels as kernels;
pub use tf_static_graph as graph;
pub use tf_static_graph::session;
pub use verified_fetch as fetch;
pub use whole_files as staging;
