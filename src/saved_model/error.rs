//! What can go wrong while a model is exported.

use crate::classifier::ClassifierError;
use crate::graph::{CheckpointError, GraphError};
use std::io;
use std::path::{Path, PathBuf};

/// An error of an export; it names the file. No version folder is there that was not there before.
#[derive(Debug, thiserror::Error)]
pub enum SavedModelError {
    /// The version is there already.
    #[error("{path} is there already and is never written over")]
    VersionExists {
        /// The version's folder.
        path: PathBuf,
    },
    /// Versions would go into a SavedModel, which is no folder of versions.
    #[error("{path} is a SavedModel, or a part of one; versions go into the folder above it")]
    IsSavedModel {
        /// What was named.
        path: PathBuf,
        /// The folder above the SavedModel.
        versions: PathBuf,
    },
    /// The versions are used up.
    #[error("{base} holds version {}, the highest there can be", i64::MAX)]
    NoVersionLeft {
        /// The folder with the versions.
        base: PathBuf,
    },
    /// A file or folder cannot be written or read.
    #[error("cannot {action} {path}: {source}")]
    File {
        /// What was tried: "write", "create".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The graph cannot be built, or the checkpoint does not give its values.
    #[error("{0}")]
    Graph(#[from] GraphError),
    /// The checkpoint cannot be used.
    #[error("{0}")]
    Model(#[from] ClassifierError),
    /// What was written does not load or answers otherwise than the network it was written from.
    #[error("the exported model is faulty and was thrown away: {0}")]
    Faulty(String),
}

impl SavedModelError {
    /// The same error with a file in the folder `aside`, which is about to go, named as it would have been in `version`.
    pub(super) fn in_place(self, aside: &Path, version: &Path) -> Self {
        let (action, path, source) = match self {
            Self::File { action, path, source } => (action, path, source),
            Self::Graph(GraphError::Save { path, cause }) => ("write", path, cause),
            other => return other,
        };
        let path = path.strip_prefix(aside).map_or(path.clone(), |inner| version.join(inner));
        Self::File { action, path, source }
    }
}

impl From<CheckpointError> for SavedModelError {
    fn from(error: CheckpointError) -> Self {
        Self::Graph(error.into())
    }
}

/// A result whose error is a [`SavedModelError`].
pub type Result<T> = std::result::Result<T, SavedModelError>;
