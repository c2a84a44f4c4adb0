//! Batch normalization.

use crate::error::{GraphError, Result};
use crate::initializer::Initializer;
use crate::scope::Scope;
use crate::variable::{MovingAverage, Variable};
use serde::{Deserialize, Serialize};
use tensorflow::{Operation, Output};

/// Whether a layer is built to learn or to be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Statistics of the batch, dropout active.
    Training,
    /// Moving averages, no dropout.
    Inference,
}

/// Batch normalization over all axes but the last, with its variables; `tf.layers.batch_normalization`
/// (Ioffe and Szegedy, 2015):
///
/// ```text
/// y = gamma · (x - mean) / sqrt(variance + epsilon) + beta
/// ```
///
/// When training, mean and variance are the batch's and each moving average moves towards them,
/// `moving = moving - (moving - batch) · (1 - momentum)`; otherwise the moving averages are used. As TensorFlow has it,
/// the variance that the moving average of a rank 4 input takes is the unbiased one (times N/(N-1), Bessel's
/// correction), that of a rank 2 input the population's.
#[derive(Debug, Clone)]
pub struct BatchNorm {
    /// float32 `[channels]`, one at first.
    pub gamma: Variable,
    /// float32 `[channels]`, zero at first.
    pub beta: Variable,
    /// float32 `[channels]`, zero at first, not trained.
    pub moving_mean: Variable,
    /// float32 `[channels]`, one at first, not trained.
    pub moving_variance: Variable,
    pub(super) config: BatchNormConfig,
}

/// What a [`BatchNorm`] computes besides its variables.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename = "BatchNormalization", deny_unknown_fields, default)]
pub struct BatchNormConfig {
    /// How much of a moving average stays in a step.
    pub momentum: f32,
    /// Keeps the square root from zero.
    pub epsilon: f32,
}

impl Default for BatchNormConfig {
    /// Keras's.
    fn default() -> Self {
        Self { momentum: 0.99, epsilon: 0.001 }
    }
}

impl BatchNorm {
    /// Makes the variables `name/gamma`, `name/beta`, `name/moving_mean` and `name/moving_variance`.
    ///
    /// # Errors
    /// A variable of that name is there already.
    pub fn new(scope: &Scope, name: &str, channels: u64, config: BatchNormConfig) -> Result<Self> {
        let named = |variable: &str| format!("{name}/{variable}");
        let trained = |name, first| Variable::new(scope, &named(name), &[channels], first);
        let moving = |name, first| Variable::untrainable(scope, &named(name), &[channels], first);
        Ok(Self {
            gamma: trained("gamma", Initializer::Ones)?,
            beta: trained("beta", Initializer::Zeros)?,
            moving_mean: moving("moving_mean", Initializer::Zeros)?,
            moving_variance: moving("moving_variance", Initializer::Ones)?,
            config,
        })
    }

    /// Normalizes float32 `[rows, height, width, channels]` or `[rows, channels]`, to the same shape. In
    /// [`Mode::Training`] the moving averages' updates are added to [`Scope::update_ops`], which the training op must
    /// depend on.
    ///
    /// # Errors
    /// `x` has another rank, or its last dimension is not `channels`.
    pub fn apply(&self, scope: &Scope, x: &Output, mode: Mode) -> Result<Output> {
        let scope = scope.name_scope("batch_normalization");
        match scope.shape(x).as_deref() {
            Some([_, _, _, _]) => {
                let moving = [self.moving_mean.read(), self.moving_variance.read()];
                let normalized = self.fused(&scope, x, moving, mode)?;
                if mode == Mode::Training {
                    self.update_moving_averages(&scope, [&normalized.output(1), &normalized.output(2)], 4)?;
                }
                Ok(normalized.output(0))
            }
            Some([_, _]) => self.apply_to_rows(&scope, x, mode),
            dims => {
                let rank = dims.map_or("an unknown one".to_owned(), |dims| dims.len().to_string());
                let reason = format!("batch normalization takes rank 2 or 4, not {rank}");
                Err(GraphError::unfit(scope.path(), reason))
            }
        }
    }

    /// The kernel and bias that do in one what a layer without activation and this batch norm, in inference, do one
    /// after the other (Jacob et al., 2018, section 3.2):
    ///
    /// ```text
    /// scale  = gamma / sqrt(moving_variance + epsilon)
    /// kernel = kernel · scale,  bias = (bias - moving_mean) · scale + beta
    /// ```
    ///
    /// `kernel` is float32 `[..., channels]`, `bias` float32 `[channels]`, zero if there is none; so are the two
    /// returned. Computed in the graph, from the variables as they are at each run.
    pub fn fold(
        &self,
        scope: &Scope,
        kernel: &Variable,
        bias: Option<&Variable>,
    ) -> Result<(Output, Output)> {
        let scope = scope.name_scope("folded");
        let scale = self.scale(&scope, self.moving_variance.read())?;
        let kernel = scope.op("Mul", "kernel").input(kernel.read()).input(&scale).output()?;
        let mean = self.moving_mean.read();
        let centred = match bias {
            Some(bias) => scope.op("Sub", "sub").input(bias.read()).input(mean).output()?,
            None => scope.op("Neg", "neg").input(mean).output()?,
        };
        let scaled = scope.op("Mul", "mul").input(&centred).input(&scale).output()?;
        let bias = scope.op("AddV2", "bias").input(&scaled).input(self.beta.read()).output()?;
        Ok((kernel, bias))
    }

    /// Adds the moving averages' updates towards a batch's mean and variance, float32 `[channels]`, to
    /// [`Scope::update_ops`], as [`apply`](Self::apply) does for that rank: for rank 4 the variance is the unbiased one.
    pub fn update_moving_averages(&self, scope: &Scope, batch: [&Output; 2], rank: usize) -> Result<()> {
        for average in self.moving_averages(batch, rank) {
            scope.add_update_op(average.move_towards(scope, &average.variable, &average.value)?);
            scope.add_moving_average(average);
        }
        Ok(())
    }

    /// Of rank 4, by its own statistics or by those that are given.
    pub(super) fn fused(
        &self,
        scope: &Scope,
        x: &Output,
        [mean, variance]: [&Output; 2],
        mode: Mode,
    ) -> Result<Operation> {
        scope
            .op("FusedBatchNormV3", "FusedBatchNormV3")
            .inputs([x, self.gamma.read(), self.beta.read(), mean, variance])
            .float("epsilon", self.config.epsilon)
            .float("exponential_avg_factor", 1.0) // outputs 1 and 2 are the batch's own
            .boolean("is_training", mode == Mode::Training)
            .string("data_format", "NHWC")
            .build()
    }

    fn apply_to_rows(&self, scope: &Scope, x: &Output, mode: Mode) -> Result<Output> {
        let (mean, variance) = match mode {
            Mode::Training => {
                let (mean, variance) = moments(scope, x, 2)?;
                self.update_moving_averages(scope, [&mean, &variance], 2)?;
                (mean, variance)
            }
            Mode::Inference => (self.moving_mean.read().clone(), self.moving_variance.read().clone()),
        };
        // `tf.nn.batch_normalization`: x · (gamma · rsqrt(variance + epsilon)) + (beta - mean · that).
        let scope = scope.name_scope("batchnorm");
        let scale = self.scale(&scope, &variance)?;
        let scaled = scope.op("Mul", "mul").input(x).input(&scale).output()?;
        let scaled_mean = scope.op("Mul", "mul").input(&mean).input(&scale).output()?;
        let offset = scope.op("Sub", "sub").input(self.beta.read()).input(&scaled_mean).output()?;
        scope.op("AddV2", "add").input(&scaled).input(&offset).output()
    }

    /// gamma / sqrt(variance + epsilon).
    fn scale(&self, scope: &Scope, variance: &Output) -> Result<Output> {
        let epsilon = scope.scalar("epsilon", self.config.epsilon)?;
        let sum = scope.op("AddV2", "add").input(variance).input(&epsilon).output()?;
        let rsqrt = scope.op("Rsqrt", "Rsqrt").input(&sum).output()?;
        scope.op("Mul", "mul").input(&rsqrt).input(self.gamma.read()).output()
    }

    /// What its moving averages are to move towards in a step on inputs of this rank.
    pub(super) fn moving_averages(&self, [mean, variance]: [&Output; 2], rank: usize) -> [MovingAverage; 2] {
        // 1.0f - 0.9f is 0.10000002, not 0.1f: Python's front end subtracts in float32 in rank 4, and in float64, rounded
        // after, in rank 2.
        let factor = match rank {
            2 => (1.0 - decimal(self.config.momentum)) as f32,
            _ => 1.0 - self.config.momentum,
        };
        [(&self.moving_mean, mean), (&self.moving_variance, variance)].map(|(moving, batch)| MovingAverage {
            variable: moving.clone(),
            value: batch.clone(),
            factor,
        })
    }
}

/// Mean and population variance over all axes but the last of float32 of that rank, as float32 `[channels]`; `tf.nn.moments`.
pub(super) fn moments(scope: &Scope, x: &Output, rank: usize) -> Result<(Output, Output)> {
    let scope = scope.name_scope("moments");
    let axes: Vec<_> = (0..rank as i32 - 1).collect();
    let rows = scope.constant("reduction_indices", &[axes.len() as u64], &axes)?;
    let mean_over_rows = |name: &str, x: &Output| {
        scope.op("Mean", name).input(x).input(&rows).boolean("keep_dims", true).output()
    };
    let axes: Vec<_> = axes.into_iter().map(i64::from).collect();
    let squeeze = |x: &Output| scope.op("Squeeze", "Squeeze").input(x).ints("squeeze_dims", &axes).output();

    let mean = mean_over_rows("mean", x)?;
    let fixed = scope.op("StopGradient", "StopGradient").input(&mean).output()?;
    let squares = scope.op("SquaredDifference", "SquaredDifference").input(x).input(&fixed).output()?;
    let variance = mean_over_rows("variance", &squares)?;
    Ok((squeeze(&mean)?, squeeze(&variance)?))
}

impl MovingAverage {
    /// An operation that moves `moving` as this average is moved, towards another `value`: that of several batches, say.
    /// `moving = moving - (moving - value) · factor`; `tf.python.training.moving_averages.assign_moving_average`.
    pub fn move_towards(&self, scope: &Scope, moving: &Variable, value: &Output) -> Result<Operation> {
        let inner = scope.name_scope("AssignMovingAvg");
        let factor = inner.scalar("decay", self.factor)?;
        let difference = inner.op("Sub", "sub").input(moving.read()).input(value).output()?;
        let change = inner.op("Mul", "mul").input(&difference).input(&factor).output()?;
        inner
            .op_named_as_scope("AssignSub")
            .inputs([&moving.reference, &change])
            .boolean("use_locking", false)
            .colocate_with(moving.name())
            .build()
    }
}

/// The float64 that the user wrote for a float32: 0.9 rather than 0.8999999761581421.
fn decimal(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}
