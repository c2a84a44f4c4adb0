//! What a network is fed.

use super::layers::to_images;
use crate::graph::{Result, Scope};
use crate::networks::Table;
use tensorflow::{Operation, Output};

/// What a network is fed.
#[derive(Debug, Clone)]
pub struct Inputs {
    /// `inputs/X`: float32 `[rows, height * width]` in 0..=1.
    pub x: Output,
    /// The same as float32 `[rows, height, width, 1]`.
    pub images: Output,
    /// `inputs/y`: int32 `[rows]`, the number of the class.
    pub labels: Output,
    /// What tells a step of training from use, in networks where they differ.
    pub training: Option<TrainingInputs>,
    /// float32 []: the step size, where it changes from step to step.
    pub learning_rate: Option<Output>,
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
    pub(super) fn new(table: &Table, graph: &Scope) -> Result<Self> {
        let scope = graph.name_scope("inputs");
        let x = scope.placeholder::<f32>("X", &[None, Some(table.pixels() as i64)])?;
        let images = to_images(table, &scope, &x)?;
        let labels = scope.placeholder::<i32>("y", &[None])?;
        let training = match table.differs_in_training() {
            true => Some(TrainingInputs {
                flag: scope.placeholder_with_default("training", false)?,
                step: scope.placeholder_with_default("step", 0i64)?,
            }),
            false => None,
        };
        Ok(Self { x, images, labels, training, learning_rate: None })
    }
}

impl TrainingInputs {
    /// An operation that fails, and says why, where `flag` is false. Without it a training op whose tower is dead would
    /// silently do nothing.
    pub(super) fn require_flag(&self, scope: &Scope) -> Result<Operation> {
        let scope = scope.name_scope("require_training");
        let message = "a training step needs inputs/training fed with true".to_owned();
        let message = scope.scalar("message", message)?;
        scope.op("Assert", "Assert").input(&self.flag).input_list(&[message]).int("summarize", 1).build()
    }
}
