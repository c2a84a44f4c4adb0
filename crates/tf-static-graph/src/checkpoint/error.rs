//! Why a checkpoint cannot be used.

use crate::debug_as_displayed::debug_as_displayed;
use std::io;
use std::path::PathBuf;

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
    /// What is there is whole, and of another format or another network.
    #[error("{path} {reason}")]
    Unfit {
        /// The prefix, or the file.
        path: PathBuf,
        /// What it is or lacks, each variable that is wrong included, and the way to something that can be used.
        reason: String,
    },
    /// A file cannot be read.
    #[error("cannot read {file}: {cause}")]
    Io {
        /// The file.
        file: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// A file's contents are damaged, or those of a state file lead to no checkpoint.
    #[error("{file} is damaged: {reason}")]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong in it.
        reason: String,
    },
}

debug_as_displayed! { CheckpointError }
