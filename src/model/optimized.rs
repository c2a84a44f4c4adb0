//! The optimized network: batch norm, SELU and dropout, in one tower to train and one to use.

use super::fused_convolutions::{FusedConvolutions, gradients_across};
use super::{CLASSES, Convolutions, Ends, Inputs, Network, Towers};
use crate::graph::{
    Activation, AdamOptimizer, BatchNorm, BatchNormConfig, Branches, Conditional, Conv2d, Conv2dConfig,
    Dense, Dropout, Mode, Padding, Precision, Randomness, Result, Scope, Variable, bias_add, gradients,
    max_pool, reshape, sparse_softmax_cross_entropy, to_f32,
};
use crate::kernels::OpTypes;
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
    /// How the towers are built.
    pub towers: Towers,
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
            towers: Towers::AsPublished,
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
    let scope = graph.name_scope("training");
    let fused = config
        .towers
        .are_own()
        .then(|| layers.fused().train(&scope, &images.if_true))
        .transpose()?;
    let learning = match &fused {
        Some(pass) => layers.dense_layers(
            &scope,
            &scope.name_scope("pool3"),
            &pass.features,
            Some(&training.step),
        )?,
        None => layers.tower(&scope, &images.if_true, Some(&training.step))?,
    };
    let using = layers.tower_in_use(&graph.name_scope("inference"), &images.if_false, config.towers)?;

    let join = |if_true: &Output, if_false: &Output| {
        cond.merge(&Branches {
            if_true: if_true.clone(),
            if_false: if_false.clone(),
        })
    };
    let logits = join(&learning.batch_normed, &using.batch_normed)?;
    let measured = match config.accuracy_on {
        AccuracyOn::LogitsBatchNorm => logits.clone(),
        AccuracyOn::Logits => join(&learning.plain, &using.plain)?,
    };

    let scope = graph.name_scope("loss_and_train");
    let loss = sparse_softmax_cross_entropy(&scope, &learning.batch_normed, &inputs.labels)?;
    let flagged = training.require_flag(&scope)?;
    let scope = scope.control_dependencies(graph.update_ops().iter().chain([&flagged]));
    let frozen = match config.towers {
        Towers::Fast { .. } => layers.biases_before_norms(config.accuracy_on),
        Towers::AsPublished => Vec::new(),
    };
    let variables = graph.trainable_variables();
    let is_frozen = |variable: &Variable| frozen.iter().any(|other| other.name() == variable.name());
    let trained: Vec<_> = variables
        .iter()
        .filter(|variable| !is_frozen(variable))
        .cloned()
        .collect();
    let adam = AdamOptimizer::new(config.learning_rate);
    let (trained, gradients) = match &fused {
        None => {
            let gradients = gradients(&scope, &loss, &trained)?;
            (trained, gradients)
        }
        Some(pass) => {
            let before = |in_features: &Output| layers.fused().gradients(&scope, pass, in_features);
            gradients_across(
                &scope,
                &loss,
                &trained,
                &pass.features,
                &layers.fused().variables(),
                before,
            )?
        }
    };
    let train = adam.apply_gradients_to(&scope, &gradients, &trained, &variables)?;

    let output = graph.name_scope("output");
    Network::new(
        graph,
        inputs,
        &output,
        Ends {
            logits,
            measured,
            loss: loss.value,
            train,
        },
    )
}

/// The network's variables and layers in use, from `images`, float32 `[rows, 28, 28, 1]`, to batch-normed logits, float32
/// `[rows, 10]`.
///
/// # Errors
/// TensorFlow refuses a node.
pub(super) fn logits(graph: &Scope, images: &Output, convolutions: Convolutions) -> Result<Output> {
    let towers = Towers::Fast {
        precision: Precision::F32,
        convolutions,
    };
    let layers = Layers::new(
        graph,
        &OptimizedConfig {
            towers,
            ..Default::default()
        },
    )?;
    Ok(layers.tower_in_use(graph, images, towers)?.batch_normed)
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
    pool_first: bool,
    ops: OpTypes,
}

/// The two ends of a tower, each float32 `[rows, 10]`.
struct Logits {
    plain: Output,
    batch_normed: Output,
}

impl Layers {
    fn new(graph: &Scope, config: &OptimizedConfig) -> Result<Self> {
        let conv = Conv2dConfig {
            precision: config.towers.precision(),
            ..Conv2dConfig::default()
        };
        let randomness = if config.towers.is_fast() {
            Randomness::Byte
        } else {
            Randomness::Float
        };
        let dropout = |rate, layer| Dropout::new(rate, config.seed, layer).with_randomness(randomness);
        let norm = BatchNormConfig {
            momentum: 0.9,
            ..BatchNormConfig::default()
        };
        Ok(Self {
            conv1: Conv2d::new(graph, "conv1", 1, 16, conv)?,
            norm1: BatchNorm::new(graph, "batch_normalization", 16, norm)?,
            conv2: Conv2d::new(graph, "conv2", 16, 32, conv)?,
            norm2: BatchNorm::new(graph, "batch_normalization_1", 32, norm)?,
            pool_dropout: dropout(config.pool_dropout, 0),
            fc1: Dense::new(graph, "fc1", 14 * 14 * 32, 32, None)?,
            norm3: BatchNorm::new(graph, "batch_normalization_2", 32, norm)?,
            fc_dropout: dropout(config.fc_dropout, 1),
            output: Dense::new(graph, "output", 32, CLASSES, None)?,
            norm4: BatchNorm::new(graph, "batch_normalization_3", CLASSES, norm)?,
            pool_first: config.towers.is_fast(),
            ops: config.towers.ops(),
        })
    }

    /// The network from `images`, float32 `[rows, 28, 28, 1]`, to its logits: to train at `step`, or, without one, to use.
    fn tower(&self, scope: &Scope, images: &Output, step: Option<&Output>) -> Result<Logits> {
        let mode = mode(step);
        let selu = |scope: &Scope, h: &Output| Activation::Selu.apply(scope, h);

        let conv = scope.name_scope("conv");
        let h = self.conv1.apply(&conv, images)?;
        let h = self.norm1.apply(&conv, &h, mode)?;
        let h = selu(&conv, &h)?;
        let h = self.conv2.apply(&conv, &h)?;
        let h = self.norm2.apply(&conv, &h, mode)?;
        let pool3 = scope.name_scope("pool3");
        let pool = |h: &Output| max_pool(&pool3, "MaxPool", h, 2, 2, Padding::Valid);
        // SELU is increasing: the greatest value stays the greatest, and a quarter of the values is left for it.
        let h = if self.pool_first {
            selu(&conv, &pool(&h)?)?
        } else {
            pool(&selu(&conv, &h)?)?
        };
        self.dense_layers(scope, &pool3, &h, step)
    }

    /// The layers behind the pool, from float32 `[rows, 14, 14, 32]`; what flattens that and drops is of scope `pool3`.
    fn dense_layers(
        &self,
        scope: &Scope,
        pool3: &Scope,
        features: &Output,
        step: Option<&Output>,
    ) -> Result<Logits> {
        let mode = mode(step);
        let drop = |dropout: &Dropout, scope: &Scope, h: Output| match step {
            Some(step) => dropout.apply(scope, &h, step),
            None => Ok(h),
        };

        let h = reshape(pool3, features, &[-1, 14 * 14 * 32])?;
        let h = drop(&self.pool_dropout, pool3, h)?;

        let fc1 = scope.name_scope("fc1");
        let h = self.fc1.apply(&fc1, &h)?;
        let h = self.norm3.apply(&fc1, &h, mode)?;
        let h = Activation::Selu.apply(&fc1, &h)?;
        let h = drop(&self.fc_dropout, &fc1, h)?;

        let output = scope.name_scope("output");
        let plain = self.output.apply(&output, &h)?;
        let batch_normed = self.norm4.apply(&output, &plain, mode)?;
        Ok(Logits { plain, batch_normed })
    }

    /// The convolutions, for the kernels of our own.
    fn fused(&self) -> FusedConvolutions<'_> {
        FusedConvolutions {
            ops: self.ops,
            conv1: &self.conv1,
            norm1: &self.norm1,
            conv2: &self.conv2,
            norm2: &self.norm2,
        }
    }

    /// The biases that the batch norm behind takes out again. Their gradient is zero but for rounding, of which Adam, which
    /// divides by its size, would make a random walk.
    fn biases_before_norms(&self, accuracy_on: AccuracyOn) -> Vec<Variable> {
        let mut biases = vec![&self.conv1.bias, &self.conv2.bias, &self.fc1.bias];
        match accuracy_on {
            AccuracyOn::LogitsBatchNorm => biases.push(&self.output.bias),
            // The published slip looks at the logits in front of the last norm, where the walk shows.
            AccuracyOn::Logits => {}
        }
        biases.into_iter().cloned().collect()
    }

    /// The network in use, from `images`.
    fn tower_in_use(&self, scope: &Scope, images: &Output, towers: Towers) -> Result<Logits> {
        match towers {
            Towers::AsPublished => self.tower(scope, images, None),
            Towers::Fast {
                convolutions: Convolutions::TensorFlow,
                ..
            } => {
                let features = self.folded_convolutions(scope, images)?;
                self.dense_layers(scope, &scope.name_scope("flatten"), &features, None)
            }
            Towers::Fast {
                convolutions: Convolutions::Own,
                ..
            } => {
                let features = self.fused().apply(scope, images)?;
                self.dense_layers(scope, &scope.name_scope("flatten"), &features, None)
            }
        }
    }

    /// The layers up to the pool in use, with both batch norms folded into the convolutions and the pool before SELU. Behind
    /// the pool a batch norm is of 32 numbers a row, fewer than there are in the kernel that it could be folded into.
    fn folded_convolutions(&self, scope: &Scope, images: &Output) -> Result<Output> {
        let selu = |scope: &Scope, h: &Output| Activation::Selu.apply(scope, h);

        let conv = scope.name_scope("conv");
        let folded = self
            .norm1
            .fold(&conv, self.conv1.kernel.read(), self.conv1.bias.read())?;
        let h = self
            .conv1
            .apply_with(&conv, images, &folded.kernel, &folded.bias)?;
        let h = selu(&conv, &h)?;
        let folded = self
            .norm2
            .fold(&conv, self.conv2.kernel.read(), self.conv2.bias.read())?;
        let h = self.conv2.sums(&conv, &h, &folded.kernel)?;

        let pool3 = scope.name_scope("pool3");
        let h = max_pool(&pool3, "MaxPool", &h, 2, 2, Padding::Valid)?;
        let h = bias_add(&pool3, &to_f32(&pool3, &h)?, &folded.bias)?;
        selu(&pool3, &h)
    }
}

fn mode(step: Option<&Output>) -> Mode {
    match step {
        Some(_) => Mode::Training,
        None => Mode::Inference,
    }
}
