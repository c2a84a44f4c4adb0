//! What can go wrong while a graph is built or run.

use crate::checkpoint::CheckpointError;
use std::io;
use std::path::PathBuf;
use std::str::Utf8Error;
use tensorflow::{Code, Status};

/// An error of building or running a graph; it names the node, variable or file.
#[derive(Debug, thiserror::Error)]
pub enum GraphError {
    /// TensorFlow refused a node.
    #[error("TensorFlow refuses node {node:?} ({op}): {status}")]
    Node {
        /// Full name of the node.
        node: String,
        /// Its op type, such as `Conv2D`.
        op: String,
        /// TensorFlow's reason.
        status: Status,
    },
    /// TensorFlow cannot differentiate the loss.
    #[error("TensorFlow cannot differentiate {of:?}: {status}")]
    Gradient {
        /// Name of the differentiated node.
        of: String,
        /// TensorFlow's reason, for example an op without a gradient in its C++ registry.
        status: Status,
    },
    /// The loss does not depend on what it is to be differentiated by, such as a variable that is to be trained.
    #[error("the loss does not depend on {output:?}; leave it out of what is trained")]
    Unconnected {
        /// Name of the node.
        output: String,
    },
    /// A shape that the operation cannot take.
    #[error("{node:?}: {reason}")]
    Shape {
        /// The layer or node.
        node: String,
        /// What does not fit.
        reason: String,
    },
    /// A variable name used twice.
    #[error("there is a variable {name:?} already; name layers apart")]
    DuplicateVariable {
        /// The name.
        name: String,
    },
    /// A run of the session failed.
    #[error("TensorFlow failed to {action}: {status}")]
    Run {
        /// What was asked for, such as "run a training step".
        action: String,
        /// TensorFlow's reason.
        status: Status,
    },
    /// A checkpoint cannot be read, or does not fit the graph.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A checkpoint cannot be written.
    #[error("cannot write checkpoint {path}: {source}")]
    Save {
        /// The checkpoint's prefix, or the state file.
        path: PathBuf,
        /// Why; what was there before is untouched.
        source: io::Error,
    },
    /// A name in the graph is no text.
    #[error("TensorFlow gave a name that is no UTF-8: {0}")]
    Name(Utf8Error),
    /// TensorFlow's own description of the graph cannot be read.
    #[error("TensorFlow's GraphDef cannot be read: {0}")]
    Unreadable(prost::DecodeError),
}

/// Whether TensorFlow failed for want of memory. An op of one's own passes on the words alone.
pub fn is_out_of_memory(status: &Status) -> bool {
    status.code() == Code::ResourceExhausted || status.to_string().contains("OOM when allocating")
}

/// What a failed write comes down to, without the name of the temporary file.
pub(crate) fn reason_of_failed_write(status: &Status) -> String {
    let text = status.to_string();
    let known = ["No space left on device", "File too large", "Permission denied", "Read-only file system"];
    match known.iter().find(|reason| text.contains(**reason)) {
        Some(reason) => (*reason).to_owned(),
        None => text,
    }
}

/// A result whose error is a [`GraphError`].
pub type Result<T> = std::result::Result<T, GraphError>;
