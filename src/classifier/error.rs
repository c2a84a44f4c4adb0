//! Why a model cannot be used.

use crate::graph::{CheckpointError, GraphError};
use crate::session::SessionError;
use std::path::PathBuf;

/// Why a model cannot be found, loaded or asked; names the file and what would do.
#[derive(Debug, thiserror::Error)]
pub enum ClassifierError {
    /// Nothing of that name.
    #[error(
        "there is no model {path}: no folder of that name, and no checkpoint, whose index would be {path}.index"
    )]
    NotFound {
        /// What was asked for.
        path: PathBuf,
    },
    /// There is no session as asked for.
    #[error("{0}")]
    Session(#[from] SessionError),
    /// A run that has not come to its first checkpoint.
    #[error("the run in {path} has no checkpoint yet")]
    NoCheckpointYet {
        /// Its folder.
        path: PathBuf,
    },
    /// A SavedModel that is to run on several devices.
    #[error(
        "the SavedModel {path} is a graph for one device; name the checkpoint it was made from to use several"
    )]
    OneDevice {
        /// Its folder.
        path: PathBuf,
    },
    /// The checkpoint or its graph.
    #[error("{0}")]
    Graph(#[from] GraphError),
    /// The model's answers are no numbers.
    #[error("the model {path} answers NaN, which is no number: its training had diverged")]
    NotANumber {
        /// Its folder or prefix.
        path: PathBuf,
    },
    /// It is no model, or cannot be read, or is of another network or asked in another way than this program asks.
    #[error("{0}")]
    Unusable(String),
}

impl From<CheckpointError> for ClassifierError {
    fn from(error: CheckpointError) -> Self {
        Self::Graph(error.into())
    }
}

/// A result whose error is a [`ClassifierError`].
pub type Result<T> = std::result::Result<T, ClassifierError>;
