//! Getting one artifact onto this machine: verified, from the first source that gives it, through a cache.
//!
//! An [`Artifact`] is a name with a SHA-256 digest. [`cached()`] asks each [`Source`] in turn, verifies what comes and
//! renames it into place; no file is ever seen half written or unverified. [`Client`] is the transfer over HTTPS
//! beneath: always verified, bounded, and tried three times where the trouble may pass.

pub mod cache;
pub mod child;
mod digest;
mod progress;
#[cfg(feature = "https")]
mod sources;

pub use cache::{Cache, CacheError};
pub use digest::Digest;
pub use progress::{Progress, Silent};
#[cfg(feature = "https")]
pub use sources::{
    Artifact, Client, Failure, FetchError, GzipMirror, NpmPackage, Policy, Source, cached, is_html_page,
};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
