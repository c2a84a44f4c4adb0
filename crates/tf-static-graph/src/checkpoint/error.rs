//! Why a checkpoint cannot be used.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A checkpoint that cannot be read, or does not fit a graph.
#[derive(thiserror::Error)]
pub enum CheckpointError {
    /// There is no checkpoint of that prefix.
    #[error("there is no checkpoint {prefix}: {file} does not exist{hint}")]
    Missing {
        /// The prefix asked for.
        prefix: PathBuf,
        /// The file looked for.
        file: PathBuf,
        /// What was probably meant.
        hint: String,
    },
    /// There is a file of that name, of another format.
    #[error("{file} is {what}, which cannot be used as it is: {way_out}")]
    Foreign {
        /// The file.
        file: PathBuf,
        /// What it is.
        what: &'static str,
        /// How to come to something that can be used.
        way_out: &'static str,
    },
    /// The checkpoint holds variables in slices.
    #[error(
        "checkpoint {prefix} holds partitioned variables, such as {name} in {slices} slices, which cannot be read: in Python, \
         restore it into a graph built without a partitioner, and save that"
    )]
    Partitioned {
        /// The prefix.
        prefix: PathBuf,
        /// A variable that is saved in slices.
        name: String,
        /// Their number.
        slices: usize,
    },
    /// A file cannot be read.
    #[error("cannot read {file}: {cause}")]
    Io {
        /// The file.
        file: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// A file's contents are damaged.
    #[error("{file} is damaged: {reason}")]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong in it.
        reason: String,
    },
    /// The state file of a folder of checkpoints does not lead to any.
    #[error("{file} is damaged: {reason}; {}", way_round(newest.as_deref()))]
    State {
        /// The state file, `checkpoint`.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
        /// The prefix of the newest checkpoint beside it.
        newest: Option<PathBuf>,
    },
    /// The checkpoint is of another network.
    #[error("checkpoint {prefix} does not fit this network: {}", problems.join("; "))]
    Mismatch {
        /// The prefix.
        prefix: PathBuf,
        /// Each variable that is missing or wrong, and how.
        problems: Vec<String>,
    },
    /// A tensor that the checkpoint does not hold, or not as asked for.
    #[error("checkpoint {prefix} holds no float32 tensor {name:?}")]
    NoTensor {
        /// The prefix.
        prefix: PathBuf,
        /// The tensor's name.
        name: String,
    },
}

/// As it is displayed, which is what `main` and `unwrap` print.
impl fmt::Debug for CheckpointError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

fn way_round(newest: Option<&Path>) -> String {
    match newest {
        Some(prefix) => format!("name a checkpoint itself, such as {}", prefix.display()),
        None => "there is no whole checkpoint beside it".to_owned(),
    }
}
