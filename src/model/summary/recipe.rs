//! Which operations each layer consists of: the tables of `baseline.rs` and `optimized.rs` as data.

use super::super::{CLASSES, Kind, OptimizedConfig};
use super::operation::Operation::{self, BatchNorm, Dense, Dropout, Flatten, Relu, Selu};
use crate::graph::Padding;

/// The layers from the images to the logits.
pub(super) fn layers(kind: Kind) -> [(&'static str, Vec<Operation>); 5] {
    let conv2d = |filters, stride| Operation::Conv2d {
        filters,
        kernel_size: 3,
        stride,
        padding: Padding::Same,
    };
    let max_pool = Operation::MaxPool {
        kernel_size: 2,
        stride: 2,
        padding: Padding::Valid,
    };
    let dense = |units| Dense { units };
    let dropout = |rate| Dropout { rate };
    match kind {
        Kind::Baseline => [
            ("conv1", vec![conv2d(16, 1), Relu]),
            ("conv2", vec![conv2d(32, 2), Relu]),
            ("pool3", vec![max_pool, Flatten]),
            ("fc1", vec![dense(32), Relu]),
            ("output", vec![dense(CLASSES)]),
        ],
        Kind::Optimized => {
            let rates = OptimizedConfig::default();
            [
                ("conv1", vec![conv2d(16, 1), BatchNorm, Selu]),
                ("conv2", vec![conv2d(32, 1), BatchNorm, Selu]),
                ("pool3", vec![max_pool, Flatten, dropout(rates.pool_dropout)]),
                ("fc1", vec![dense(32), BatchNorm, Selu, dropout(rates.fc_dropout)]),
                ("output", vec![dense(CLASSES), BatchNorm]),
            ]
        }
    }
}
