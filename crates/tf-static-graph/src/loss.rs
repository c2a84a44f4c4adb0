//! Losses.

use crate::error::Result;
use crate::scope::Scope;
use tensorflow::{DataType, Output};

/// A scalar to minimize.
#[derive(Debug, Clone)]
pub struct Loss {
    /// The loss itself, float32 [].
    pub value: Output,
    /// A float32 scalar with the same gradient, made of ops that TensorFlow's C++ registry can differentiate.
    pub(crate) differentiable: Output,
}

impl Loss {
    /// A loss whose ops all have a gradient in TensorFlow's C++ registry: float32 [].
    pub fn new(value: Output) -> Self {
        Self { differentiable: value.clone(), value }
    }
}

/// Mean cross-entropy of `logits`, float32 `[rows, classes]`, against `labels`, int32 `[rows]`:
/// `-1/rows · sum_r log softmax(logits_r)[labels_r]`. `tf.nn.sparse_softmax_cross_entropy_with_logits`, then
/// `tf.reduce_mean`.
///
/// `SparseSoftmaxCrossEntropyWithLogits` has no gradient in the C++ registry. Its second output is the gradient of each
/// row's loss with respect to the logits, so the gradient is taken of sum(logits · stop_gradient(that / rows)) instead,
/// whose bits are those of Python's gradient.
///
/// # Errors
/// Shapes do not fit.
pub fn sparse_softmax_cross_entropy(scope: &Scope, logits: &Output, labels: &Output) -> Result<Loss> {
    let inner = scope.name_scope("SparseSoftmaxCrossEntropyWithLogits");
    // Python's front end leaves this unused node too.
    inner.op("Shape", "Shape").input(labels).data_type("out_type", DataType::Int32).build()?;
    let cross_entropy = inner
        .op("SparseSoftmaxCrossEntropyWithLogits", "SparseSoftmaxCrossEntropyWithLogits")
        .input(logits)
        .input(labels)
        .build()?;
    let rows = cross_entropy.output(0);
    let value = reduce_mean(scope, &rows)?;

    let surrogate = scope.name_scope("surrogate");
    let size = surrogate.op("Size", "rows").input(&rows).data_type("out_type", DataType::Int32).output()?;
    let size = cast(&surrogate, "rows_as_float", &size, DataType::Float)?;
    let one = surrogate.scalar("one", 1.0f32)?;
    // As Python does it: 1/rows, rounded, then times each entry.
    let weight = surrogate.op("RealDiv", "weight").input(&one).input(&size).output()?;
    let gradient = surrogate.op("Mul", "gradient").input(&cross_entropy.output(1)).input(&weight).output()?;
    let gradient = surrogate.op("StopGradient", "stop_gradient").input(&gradient).output()?;
    let product = surrogate.op("Mul", "product").input(logits).input(&gradient).output()?;
    let axes = surrogate.constant("axes", &[2], &[0, 1])?;
    let differentiable =
        surrogate.op("Sum", "sum").input(&product).input(&axes).boolean("keep_dims", false).output()?;
    Ok(Loss { value, differentiable })
}

/// The mean of a vector, float32 `[rows]` to []; `tf.reduce_mean`.
///
/// # Errors
/// `x` is no vector.
pub fn reduce_mean(scope: &Scope, x: &Output) -> Result<Output> {
    let axis = scope.constant("Const", &[1], &[0])?;
    scope.op("Mean", "Mean").input(x).input(&axis).boolean("keep_dims", false).output()
}

/// `x` converted to another dtype; `tf.cast`.
///
/// # Errors
/// TensorFlow has no such conversion.
pub fn cast(scope: &Scope, name: &str, x: &Output, to: DataType) -> Result<Output> {
    scope.op("Cast", name).input(x).data_type("DstT", to).boolean("Truncate", false).output()
}
