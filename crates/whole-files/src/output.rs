//! What a user names as a place to write to, which may be a device, a pipe or a link.

use crate::links::behind_links;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Writes `bytes` to what `path` names: into a device or pipe as it is, and to a file whole or not at all, as
/// [`write`](crate::write) does. Through a symbolic link what it leads to is replaced, or made; the link stays.
///
/// # Errors
/// `path` is a folder, or any error of creating, writing, syncing or renaming.
pub fn write_to(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(there) if there.is_dir() => Err(ErrorKind::IsADirectory.into()),
        // `/dev/stdout`, say, behind which a shell may have put a file: to replace that would cut off what else is printed.
        Ok(there) if is_open_as(&there, io::stdout()) => write_all_to(io::stdout(), bytes),
        Ok(there) if is_open_as(&there, io::stderr()) => write_all_to(io::stderr(), bytes),
        Ok(there) if !there.is_file() => File::options().write(true).open(path)?.write_all(bytes),
        Ok(_) => crate::write(&behind_links(path)?, bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => crate::write(&behind_links(path)?, bytes),
        Err(error) => Err(error),
    }
}

fn is_open_as(there: &fs::Metadata, stream: impl AsFd) -> bool {
    let open = stream.as_fd().try_clone_to_owned().map(File::from);
    let open = open.and_then(|file| file.metadata());
    open.is_ok_and(|open| (open.dev(), open.ino()) == (there.dev(), there.ino()))
}

fn write_all_to(mut stream: impl Write, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).and_then(|()| stream.flush())
}
