//! Folders under names that TensorFlow would take for patterns.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Component, Path, PathBuf};
use tensorflow::Status;

/// A folder by a path that TensorFlow takes as it is. It looks for a SavedModel's variables by a pattern, in which `[`, `*`,
/// `?` and `\` have a meaning, and takes `link/..` for nothing at all; and the crate passes on only UTF-8.
#[derive(Debug)]
pub struct LiteralPath {
    named: PathBuf,
    path: PathBuf,
    /// The folder, open as long as the path is used.
    _folder: Option<File>,
}

impl LiteralPath {
    /// A path of `folder`; where it needs none of its own, `folder` itself.
    ///
    /// # Errors
    /// The folder cannot be opened.
    pub fn of(folder: &Path) -> io::Result<Self> {
        let is_plain = !folder.components().any(|part| part == Component::ParentDir)
            && folder.to_str().is_some_and(|text| !has_pattern(text));
        let opened = (!is_plain).then(|| File::open(folder)).transpose()?;
        let open = opened.as_ref().map(|open| PathBuf::from(format!("/proc/self/fd/{}", open.as_raw_fd())));
        // Without that file system, TensorFlow may still manage.
        let path = open.filter(|path| path.is_dir()).unwrap_or_else(|| folder.to_path_buf());
        Ok(Self { named: folder.to_path_buf(), path, _folder: opened })
    }

    /// What TensorFlow is to be given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// TensorFlow's words with the folder named as the user did.
    pub fn named_in(&self, status: Status) -> Status {
        if self.path == self.named {
            return status;
        }
        let [path, named] = [&self.path, &self.named].map(|path| path.to_string_lossy());
        Status::new_set_lossy(status.code(), &status.to_string().replace(&*path, &named))
    }
}

/// Whether TensorFlow takes `path` for a pattern, so that its own loaders, Serving's and Python's, find no variables there.
pub fn has_pattern(path: &str) -> bool {
    path.contains(['*', '?', '[', '\\'])
}
