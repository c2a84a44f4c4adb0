//! What a network is made of, layer by layer.

use super::head::Head;
use crate::graph::{Activation, BatchNorm, Conv2d, Dense, Dropout, Pool};
use crate::networks::Window;

/// A layer, or what a rewrite makes of several.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant)] // a network has a handful of them
pub(super) enum Part {
    Conv2d(Conv2d),
    Dense(Dense),
    BatchNorm(BatchNorm),
    /// The same in training by the statistics of all replicas' rows.
    SynchronizedNorm(BatchNorm),
    Activation(Activation),
    Pool(Pool, Window),
    /// Into rows of so many values.
    Flatten(u64),
    Dropout(Dropout),
    /// A linear convolution with the batch norm behind it folded in; also with a max pool, and its bias behind that.
    FoldedConv2d(Conv2d, BatchNorm, Option<Window>),
    /// A linear dense layer with the batch norm behind it folded in.
    FoldedDense(Dense, BatchNorm),
    /// Everything from the images to some features, by ops of our own.
    Head(Box<Head>),
}

/// A part and the name scope that it stands in.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub scope: String,
    pub part: Part,
}
