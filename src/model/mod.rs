//! The networks. Each is one file that reads like its table; what they share, inputs and outputs, is here.

mod baseline;

pub use baseline::{BaselineConfig, baseline};

use crate::graph::{Accuracy, Result, Saver, Scope, in_top_1, reshape};
use tensorflow::{DataType, Operation, Output};

/// Height and width of an image, in pixels.
pub const SIDE: u64 = 28;
/// Pixels of an image.
pub const PIXELS: u64 = SIDE * SIDE;
/// Digits.
pub const CLASSES: u64 = 10;

/// What a network is fed.
#[derive(Debug, Clone)]
pub struct Inputs {
    /// `inputs/X`: float32 [rows, 784] in 0..=1.
    pub x: Output,
    /// The same as float32 [rows, 28, 28, 1].
    pub images: Output,
    /// `inputs/y`: int32 [rows] in 0..10.
    pub labels: Output,
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
        Ok(Self { x, images, labels })
    }
}

/// A graph to train and evaluate, and the nodes it is run by.
#[derive(Debug)]
pub struct Network {
    /// The graph.
    pub graph: Scope,
    /// What it is fed.
    pub inputs: Inputs,
    /// `output/Y_proba`: float32 [rows, 10].
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

impl Network {
    /// Adds what every network has behind its training op: accuracy, initializer and saver.
    fn new(
        graph: Scope,
        inputs: Inputs,
        measured: &Output,
        probabilities: Output,
        loss: Output,
        train: Operation,
    ) -> Result<Self> {
        let accuracy = in_top_1(&graph.name_scope("eval"), measured, &inputs.labels)?;
        let scope = graph.name_scope("init_and_save");
        let initialize = scope.global_variables_initializer()?;
        let saver = Saver::new(&scope, &graph.variables())?;
        Ok(Self {
            graph,
            inputs,
            probabilities,
            loss,
            accuracy,
            train,
            initialize,
            saver,
        })
    }
}
