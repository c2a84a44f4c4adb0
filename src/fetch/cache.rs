//! The cache folder and the lock that keeps two processes from spoiling each other's installs.

use crate::staging;
use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// How the names of files and folders in the making begin; whatever a killed process left is known by it.
pub(crate) const ASIDE_PREFIX: &str = ".fetching-";

/// A cache folder that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// None of the variables that say where a cache belongs is set.
    #[error("no cache folder: set TF_MNIST_CACHE, XDG_CACHE_HOME or HOME to say where downloads are kept")]
    NoHome,
    /// Creating, opening or locking something in the cache failed.
    #[error("the cache cannot be used: {path}: {source}; TF_MNIST_CACHE names another folder")]
    Io {
        /// What could not be created, opened or locked.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The cache folder: `$TF_MNIST_CACHE`, else `$XDG_CACHE_HOME/tf-mnist`, else `~/.cache/tf-mnist`. Not created here.
///
/// # Errors
/// [`CacheError::NoHome`] if none of the variables is set.
pub fn directory() -> Result<PathBuf, CacheError> {
    let set = |name: &str| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    if let Some(path) = set("TF_MNIST_CACHE") {
        return Ok(path);
    }
    let base = match set("XDG_CACHE_HOME").filter(|path| path.is_absolute()) {
        Some(path) => path,
        None => set("HOME").ok_or(CacheError::NoHome)?.join(".cache"),
    };
    Ok(base.join("tf-mnist"))
}

/// An exclusive advisory lock on a cache entry, released when dropped or when the process dies.
#[derive(Debug)]
pub struct Lock(staging::Lock);

impl Lock {
    /// Takes the lock `folder/.NAME.lock`, creating `folder` if need be; calls `on_wait` once if another process
    /// holds it, then waits. Where the file system has no locks, a warning says so.
    ///
    /// # Errors
    /// [`CacheError::Io`] if the folder or lock file cannot be created or locked.
    pub fn acquire(folder: &Path, name: &str, on_wait: impl FnOnce()) -> Result<Self, CacheError> {
        let at = |path: &Path| {
            let path = path.to_path_buf();
            move |source| CacheError::Io { path, source }
        };
        staging::create_folders(folder).map_err(at(folder))?;
        let path = lock_file(folder, name);
        staging::Lock::file(&path, on_wait).map(Self).map_err(at(&path))
    }

    /// Takes the lock if `folder` has it and nobody holds it.
    pub(super) fn try_acquire(folder: &Path, name: &str) -> Option<Self> {
        staging::Lock::if_free(&lock_file(folder, name)).map(Self)
    }
}

fn lock_file(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!(".{name}.lock"))
}

/// Removes what killed processes left half done in `folder`; only whoever holds its lock may do so.
///
/// Leftovers cost only space, so what cannot be removed stays.
pub(crate) fn remove_leftovers(folder: &Path, lock: &Lock) {
    // Where nobody is really kept away, another process may be at work.
    for path in leftovers(folder).into_iter().filter(|_| lock.0.is_held()) {
        log::debug!("removing the leftover {}", path.display());
        let removed = if path.is_dir() {
            fs::remove_dir_all(&path)
        } else {
            fs::remove_file(&path)
        };
        if let Err(error) = removed {
            log::debug!("{}: {error}", path.display());
        }
    }
}

/// Temporary files and folders in `folder`: of a process at work, or of one that was killed.
pub(super) fn leftovers(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(ASIDE_PREFIX))
        .map(|entry| entry.path())
        .collect()
}
