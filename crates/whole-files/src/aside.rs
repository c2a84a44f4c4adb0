//! What is in the making, aside of where it will be.

use crate::sync::{folder_of, is_unsupported, sync_folder, without_path};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::{Builder, TempDir};

const PREFIX: &str = ".aside-";
/// How many letters and digits follow the prefix.
const DRAWN: usize = 10;
/// Temporary files are private by default; what a user keeps follows the usual modes, less the umask, instead.
const FILE: u32 = 0o666;
const FOLDER: u32 = 0o777;

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
    let mut aside = builder(FILE).tempfile_in(folder).map_err(without_path)?;
    fill(aside.as_file_mut())?;
    aside.as_file().sync_all()?;
    aside.persist(path).map_err(|error| error.error)?;
    sync_folder(folder)
}

/// A folder in the making. It is deleted when dropped, unless it is published.
#[derive(Debug)]
pub struct Aside(TempDir);

impl Aside {
    /// Makes one in `parent`, of the usual mode.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn folder_in(parent: &Path) -> io::Result<Self> {
        builder(FOLDER).tempdir_in(parent).map(Self).map_err(without_path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Gives the folder, whose files are synced, the name `target`, beside it, in one step. Nothing of that name is
    /// replaced, not even an empty folder, such as one that somebody is about to fill.
    ///
    /// # Errors
    /// `target` is there, or renaming or syncing failed.
    pub fn publish(self, target: &Path) -> io::Result<()> {
        sync_folder(self.path())?;
        rename_to_new(self.path(), target)?;
        let _ = self.0.keep(); // it has another name now: there is nothing to delete
        sync_folder(folder_of(target))
    }
}

fn rename_to_new(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // The file system (NFS, some FUSE ones) or the kernel cannot. `rename` at least refuses a folder with anything
        // in it.
        Err(error) if is_unsupported(&error.into(), &[]) => fs::rename(from, to),
        renamed => Ok(renamed?),
    }
}

/// Gives the file `source` the second name `target`, which must be free; where the file system has no hard links, makes
/// a synced copy. Such files must never be changed in place.
///
/// # Errors
/// Any error of linking or copying; no part of a copy is left behind then.
pub fn link_or_copy(source: &Path, target: &Path) -> io::Result<()> {
    let no_links = [Errno::PERM, Errno::ACCESS, Errno::MLINK, Errno::XDEV];
    match fs::hard_link(source, target) {
        Err(error) if is_unsupported(&error, &no_links) => {
            write_with(target, |file| io::copy(&mut File::open(source)?, file).map(drop))
        }
        linked => linked,
    }
}

/// Deletes a file, if it is there.
///
/// # Errors
/// Any error of deleting.
pub fn remove_file(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Deletes `folder` and all that is in it so that no part of it can pass for the whole: first it loses its name.
///
/// # Errors
/// Any error of renaming or deleting.
pub fn remove_folder(folder: &Path) -> io::Result<()> {
    let renamed = builder(FILE).make_in(folder_of(folder), |aside| rename_to_new(folder, aside))?;
    let aside = renamed.into_temp_path().keep()?;
    fs::remove_dir_all(aside)
}

/// Deletes what killed processes left in `folder`. Only for whoever holds its lock: otherwise it may be at work still.
///
/// # Errors
/// The path that cannot be read or deleted, and why.
pub fn sweep(folder: &Path) -> Result<(), (PathBuf, io::Error)> {
    for path in leftovers(folder).map_err(|error| (folder.to_path_buf(), error))? {
        log::debug!("deleting {}, left behind by a process that was cut off", path.display());
        let is_folder = path.symlink_metadata().is_ok_and(|there| there.is_dir());
        let removed = if is_folder { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.map_err(|error| (path, error))?;
    }
    Ok(())
}

/// What is in the making in `folder`, by a process at work or one that was killed; nothing if there is no such folder.
///
/// # Errors
/// The folder cannot be read.
pub fn leftovers(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(is_aside) {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// Whether a name is one of those given here, and no user's.
fn is_aside(name: &str) -> bool {
    let drawn = name.strip_prefix(PREFIX);
    drawn.is_some_and(|drawn| drawn.len() == DRAWN && drawn.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

fn builder(mode: u32) -> Builder<'static, 'static> {
    let mut builder = Builder::new();
    builder.prefix(PREFIX).rand_bytes(DRAWN).permissions(Permissions::from_mode(mode));
    builder
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
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
        assert_eq!(names(folder.path()), ["a"]);
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
    fn a_folder_is_published_whole_and_replaces_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("1");
        let aside = || {
            let aside = Aside::folder_in(folder.path()).unwrap();
            fs::write(aside.path().join("new"), "").unwrap();
            aside
        };
        fs::create_dir(&target).unwrap();
        assert_eq!(aside().publish(&target).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(names(&target), [""; 0]);
        fs::remove_dir(&target).unwrap();
        aside().publish(&target).unwrap();
        assert!(aside().publish(&target).is_err());
        assert_eq!((names(folder.path()), names(&target)), (vec!["1".into()], vec!["new".into()]));
        remove_folder(&target).unwrap();
        assert_eq!(names(folder.path()), [""; 0]);
    }

    #[test]
    fn only_what_was_made_here_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        for name in [".aside-notes", ".aside-", ".aside-12345678901", ".aside-123456789_", "aside"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let before = names(folder.path());
        drop(Aside::folder_in(folder.path()).unwrap().0.keep());
        fs::create_dir_all(folder.path().join(".aside-abcdefghij/inner")).unwrap();
        fs::write(folder.path().join(".aside-0123456789"), "half").unwrap();
        assert_eq!(leftovers(folder.path()).unwrap().len(), 3);
        sweep(folder.path()).unwrap();
        assert_eq!(names(folder.path()), before);
    }
}
