//! The baseline network: two convolutions, a pool, two dense layers.

use super::{CLASSES, Ends, Inputs, Network, Towers};
use crate::graph::{
    Activation, AdamOptimizer, Conv2d, Conv2dConfig, Dense, Padding, Precision, Result, Scope, max_pool,
    reshape, sparse_softmax_cross_entropy,
};
use tensorflow::Output;

/// What may differ between two trainings of the baseline network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BaselineConfig {
    /// Adam's step size.
    pub learning_rate: f32,
    /// Seed of the start values; `None` lets TensorFlow draw one.
    pub seed: Option<u64>,
    /// How the tower is built.
    pub towers: Towers,
}

impl Default for BaselineConfig {
    fn default() -> Self {
        Self {
            learning_rate: 0.001,
            seed: None,
            towers: Towers::AsPublished,
        }
    }
}

/// Builds the graph that trains and evaluates the network; its names are those of Python's front end.
///
/// | layer  | units                  | output          |
/// |--------|------------------------|-----------------|
/// | conv1  | 16 x 3x3, ReLU         | [n, 28, 28, 16] |
/// | conv2  | 32 x 3x3 / 2, ReLU     | [n, 14, 14, 32] |
/// | pool3  | max 2x2 / 2, flattened | [n, 1568]       |
/// | fc1    | 32, ReLU               | [n, 32]         |
/// | output | 10                     | [n, 10]         |
///
/// # Errors
/// TensorFlow refuses a node.
pub fn baseline(config: &BaselineConfig) -> Result<Network> {
    let graph = Scope::new(config.seed);
    let inputs = Inputs::new(&graph)?;
    let logits = logits(&graph, &inputs.images, config.towers.precision())?;
    let train = graph.name_scope("train");
    let loss = sparse_softmax_cross_entropy(&train, &logits, &inputs.labels)?;
    let train =
        AdamOptimizer::new(config.learning_rate).minimize(&train, &loss, &graph.trainable_variables())?;

    let ends = Ends {
        measured: logits.clone(),
        logits,
        loss: loss.value,
        train,
    };
    let output = graph.within("output");
    Network::new(graph, inputs, &output, ends)
}

/// The network's variables and layers, from `images`, float32 `[rows, 28, 28, 1]`, to logits, float32 `[rows, 10]`.
///
/// # Errors
/// TensorFlow refuses a node.
pub(super) fn logits(graph: &Scope, images: &Output, precision: Precision) -> Result<Output> {
    let relu = Some(Activation::Relu);
    let conv1 = Conv2dConfig {
        activation: relu,
        precision,
        ..Conv2dConfig::default()
    };
    let conv2 = Conv2dConfig {
        stride: 2,
        activation: relu,
        precision,
        ..Conv2dConfig::default()
    };

    let h = Conv2d::new(graph, "conv1", 1, 16, conv1)?.apply(graph, images)?;
    let h = Conv2d::new(graph, "conv2", 16, 32, conv2)?.apply(graph, &h)?;

    let pool3 = graph.name_scope("pool3");
    let h = max_pool(&pool3, "MaxPool", &h, 2, 2, Padding::Valid)?;
    let h = reshape(&pool3, &h, &[-1, 7 * 7 * 32])?;

    let fc1 = graph.name_scope("fc1");
    let h = Dense::new(&fc1, "fc1", 7 * 7 * 32, 32, relu)?.apply(&fc1, &h)?;

    let output = graph.name_scope("output");
    Dense::new(&output, "output", 32, CLASSES, None)?.apply(&output, &h)
}
