//! The official libtensorflow archive over HTTPS, for machines without pip.

use super::disk::disk_error;
use super::install::{LibrarySource, Unpacked};
use super::installed::InstalledFile;
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
            fetch::FetchError::Write { source, .. } => disk_error(scratch, &source),
            other => other.to_string(),
        })?;
        let archive = File::open(&path).map_err(|error| disk_error(scratch, &error))?;
        extract(BufReader::new(archive), folder, progress)
    }
}

/// Takes the two libraries out of the archive. They are told by name, and only files are taken: the links in it
/// (`libtensorflow.so` to `.so.2` to `.so.2.18.0`) are passed over, so that none can lead anywhere.
fn extract(packed: impl Read, folder: &Path, progress: &dyn Progress) -> Result<Unpacked, String> {
    progress.start("unpacking TensorFlow", None);
    let files = extract_libraries(packed, folder, progress);
    progress.finish();
    let files = files?;
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

fn extract_libraries(
    packed: impl Read,
    folder: &Path,
    progress: &dyn Progress,
) -> Result<Vec<InstalledFile>, String> {
    let broken = |error: io::Error| format!("the archive cannot be read: {error}");
    let mut archive = tar::Archive::new(GzDecoder::new(packed).take(MAX_UNPACKED_BYTES));
    let mut files: Vec<InstalledFile> = Vec::new();
    let mut done = 0;
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let name = match library_name(&entry.path_bytes()) {
            Some(name) if !files.iter().any(|file| file.name == name) => name,
            _ => continue,
        };
        if entry.header().entry_type() != EntryType::Regular {
            continue;
        }
        let size = entry.size();
        let file = unpacked_file::write(&mut entry, &folder.join(name), size, |bytes| {
            done += bytes;
            progress.position(done);
        });
        let file = file.map_err(|trouble| match trouble {
            Trouble::Read(error) => broken(error),
            Trouble::Write(error) => disk_error(folder, &error),
            Trouble::TooLong => broken(io::ErrorKind::InvalidData.into()),
        })?;
        if file.bytes != size {
            return Err(broken(io::ErrorKind::UnexpectedEof.into()));
        }
        files.push(file);
    }
    Ok(files)
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
                version.is_empty()
                    || version.starts_with('.') && version.bytes().all(|c| c == b'.' || c.is_ascii_digit())
            })
    })
}

#[cfg(test)]
mod tests;
