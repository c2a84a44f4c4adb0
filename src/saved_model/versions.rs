//! The folder that TensorFlow Serving watches: `EXPORT_BASE/N/` for every version N.
//!
//! Serving polls it and loads the highest number at once, whole or not (serving issue 1086). So a version is written in
//! a hidden folder beside, whose name is no number, synced, and then renamed.

use super::error::{Result, SavedModelError};
use crate::classifier::{is_saved_model, versions_in};
use crate::staging::{self, Aside, Lock};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// `EXPORT_BASE`, of which this export alone writes until it is dropped; then what was made for it and holds nothing goes.
#[derive(Debug)]
pub(super) struct Versions {
    base: PathBuf,
    /// The folders that were made for it, the lowest first.
    made: Vec<PathBuf>,
    _lock: Lock,
}

impl Drop for Versions {
    fn drop(&mut self) {
        // One with something in it stays, and so do those above.
        let _ = self.made.iter().try_for_each(fs::remove_dir);
    }
}

impl Versions {
    /// Takes `base`, made if need be; waits for another export to it, and deletes what killed ones left behind.
    pub fn open(base: &Path) -> Result<Self> {
        check_base(base)?;
        let mut made = Vec::new();
        let lock = loop {
            made = [staging::create_folders(base).map_err(failed("create", base))?, made].concat();
            // An export that failed meanwhile took away the folder that it had made, and another may have made it again.
            match Lock::folder(base) {
                Ok(lock) if !lock.is_held() || lock.is_of(base) => break lock,
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(failed("lock", base)(error));
                }
                _ => {}
            }
        };
        if lock.is_held() {
            staging::sweep(base).map_err(|(path, error)| failed("delete", &path)(error))?;
        }
        Ok(Self { base: base.to_path_buf(), made, _lock: lock })
    }

    /// The folder of a new version: `wanted`, or one more than the highest.
    pub fn next(&self, wanted: Option<u64>) -> Result<(u64, PathBuf)> {
        let there = versions_in(&self.base).map_err(failed("read", &self.base))?;
        let Some(version) = wanted else {
            let highest = there.last().map_or(0, |(version, _)| *version);
            // Serving reads a version as an int64.
            let next = (highest < i64::MAX as u64).then_some(highest + 1);
            let next = next.ok_or_else(|| SavedModelError::NoVersionLeft { base: self.base.clone() })?;
            return Ok((next, self.base.join(next.to_string())));
        };
        // 007 is version 7 to Serving; and whatever else goes by that name is not to be replaced either.
        let path = self.base.join(version.to_string());
        let taken = there.into_iter().find_map(|(other, path)| (other == version).then_some(path));
        match taken.or_else(|| path.symlink_metadata().is_ok().then(|| path.clone())) {
            Some(path) => Err(SavedModelError::VersionExists { path }),
            None => Ok((version, path)),
        }
    }

    /// A folder to write a version in.
    pub fn aside(&self) -> Result<Aside> {
        Aside::folder_in(&self.base).map_err(failed("create a folder in", &self.base))
    }

    /// Makes the finished folder `aside` the version `path`, in one step that never replaces anything.
    pub fn publish(&self, aside: Aside, path: &Path) -> Result<()> {
        aside.publish(path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty => {
                SavedModelError::VersionExists { path: path.to_path_buf() }
            }
            _ => failed("create", path)(error),
        })
    }
}

/// Whether versions may be put into `base`, by what it is; to say so before long work.
///
/// # Errors
/// It is itself a SavedModel, or one of the folders in one; or it cannot be made or written to.
pub fn check_base(base: &Path) -> Result<()> {
    const INSIDE: [&str; 3] = ["variables", "assets", "assets.extra"];
    let whole = base.canonicalize().unwrap_or_else(|_| base.to_path_buf());
    let parts = [Some(&*whole), whole.parent().filter(|_| INSIDE.iter().any(|name| whole.ends_with(name)))];
    let Some(saved_model) = parts.into_iter().flatten().find(|folder| is_saved_model(folder)) else {
        let action = if base.is_dir() { "write to" } else { "create" };
        return staging::try_folders(base).map_err(failed(action, base));
    };
    // As it was typed, where that says it.
    let levels = if saved_model == whole { 1 } else { 2 };
    let typed = base.ancestors().nth(levels).filter(|folder| !folder.as_os_str().is_empty());
    let typed = typed
        .filter(|folder| folder.canonicalize().is_ok_and(|folder| Some(&*folder) == saved_model.parent()));
    Err(SavedModelError::IsSavedModel {
        path: base.to_path_buf(),
        versions: typed.or(saved_model.parent()).unwrap_or(saved_model).to_path_buf(),
    })
}

pub(super) fn failed(action: &'static str, path: &Path) -> impl Fn(io::Error) -> SavedModelError {
    let path = path.to_path_buf();
    move |source| SavedModelError::File { action, path: path.clone(), source }
}
