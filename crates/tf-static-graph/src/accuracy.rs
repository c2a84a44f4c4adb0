//! Accuracy.

use crate::error::Result;
use crate::loss::{cast, reduce_mean};
use crate::scope::Scope;
use tensorflow::{DataType, Output};

/// How often the greatest logit is the label's.
#[derive(Debug, Clone)]
pub struct Accuracy {
    /// bool `[rows]`: no other logit of the row is greater than the label's; `tf.nn.in_top_k(k=1)`.
    pub correct: Output,
    /// float32 []: the mean of `correct`.
    pub mean: Output,
}

/// Compares `logits`, float32 `[rows, classes]`, with `labels`, int32 or int64 `[rows]`.
///
/// # Errors
/// Shapes do not fit.
pub fn in_top_1(scope: &Scope, logits: &Output, labels: &Output) -> Result<Accuracy> {
    let outer = scope.name_scope("in_top_k");
    let inner = outer.name_scope("InTopKV2");
    let k = match labels.operation.output_type(labels.index as usize) {
        DataType::Int64 => inner.scalar("k", 1i64)?,
        _ => inner.scalar("k", 1i32)?,
    };
    let correct = inner.op_named_as_scope("InTopKV2").input(logits).input(labels).input(&k).output()?;
    let as_float = cast(scope, "Cast", &correct, DataType::Float)?;
    Ok(Accuracy { mean: reduce_mean(scope, &as_float)?, correct })
}
