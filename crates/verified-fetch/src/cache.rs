//! Where what was fetched is kept, and the lock that keeps two processes from spoiling each other's.

use std::env;
use std::io;
use std::path::{Path, PathBuf};
use whole_files::Lock;

/// The cache folder of a program: `$VARIABLE`, else `$XDG_CACHE_HOME/NAME`, else `~/.cache/NAME`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cache {
    /// The variable in which a user names another folder.
    pub variable: &'static str,
    /// The folder's name among other programs' caches.
    pub name: &'static str,
}

/// A cache folder that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// None of the variables that say where a cache belongs is set.
    #[error("no cache folder: set {variable}, XDG_CACHE_HOME or HOME to say where downloads are kept")]
    NoHome {
        /// The program's own variable.
        variable: &'static str,
    },
    /// Creating, opening or locking something in the cache failed.
    #[error("the cache cannot be used: {path}: {cause}")]
    Io {
        /// What could not be created, opened or locked.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

impl Cache {
    /// The folder, which is not created here.
    ///
    /// # Errors
    /// [`CacheError::NoHome`] if none of the variables is set.
    pub fn directory(&self) -> Result<PathBuf, CacheError> {
        let set = |name: &str| {
            let value = env::var_os(name).filter(|value| !value.is_empty());
            value.map(PathBuf::from)
        };
        if let Some(path) = set(self.variable) {
            return Ok(path);
        }
        let base = set("XDG_CACHE_HOME").filter(|path| path.is_absolute());
        let base = base.or_else(|| set("HOME").map(|home| home.join(".cache")));
        base.map(|base| base.join(self.name)).ok_or(CacheError::NoHome { variable: self.variable })
    }
}

/// Takes the lock `folder/.NAME.lock`, creating `folder` if need be, and deletes what killed processes left half done in
/// it; calls `on_wait` once if another process holds it, then waits. Where the file system has no locks, a warning says
/// so, and nothing is deleted: another process may be at work.
///
/// # Errors
/// [`CacheError::Io`] if the folder or lock file cannot be created or locked.
pub fn lock(folder: &Path, name: &str, on_wait: impl FnOnce()) -> Result<Lock, CacheError> {
    let at = |path: &Path| {
        let path = path.to_path_buf();
        move |cause| CacheError::Io { path, cause }
    };
    whole_files::create_folders(folder).map_err(at(folder))?;
    let path = lock_file(folder, name);
    let lock = Lock::file(&path, on_wait).map_err(at(&path))?;
    sweep(folder, &lock);
    Ok(lock)
}

/// As [`lock`], for who only reads: sweeps if there is something to sweep and nobody holds the lock.
#[cfg(feature = "https")]
pub(crate) fn sweep_if_free(folder: &Path, name: &str) {
    if whole_files::leftovers(folder).is_ok_and(|left| !left.is_empty())
        && let Ok(lock) = Lock::try_file(&lock_file(folder, name))
    {
        sweep(folder, &lock);
    }
}

/// Leftovers cost only space, so what cannot be removed stays.
fn sweep(folder: &Path, lock: &Lock) {
    if lock.is_held()
        && let Err((path, error)) = whole_files::sweep(folder)
    {
        log::debug!("{}: {error}", path.display());
    }
}

fn lock_file(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!(".{name}.lock"))
}
