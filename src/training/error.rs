//! What can go wrong while training.

use crate::dataset::BatchError;
use crate::graph::GraphError;
use std::io;
use std::path::PathBuf;
use tensorflow::Status;

/// An error of a training run; it names the step, file or option.
#[derive(Debug, thiserror::Error)]
pub enum TrainingError {
    /// TensorFlow failed.
    #[error("TensorFlow failed to {action}: {status}")]
    Run {
        /// What was asked for, such as "run training step 17".
        action: String,
        /// TensorFlow's reason.
        status: Status,
    },
    /// The loss left the numbers.
    #[error(
        "the loss is {loss} at step {step}: training diverged; try a lower --learning-rate, and check that start values \
         and data are finite"
    )]
    Diverged {
        /// The step, counted from 0.
        step: u64,
        /// The loss: NaN or infinite.
        loss: f32,
    },
    /// The graph, or a checkpoint of it.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The batches cannot be made.
    #[error(transparent)]
    Batches(#[from] BatchError),
    /// Reading or writing a file of the run.
    #[error("cannot {action} {path}: {source}")]
    File {
        /// What was tried: "write", "create".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The folder already holds a run.
    #[error("{path} already holds a run; choose another --out-dir, or replace it with --overwrite")]
    HoldsRun {
        /// The folder.
        path: PathBuf,
    },
    /// Writing to standard output or another place of the observer's own.
    #[error(transparent)]
    Observer(Box<dyn std::error::Error + Send + Sync>),
}

/// A result whose error is a [`TrainingError`].
pub type Result<T> = std::result::Result<T, TrainingError>;
