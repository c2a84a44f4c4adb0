//! What is known of the library that was opened.

use super::candidate::FoundBy;
use serde::Serialize;
use std::path::PathBuf;

/// The TensorFlow of this process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Runtime {
    /// The library, by the path that it was opened by.
    #[serde(serialize_with = "crate::lossy_path::serialize")]
    pub library: PathBuf,
    /// How it was found.
    pub found_by: FoundBy,
    /// Its version, such as `2.21.0`.
    pub version: String,
    /// Whether it is a build that says it has GPU support; `false` also where a build does not say.
    pub is_gpu_build: bool,
    /// Whether oneDNN's kernels are on.
    pub onednn: bool,
}
