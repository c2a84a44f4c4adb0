//! Files that are whole or absent: written aside in the same folder, synced, then renamed into place.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

/// Writes `bytes` to `path`, so that at every moment, also across a crash or a full disk, `path` holds either what it
/// held before or all of `bytes`.
///
/// # Errors
/// Any error of creating, writing, syncing or renaming; nothing is left behind then.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_with(path, |file| file.write_all(bytes))
}

/// Like [`write()`], for contents produced piece by piece by `fill`.
///
/// # Errors
/// What `fill` returns, or any error of creating, syncing or renaming; nothing is left behind then.
pub fn write_with(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let folder = folder_of(path);
    let mut aside = tempfile::Builder::new()
        .prefix(".writing-")
        .permissions(readable_by_all())
        .tempfile_in(folder)?;
    fill(aside.as_file_mut())?;
    aside.as_file().sync_all()?;
    aside.persist(path).map_err(|error| error.error)?;
    sync_folder(folder)
}

/// Gives the file `source` the second name `target`, which must be free; where the file system has no hard links, makes
/// a synced copy. Such files must never be changed in place.
///
/// # Errors
/// Any error of linking or copying; no part of a copy is left behind then.
pub fn link_or_copy(source: &Path, target: &Path) -> io::Result<()> {
    match fs::hard_link(source, target) {
        Err(error) if matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::PermissionDenied) => {
            write_with(target, |file| io::copy(&mut File::open(source)?, file).map(drop))
        }
        linked => linked,
    }
}

/// Makes renames and new entries in `folder` durable.
///
/// # Errors
/// The folder cannot be opened or synced.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// The folder that holds `path`: its parent, or the current folder for a bare file name.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Temporary files are private by default; what a user keeps follows the usual mode instead.
pub(crate) fn readable_by_all() -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    fs::Permissions::from_mode(0o666) // less the umask, as for any new file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_the_old_contents_and_leaves_nothing_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_linked_file_has_two_names() {
        let folder = tempfile::tempdir().unwrap();
        let [a, b] = ["a", "b"].map(|name| folder.path().join(name));
        fs::write(&a, b"one").unwrap();
        link_or_copy(&a, &b).unwrap();
        write(&a, b"two").unwrap();
        assert_eq!(fs::read(&b).unwrap(), b"one");
        assert!(link_or_copy(&a, &b).is_err());
    }

    #[test]
    fn keeps_the_old_contents_when_filling_fails() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write(&path, b"one").unwrap();
        let failed = write_with(&path, |file| {
            file.write_all(b"half")?;
            Err(io::Error::other("disk full"))
        });
        assert!(failed.is_err());
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
