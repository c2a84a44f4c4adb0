//! The official libtensorflow archive over HTTPS, for machines without pip.

use super::disk::disk_error;
use super::install::{LibrarySource, Unpacked};
use super::platform::{Archive, FRAMEWORK, VERSIONED_LIBRARY};
use super::unpacked_file::{self, Trouble};
use crate::fetch::{self, Artifact, Client, Digest, HttpsFile, Progress, Source};
use flate2::read::GzDecoder;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use tar::EntryType;

/// More than the archives have (200 MB).
const MAX_ARCHIVE_BYTES: u64 = 1 << 30;
/// More than they unpack to, also with CUDA kernels.
const MAX_UNPACKED_BYTES: u64 = 4 << 30;

/// An archive of the C API's library.
pub(super) struct OfficialArchive {
    archive: Archive,
    source: Option<Box<dyn Source>>,
}

impl OfficialArchive {
    /// The archive at its own URL.
    pub fn new(archive: Archive) -> Self {
        let source = HttpsFile::new(Client::new(), archive.url);
        Self {
            archive,
            source: Some(Box::new(source)),
        }
    }

    /// The archive from another source.
    #[cfg(test)]
    pub fn from_source(archive: Archive, source: Box<dyn Source>) -> Self {
        Self {
            archive,
            source: Some(source),
        }
    }
}

impl LibrarySource for OfficialArchive {
    fn name(&self) -> String {
        self.archive.url.to_owned()
    }

    fn version(&self) -> &str {
        self.archive.version
    }

    fn room(&self) -> u64 {
        1_200_000_000 // 200 MB packed, up to 900 MB unpacked
    }

    fn unpack(&mut self, folder: &Path, scratch: &Path, progress: &dyn Progress) -> Result<Unpacked, String> {
        let path = scratch.join("libtensorflow.tar.gz");
        let name = format!("libtensorflow {}", self.archive.version);
        let artifact = Artifact {
            name: &name,
            sha256: Digest::from_hex(self.archive.sha256).ok_or("its pinned digest is no SHA-256")?,
            max_bytes: MAX_ARCHIVE_BYTES,
        };
        let mut sources: Vec<_> = self.source.take().into_iter().collect();
        let outcome = fetch::fetch(&artifact, &path, &mut sources, progress);
        self.source = sources.pop();
        outcome.map_err(|error| match error {
            // The report names the URL already.
            fetch::FetchError::EverySourceFailed { mut failures, .. } => match failures.pop() {
                Some(failure) => failure
                    .to_string()
                    .replace(&format!("{}: ", self.archive.url), ""),
                None => "no source".to_owned(),
            },
            other => other.to_string(),
        })?;
        let archive = File::open(&path).map_err(|error| disk_error(scratch, &error))?;
        extract(BufReader::new(archive), folder, progress)
    }
}

/// Takes the two libraries out of the archive. They are told by name, and only files are taken: the links in it
/// (`libtensorflow.so` to `.so.2` to `.so.2.18.0`) are passed over, so that none can lead anywhere.
fn extract(packed: impl Read, folder: &Path, progress: &dyn Progress) -> Result<Unpacked, String> {
    let broken = |error: io::Error| format!("the archive cannot be read: {error}");
    let mut archive = tar::Archive::new(GzDecoder::new(packed).take(MAX_UNPACKED_BYTES));
    let mut files = Vec::new();
    progress.start("unpacking TensorFlow", None);
    let mut done = 0;
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let Some(name) = library_name(&entry.path_bytes()) else {
            continue;
        };
        if entry.header().entry_type() != EntryType::Regular {
            continue;
        }
        let path = folder.join(name);
        let size = entry.size();
        let file = unpacked_file::write(&mut entry, &path, size, |bytes| {
            done += bytes;
            progress.position(done);
        });
        let file = file.map_err(|trouble| match trouble {
            Trouble::Read(error) => broken(error),
            Trouble::Write(error) => disk_error(folder, &error), // also for a second file of the same name
            Trouble::TooLong => broken(io::ErrorKind::InvalidData.into()),
        })?;
        if file.bytes != size {
            return Err(broken(io::ErrorKind::UnexpectedEof.into()));
        }
        files.push(file);
    }
    progress.finish();
    for name in [VERSIONED_LIBRARY, FRAMEWORK] {
        if !files.iter().any(|file| file.name == name) {
            return Err(format!("the archive holds no {name}"));
        }
    }
    Ok(Unpacked {
        library: VERSIONED_LIBRARY.to_owned(),
        files,
    })
}

/// The name under which the loader wants the file at `path` in the archive, if it is one of the two libraries:
/// `lib/libtensorflow.so.2.18.0` is `libtensorflow.so.2`.
fn library_name(path: &[u8]) -> Option<&'static str> {
    let path = std::str::from_utf8(path).ok()?;
    let file = path.strip_prefix("./").unwrap_or(path).strip_prefix("lib/")?;
    [VERSIONED_LIBRARY, FRAMEWORK].into_iter().find(|name| {
        let (stem, suffix) = match name.strip_suffix(".dylib") {
            Some(stem) => (stem, ".dylib"),
            None => (*name, ""),
        };
        file.strip_prefix(stem)
            .and_then(|rest| rest.strip_suffix(suffix))
            .is_some_and(|version| {
                version.starts_with('.') && version.bytes().all(|c| c == b'.' || c.is_ascii_digit())
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::{Silent, SourceError};
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::fs;
    use std::io::Write;
    use tar::{Builder, Header};

    fn real(name: &str) -> String {
        match name.strip_suffix(".dylib") {
            Some(stem) => format!("./lib/{}.18.0.dylib", stem),
            None => format!("./lib/{name}.18.0"),
        }
    }

    fn add(builder: &mut Builder<GzEncoder<Vec<u8>>>, name: &str, kind: EntryType, bytes: &[u8]) {
        let mut header = Header::new_gnu();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes()); // as it is, however bad
        header.set_entry_type(kind);
        if kind == EntryType::Symlink {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append(&header, bytes).unwrap();
    }

    fn archive(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
        let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (name, kind, bytes) in entries {
            add(&mut builder, name, *kind, bytes);
        }
        builder.into_inner().unwrap().finish().unwrap()
    }

    fn sound() -> Vec<u8> {
        archive(&[
            ("./include/tensorflow/c/c_api.h", EntryType::Regular, b"header"),
            (&format!("./lib/{VERSIONED_LIBRARY}"), EntryType::Symlink, b""),
            (&real(VERSIONED_LIBRARY), EntryType::Regular, b"library"),
            (&real(FRAMEWORK), EntryType::Regular, b"framework"),
            ("./../evil", EntryType::Regular, b"evil"),
        ])
    }

    fn extracted(archive: &[u8]) -> Result<Vec<String>, String> {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("library");
        fs::create_dir(&folder).unwrap();
        let outcome = extract(archive, &folder, &Silent);
        assert_eq!(
            fs::read_dir(root.path()).unwrap().count(),
            1,
            "nothing is written elsewhere"
        );
        for entry in fs::read_dir(&folder).unwrap() {
            assert!(entry.unwrap().file_type().unwrap().is_file(), "no link is made");
        }
        outcome.map(|unpacked| unpacked.files.into_iter().map(|file| file.name).collect())
    }

    #[test]
    fn takes_the_libraries_under_the_names_that_the_loader_wants() {
        assert_eq!(extracted(&sound()).unwrap(), [VERSIONED_LIBRARY, FRAMEWORK]);
    }

    #[test]
    fn knows_the_libraries_by_name() {
        assert_eq!(library_name(real(FRAMEWORK).as_bytes()), Some(FRAMEWORK));
        assert_eq!(
            library_name(real(VERSIONED_LIBRARY).trim_start_matches("./").as_bytes()),
            Some(VERSIONED_LIBRARY)
        );
        for other in [
            "lib/libother.so.2.18.0",
            "lib/../libtensorflow.so.2.18.0",
            "lib/libtensorflow.so.2.x",
            "lib",
        ] {
            assert_eq!(library_name(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn refuses_an_archive_that_is_incomplete_cut_short_or_none() {
        let only = archive(&[(&real(FRAMEWORK), EntryType::Regular, b"framework")]);
        assert_eq!(
            extracted(&only).unwrap_err(),
            format!("the archive holds no {VERSIONED_LIBRARY}")
        );
        let link = archive(&[(&real(VERSIONED_LIBRARY), EntryType::Symlink, b"")]);
        assert!(extracted(&link).unwrap_err().contains("holds no"));
        let whole = sound();
        assert!(
            extracted(&whole[..whole.len() / 2])
                .unwrap_err()
                .contains("cannot be read")
        );
        assert!(extracted(b"<html>").unwrap_err().contains("cannot be read"));
        let library = real(VERSIONED_LIBRARY);
        let twice = archive(&[
            (&library, EntryType::Regular, b"a"),
            (&library, EntryType::Regular, b"b"),
        ]);
        assert!(extracted(&twice).unwrap_err().contains("exists"));
    }

    struct Fixed(Vec<u8>);

    impl Source for Fixed {
        fn name(&self) -> String {
            "https://example.org/t.tar.gz".into()
        }

        fn fetch(
            &mut self,
            _artifact: &Artifact<'_>,
            _folder: &Path,
            into: &mut File,
            _progress: &dyn Progress,
        ) -> Result<(), SourceError> {
            into.write_all(&self.0).unwrap();
            Ok(())
        }
    }

    #[test]
    fn verifies_the_archive_before_it_is_unpacked() {
        let root = tempfile::tempdir().unwrap();
        let (folder, scratch) = (root.path().join("library"), root.path().join("scratch"));
        fs::create_dir(&folder)
            .and_then(|()| fs::create_dir(&scratch))
            .unwrap();
        let bytes = sound();
        let pinned = |sha256: String| Archive {
            url: "https://example.org/t.tar.gz",
            version: "2.18.0",
            sha256: String::leak(sha256),
        };
        let mut other = OfficialArchive::from_source(pinned("0".repeat(64)), Box::new(Fixed(bytes.clone())));
        let why = other.unpack(&folder, &scratch, &Silent).unwrap_err();
        assert!(why.contains("has SHA-256") && !why.contains("https://"), "{why}");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
        let digest = Digest::of(&bytes).to_string();
        let mut right = OfficialArchive::from_source(pinned(digest), Box::new(Fixed(bytes)));
        assert_eq!(
            right.unpack(&folder, &scratch, &Silent).unwrap().library,
            VERSIONED_LIBRARY
        );
    }
}
