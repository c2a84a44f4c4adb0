//! Getting one artifact onto this machine: verified, from the first source that gives it, through a cache.
//!
//! An [`Artifact`] is a name with a SHA-256 digest. [`fetch()`] asks each [`Source`] in turn, verifies what comes and
//! renames it into place; no file is ever seen half written or unverified. [`Client`] is the transfer over HTTPS
//! beneath: always verified, bounded, tried three times.

pub mod cache;
mod cached;
pub(crate) mod child;
mod client;
mod digest;
pub mod html;
mod mirror;
mod npm;
mod progress;
mod source;
mod transfer;
mod verified;

pub use cached::cached;
pub use client::{Client, Policy};
pub use digest::Digest;
pub use mirror::GzipMirror;
pub use npm::NpmPackage;
pub use progress::{Progress, Silent};
pub use source::{Artifact, Source, SourceCause, SourceError};
pub use transfer::TransferCause;
pub use verified::{FetchError, fetch};
