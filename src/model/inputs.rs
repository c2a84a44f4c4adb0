//! What a network is fed.

use super::layers::to_images;
use crate::graph::{Result, Scope, cast};
use crate::networks::Table;
use tensorflow::{DataType, Operation, Output};

/// What a network is fed.
#[derive(Debug, Clone)]
pub struct Inputs {
    /// `inputs/X`: `[rows, height * width]`, float32 in 0..=1, or, where replicas are in several processes, uint8 as in
    /// the files: a quarter of what goes from one to another.
    pub x: Output,
    /// The same as `[rows, height, width, 1]`.
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
    pub(super) fn new(table: &Table, graph: &Scope, as_bytes: bool) -> Result<Self> {
        let scope = graph.name_scope("inputs");
        let shape = [None, Some(table.pixels() as i64)];
        let x = match as_bytes {
            true => scope.placeholder::<u8>("X", &shape),
            false => scope.placeholder::<f32>("X", &shape),
        }?;
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

    /// Whether images are fed as bytes.
    pub fn takes_bytes(&self) -> bool {
        is_bytes(&self.x)
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

fn is_bytes(images: &Output) -> bool {
    images.operation.output_type(images.index as usize) == DataType::UInt8
}

/// The bytes that float32 in 0..=1 were made of by [`to_floats`].
pub(crate) fn to_bytes(scope: &Scope, floats: &Output) -> Result<Output> {
    let scope = scope.name_scope("to_bytes");
    let full_ink = scope.scalar("full_ink", 255.0f32)?;
    let scaled = scope.op("Mul", "scaled").input(floats).input(&full_ink).output()?;
    let rounded = scope.op("Round", "rounded").input(&scaled).output()?;
    cast(&scope, "bytes", &rounded, DataType::UInt8)
}

/// Images as float32 in 0..=1: themselves, or of bytes, with the bits of [`Split::gather`](crate::dataset::Split::gather).
pub(crate) fn to_floats(scope: &Scope, images: &Output) -> Result<Output> {
    if !is_bytes(images) {
        return Ok(images.clone());
    }
    let scope = scope.name_scope("to_floats");
    let floats = cast(&scope, "floats", images, DataType::Float)?;
    // No constant: the graph optimizer would multiply by its reciprocal, which differs in the last bit.
    let full_ink = scope.placeholder_with_default("full_ink", 255.0f32)?;
    scope.op("RealDiv", "scaled").input(&floats).input(&full_ink).output()
}
