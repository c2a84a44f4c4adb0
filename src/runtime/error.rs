//! What can go wrong between "there is no TensorFlow here" and an open session.

use super::candidate::FoundBy;
use super::device::Device;
use super::environment::TENSORFLOW_DIR;
use super::platform::LIBRARY_NAMES;
use super::report::Report;
use super::version::NEEDED;
use std::env::consts::ARCH;
use std::io;
use std::path::PathBuf;

/// TensorFlow cannot be had, opened or given the device asked for.
#[derive(Debug, thiserror::Error)]
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
    #[error("{path} ({found_by}) {cause}")]
    Unusable {
        /// The library.
        path: PathBuf,
        /// How it was found.
        found_by: FoundBy,
        /// What is wrong with it.
        cause: LibraryError,
    },
    /// A session was asked for before [`super::load`].
    #[error("TensorFlow is not loaded yet")]
    NotLoaded,
    /// `--device gpu`, and TensorFlow sees no such GPU.
    #[error(
        "--device {wanted}: TensorFlow sees no such GPU; it sees {seen}\n  library: {library} ({found_by})\n  {advice}"
    )]
    NoGpu {
        /// The device asked for.
        wanted: Device,
        /// The devices there are.
        seen: String,
        /// The library asked.
        library: PathBuf,
        /// How it was found.
        found_by: FoundBy,
        /// What might help.
        advice: &'static str,
    },
    /// TensorFlow itself refused.
    #[error("TensorFlow cannot {doing}: {message}")]
    TensorFlow {
        /// What it was asked to do.
        doing: &'static str,
        /// Its own words.
        message: String,
    },
}

/// Why a file is no library to be used.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(#[source] io::Error),
    /// It is no shared library of this system.
    #[error("is not a shared library")]
    NotALibrary,
    /// It is for another processor.
    #[error("is built for {0}, and this program for {ARCH}")]
    WrongArchitecture(String),
    /// Its version is out of the range that works.
    #[error("is TensorFlow {0}, and this program needs {NEEDED}")]
    WrongVersion(String),
    /// It lacks functions of the C API: something else than TensorFlow, or one too old.
    #[error(
        "{version} lacks {count} functions that this program calls, such as {first}; it needs TensorFlow {NEEDED}",
        version = version.as_ref().map_or_else(|| "(of unknown version)".to_owned(), |v| format!("is TensorFlow {v} and"))
    )]
    MissingFunctions {
        /// Its version, where it can be told.
        version: Option<String>,
        /// How many are missing.
        count: usize,
        /// One of them.
        first: &'static str,
    },
    /// The system cannot open it, for example because a library that it needs is missing.
    #[error("cannot be opened: {0}")]
    CannotOpen(String),
}
