//! Where symbolic links lead.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// As many links as Linux follows.
const MAX_LINKS: usize = 40;

/// What `path` leads to if it is a symbolic link, or a link to one; nothing need be there. Otherwise `path` itself.
///
/// # Errors
/// The links lead round in a circle, or one cannot be read.
pub fn behind_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_path_buf();
    for _ in 0..MAX_LINKS {
        if !path.is_symlink() {
            return Ok(path);
        }
        let target = fs::read_link(&path)?;
        path = crate::folder_of(&path).join(target); // an absolute target replaces the folder
    }
    Err(io::Error::other("its symbolic links lead round in a circle"))
}
