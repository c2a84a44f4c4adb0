//! Why a model cannot be used.

use crate::graph::{CheckpointError, GraphError};
use crate::session::SessionError;
use std::io;
use std::path::PathBuf;
use tensorflow::Status;

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
    /// A folder that holds no model.
    #[error(
        "{path} holds no model: a run folder has a file `checkpoint`, a SavedModel a file `saved_model.pb`, and an export \
         folder has SavedModels in folders whose names are numbers"
    )]
    NoModelIn {
        /// The folder.
        path: PathBuf,
    },
    /// A run that has not come to its first checkpoint.
    #[error("the run in {path} has no checkpoint yet")]
    NoCheckpointYet {
        /// Its folder.
        path: PathBuf,
    },
    /// A folder of checkpoints, of which none is said to be the newest.
    #[error(
        "{path} holds no model that could be told from others: it has several checkpoints, and no file `checkpoint` that names \
         the newest; name one: {}", .checkpoints.iter().map(|prefix| prefix.display().to_string()).collect::<Vec<_>>().join(", ")
    )]
    SeveralCheckpoints {
        /// The folder.
        path: PathBuf,
        /// Their prefixes, that of the latest step last.
        checkpoints: Vec<PathBuf>,
    },
    /// A SavedModel whose weights are constants.
    #[error(
        "the SavedModel {path} has no variables/variables.index to take values from: either they are constants in its graph, or \
         the folder was not copied whole; name the checkpoint it was made from"
    )]
    NoVariables {
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
    /// A folder or file cannot be read.
    #[error("cannot read {path}: {source}")]
    Io {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The checkpoint is of neither network.
    #[error(
        "checkpoint {prefix} is of neither network, baseline or optimized: it lacks {}; it holds {}",
        missing.join(" and "), holds
    )]
    UnknownNetwork {
        /// The checkpoint.
        prefix: PathBuf,
        /// The keys that tell a network.
        missing: Vec<&'static str>,
        /// Some of the keys that are there.
        holds: String,
    },
    /// The checkpoint or its graph.
    #[error("{0}")]
    Graph(#[from] GraphError),
    /// TensorFlow cannot load the SavedModel.
    #[error("TensorFlow cannot load the SavedModel {path}: {}; export it again, or name another model", .damage.clone().unwrap_or_else(|| .status.to_string()))]
    Load {
        /// Its folder.
        path: PathBuf,
        /// The file that is damaged, and how, where that was found out.
        damage: Option<String>,
        /// TensorFlow's reason.
        status: Status,
    },
    /// The SavedModel is asked in another way than this program asks.
    #[error(
        "the SavedModel {path} does not fit: {reason}. What fits has a signature serving_default with one float32 input of \
         [-1, height * width], [-1, height, width] or [-1, height, width, 1], of 1024 pixels a side at most, and a \
         float32 output of [-1, classes]"
    )]
    Signature {
        /// Its folder.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// The model's answers are no numbers.
    #[error("the model {path} answers NaN, which is no number: its training had diverged")]
    NotANumber {
        /// Its folder or prefix.
        path: PathBuf,
    },
    /// The checkpoint is not of the network that was named.
    #[error("the checkpoint {prefix} is not of the network {network}: {reason}")]
    AnotherNetwork {
        /// Its prefix.
        prefix: PathBuf,
        /// The network's name.
        network: String,
        /// What does not fit.
        reason: String,
    },
    /// The model gave something else than it says.
    #[error("the model {path} gave {found} numbers for {rows} images, not {classes} each")]
    Output {
        /// Its folder or prefix.
        path: PathBuf,
        /// Numbers given.
        found: usize,
        /// Images asked about.
        rows: usize,
        /// Numbers wanted for each.
        classes: usize,
    },
}

impl From<CheckpointError> for ClassifierError {
    fn from(error: CheckpointError) -> Self {
        Self::Graph(error.into())
    }
}

/// A result whose error is a [`ClassifierError`].
pub type Result<T> = std::result::Result<T, ClassifierError>;
