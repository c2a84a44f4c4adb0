//! One file out of an archive onto the disk: hashed on the way, bounded, synced.

use super::installed::InstalledFile;
use crate::fetch::Digest;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

/// Why a file was not unpacked.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The archive is broken.
    Read(io::Error),
    /// The disk fails.
    Write(io::Error),
    /// There is more of it than there should be.
    TooLong,
}

/// Writes all of `entry`, at most `max_bytes`, to `path`, which must not exist; `advance` is told of every bit of it.
pub(super) fn write(
    mut entry: impl Read,
    path: &Path,
    max_bytes: u64,
    mut advance: impl FnMut(u64),
) -> Result<InstalledFile, Trouble> {
    let mut out = File::create_new(path).map_err(Trouble::Write)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    let mut written = 0;
    loop {
        let count = match entry.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Trouble::Read(error)),
        };
        written += count as u64;
        if written > max_bytes {
            return Err(Trouble::TooLong);
        }
        hasher.update(&buffer[..count]);
        out.write_all(&buffer[..count]).map_err(Trouble::Write)?;
        advance(count as u64);
    }
    out.sync_all().map_err(Trouble::Write)?;
    let sha256 = Digest::from_bytes(hasher.finalize().into());
    InstalledFile::describe(path, sha256).map_err(Trouble::Write)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_a_file_once_and_no_more_than_it_may_have() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let mut seen = 0;
        let file = write(&b"library"[..], &path, 7, |bytes| seen += bytes).unwrap();
        assert_eq!((file.bytes, seen), (7, 7));
        assert_eq!(file.sha256, Digest::of(b"library").to_string());
        assert!(matches!(
            write(&b"again"[..], &path, 7, |_| {}),
            Err(Trouble::Write(_))
        ));
        let longer = write(&b"library"[..], &folder.path().join("b"), 6, |_| {});
        assert!(matches!(longer, Err(Trouble::TooLong)));
    }

    struct Broken;

    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::InvalidData.into())
        }
    }

    #[test]
    fn a_broken_archive_is_the_reader_s_trouble() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(
            write(Broken, &folder.path().join("a"), 1, |_| {}),
            Err(Trouble::Read(_))
        ));
    }
}
