//! `tf-mnist` builds the static graph of the classic TF1 MNIST network from Rust, through TensorFlow's C API, and
//! trains, evaluates and exports it.

pub mod classifier;
pub mod dataset;
pub mod fetch;
pub mod graph;
pub mod kernels;
mod lossy_path;
pub mod model;
pub mod networks;
pub mod picture;
mod readable;
mod regular_file;
pub mod runtime;
pub mod saved_model;
pub mod session;
pub mod staging;
pub mod training;
