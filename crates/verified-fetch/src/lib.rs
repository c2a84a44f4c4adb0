#![doc = include_str!("../README.md")]

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
