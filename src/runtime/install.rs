//! Installing a library into the cache: whole or not at all, by one process at a time.

use super::candidate::FoundBy;
use super::installed::{self, Manifest, State};
use super::platform::{LIBRARY, PYTHON_LIBRARY, Wheel};
use super::{open, pip, wheel};
use crate::fetch::Progress;
use crate::fetch::cache::{self, ASIDE_PREFIX, Lock};
use crate::staging;
use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Installs the libraries of a wheel that pip fetches.
pub(super) struct Installer<'a> {
    pub cache: &'a Path,
    pub wheel: Wheel,
    pub progress: &'a dyn Progress,
    /// Where programs are searched; `None`: the `PATH`.
    pub path: Option<OsString>,
    /// Whether an install whose files have their sizes is taken for sound, or only one whose bytes are.
    pub trusts_sizes: bool,
}

impl<'a> Installer<'a> {
    pub fn new(cache: &'a Path, wheel: Wheel, progress: &'a dyn Progress) -> Self {
        Self {
            cache,
            wheel,
            progress,
            path: None,
            trusts_sizes: true,
        }
    }

    /// Installs the library. Another process that is at it is waited for, and what it installed is taken. Returns the
    /// path, and whether this call installed it or found it.
    ///
    /// # Errors
    /// Why not, as a sentence for the user.
    pub fn install(&self) -> Result<(PathBuf, FoundBy), String> {
        let waiting = || {
            self.progress
                .note("another process is installing TensorFlow; waiting for it")
        };
        let lock = Lock::acquire(self.cache, "libtensorflow", waiting).map_err(|error| error.to_string())?;
        if open::is_noexec(self.cache) {
            return Err(format!(
                "nothing can be run from the disk of {}, which is mounted noexec; TF_MNIST_CACHE names another folder",
                self.cache.display()
            ));
        }
        cache::remove_leftovers(self.cache, &lock);
        let target = installed::folder(self.cache, self.wheel.version);
        if let State::Sound(library) = installed::check(&target)
            && (self.trusts_sizes || installed::damage(&target).is_none())
        {
            return Ok((library, FoundBy::Cache));
        }
        let at_disk = |error: io::Error| disk_error(self.cache, &error);
        let staging = tempfile::Builder::new()
            .prefix(ASIDE_PREFIX)
            .tempdir_in(self.cache)
            .map_err(at_disk)?;
        let folder = staging.path().join("library");
        fs::create_dir(&folder).map_err(at_disk)?;
        let path = pip::download(self, staging.path())?;
        wheel::verify(&path, &self.wheel)?;
        let manifest = Manifest {
            version: self.wheel.version.to_owned(),
            source: format!("pip download {}", self.wheel.requirement),
            library: PYTHON_LIBRARY.to_owned(),
            files: wheel::unpack(&path, &folder, self.progress, &at_disk)?,
        };
        publish(&folder, &target, staging.path(), &manifest).map_err(at_disk)?;
        Ok((target.join(manifest.library), FoundBy::Installed))
    }
}

/// Completes `folder` and moves it to `target`; what is there now goes into `staging`, which is deleted.
fn publish(folder: &Path, target: &Path, staging: &Path, manifest: &Manifest) -> io::Result<()> {
    // The name that the tensorflow crate opens, so that the folder will do as a TENSORFLOW_DIR too.
    symlink(&manifest.library, folder.join(LIBRARY))?;
    manifest.write(folder)?;
    staging::sync_folder(folder)?;
    match fs::rename(target, staging.join("replaced")) {
        // Processes that have the old files open keep them.
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    fs::rename(folder, target)?;
    staging::sync_folder(staging::folder_of(target))
}

/// What an error of writing below the cache means to the user.
pub(super) fn disk_error(cache: &Path, error: &io::Error) -> String {
    let cache = cache.display();
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            format!("the disk of {cache} is full; make room, or name another folder in TF_MNIST_CACHE")
        }
        _ => format!("cannot write below {cache}: {error}; TF_MNIST_CACHE names another folder"),
    }
}

#[cfg(test)]
mod tests;
