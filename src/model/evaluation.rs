//! What a network is judged by.

use super::forms::{AccuracyOn, BuildOptions};
use super::lower::{Tower, lower};
use super::part::Step;
use crate::graph::{Accuracy, Mode, Result, Scope, in_top_1, softmax};
use crate::networks::Table;
use tensorflow::Output;

/// Where rows are evaluated.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// What the probabilities are made of: float32 `[rows, classes]`.
    pub logits: Output,
    /// float32 `[rows, classes]`.
    pub probabilities: Output,
    /// Which rows are classified right, and how many.
    pub accuracy: Accuracy,
}

impl Evaluation {
    /// Of `logits`, with accuracy of `measured`, both float32 `[rows, classes]`, against `labels`, int32 `[rows]`.
    pub(super) fn new(graph: &Scope, logits: &Output, measured: &Output, labels: &Output) -> Result<Self> {
        let probabilities = softmax(&graph.within("output"), "Y_proba", logits)?;
        let accuracy = in_top_1(&graph.name_scope("eval"), measured, labels)?;
        Ok(Self { logits: logits.clone(), probabilities, accuracy })
    }
}

/// Builds the tower that is used to evaluate, alone: of a network that trains as it is used, the one that trains.
pub(super) fn in_use(
    table: &Table,
    options: &BuildOptions,
    graph: &Scope,
    steps: &[Step],
    images: &Output,
) -> Result<Tower> {
    let (steps, mode) = match table.differs_in_training() {
        true => (options.towers.in_use(table, steps), Mode::Inference),
        false => (options.towers.in_training(table, steps), Mode::Training),
    };
    lower(&steps, graph, images, mode, None)
}

/// The logits that accuracy is measured on.
pub(super) fn measured<'a>(options: &BuildOptions, tower: &'a Tower) -> &'a Output {
    match options.accuracy_on {
        AccuracyOn::Logits => &tower.plain,
        AccuracyOn::LogitsBatchNorm => &tower.logits,
    }
}
