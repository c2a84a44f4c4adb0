//! Activation functions, each one node.

use super::error::Result;
use super::scope::Scope;
use tensorflow::Output;

/// An element-wise activation of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// max(x, 0).
    Relu,
    /// 1.0507 · x for x > 0, else 1.0507 · 1.6733 · (exp(x) - 1); Klambauer et al., 2017.
    Selu,
}

impl Activation {
    /// Applies the activation to `x`, float32 of any shape.
    ///
    /// # Errors
    /// TensorFlow refuses the node.
    pub fn apply(self, scope: &Scope, x: &Output) -> Result<Output> {
        match self {
            Self::Relu => scope.op("Relu", "Relu").input(x).output(),
            Self::Selu => scope.op("Selu", "Selu").input(x).output(),
        }
    }
}

/// Probabilities from logits, exp(x_i) / sum_j exp(x_j) along the last axis: float32 `[rows, classes]` to the same shape.
///
/// # Errors
/// TensorFlow refuses the node.
pub fn softmax(scope: &Scope, name: &str, logits: &Output) -> Result<Output> {
    scope.op("Softmax", name).input(logits).output()
}
