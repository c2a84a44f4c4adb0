//! The folder that TensorFlow Serving watches: `EXPORT_BASE/N/` for every version N.
//!
//! Serving polls it and loads the highest number at once, whole or not (serving issue 1086). So a version is written in
//! a hidden folder beside, whose name is no number, synced, and then renamed.

use super::error::{Result, SavedModelError};
use crate::atomic_file;
use crate::classifier::versions_in;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const ASIDE: &str = ".exporting-";

/// `EXPORT_BASE`, of which this export alone writes until it is dropped.
#[derive(Debug)]
pub(super) struct Versions {
    base: PathBuf,
    /// `None` where the file system has no locks.
    _lock: Option<File>,
}

impl Versions {
    /// Takes `base`, made if need be; waits for another export to it, and deletes what killed ones left behind.
    pub fn open(base: &Path) -> Result<Self> {
        create_folders(base).map_err(failed("create", base))?;
        let lock = File::open(base).map_err(failed("open", base))?;
        let lock = match lock.lock() {
            Ok(()) => Some(lock),
            Err(error) => {
                log::debug!("cannot lock {}: {error}", base.display());
                None
            }
        };
        let versions = Self {
            base: base.to_path_buf(),
            _lock: lock,
        };
        if versions._lock.is_some() {
            versions.delete_leftovers()?;
        }
        Ok(versions)
    }

    /// The folder of a new version: `wanted`, or one more than the highest.
    pub fn next(&self, wanted: Option<u64>) -> Result<(u64, PathBuf)> {
        let there = versions_in(&self.base).map_err(failed("read", &self.base))?;
        let Some(version) = wanted else {
            let highest = there.last().map_or(0, |(version, _)| *version);
            // Serving reads a version as an int64.
            let next = (highest < i64::MAX as u64).then_some(highest + 1);
            let next = next.ok_or_else(|| SavedModelError::NoVersionLeft {
                base: self.base.clone(),
            })?;
            return Ok((next, self.base.join(next.to_string())));
        };
        // 007 is version 7 to Serving; and whatever else goes by that name is not to be replaced either.
        let path = self.base.join(version.to_string());
        let taken = there
            .into_iter()
            .find_map(|(other, path)| (other == version).then_some(path));
        match taken.or_else(|| path.symlink_metadata().is_ok().then(|| path.clone())) {
            Some(path) => Err(SavedModelError::VersionExists { path }),
            None => Ok((version, path)),
        }
    }

    /// A folder to write a version in, of the usual mode.
    pub fn aside(&self) -> Result<TempDir> {
        tempfile::Builder::new()
            .prefix(ASIDE)
            .permissions(Permissions::from_mode(0o777)) // less the umask, as for any new folder
            .tempdir_in(&self.base)
            .map_err(|error| failed("create a folder in", &self.base)(without_path(error)))
    }

    /// Makes the finished folder `aside` the version `path`, in one step that never replaces anything.
    pub fn publish(&self, aside: &Path, path: &Path) -> Result<()> {
        match rename_to_new(aside, path) {
            Err(error)
                if [io::ErrorKind::AlreadyExists, io::ErrorKind::DirectoryNotEmpty]
                    .contains(&error.kind()) =>
            {
                return Err(SavedModelError::VersionExists {
                    path: path.to_path_buf(),
                });
            }
            renamed => renamed.map_err(failed("create", path))?,
        }
        atomic_file::sync_folder(&self.base).map_err(failed("sync", &self.base))
    }

    /// Killed exports could not delete their folders; with the lock held, none of them is at work still.
    fn delete_leftovers(&self) -> Result<()> {
        for entry in fs::read_dir(&self.base).map_err(failed("read", &self.base))? {
            let entry = entry.map_err(failed("read", &self.base))?;
            if entry.file_name().to_string_lossy().starts_with(ASIDE) {
                let path = entry.path();
                log::info!(
                    "deleting {}, left behind by an export that was cut off",
                    path.display()
                );
                fs::remove_dir_all(&path).map_err(failed("delete", &path))?;
            }
        }
        Ok(())
    }
}

/// Plain `rename` would silently replace an empty folder of that name, such as one that somebody is about to fill.
fn rename_to_new(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // The file system (NFS, some FUSE ones) or the kernel cannot. `rename` at least refuses a folder with anything
        // in it, as every whole version is.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => fs::rename(from, to),
        renamed => Ok(renamed?),
    }
}

/// Makes `folder` and those above it, and makes them durable.
fn create_folders(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = atomic_file::folder_of(folder);
    create_folders(parent)?;
    match fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        made => made.and_then(|()| atomic_file::sync_folder(parent)),
    }
}

/// An error of `tempfile` without the name it drew, which means nothing to anybody.
fn without_path(error: io::Error) -> io::Error {
    match error.to_string().split_once(" at path ") {
        Some((why, _)) => io::Error::new(error.kind(), why),
        None => error,
    }
}

pub(super) fn failed(action: &'static str, path: &Path) -> impl Fn(io::Error) -> SavedModelError {
    let path = path.to_path_buf();
    move |source| SavedModelError::File {
        action,
        path: path.clone(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_version_is_one_more_than_the_highest() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().join("a/b");
        let next = || Versions::open(&base).unwrap().next(None).unwrap().0;
        assert_eq!(next(), 1);
        for name in ["3", "0011", "x12", "+13", ".14", "99999999999999999999"] {
            fs::create_dir(base.join(name)).unwrap();
        }
        assert_eq!(next(), 12);
    }

    #[test]
    fn a_version_that_is_there_is_refused_under_any_spelling() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("007")).unwrap();
        fs::write(folder.path().join("8"), "").unwrap();
        let versions = Versions::open(folder.path()).unwrap();
        for version in [7, 8] {
            let error = versions.next(Some(version)).unwrap_err();
            assert!(matches!(error, SavedModelError::VersionExists { .. }), "{error}");
        }
        assert_eq!(versions.next(Some(9)).unwrap().1, folder.path().join("9"));
    }

    #[test]
    fn the_last_version_has_no_next() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(i64::MAX.to_string())).unwrap();
        let error = Versions::open(folder.path()).unwrap().next(None).unwrap_err();
        assert!(matches!(error, SavedModelError::NoVersionLeft { .. }), "{error}");
    }

    #[test]
    fn publishing_replaces_nothing_not_even_an_empty_folder() {
        let folder = tempfile::tempdir().unwrap();
        let versions = Versions::open(folder.path()).unwrap();
        let path = folder.path().join("1");
        fs::create_dir(&path).unwrap();
        let aside = versions.aside().unwrap();
        fs::write(aside.path().join("new"), "").unwrap();
        assert!(versions.publish(aside.path(), &path).is_err());
        assert_eq!(fs::read_dir(&path).unwrap().count(), 0);
        fs::remove_dir(&path).unwrap();
        versions.publish(aside.path(), &path).unwrap();
        assert!(path.join("new").exists());
    }

    #[test]
    fn leftovers_go_and_everything_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join(".exporting-abc/variables")).unwrap();
        fs::create_dir(folder.path().join("1")).unwrap();
        fs::write(folder.path().join(".notes"), "").unwrap();
        Versions::open(folder.path()).unwrap();
        let mut left: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        left.sort();
        assert_eq!(left, [".notes", "1"]);
    }
}
