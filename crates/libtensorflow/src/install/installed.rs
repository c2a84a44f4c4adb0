//! A library in the cache: a folder that got its name once every file in it was whole and synced.

use crate::platform::{Pinned, Wheel};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use verified_fetch::Digest;

/// What the cache holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum State {
    Absent,
    /// Whole, by the sizes of its files; the library to open.
    Sound(PathBuf),
    /// Not as it was installed, and why.
    Damaged(String),
}

/// The folder of a version in the cache.
pub(crate) fn folder(cache: &Path, version: &str) -> PathBuf {
    cache.join(format!("libtensorflow-{version}-cpu"))
}

/// Looks at `folder`, as every start does: at the sizes of its files, whatever their times, and at no byte of them.
pub(crate) fn check(folder: &Path, wheel: &Wheel) -> State {
    if fs::symlink_metadata(folder).is_err() {
        return State::Absent;
    }
    let in_folder = |file: &Pinned| file.check_size(&folder.join(file.name));
    match wheel.libraries.iter().try_for_each(in_folder) {
        Ok(()) => State::Sound(folder.join(wheel.libraries[0].name)),
        Err(why) => State::Damaged(why),
    }
}

/// Looks at every byte of a library that cannot be opened.
///
/// # Errors
/// What is wrong with it, if it is not as it was installed.
pub(crate) fn verify(folder: &Path, wheel: &Wheel) -> Result<(), String> {
    wheel.libraries.iter().try_for_each(|file| file.verify(&folder.join(file.name)))
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
