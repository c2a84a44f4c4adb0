//! Pooling.

use super::convolution::Padding;
use super::error::Result;
use super::scope::Scope;
use tensorflow::Output;

/// The greatest value of each window of `size` x `size`, moved by `stride`: float32 `[rows, height, width, channels]` to
/// `[rows, height', width', channels]`; `tf.nn.max_pool`.
///
/// # Errors
/// The shape of `x` does not fit.
pub fn max_pool(
    scope: &Scope,
    name: &str,
    x: &Output,
    size: u64,
    stride: u64,
    padding: Padding,
) -> Result<Output> {
    let (size, stride) = (size as i64, stride as i64);
    scope
        .op("MaxPool", name)
        .input(x)
        .ints("ksize", &[1, size, size, 1])
        .ints("strides", &[1, stride, stride, 1])
        .string("padding", padding.as_str())
        .string("data_format", "NHWC")
        .output()
}
