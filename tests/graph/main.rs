//! Graphs built and run in this process: layers, gradients, Adam, checkpoints, whole networks. Bits are reproducible: one
//! thread and no oneDNN, unless a test says otherwise.

mod adam;
mod batch_norm;
mod cluster_sessions;
mod digests;
mod dropout;
mod gradient_registry;
mod initializers;
mod kernels;
mod layer_gradients;
mod misuse;
mod network_gradients;
mod own_dense;
mod python_graph;
mod replica_bits;
mod replica_bytes;
mod replica_evaluation;
mod replica_placement;
mod replica_towers;
mod rewrites;
mod saver;
mod subgraph;
mod synchronized_norm;
mod towers;
mod training_flag;
mod wrapped;

support::open_tensorflow_before_main!(support::without_onednn());
