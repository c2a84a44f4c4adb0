//! Pooling.

use crate::error::Result;
use crate::layers::window::{Padding, Pair};
use crate::scope::Scope;
use tensorflow::Output;

/// What a [`pool`] takes of each window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pool {
    /// The greatest value; `tf.nn.max_pool`.
    Max,
    /// The mean of the values in the image; `tf.nn.avg_pool`.
    Average,
}

/// One value for each window of `size`, moved by `strides`: float32 `[rows, height, width, channels]` to
/// `[rows, height', width', channels]`.
pub fn pool(
    scope: &Scope,
    pool: Pool,
    x: &Output,
    size: Pair,
    strides: Pair,
    padding: Padding,
) -> Result<Output> {
    let op = match pool {
        Pool::Max => "MaxPool",
        Pool::Average => "AvgPool",
    };
    scope
        .op(op, op)
        .input(x)
        .ints("ksize", &size.nhwc())
        .ints("strides", &strides.nhwc())
        .string("padding", padding.as_str())
        .string("data_format", "NHWC")
        .output()
}
