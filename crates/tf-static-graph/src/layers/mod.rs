//! Layers: variables, and the ops that apply them to a batch.

mod activation;
mod batch_norm;
mod convolution;
mod dense;
mod dropout;
mod pooling;
mod synchronized_norm;
mod window;

pub use activation::{Activation, softmax};
pub use batch_norm::{BatchNorm, BatchNormConfig, Mode};
pub use convolution::{Conv2d, Conv2dConfig, Precision, bias_add, to_f32};
pub use dense::{Dense, reshape};
pub use dropout::{Dropout, Randomness};
pub use pooling::{Pool, pool};
pub use synchronized_norm::{Statistics, SynchronizedNorm};
pub use window::{Padding, Pair};
