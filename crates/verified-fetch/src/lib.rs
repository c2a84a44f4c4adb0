//! Getting one artifact onto this machine: verified, from the first source that gives it, through a cache.
//!
//! An [`Artifact`] is a name with a SHA-256 digest. [`fetch()`] asks each [`Source`] in turn, verifies what comes and
//! renames it into place; no file is ever seen half written or unverified. [`Client`] is the transfer over HTTPS
//! beneath: always verified, bounded, tried three times.

pub mod cache;
#[cfg(feature = "https")]
mod cached;
pub mod child;
#[cfg(feature = "https")]
mod client;
mod digest;
#[cfg(feature = "https")]
pub mod html;
#[cfg(feature = "https")]
mod mirror;
#[cfg(feature = "https")]
mod npm;
mod progress;
#[cfg(feature = "https")]
mod source;
#[cfg(feature = "https")]
mod transfer;
#[cfg(feature = "https")]
mod transfer_cause;
#[cfg(feature = "https")]
mod verified;

pub use cache::{Cache, CacheError};
#[cfg(feature = "https")]
pub use cached::cached;
#[cfg(feature = "https")]
pub use client::{Client, Policy};
pub use digest::{Digest, Hasher};
#[cfg(feature = "https")]
pub use mirror::GzipMirror;
#[cfg(feature = "https")]
pub use npm::NpmPackage;
pub use progress::{Progress, Silent};
#[cfg(feature = "https")]
pub use source::{Artifact, Source, SourceCause, SourceError};
#[cfg(feature = "https")]
pub use transfer_cause::TransferCause;
#[cfg(feature = "https")]
pub use verified::{FetchError, fetch};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
