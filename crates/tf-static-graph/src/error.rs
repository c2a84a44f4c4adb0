//! What can go wrong while a graph is built or run.

use crate::checkpoint::CheckpointError;
use crate::debug_as_displayed::debug_as_displayed;
use std::io;
use std::path::PathBuf;
use std::str::Utf8Error;
use tensorflow::{Code, Status};

/// An error of building or running a graph; it names the node, variable or file.
///
/// A call that fails may leave nodes and variables that it had made in the graph: build the graph anew rather than go on
/// with it.
#[derive(thiserror::Error)]
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
    /// What a node, layer or variable is given, or what is taken for one, cannot be used: a shape, a dtype, a number.
    #[error("{node:?}: {reason}")]
    Unfit {
        /// The node, layer or variable.
        node: String,
        /// What does not fit.
        reason: String,
    },
    /// A variable is to be made under a name that is taken.
    #[error(
        "the name {name:?} is taken; name layers apart, or take the variable that is there: Scope::reuse_variables, or \
         Variable::existing in a graph that was wrapped"
    )]
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
    #[error("cannot write checkpoint {path}: {cause}")]
    Save {
        /// The checkpoint's prefix, or the state file.
        path: PathBuf,
        /// Why; what was there before is untouched.
        cause: io::Error,
    },
    /// A name in the graph is no text.
    #[error("TensorFlow gave a name that is no UTF-8: {0}")]
    Name(Utf8Error),
    /// TensorFlow's own description of the graph cannot be read.
    #[error("TensorFlow's GraphDef cannot be read: {0}")]
    Unreadable(prost::DecodeError),
}

debug_as_displayed! { GraphError }

impl GraphError {
    /// [`GraphError::Unfit`].
    pub fn unfit(node: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Unfit { node: node.into(), reason: reason.into() }
    }

    /// [`GraphError::Run`], of a status.
    pub fn run(action: impl Into<String>) -> impl FnOnce(Status) -> Self {
        move |status| Self::Run { action: action.into(), status }
    }
}

/// Whether TensorFlow failed for want of memory. An op of one's own passes on the words alone.
pub fn is_out_of_memory(status: &Status) -> bool {
    status.code() == Code::ResourceExhausted || status.to_string().contains("OOM when allocating")
}

/// A shape as Python shows it: `[?, 3]`.
pub(crate) fn shown(dims: Option<&[Option<i64>]>) -> String {
    let dim = |dim: &Option<i64>| dim.map_or_else(|| "?".to_owned(), |dim| dim.to_string());
    match dims {
        Some(dims) => format!("[{}]", dims.iter().map(dim).collect::<Vec<_>>().join(", ")),
        None => "of any shape".to_owned(),
    }
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

/// A result whose error is a [`GraphError`]. All that adds nodes to a graph fails where TensorFlow refuses one
/// ([`GraphError::Node`]), of dtypes or shapes that do not fit above all; `# Errors` tell what else there is.
pub type Result<T> = std::result::Result<T, GraphError>;
