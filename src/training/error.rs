//! What can go wrong while training.

use crate::dataset::BatchError;
use crate::graph::{GraphError, is_out_of_memory};
use std::io;
use std::path::{Path, PathBuf};
use tensorflow::Status;

/// An error of a training run; it names the step, file or option.
#[derive(Debug, thiserror::Error)]
pub enum TrainingError {
    /// So many rows at once do not fit into memory.
    #[error("out of memory, with {rows} rows at once: TensorFlow failed to {action}: {status}")]
    OutOfMemory {
        /// What was asked for.
        action: String,
        /// Rows run at once.
        rows: usize,
        /// Whether they were evaluated rather than trained on.
        evaluated: bool,
        /// TensorFlow's reason.
        status: Status,
    },
    /// The loss left the numbers.
    #[error("the loss is {loss} at step {step}: training diverged")]
    Diverged {
        /// The step, counted from 0.
        step: u64,
        /// The loss: NaN or infinite.
        loss: f32,
    },
    /// The graph, a run of it, or a checkpoint.
    #[error("{0}")]
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
    #[error("{path} already holds a run")]
    HoldsRun {
        /// The folder.
        path: PathBuf,
    },
    /// Files that are no run's have the names that a run's would have.
    #[error(
        "{path} holds what no run wrote, where a run would write: {}; nothing was touched",
        listed(files)
    )]
    HoldsOthers {
        /// The folder.
        path: PathBuf,
        /// The files and folders in the way.
        files: Vec<PathBuf>,
    },
    /// The folder holds no run, or another process writes to it; its options cannot be read; or a step has too few
    /// rows.
    #[error("{0}")]
    Unusable(String),
    /// States were saved, but each is damaged.
    #[error(
        "no saved state of {path} can be used, so the run cannot be continued:{}", .reasons.iter().map(|reason| format!("\n  - {reason}")).collect::<String>()
    )]
    NoSoundState {
        /// The folder of the run.
        path: PathBuf,
        /// What is wrong with each, the newest first.
        reasons: Vec<String>,
    },
    /// Writing to standard output or another place of the observer's own.
    #[error(transparent)]
    Observer(Box<dyn std::error::Error + Send + Sync>),
}

/// The first of `files`, and how many more there are.
fn listed(files: &[PathBuf]) -> String {
    const SHOWN: usize = 8;
    let mut names: Vec<_> = files.iter().take(SHOWN).map(|file| file.display().to_string()).collect();
    if let Some(more) = files.len().checked_sub(SHOWN).filter(|&more| more > 0) {
        names.push(format!("and {more} more"));
    }
    names.join(", ")
}

impl TrainingError {
    /// Makes an error of `action` on `path` from its cause.
    pub(super) fn file(action: &'static str, path: &Path) -> impl Fn(io::Error) -> Self + use<> {
        let path = path.to_path_buf();
        move |source| Self::File { action, path: path.clone(), source }
    }
}

/// A result whose error is a [`TrainingError`].
pub type Result<T, E = TrainingError> = std::result::Result<T, E>;

/// A failed run.
pub(super) fn failed(action: String, status: Status) -> TrainingError {
    GraphError::Run { action, status }.into()
}

/// A failed run on so many rows.
pub(super) fn failed_on(action: String, rows: usize, evaluated: bool, status: Status) -> TrainingError {
    match is_out_of_memory(&status) {
        true => TrainingError::OutOfMemory { action, rows, evaluated, status },
        false => failed(action, status),
    }
}
