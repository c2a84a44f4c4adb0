//! What a network is judged by.

use crate::graph::{Accuracy, Result, Scope, in_top_1, softmax};
use tensorflow::Output;

/// Where rows are evaluated.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// What the probabilities are made of: float32 `[rows, classes]`.
    pub logits: Output,
    /// float32 `[rows, classes]`: `output/Y_proba`.
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
