//! Activation functions, each one node. All of them increase, so that the greatest of many stays the greatest.

use crate::error::Result;
use crate::scope::Scope;
use serde::{Deserialize, Serialize};
use tensorflow::Output;

/// An element-wise activation of a layer. Each has a gradient in TensorFlow's C++ registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// max(x, 0).
    Relu,
    /// 1.0507 · x for x > 0, else 1.0507 · 1.6733 · (exp(x) - 1); Klambauer et al., 2017.
    Selu,
    /// x for x > 0, else exp(x) - 1; Clevert et al., 2015.
    Elu,
    /// The hyperbolic tangent.
    Tanh,
    /// 1 / (1 + exp(-x)).
    Sigmoid,
    /// log(1 + exp(x)). Its gradient may differ from Python's in the last bit: SoftplusGrad here, grad · sigmoid(x) there.
    Softplus,
    /// x for x > 0, else 0.2 · x; `tf.nn.leaky_relu`.
    LeakyRelu,
}

impl Activation {
    /// Applies the activation to `x`, float32 of any shape.
    pub fn apply(self, scope: &Scope, x: &Output) -> Result<Output> {
        let op = format!("{self:?}"); // TensorFlow's names are those above
        let node = scope.op(&op, &op).input(x);
        match self {
            Self::LeakyRelu => node.float("alpha", 0.2).output(),
            _ => node.output(),
        }
    }
}

/// Probabilities from logits, exp(x_i) / sum_j exp(x_j) along the last axis: float32 `[rows, classes]` to the same shape.
pub fn softmax(scope: &Scope, name: &str, logits: &Output) -> Result<Output> {
    scope.op("Softmax", name).input(logits).output()
}
