//! What is fetched: a file known by its digest.

use super::digest::Digest;

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
