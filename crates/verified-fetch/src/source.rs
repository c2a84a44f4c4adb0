//! What is fetched, where it can be had, and why it could not.

use crate::digest::Digest;
use crate::progress::Progress;
use crate::transfer_cause::TransferCause;
use std::fs::File;
use std::io;
use std::path::Path;

/// A file known by its digest.
#[derive(Debug, Clone, Copy)]
pub struct Artifact<'a> {
    /// Its name, for messages and as sources know it.
    pub name: &'a str,
    /// SHA-256 of its bytes.
    pub sha256: Digest,
    /// Its size in bytes, or a bound for it: no source is read any further.
    pub max_bytes: u64,
}

/// A place that artifacts come from.
pub trait Source {
    /// What the user reads: a URL or a package.
    fn name(&self) -> String;

    /// Writes the bytes of `artifact` into `into`, which is empty; they are verified afterwards, not here. Whatever
    /// else it needs on disk goes into a temporary file or folder in `folder`.
    ///
    /// # Errors
    /// Why this source does not give it; the next one is asked then.
    fn fetch(
        &mut self,
        artifact: &Artifact<'_>,
        folder: &Path,
        into: &mut File,
        progress: &dyn Progress,
    ) -> Result<(), SourceError>;
}

/// A source that did not give an artifact.
#[derive(Debug, thiserror::Error)]
#[error("{from}: {cause}")]
pub struct SourceError {
    /// The URL or package that was asked for.
    pub from: String,
    /// Why it did not give it.
    pub cause: SourceCause,
}

/// Why a source did not give an artifact.
#[derive(Debug, thiserror::Error)]
pub enum SourceCause {
    /// The transfer failed.
    #[error(transparent)]
    Transfer(#[from] TransferCause),
    /// The package could not be had through npm.
    #[error("{0}")]
    Npm(String),
    /// The source was no use a moment ago, for this reason, and is not asked again.
    #[error("not asked again after this failure: {0}")]
    Skipped(String),
    /// What came is not what was wanted.
    #[error("{name} has SHA-256 {found}, not {expected}")]
    WrongDigest {
        /// The artifact.
        name: String,
        /// The digest of what came.
        found: Digest,
        /// The digest of the artifact.
        expected: Digest,
    },
    /// A web page came in place of the file.
    #[error("an HTML page came in place of the file")]
    HtmlPage,
    /// What came does not decompress, or to more than it may.
    #[error("what came cannot be decompressed: {0}")]
    Gzip(String),
    /// Something on this machine's disk failed on the way; the next source would meet the same.
    #[error("cannot keep what came: {0}")]
    Disk(#[source] io::Error),
}
