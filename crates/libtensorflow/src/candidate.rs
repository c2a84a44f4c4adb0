//! A library that may be the one, and how it was found.

use crate::platform::LIBRARY_NAMES;
use serde::Serialize;
use std::fmt;
use std::path::{Path, PathBuf};

/// How a library was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FoundBy {
    /// The user's `TENSORFLOW_DIR` names its folder.
    TensorflowDir,
    /// It was in the cache.
    Cache,
    /// It is part of an installed Python package.
    PythonPackage,
    /// It is in the active conda environment.
    Conda,
    /// The system's loader found it.
    System,
    /// It was installed into the cache just now.
    Installed,
}

impl fmt::Display for FoundBy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::TensorflowDir => "named by TENSORFLOW_DIR",
            Self::Cache => "found in the cache",
            Self::PythonPackage => "found in a Python package",
            Self::Conda => "found in the conda environment",
            Self::System => "found by the system's loader",
            Self::Installed => "installed into the cache just now",
        })
    }
}

/// What a look at a place gave: candidates, or why there are none, for the report.
pub(crate) type Found = Result<Vec<Candidate>, String>;

/// A library that may be the one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// Its path; or its bare name, for the system's loader to find.
    pub library: PathBuf,
    pub found_by: FoundBy,
    /// Whether it says that it was built with CUDA or ROCm; only Python packages say so.
    pub is_gpu_build: bool,
    /// Its version, where its surroundings tell.
    pub version: Option<String>,
}

impl Candidate {
    pub fn new(library: PathBuf, found_by: FoundBy) -> Self {
        let version = version_in_name(&library);
        Self { library, found_by, is_gpu_build: false, version }
    }
}

/// `2.18.0` of a library whose real name is `libtensorflow.so.2.18.0` or `libtensorflow.2.18.0.dylib`.
fn version_in_name(library: &Path) -> Option<String> {
    let real = library.canonicalize().ok()?;
    let name = real.file_name()?.to_str()?.trim_end_matches(".dylib");
    let version = name.trim_start_matches(|letter: char| !letter.is_ascii_digit());
    version.contains('.').then(|| version.to_owned())
}

/// The TensorFlow library in a folder, under the likeliest of its names.
pub(crate) fn library_in(folder: &Path) -> Option<PathBuf> {
    LIBRARY_NAMES.iter().map(|name| folder.join(name)).find(|path| path.is_file())
}
