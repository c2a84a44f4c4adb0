//! Where a TensorFlow library may already be, as the environment of the process says.

use crate::candidate::{Candidate, Found, FoundBy, library_in};
use crate::open;
use crate::platform::{LIBRARY, LIBRARY_NAMES, PYTHON_LIBRARY, TENSORFLOW_DIR, VERSIONED_LIBRARY};
use crate::search::python;
use std::env;
use std::path::{Path, PathBuf};

/// The library in the user's `TENSORFLOW_DIR`: the folder itself, its `lib`, or the very file. `Err` if it names none.
pub(crate) fn named_library() -> Option<Result<Candidate, String>> {
    let named = folder(TENSORFLOW_DIR)?;
    let library = match named.is_file() {
        true => Some(named.clone()),
        false => library_in(&named).or_else(|| library_in(&named.join("lib"))),
    };
    let library = library.ok_or_else(|| {
        format!(
            "{TENSORFLOW_DIR}={}: no TensorFlow library there or in its lib folder (looked for {}); name the folder \
             that holds one, or unset {TENSORFLOW_DIR} to have one found or installed",
            named.display(),
            LIBRARY_NAMES.join(", ")
        )
    });
    Some(library.map(|library| Candidate::new(library, FoundBy::TensorflowDir)))
}

/// Installed Python packages, of the active environments first; all or those with GPU support.
pub(crate) fn packages(gpu_only: bool) -> Found {
    let environments = [folder("VIRTUAL_ENV"), folder("CONDA_PREFIX")];
    let own = environments.into_iter().flatten().map(|folder| folder.join("bin/python3"));
    let packages = python::packages(own.chain(["python3", "python"].map(PathBuf::from)))?;
    if !gpu_only {
        return Ok(packages);
    }
    let (with, without): (Vec<_>, Vec<_>) = packages.into_iter().partition(|package| package.is_gpu_build);
    match without.first() {
        Some(first) if with.is_empty() => Err(format!("{} has no GPU support", first.library.display())),
        _ => Ok(with),
    }
}

/// The library in the `lib` of the active conda environment.
pub(crate) fn conda() -> Found {
    let folder = folder("CONDA_PREFIX").ok_or("none is active (CONDA_PREFIX is not set)")?.join("lib");
    let library = library_in(&folder).ok_or_else(|| format!("no libtensorflow in {}", folder.display()))?;
    Ok(vec![Candidate::new(library, FoundBy::Conda)])
}

/// Names for the system's loader, which knows the folders of the system, and those of `LD_LIBRARY_PATH`.
pub(crate) fn system() -> Found {
    let names = [VERSIONED_LIBRARY, LIBRARY, PYTHON_LIBRARY];
    Ok(names.map(|name| Candidate::new(name.into(), FoundBy::System)).into())
}

fn folder(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// Whether there is an NVIDIA driver, without which a build with GPU support is of no use, and it may be used.
pub(crate) fn has_nvidia_driver() -> bool {
    let hidden = env::var_os("CUDA_VISIBLE_DEVICES").is_some_and(|value| value.is_empty() || value == "-1");
    cfg!(target_os = "linux") && !hidden && open::dlopen(Path::new("libcuda.so.1")).is_ok()
}
