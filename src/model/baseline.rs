//! The baseline network: two convolutions, a pool, two dense layers.

use super::fused_convolutions::{FusedBaseline, gradients_across};
use super::{CLASSES, Convolutions, Ends, Inputs, Network, Towers};
use crate::graph::{
    Activation, AdamOptimizer, Conv2d, Conv2dConfig, Dense, Padding, Precision, Result, Scope, max_pool,
    reshape, sparse_softmax_cross_entropy,
};
use crate::kernels::OpTypes;
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
    let layers = Layers::new(&graph, config.towers)?;
    let fused = config
        .towers
        .are_own()
        .then(|| layers.fused().apply(&graph, &inputs.images))
        .transpose()?;
    let logits = match &fused {
        Some(features) => layers.dense_layers(&graph, &graph.name_scope("pool3"), &features.output(0))?,
        None => layers.apply(&graph, &inputs.images)?,
    };

    let train = graph.name_scope("train");
    let loss = sparse_softmax_cross_entropy(&train, &logits, &inputs.labels)?;
    let variables = graph.trainable_variables();
    let adam = AdamOptimizer::new(config.learning_rate);
    let train = match &fused {
        None => adam.minimize(&train, &loss, &variables)?,
        Some(features) => {
            let before = |in_features: &Output| {
                layers
                    .fused()
                    .gradients(&train, &inputs.images, features, in_features)
            };
            let own = layers.fused().variables();
            let (trained, gradients) =
                gradients_across(&train, &loss, &variables, &features.output(0), &own, before)?;
            adam.apply_gradients_to(&train, &gradients, &trained, &variables)?
        }
    };

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
pub(super) fn logits(graph: &Scope, images: &Output, convolutions: Convolutions) -> Result<Output> {
    let precision = Precision::F32;
    let layers = Layers::new(
        graph,
        Towers::Fast {
            precision,
            convolutions,
        },
    )?;
    match convolutions {
        Convolutions::TensorFlow => layers.apply(graph, images),
        Convolutions::Own => {
            let features = layers.fused().apply(graph, images)?.output(0);
            layers.dense_layers(graph, &graph.name_scope("pool3"), &features)
        }
    }
}

/// The layers with variables.
struct Layers {
    conv1: Conv2d,
    conv2: Conv2d,
    fc1: Dense,
    output: Dense,
    ops: OpTypes,
}

impl Layers {
    fn new(graph: &Scope, towers: Towers) -> Result<Self> {
        let precision = towers.precision();
        let relu = Some(Activation::Relu);
        let conv1 = Conv2dConfig {
            activation: relu,
            precision,
            ..Conv2dConfig::default()
        };
        let conv2 = Conv2dConfig { stride: 2, ..conv1 };
        Ok(Self {
            conv1: Conv2d::new(graph, "conv1", 1, 16, conv1)?,
            conv2: Conv2d::new(graph, "conv2", 16, 32, conv2)?,
            fc1: Dense::new(graph, "fc1", 7 * 7 * 32, 32, relu)?,
            output: Dense::new(graph, "output", 32, CLASSES, None)?,
            ops: towers.ops(),
        })
    }

    fn apply(&self, scope: &Scope, images: &Output) -> Result<Output> {
        let h = self.conv1.apply(scope, images)?;
        let h = self.conv2.apply(scope, &h)?;
        let pool3 = scope.name_scope("pool3");
        let h = max_pool(&pool3, "MaxPool", &h, 2, 2, Padding::Valid)?;
        self.dense_layers(scope, &pool3, &h)
    }

    /// The layers behind the pool, from float32 `[rows, 7, 7, 32]`, which is flattened in scope `pool3`.
    fn dense_layers(&self, scope: &Scope, pool3: &Scope, features: &Output) -> Result<Output> {
        let h = reshape(pool3, features, &[-1, 7 * 7 * 32])?;
        let h = self.fc1.apply(&scope.name_scope("fc1"), &h)?;
        self.output.apply(&scope.name_scope("output"), &h)
    }

    /// The convolutions, for the kernels of our own.
    fn fused(&self) -> FusedBaseline<'_> {
        FusedBaseline {
            ops: self.ops,
            conv1: &self.conv1,
            conv2: &self.conv2,
        }
    }
}
