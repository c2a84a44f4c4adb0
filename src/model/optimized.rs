//! The optimized network: batch norm, SELU and dropout, in one tower to train and one to use.

use super::{CLASSES, Inputs, Network};
use crate::graph::{
    Activation, AdamOptimizer, BatchNorm, BatchNormConfig, Branches, Conditional, Conv2d, Conv2dConfig,
    Dense, Dropout, Mode, Padding, Result, Scope, max_pool, reshape, softmax, sparse_softmax_cross_entropy,
};
use serde::{Deserialize, Serialize};
use tensorflow::Output;

/// What may differ between two trainings of the optimized network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OptimizedConfig {
    /// Adam's step size.
    pub learning_rate: f32,
    /// Dropout rate behind the pool, 0 <= rate < 1.
    pub pool_dropout: f32,
    /// Dropout rate behind fc1, 0 <= rate < 1.
    pub fc_dropout: f32,
    /// Which logits accuracy is measured on.
    pub accuracy_on: AccuracyOn,
    /// Seed of start values and dropout.
    pub seed: u64,
}

/// Which logits accuracy is measured on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccuracyOn {
    /// Behind the last batch norm, as the loss and Y_proba are.
    LogitsBatchNorm,
    /// Before it: a slip of the published program, which costs up to half a point early on.
    Logits,
}

impl Default for OptimizedConfig {
    fn default() -> Self {
        Self {
            learning_rate: 0.01,
            pool_dropout: 0.25,
            fc_dropout: 0.5,
            accuracy_on: AccuracyOn::LogitsBatchNorm,
            seed: 0,
        }
    }
}

/// Builds the graph that trains and evaluates the network; its variables are those of Python's front end.
///
/// | layer  | units                                          | output          |
/// |--------|------------------------------------------------|-----------------|
/// | conv1  | 16 x 3x3, batch norm, SELU                     | [n, 28, 28, 16] |
/// | conv2  | 32 x 3x3, batch norm, SELU                     | [n, 28, 28, 32] |
/// | pool3  | max 2x2 / 2, flattened, dropout `pool_dropout` | [n, 6272]       |
/// | fc1    | 32, batch norm, SELU, dropout `fc_dropout`     | [n, 32]         |
/// | output | 10, batch norm                                 | [n, 10]         |
///
/// Python's graph carries a cond in every layer, which the C++ gradient registry cannot differentiate. Here `training`
/// routes the images into one of two towers over the same variables, and the gradient is taken inside the one that
/// trains.
///
/// # Errors
/// TensorFlow refuses a node.
pub fn optimized(config: &OptimizedConfig) -> Result<Network> {
    let graph = Scope::new(Some(config.seed));
    let (inputs, training) = Inputs::with_training(&graph)?;
    let layers = Layers::new(&graph, config)?;

    let cond = Conditional::new(&graph, &training.flag);
    let images = cond.switch(&inputs.images)?;
    let learning = layers.tower(
        &graph.name_scope("training"),
        &images.if_true,
        Some(&training.step),
    )?;
    let using = layers.tower(&graph.name_scope("inference"), &images.if_false, None)?;

    let join = |if_true: &Output, if_false: &Output| {
        cond.merge(&Branches {
            if_true: if_true.clone(),
            if_false: if_false.clone(),
        })
    };
    let logits = join(&learning.batch_normed, &using.batch_normed)?;
    let probabilities = softmax(&graph.name_scope("output"), "Y_proba", &logits)?;
    let measured = match config.accuracy_on {
        AccuracyOn::LogitsBatchNorm => logits,
        AccuracyOn::Logits => join(&learning.plain, &using.plain)?,
    };

    let scope = graph.name_scope("loss_and_train");
    let loss = sparse_softmax_cross_entropy(&scope, &learning.batch_normed, &inputs.labels)?;
    let flagged = training.require_flag(&scope)?;
    let scope = scope.control_dependencies(graph.update_ops().iter().chain([&flagged]));
    let train =
        AdamOptimizer::new(config.learning_rate).minimize(&scope, &loss, &graph.trainable_variables())?;

    Network::new(graph, inputs, &measured, probabilities, loss.value, train)
}

/// The network's variables and layers in use, from `images`, float32 [rows, 28, 28, 1], to batch-normed logits, float32
/// [rows, 10].
///
/// # Errors
/// TensorFlow refuses a node.
pub(super) fn logits(graph: &Scope, images: &Output) -> Result<Output> {
    let layers = Layers::new(graph, &OptimizedConfig::default())?;
    Ok(layers.tower(graph, images, None)?.batch_normed)
}

/// The layers with variables, which both towers share, and the two dropouts.
struct Layers {
    conv1: Conv2d,
    norm1: BatchNorm,
    conv2: Conv2d,
    norm2: BatchNorm,
    pool_dropout: Dropout,
    fc1: Dense,
    norm3: BatchNorm,
    fc_dropout: Dropout,
    output: Dense,
    norm4: BatchNorm,
}

/// The two ends of a tower, each float32 [rows, 10].
struct Logits {
    plain: Output,
    batch_normed: Output,
}

impl Layers {
    fn new(graph: &Scope, config: &OptimizedConfig) -> Result<Self> {
        let conv = Conv2dConfig::default();
        let norm = BatchNormConfig {
            momentum: 0.9,
            ..BatchNormConfig::default()
        };
        Ok(Self {
            conv1: Conv2d::new(graph, "conv1", 1, 16, conv)?,
            norm1: BatchNorm::new(graph, "batch_normalization", 16, norm)?,
            conv2: Conv2d::new(graph, "conv2", 16, 32, conv)?,
            norm2: BatchNorm::new(graph, "batch_normalization_1", 32, norm)?,
            pool_dropout: Dropout::new(config.pool_dropout, config.seed, 0),
            fc1: Dense::new(graph, "fc1", 14 * 14 * 32, 32, None)?,
            norm3: BatchNorm::new(graph, "batch_normalization_2", 32, norm)?,
            fc_dropout: Dropout::new(config.fc_dropout, config.seed, 1),
            output: Dense::new(graph, "output", 32, CLASSES, None)?,
            norm4: BatchNorm::new(graph, "batch_normalization_3", CLASSES, norm)?,
        })
    }

    /// The network from `images`, float32 [rows, 28, 28, 1], to its logits: to train at `step`, or, without one, to use.
    fn tower(&self, scope: &Scope, images: &Output, step: Option<&Output>) -> Result<Logits> {
        let mode = if step.is_some() {
            Mode::Training
        } else {
            Mode::Inference
        };
        let selu = |scope: &Scope, h: &Output| Activation::Selu.apply(scope, h);
        let drop = |dropout: &Dropout, scope: &Scope, h: Output| match step {
            Some(step) => dropout.apply(scope, &h, step),
            None => Ok(h),
        };

        let conv = scope.name_scope("conv");
        let h = self.conv1.apply(&conv, images)?;
        let h = self.norm1.apply(&conv, &h, mode)?;
        let h = selu(&conv, &h)?;
        let h = self.conv2.apply(&conv, &h)?;
        let h = self.norm2.apply(&conv, &h, mode)?;
        let h = selu(&conv, &h)?;

        let pool3 = scope.name_scope("pool3");
        let h = max_pool(&pool3, "MaxPool", &h, 2, 2, Padding::Valid)?;
        let h = reshape(&pool3, &h, &[-1, 14 * 14 * 32])?;
        let h = drop(&self.pool_dropout, &pool3, h)?;

        let fc1 = scope.name_scope("fc1");
        let h = self.fc1.apply(&fc1, &h)?;
        let h = self.norm3.apply(&fc1, &h, mode)?;
        let h = selu(&fc1, &h)?;
        let h = drop(&self.fc_dropout, &fc1, h)?;

        let output = scope.name_scope("output");
        let plain = self.output.apply(&output, &h)?;
        let batch_normed = self.norm4.apply(&output, &plain, mode)?;
        Ok(Logits { plain, batch_normed })
    }
}
