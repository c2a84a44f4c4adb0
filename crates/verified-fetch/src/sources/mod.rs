//! What is fetched, where it can be had, and why it could not.

mod cached;
mod client;
mod mirror;
mod npm;
mod transfer;

pub use cached::{FetchError, cached};
pub use client::{Client, Policy};
pub use mirror::GzipMirror;
pub use npm::NpmPackage;

use crate::digest::Digest;
use crate::progress::Progress;
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
    /// What the user reads: the URL or package that is asked for an artifact of this name.
    fn name(&self, artifact: &str) -> String;

    /// The bytes of `artifact`; they are verified afterwards, not here. Whatever it needs on disk goes into a temporary
    /// file or folder in `folder`.
    ///
    /// # Errors
    /// Why this source does not give it; the next one is asked then.
    fn fetch(
        &mut self,
        artifact: &Artifact<'_>,
        folder: &Path,
        progress: &dyn Progress,
    ) -> Result<Vec<u8>, Failure>;
}

/// Why an artifact did not come from a source, by what is to be done about it; the texts are for the user.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The source lacks this artifact, or sends something else: the next source is asked.
    #[error("{0}")]
    Artifact(String),
    /// The source is of no use for any artifact: it is not asked again.
    #[error("{0}")]
    Source(String),
    /// The same, by trouble that may pass: [`Client::download`](crate::Client::download) tries again first.
    #[error("{0}")]
    Passing(String),
    /// Something on this machine's disk failed on the way; every other source would meet the same.
    #[error("cannot write what arrived: {0}")]
    Disk(#[source] io::Error),
}

/// Whether a file that starts with `start` is an HTML page: captive portals, logins and proxies answer with pages,
/// often with status 200.
pub fn is_html_page(start: &[u8]) -> bool {
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    [&b"<!doctype html"[..], b"<html", b"<head", b"<!--"]
        .iter()
        .any(|tag| start.len() >= tag.len() && start[..tag.len()].eq_ignore_ascii_case(tag))
}
