//! Where a TensorFlow library may already be.

use crate::candidate::{Candidate, Found, FoundBy, library_in};
use crate::platform::{LIBRARY, PYTHON_LIBRARY, VERSIONED_LIBRARY};
use crate::search::python;
use crate::{environment, open};
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use verified_fetch::{Cache, CacheError};

/// The world outside that a search depends on.
#[derive(Debug)]
pub(crate) struct Surroundings {
    /// `TENSORFLOW_DIR` as the user set it.
    pub tensorflow_dir: Option<OsString>,
    pub cache: Result<PathBuf, CacheError>,
    /// Python interpreters to ask, by name or path.
    pub interpreters: Vec<PathBuf>,
    /// The active conda environment.
    pub conda: Option<PathBuf>,
}

impl Surroundings {
    /// This process's own.
    pub fn of_process(cache: Cache) -> Self {
        let folder = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let conda = folder("CONDA_PREFIX");
        let environments = [folder("VIRTUAL_ENV"), conda.clone()];
        let own = environments.into_iter().flatten().map(|folder| folder.join("bin/python3"));
        Self {
            tensorflow_dir: environment::users_folder(),
            cache: cache.directory(),
            interpreters: own.chain(["python3", "python"].map(PathBuf::from)).collect(),
            conda,
        }
    }

    /// The library in the user's `TENSORFLOW_DIR`: the folder itself, its `lib`, or the very file.
    pub fn named_library(&self) -> Option<Result<Candidate, OsString>> {
        let named = self.tensorflow_dir.as_ref()?;
        let path = Path::new(named);
        let library = if path.is_file() {
            Some(path.to_path_buf())
        } else {
            library_in(path).or_else(|| library_in(&path.join("lib")))
        };
        Some(match library {
            Some(library) => Ok(Candidate::new(library, FoundBy::TensorflowDir)),
            None => Err(named.clone()),
        })
    }

    /// Installed Python packages, all or those with GPU support.
    pub fn python(&self, gpu_only: bool) -> Found {
        let mut found = python::packages(&self.interpreters);
        if gpu_only && let Some(first) = found.candidates.first() {
            found.why_none = format!("{} has no GPU support", first.library.display());
            found.candidates.retain(|package| package.is_gpu_build);
        }
        found
    }

    /// The library in the `lib` of the active conda environment.
    pub fn conda(&self) -> Found {
        let Some(folder) = self.conda.as_ref().map(|conda| conda.join("lib")) else {
            let why_none = "none is active (CONDA_PREFIX is not set)".to_owned();
            return Found { candidates: Vec::new(), why_none };
        };
        let candidate = library_in(&folder).map(|library| Candidate::new(library, FoundBy::Conda));
        let why_none = format!("no libtensorflow in {}", folder.display());
        Found { candidates: candidate.into_iter().collect(), why_none }
    }

    /// Names for the system's loader, which knows the folders of the system, and those of `LD_LIBRARY_PATH`.
    pub fn system() -> Found {
        let candidate = |name: &str| Candidate::new(name.into(), FoundBy::System);
        let names = [VERSIONED_LIBRARY, LIBRARY, PYTHON_LIBRARY];
        Found { candidates: names.map(candidate).into(), why_none: String::new() }
    }
}

/// Whether there is an NVIDIA driver, without which a build with GPU support is of no use, and it may be used.
pub(crate) fn has_nvidia_driver() -> bool {
    let hidden = env::var_os("CUDA_VISIBLE_DEVICES").is_some_and(|value| value.is_empty() || value == "-1");
    cfg!(target_os = "linux") && !hidden && open::dlopen(Path::new("libcuda.so.1")).is_ok()
}
