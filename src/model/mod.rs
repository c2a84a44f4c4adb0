//! What is built of a network's table: the graph that trains it, and the one that uses it.
//!
//! [`Network`] is the whole that trains; `layers` makes the variables, `rewrites` and `own_kernels` turn the list of layers
//! into a cheaper one for the same function, `lower` makes ops of it, `replicas` puts it on several devices, and [`summary`]
//! describes it. Python's graph carries a cond in every layer whose training differs from its use, which the C++ gradient
//! registry cannot differentiate. Here `training` routes the images into one of two towers over the same variables, and the
//! gradient is taken inside the one that trains.

mod evaluation;
mod forms;
mod head;
mod inputs;
mod layers;
mod lower;
mod network;
mod optimization;
mod own_kernels;
mod parcels;
mod part;
mod replicas;
mod rewrites;
mod shards;
pub mod summary;
mod synchronization;

pub use evaluation::Evaluation;
pub use forms::{AccuracyOn, BuildOptions, Convolutions, Towers};
pub use inputs::{Inputs, TrainingInputs};
pub(crate) use inputs::{to_bytes, to_floats};
pub use layers::to_images;
pub use network::Network;
pub use own_kernels::{has_own_kernels, own_kernels_normalize};
pub(crate) use parcels::{host_of, spans_processes};
pub use shards::MAX_REPLICAS;

use crate::graph::{Mode, Precision, Result, Scope};
use crate::networks::Table;
use lower::lower;
use tensorflow::Output;

/// Adds the network in use, without labels, optimizer, dropout or `training`, and with just the variables it needs, to
/// `graph`: from `images`, float32 `[rows, height, width, 1]` in 0..=1, to logits, float32 `[rows, classes]`.
///
/// # Errors
/// TensorFlow refuses a node, or the network is in the graph already and `graph` does not
/// [reuse variables](Scope::reuse_variables).
pub fn inference(
    table: &Table,
    graph: &Scope,
    images: &Output,
    convolutions: Convolutions,
) -> Result<Output> {
    let precision = Precision::F32;
    let towers = Towers::Fast { precision, convolutions };
    let steps = layers::make(table, graph, towers, 0)?;
    let steps = towers.in_use(table, &steps);
    Ok(lower(&steps, graph, images, Mode::Inference, None)?.logits)
}

/// As [`inference`], on each of `devices`, such as `/device:GPU:1`, over the same variables; on one, wherever TensorFlow puts it.
///
/// # Errors
/// As there.
pub fn inference_on(
    devices: &[String],
    table: &Table,
    graph: &Scope,
    images: &Output,
    convolutions: Convolutions,
) -> Result<Vec<Output>> {
    if devices.len() < 2 {
        return Ok(vec![inference(table, graph, images, convolutions)?]);
    }
    let towers = Towers::Fast { precision: Precision::F32, convolutions };
    layers::make(table, graph, towers, 0)?;
    replicas::infer(devices, table, graph, images, towers)
}
