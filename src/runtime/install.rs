//! Installing a library into the cache: whole or not at all, by one process at a time.

use super::candidate::FoundBy;
use super::disk::{self, STAGING_PREFIX, disk_error};
use super::installed::{self, InstalledFile, Manifest, State};
use super::platform::LIBRARY;
use super::report::Attempt;
use crate::fetch::Progress;
use crate::fetch::cache::Lock;
use crate::staging;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Something that a library can be unpacked from.
pub(super) trait LibrarySource {
    /// What the user reads.
    fn name(&self) -> String;
    /// The version that it gives.
    fn version(&self) -> &str;
    /// Bytes of disk that it needs on the way, all told.
    fn room(&self) -> u64;
    /// Writes the library and what belongs beside it into `folder`, verified and synced; whatever it needs on the way
    /// goes into `scratch`.
    ///
    /// # Errors
    /// Why it does not, as a sentence for the user.
    fn unpack(&mut self, folder: &Path, scratch: &Path, progress: &dyn Progress) -> Result<Unpacked, String>;
}

/// What a source wrote.
#[derive(Debug)]
pub(super) struct Unpacked {
    /// The name of the file to open.
    pub library: String,
    pub files: Vec<InstalledFile>,
}

/// Installs a library from the first of `sources` that gives one. Another process that is at it is waited for, and what
/// it installed is taken. Returns the path, and whether this call installed it or found it.
///
/// # Errors
/// Why each source gave none.
pub(super) fn install(
    cache: &Path,
    sources: &mut [Box<dyn LibrarySource>],
    progress: &dyn Progress,
) -> Result<(PathBuf, FoundBy), Vec<Attempt>> {
    let at_cache = |error: &dyn ToString| vec![Attempt::new("the cache", error.to_string())];
    let waiting = || progress.note("another process is installing TensorFlow; waiting for it");
    let _lock = Lock::acquire(cache, "libtensorflow", waiting).map_err(|error| at_cache(&error))?;
    remove_leftovers(cache);
    for source in sources.iter() {
        if let State::Sound(library) = installed::check(&installed::folder(cache, source.version())) {
            return Ok((library, FoundBy::Cache));
        }
    }
    let mut failures = Vec::new();
    for source in sources.iter_mut() {
        match install_from(source.as_mut(), cache, progress) {
            Ok(library) => return Ok((library, FoundBy::Installed)),
            Err(why) => {
                log::debug!("{}: {why}", source.name());
                failures.push(Attempt::new(source.name(), why));
            }
        }
    }
    Err(failures)
}

fn install_from(
    source: &mut dyn LibrarySource,
    cache: &Path,
    progress: &dyn Progress,
) -> Result<PathBuf, String> {
    disk::check_room(cache, source.room())?;
    let failed = |error: io::Error| disk_error(cache, &error);
    let staging = tempfile::Builder::new()
        .prefix(STAGING_PREFIX)
        .tempdir_in(cache)
        .map_err(failed)?;
    let (folder, scratch) = (staging.path().join("library"), staging.path().join("scratch"));
    fs::create_dir(&folder)
        .and_then(|()| fs::create_dir(&scratch))
        .map_err(failed)?;
    let unpacked = source.unpack(&folder, &scratch, progress)?;
    let target = installed::folder(cache, source.version());
    let manifest = Manifest {
        version: source.version().to_owned(),
        source: source.name(),
        library: unpacked.library,
        files: unpacked.files,
    };
    publish(&folder, &target, staging.path(), &manifest).map_err(failed)?;
    Ok(target.join(manifest.library))
}

/// Completes `folder` and moves it to `target`; what is there now goes into `staging`, which is deleted.
fn publish(folder: &Path, target: &Path, staging: &Path, manifest: &Manifest) -> io::Result<()> {
    // The name that the tensorflow crate opens, so that the folder will do as a TENSORFLOW_DIR too.
    if manifest.library != LIBRARY {
        symlink(&manifest.library, folder.join(LIBRARY))?;
    }
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

/// Removes what killed installs left. Only to be called with the lock held: nobody else is at work then.
fn remove_leftovers(cache: &Path) {
    let leftovers = fs::read_dir(cache)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| {
            entry
                .file_name()
                .as_encoded_bytes()
                .starts_with(STAGING_PREFIX.as_bytes())
        });
    for entry in leftovers {
        if let Err(error) = fs::remove_dir_all(entry.path()) {
            log::debug!("{}: {error}", entry.path().display());
        }
    }
}

#[cfg(test)]
mod sweep;
#[cfg(test)]
mod tests;
