//! A library in the cache: a folder that got its name once every file in it was whole and synced.

use crate::platform::{Pinned, Wheel};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use verified_fetch::Digest;

/// The folder of a version in the cache.
pub(crate) fn folder(cache: &Path, version: &str) -> PathBuf {
    cache.join(format!("libtensorflow-{version}-cpu"))
}

/// Looks at `folder`, if it is there, as every start does: at the sizes of its files, whatever their times, and at no
/// byte of them. Returns the library to open.
///
/// # Errors
/// What is wrong with it, if it is not as it was installed.
pub(crate) fn check(folder: &Path, wheel: &Wheel) -> Option<Result<PathBuf, String>> {
    fs::symlink_metadata(folder).ok()?;
    let mut sizes = wheel.libraries.iter().map(|file| file.check_size(&folder.join(file.name)));
    Some(sizes.find(Result::is_err).unwrap_or(Ok(())).map(|()| folder.join(wheel.libraries[0].name)))
}

/// As [`check`], but looks at every byte.
///
/// # Errors
/// As [`check`].
pub(crate) fn verify(folder: &Path, wheel: &Wheel) -> Option<Result<PathBuf, String>> {
    let sound = |library| {
        let mut files = wheel.libraries.iter();
        files.try_for_each(|file| file.verify(&folder.join(file.name))).map(|()| library)
    };
    Some(check(folder, wheel)?.and_then(sound))
}

/// What is said of a folder that is damaged.
pub(crate) fn damaged(folder: &Path, why: &str, what_now: &str) -> String {
    format!("{} is damaged ({why}); {what_now}", folder.display())
}

impl Pinned {
    fn check_size(&self, path: &Path) -> Result<(), String> {
        match fs::metadata(path).map_err(|error| format!("{}: {error}", self.name))?.len() {
            bytes if bytes == self.bytes => Ok(()),
            bytes => Err(format!("{} has {bytes} bytes in place of {}", self.name, self.bytes)),
        }
    }

    /// Whether `path` holds this file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn verify(&self, path: &Path) -> Result<(), String> {
        self.check_size(path)?;
        let digest = File::open(path).and_then(Digest::of_reader);
        match digest.map_err(|error| format!("{}: {error}", self.name))? {
            digest if digest == self.sha256 => Ok(()),
            digest => Err(format!("{} has SHA-256 {digest} in place of {}", self.name, self.sha256)),
        }
    }
}
