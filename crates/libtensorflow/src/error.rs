//! What can go wrong between "there is no TensorFlow here" and an open library.

use crate::candidate::FoundBy;
use crate::platform::LIBRARY_NAMES;
use crate::platform::TENSORFLOW_DIR;
use crate::report::Report;
use crate::version::NEEDED;
use std::env::consts::ARCH;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// TensorFlow cannot be had or opened.
#[derive(thiserror::Error)]
pub enum RuntimeError {
    /// The user's `TENSORFLOW_DIR` names no folder with a library; nothing else is tried behind the user's back.
    #[error(
        "{TENSORFLOW_DIR}={folder}: no TensorFlow library there or in its lib folder (looked for {names}); name the \
         folder that holds one, or unset {TENSORFLOW_DIR} to have one found or installed", names = LIBRARY_NAMES.join(", ")
    )]
    EmptyFolder {
        /// What `TENSORFLOW_DIR` names.
        folder: String,
    },
    /// The library in the user's `TENSORFLOW_DIR` cannot be used.
    #[error("{TENSORFLOW_DIR}: {path} {cause}; unset {TENSORFLOW_DIR} to have a library found or installed")]
    UnusableFolder {
        /// The library.
        path: PathBuf,
        /// What is wrong with it.
        cause: LibraryError,
    },
    /// No library was found and none could be installed: every place, every source, every reason, and what helps.
    #[error(transparent)]
    NotFound(Box<Report>),
    /// A library was opened and then proved unusable; a process can hold only one TensorFlow, so no other is tried.
    #[error("{path} ({found_by}) {cause}; {TENSORFLOW_DIR} can name the folder of another")]
    Unusable {
        /// The library.
        path: PathBuf,
        /// How it was found.
        found_by: FoundBy,
        /// What is wrong with it.
        cause: LibraryError,
    },
    /// An option needs a variable set that is not, and [`crate::load`] changes none.
    #[error(
        "{variable} must be {wanted} in the environment before TensorFlow is loaded; set_environment does that"
    )]
    Environment {
        /// The variable.
        variable: &'static str,
        /// The value that it must have.
        wanted: &'static str,
    },
}

/// As it is displayed, which is what `main` and `unwrap` print.
impl fmt::Debug for RuntimeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// Why a file is no library to be used.
#[derive(thiserror::Error)]
pub enum LibraryError {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(#[source] io::Error),
    /// It is no shared library of this system, or only the beginning of one.
    #[error("is not a shared library, or not all of one")]
    NotALibrary,
    /// It is for another processor.
    #[error("is built for {0}, and this program for {ARCH}")]
    WrongArchitecture(String),
    /// Its disk is mounted such that nothing on it may be run.
    #[error("is on a disk that is mounted noexec, from which nothing may be run")]
    NoExec,
    /// Its version is out of the range that works.
    #[error("is TensorFlow {0}, and this program needs {NEEDED}")]
    WrongVersion(String),
    /// It lacks a function of the C API: something else than TensorFlow, or part of it.
    #[error("lacks the function {0}; it must be TensorFlow {NEEDED}")]
    MissingFunction(&'static str),
    /// The system cannot open it, for example because a library that it needs is missing.
    #[error("cannot be opened: {0}")]
    CannotOpen(String),
    /// The tensorflow crate looks for a library only where `TENSORFLOW_DIR` says, and it says something else.
    #[error(
        "is not where the tensorflow crate looks: {TENSORFLOW_DIR} must name its folder, or set_environment be called, \
         before it is loaded"
    )]
    NotPrepared,
}

/// As it is displayed, which is what `main` and `unwrap` print.
impl fmt::Debug for LibraryError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}
