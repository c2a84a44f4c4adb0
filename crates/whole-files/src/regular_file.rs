//! Opening what a user names as a file: a FIFO or device would make the program wait for whoever writes to it.

use std::fs::{self, File, FileType};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// Opens a file for reading, if it is a regular one or a link to one.
///
/// # Errors
/// As [`File::open`], and at once for anything that is no regular file.
pub fn open(path: &Path) -> io::Result<File> {
    let kind = fs::metadata(path)?.file_type();
    if kind.is_file() {
        File::open(path)
    } else {
        let why = format!("it is {}, not a file; copy what it holds into one", name(kind));
        Err(io::Error::new(ErrorKind::InvalidInput, why))
    }
}

/// What a file holds.
///
/// # Errors
/// As [`open`], or it cannot be read.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Its first MiB, which is more than a small file of JSON ever has.
///
/// # Errors
/// As [`read`].
pub fn read_first_mib(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(1 << 20).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn name(kind: FileType) -> &'static str {
    if kind.is_dir() {
        "a folder"
    } else if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}
