//! Making names durable, on file systems that do and on those that cannot.

use crate::output::behind_links;
use rustix::io::Errno;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

/// `ENOTSUPP` of the Linux kernel, which some network file systems let through; no header of the C library has it.
const KERNEL_NOT_SUPPORTED: Errno = Errno::from_raw_os_error(524);

/// Makes renames and new entries in `folder` durable, where the file system can: CIFS, sshfs and vboxsf know no sync of
/// a folder, and do what they do without.
///
/// # Errors
/// The folder cannot be opened, or syncing it failed.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder)?.sync_all() {
        Err(error) if is_unsupported(&error, &[]) => Ok(()),
        synced => synced,
    }
}

/// Whether the file system does not know the operation at all; `others` are errors by which some say so.
pub(crate) fn is_unsupported(error: &io::Error, others: &[Errno]) -> bool {
    const UNKNOWN: [Errno; 5] =
        [Errno::INVAL, Errno::NOSYS, Errno::OPNOTSUPP, Errno::NOTSUP, KERNEL_NOT_SUPPORTED];
    let number = error.raw_os_error().map(Errno::from_raw_os_error);
    number.is_some_and(|number| UNKNOWN.contains(&number) || others.contains(&number))
}

/// The folder that holds `path`: its parent, or the current folder for a bare file name.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Makes `folder` and those above it, as far as they are not there, and makes them durable. A link that leads to no
/// folder yet stays; the folder it names is made.
///
/// # Errors
/// A folder cannot be made or synced, or something else has its name.
pub fn create_folders(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let folder = &*behind_links(folder)?;
    let parent = folder_of(folder);
    create_folders(parent)?;
    match fs::create_dir(folder) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        made => made.and_then(|()| sync_folder(parent)),
    }
}
