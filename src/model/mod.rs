//! The networks. Each is one file that reads like its table; what they share, inputs and outputs, is here.

mod baseline;
mod fused_convolutions;
mod optimized;
pub mod summary;

pub use baseline::{BaselineConfig, baseline};
pub use optimized::{AccuracyOn, OptimizedConfig, optimized};

use crate::graph::{Accuracy, Checkpoint, Precision, Result, Saver, Scope, in_top_1, reshape, softmax};
use crate::kernels::{self, OpTypes};
use crate::runtime::Runtime;
use crate::session::{SessionConfig, SessionError};
use serde::{Deserialize, Serialize};
use std::fmt;
use tensorflow::{DataType, Operation, Output, TensorType};

/// Height and width of an image, in pixels.
pub const SIDE: u64 = 28;
/// Pixels of an image.
pub const PIXELS: u64 = SIDE * SIDE;
/// Digits.
pub const CLASSES: u64 = 10;

/// A network of this project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// See [`baseline()`].
    Baseline,
    /// See [`optimized()`].
    Optimized,
}

impl Kind {
    /// Its name on the command line and in run folders.
    pub fn name(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Optimized => "optimized",
        }
    }

    /// Which network a checkpoint is of, by its keys.
    pub fn of_checkpoint(checkpoint: &Checkpoint) -> Option<Self> {
        checkpoint
            .get("conv1/kernel")
            .and_then(|_| checkpoint.get("output/kernel"))?;
        Some(match checkpoint.get("batch_normalization/gamma") {
            Some(_) => Self::Optimized,
            None => Self::Baseline,
        })
    }

    /// Adds the network in use, without labels, optimizer, dropout or `training`, and with just the variables it needs,
    /// to `graph`: from `images`, float32 `[rows, 28, 28, 1]` in 0..=1, to logits, float32 `[rows, 10]`.
    ///
    /// # Errors
    /// TensorFlow refuses a node, or the network is in the graph already and `graph` does not
    /// [reuse variables](Scope::reuse_variables).
    pub fn inference(self, graph: &Scope, images: &Output, convolutions: Convolutions) -> Result<Output> {
        match self {
            Self::Baseline => baseline::logits(graph, images, convolutions),
            Self::Optimized => optimized::logits(graph, images, convolutions),
        }
    }
}

/// How a network is built from its variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Towers {
    /// Op for op as Python's front end builds it: the same bits.
    AsPublished,
    /// Fewer and cheaper ops for the same function.
    Fast {
        /// What the convolutions are computed in.
        precision: Precision,
        /// Whose convolutions they are.
        convolutions: Convolutions,
    },
}

/// Whose convolutions a network is built of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Convolutions {
    /// TensorFlow's, on any device.
    #[default]
    TensorFlow,
    /// Those of [`crate::kernels`], on the CPU. They have to be [loaded](crate::kernels::load) before. With
    /// [`Precision::Bf16`] training rounds factors, and so does the baseline, which has but one tower, where it validates;
    /// the optimized network in use is float32.
    Own,
}

impl fmt::Display for Convolutions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::TensorFlow => "TensorFlow's convolutions",
            Self::Own => "convolutions of tf-mnist's own",
        })
    }
}

impl Convolutions {
    /// Our own where the processor and TensorFlow's library take them and `session` runs on the CPU, else TensorFlow's.
    ///
    /// # Errors
    /// A GPU is required and there is none, or no session can be opened.
    pub fn fastest(runtime: &Runtime, session: &SessionConfig) -> std::result::Result<Self, SessionError> {
        if session.uses_gpu(runtime)? {
            return Ok(Self::TensorFlow);
        }
        Ok(match kernels::load(runtime, session.threads().intra_op) {
            Ok(()) => Self::Own,
            Err(reason) => {
                log::debug!("no kernels of our own: {reason}");
                Self::TensorFlow
            }
        })
    }
}

impl Towers {
    fn is_fast(self) -> bool {
        matches!(self, Self::Fast { .. })
    }

    fn precision(self) -> Precision {
        match self {
            Self::AsPublished => Precision::F32,
            Self::Fast { precision, .. } => precision,
        }
    }

    /// Whether convolutions are those of our own.
    fn are_own(self) -> bool {
        matches!(
            self,
            Self::Fast {
                convolutions: Convolutions::Own,
                ..
            }
        )
    }

    /// The ops of our own that train.
    fn ops(self) -> OpTypes {
        match self.precision() {
            Precision::F32 => OpTypes::F32,
            Precision::Bf16 => OpTypes::BF16,
        }
    }
}

/// What a network is fed.
#[derive(Debug, Clone)]
pub struct Inputs {
    /// `inputs/X`: float32 `[rows, 784]` in 0..=1.
    pub x: Output,
    /// The same as float32 `[rows, 28, 28, 1]`.
    pub images: Output,
    /// `inputs/y`: int32 `[rows]` in 0..10.
    pub labels: Output,
    /// What tells a step of training from use, in networks where they differ.
    pub training: Option<TrainingInputs>,
}

/// What a network with batch norm or dropout is fed besides, in a step of training.
#[derive(Debug, Clone)]
pub struct TrainingInputs {
    /// `inputs/training`: bool [], false unless fed.
    pub flag: Output,
    /// `inputs/step`: int64 [], which of its masks dropout uses; 0 unless fed.
    pub step: Output,
}

impl Inputs {
    fn new(graph: &Scope) -> Result<Self> {
        let scope = graph.name_scope("inputs");
        let x = scope
            .op("Placeholder", "X")
            .data_type("dtype", DataType::Float)
            .shape("shape", &[None, Some(PIXELS as i64)])
            .output()?;
        let images = reshape(&scope, &x, &[-1, SIDE as i32, SIDE as i32, 1])?;
        let labels = scope
            .op("Placeholder", "y")
            .data_type("dtype", DataType::Int32)
            .shape("shape", &[None])
            .output()?;
        Ok(Self {
            x,
            images,
            labels,
            training: None,
        })
    }

    fn with_training(graph: &Scope) -> Result<(Self, TrainingInputs)> {
        let mut inputs = Self::new(graph)?;
        let scope = graph.within("inputs");
        let training = TrainingInputs {
            flag: placeholder_with_default(&scope, "training", false)?,
            step: placeholder_with_default(&scope, "step", 0i64)?,
        };
        inputs.training = Some(training.clone());
        Ok((inputs, training))
    }
}

fn placeholder_with_default<T: TensorType>(scope: &Scope, name: &str, default: T) -> Result<Output> {
    let inner = scope.name_scope(name);
    let default = inner.scalar("input", default)?;
    inner
        .op_named_as_scope("PlaceholderWithDefault")
        .input(&default)
        .shape("shape", &[])
        .output()
}

impl TrainingInputs {
    /// An operation that fails, and says why, where `flag` is false. Without it a training op whose tower is dead would
    /// silently do nothing.
    fn require_flag(&self, scope: &Scope) -> Result<Operation> {
        let scope = scope.name_scope("require_training");
        let message = "a training step needs inputs/training fed with true".to_owned();
        let message = scope.scalar("message", message)?;
        scope
            .op("Assert", "Assert")
            .input(&self.flag)
            .input_list(&[message])
            .int("summarize", 1)
            .build()
    }
}

/// A graph to train and evaluate, and the nodes it is run by.
#[derive(Debug)]
pub struct Network {
    /// The graph.
    pub graph: Scope,
    /// What it is fed.
    pub inputs: Inputs,
    /// What the probabilities are made of: float32 `[rows, 10]`.
    pub logits: Output,
    /// `output/Y_proba`: float32 `[rows, 10]`.
    pub probabilities: Output,
    /// Mean cross-entropy of the batch, before the update: float32 [].
    pub loss: Output,
    /// Which rows are classified right, and how many.
    pub accuracy: Accuracy,
    /// One step of training.
    pub train: Operation,
    /// Gives every variable its start value.
    pub initialize: Operation,
    /// Saves and restores every variable.
    pub saver: Saver,
}

/// The ends of a network that its accuracy is measured at and that it is trained by.
struct Ends {
    logits: Output,
    measured: Output,
    loss: Output,
    train: Operation,
}

impl Network {
    /// Adds what every network has behind its training op: probabilities, accuracy, initializer and saver.
    fn new(graph: Scope, inputs: Inputs, output: &Scope, ends: Ends) -> Result<Self> {
        let Ends {
            logits,
            measured,
            loss,
            train,
        } = ends;
        let probabilities = softmax(output, "Y_proba", &logits)?;
        let accuracy = in_top_1(&graph.name_scope("eval"), &measured, &inputs.labels)?;
        let scope = graph.name_scope("init_and_save");
        let initialize = scope.global_variables_initializer()?;
        let saver = Saver::new(&scope, &graph.variables())?;
        Ok(Self {
            graph,
            inputs,
            logits,
            probabilities,
            loss,
            accuracy,
            train,
            initialize,
            saver,
        })
    }
}
