//! Why npm did not give a package.

use super::tarball::TarballError;
use std::io;
use std::process::ExitStatus;
use std::time::Duration;

/// Why a package could not be had.
#[derive(Debug, thiserror::Error)]
#[error("npm package {spec}: {cause}")]
pub struct NpmError {
    /// `name@version`.
    pub spec: String,
    /// Why.
    #[source]
    pub cause: NpmCause,
}

/// Why `npm pack` gave no file.
#[derive(Debug, thiserror::Error)]
pub enum NpmCause {
    /// There is no npm to run.
    #[error("npm is not installed, or not on PATH")]
    NoNpm,
    /// npm ran and failed.
    #[error("npm pack failed ({status}): {says}")]
    Failed {
        /// How it ended.
        status: ExitStatus,
        /// The gist of what it said.
        says: String,
    },
    /// npm did not come to an end.
    #[error("npm pack took longer than {} s", .0.as_secs())]
    Deadline(Duration),
    /// npm left no tarball, or several.
    #[error("npm pack left {0} tarballs in place of one")]
    NotOneTarball(usize),
    /// The tarball is not sound or lacks a file.
    #[error(transparent)]
    Tarball(#[from] TarballError),
    /// Something on this machine's disk failed.
    #[error("{0}")]
    Io(#[from] io::Error),
}
