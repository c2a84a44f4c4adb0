//! Single files out of a gzipped tarball that nobody vouches for.

use super::bounded::{self, CopyError};
use flate2::read::MultiGzDecoder;
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Component, Path, PathBuf};
use tar::EntryType;

/// More entries than any archive read here has.
const MAX_ENTRIES: usize = 10_000;
/// What entries nobody wants may add up to, in bytes.
const MAX_UNWANTED_BYTES: u64 = 64 << 20;

/// An entry to unpack.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Its path in the archive.
    pub entry: String,
    /// The most bytes it may have.
    pub max_bytes: u64,
    /// The file to write; it must not exist.
    pub destination: PathBuf,
}

/// A tarball that is not sound, or lacks a file.
#[derive(Debug, thiserror::Error)]
pub enum TarballError {
    /// Not a gzipped tarball, or it ends early.
    #[error("the tarball cannot be read: {0}")]
    Unreadable(#[source] io::Error),
    /// An entry points out of the archive, or is neither file nor folder.
    #[error("the tarball holds {0:?}, {1}; nothing of it is used")]
    Unsafe(String, &'static str),
    /// It holds more than it should.
    #[error("the tarball holds more than {0}; nothing of it is used")]
    TooLarge(String),
    /// A wanted entry is not there.
    #[error("the tarball holds no {0}")]
    Missing(String),
    /// An entry cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// Where to.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Writes the `wanted` entries of a gzipped tarball to their destinations; nothing else in it touches the disk, and
/// names in it never decide where.
///
/// # Errors
/// An archive with any absolute path, `..`, link or device, or with more than it should hold, is refused as a whole.
/// Files may have been written by then.
pub fn extract(tarball: File, wanted: &[Wanted]) -> Result<(), TarballError> {
    let bound = wanted
        .iter()
        .fold(MAX_UNWANTED_BYTES, |sum, file| sum.saturating_add(file.max_bytes));
    let reader = MultiGzDecoder::new(BufReader::new(tarball)).take(bound);
    let mut archive = tar::Archive::new(reader);
    let mut missing: HashSet<&str> = wanted.iter().map(|file| file.entry.as_str()).collect();
    for (index, entry) in archive.entries().map_err(TarballError::Unreadable)?.enumerate() {
        if index >= MAX_ENTRIES {
            return Err(TarballError::TooLarge(format!("{MAX_ENTRIES} entries")));
        }
        let mut entry = entry.map_err(TarballError::Unreadable)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous | EntryType::Directory => {}
            EntryType::XGlobalHeader => continue,
            EntryType::Link | EntryType::Symlink => return Err(TarballError::Unsafe(name, "a link")),
            _ => return Err(TarballError::Unsafe(name, "neither a file nor a folder")),
        }
        if !Path::new(&name)
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
        {
            return Err(TarballError::Unsafe(name, "which points out of it"));
        }
        let Some(file) = wanted.iter().find(|file| file.entry == name) else {
            continue;
        };
        if !missing.remove(name.as_str()) {
            return Err(TarballError::Unsafe(name, "twice"));
        }
        if entry.size() > file.max_bytes {
            return Err(TarballError::TooLarge(format!(
                "{} bytes in {name}",
                file.max_bytes
            )));
        }
        let cannot_write = |source| TarballError::Write {
            path: file.destination.clone(),
            source,
        };
        let out = File::create_new(&file.destination).map_err(cannot_write)?;
        let copied = bounded::copy(&mut entry, out, file.max_bytes).map_err(|error| match error {
            CopyError::Read(error) => TarballError::Unreadable(error),
            CopyError::Write(error) => cannot_write(error),
            CopyError::TooLong => too_large(file, &name),
        })?;
        if copied != entry.size() {
            return Err(TarballError::Unreadable(io::ErrorKind::UnexpectedEof.into()));
        }
    }
    match missing.into_iter().min() {
        Some(entry) => Err(TarballError::Missing(entry.to_owned())),
        None => Ok(()),
    }
}

fn too_large(file: &Wanted, name: &str) -> TarballError {
    TarballError::TooLarge(format!("{} bytes in {name}", file.max_bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::fs;
    use std::io::{Seek, Write};
    use tar::{Builder, Header};

    fn tarball(fill: impl FnOnce(&mut Builder<GzEncoder<&File>>)) -> File {
        let mut file = tempfile::tempfile().unwrap();
        let mut builder = Builder::new(GzEncoder::new(&file, Compression::fast()));
        fill(&mut builder);
        builder.into_inner().unwrap().finish().unwrap();
        file.rewind().unwrap();
        file
    }

    /// Writes the name into the header as it is; `tar` itself would refuse the bad ones.
    fn add(builder: &mut Builder<GzEncoder<&File>>, name: &str, kind: EntryType, bytes: &[u8]) {
        let mut header = Header::new_ustar();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append(&header, bytes).unwrap();
    }

    fn extract_one(tarball: File) -> Result<Vec<u8>, TarballError> {
        let folder = tempfile::tempdir().unwrap();
        let destination = folder.path().join("out");
        let wanted = Wanted {
            entry: "package/a".into(),
            max_bytes: 4,
            destination: destination.clone(),
        };
        extract(tarball, &[wanted])?;
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        Ok(fs::read(destination).unwrap())
    }

    #[test]
    fn writes_what_is_wanted_and_nothing_else() {
        let tarball = tarball(|builder| {
            add(builder, "package/b", EntryType::Regular, b"other");
            add(builder, "package/a", EntryType::Regular, b"this");
        });
        assert_eq!(extract_one(tarball).unwrap(), b"this");
    }

    #[test]
    fn refuses_names_that_point_out_and_links() {
        for (name, kind) in [
            ("package/../../a", EntryType::Regular),
            ("/package/a", EntryType::Regular),
            ("package/l", EntryType::Symlink),
            ("package/l", EntryType::Link),
            ("package/d", EntryType::Block),
        ] {
            let tarball = tarball(|builder| {
                add(builder, name, kind, b"");
                add(builder, "package/a", EntryType::Regular, b"this");
            });
            let refused = extract_one(tarball);
            assert!(
                matches!(refused, Err(TarballError::Unsafe(..))),
                "{name}: {refused:?}"
            );
        }
    }

    #[test]
    fn refuses_too_much_too_little_and_the_same_twice() {
        let holding = |entries: &[&[u8]]| {
            extract_one(tarball(|builder| {
                for bytes in entries {
                    add(builder, "package/a", EntryType::Regular, bytes);
                }
            }))
        };
        assert!(matches!(holding(&[b"large"]), Err(TarballError::TooLarge(_))));
        assert!(matches!(holding(&[]), Err(TarballError::Missing(_))));
        assert!(matches!(holding(&[b"a", b"b"]), Err(TarballError::Unsafe(..))));
    }

    #[test]
    fn refuses_what_is_no_tarball_or_ends_early() {
        let mut noise = tempfile::tempfile().unwrap();
        noise.write_all(b"<html>no tarball</html>").unwrap();
        noise.rewind().unwrap();
        assert!(matches!(extract_one(noise), Err(TarballError::Unreadable(_))));
        let whole = tarball(|builder| add(builder, "package/a", EntryType::Regular, b"this"));
        whole.set_len(whole.metadata().unwrap().len() / 2).unwrap();
        assert!(matches!(extract_one(whole), Err(TarballError::Unreadable(_))));
    }
}
