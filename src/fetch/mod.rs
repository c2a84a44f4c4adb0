//! Getting one artifact onto this machine: verified, from the first source that gives it, through a cache.
//!
//! An [`Artifact`] is a name with a SHA-256 digest. [`fetch()`] asks each [`Source`] in turn, verifies what comes and
//! renames it into place; no file is ever seen half written or unverified. [`Client`] is the transfer over HTTPS
//! beneath: always verified, retried, resumed, bounded.

mod answer;
mod artifact;
mod bounded;
pub mod cache;
mod cached;
mod client;
mod digest;
mod from_sources;
pub mod html;
mod npm;
mod npm_error;
mod progress;
mod retry;
mod source;
pub mod tarball;
mod transfer;
mod transfer_error;

pub use artifact::Artifact;
pub use cached::cached;
pub use client::Client;
pub use digest::Digest;
pub use from_sources::{FetchError, fetch};
pub use npm::NpmPackage;
pub use npm_error::{NpmCause, NpmError};
pub use progress::{Progress, Silent};
pub use retry::Policy;
pub use source::{GzipMirror, HttpsFile, Source, SourceError};
pub use transfer::Download;
pub use transfer_error::{TransferCause, TransferError};
