//! One artifact from the first source that gives it, in its place only once it is verified.

use super::artifact::Artifact;
use super::cache::{ASIDE_PREFIX, CacheError};
use super::digest::Digest;
use super::html;
use super::progress::Progress;
use super::source::{Source, SourceError};
use crate::staging;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek};
use std::path::{Path, PathBuf};

/// Artifacts that could not be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No source gave it; each line says why.
    #[error("cannot fetch {name} from any source:{}", .failures.iter().map(|f| format!("\n  - {f}")).collect::<String>())]
    EverySourceFailed {
        /// The artifact's name.
        name: String,
        /// One failure a source, in the order tried.
        failures: Vec<SourceError>,
    },
    /// The cache folder cannot be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// What was just verified and put in place reads differently now: the disk, or someone else, spoils it.
    #[error("{path} was fetched and verified, and yet: {why}")]
    Spoilt {
        /// The entry.
        path: PathBuf,
        /// What is wrong with it now.
        why: String,
    },
    /// The place where it should go cannot be written.
    #[error("cannot write {path}: {source}; {}", way_out(.source))]
    Write {
        /// The file or its folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// What helps against an error of writing into the cache.
fn way_out(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "make room, or name another folder in TF_MNIST_CACHE"
        }
        ErrorKind::FileTooLarge => "raise the limit on the size of files (ulimit -f)",
        _ => "TF_MNIST_CACHE names another folder",
    }
}

/// Puts `artifact` at `destination`: asks `sources` in turn, verifies what comes, syncs it and renames it into place.
/// At every moment `destination` holds what it held before or the verified artifact.
///
/// Its folder must exist. Two processes may do this at once; a [`super::cache::Lock`] saves them doing it twice.
///
/// # Errors
/// [`FetchError::EverySourceFailed`], or [`FetchError::Write`] if the disk is the trouble.
pub fn fetch(
    artifact: &Artifact<'_>,
    destination: &Path,
    sources: &mut [Box<dyn Source>],
    progress: &dyn Progress,
) -> Result<(), FetchError> {
    let folder = staging::folder_of(destination);
    let cannot_write = |source| FetchError::Write {
        path: destination.to_path_buf(),
        source,
    };
    let mut failures = Vec::new();
    let count = sources.len();
    for (index, source) in sources.iter_mut().enumerate() {
        let mut aside = tempfile::Builder::new()
            .prefix(ASIDE_PREFIX)
            .permissions(staging::readable_by_all())
            .tempfile_in(folder)
            .map_err(cannot_write)?;
        let outcome = source
            .fetch(artifact, folder, aside.as_file_mut(), progress)
            .and_then(|()| verify(artifact, aside.as_file_mut(), &source.name()));
        match outcome {
            Ok(()) => {
                aside.as_file().sync_all().map_err(cannot_write)?;
                aside
                    .persist(destination)
                    .map_err(|error| cannot_write(error.error))?;
                return staging::sync_folder(folder).map_err(cannot_write);
            }
            Err(failure) => {
                // The next source would meet the same disk.
                let failure = failure
                    .into_disk_trouble()
                    .map_or_else(Ok, |error| Err(cannot_write(error)))?;
                if index + 1 < count && !matches!(failure, SourceError::Skipped { .. }) {
                    progress.note(&format!("{failure}; trying the next source"));
                }
                failures.push(failure);
            }
        }
    }
    Err(FetchError::EverySourceFailed {
        name: artifact.name.to_owned(),
        failures,
    })
}

fn verify(artifact: &Artifact<'_>, file: &mut File, from: &str) -> Result<(), SourceError> {
    let unreadable = |source| SourceError::Disk {
        from: from.to_owned(),
        source,
    };
    file.rewind().map_err(unreadable)?;
    let found = Digest::of_reader(&mut *file).map_err(unreadable)?;
    if found == artifact.sha256 {
        return Ok(());
    }
    let mut start = Vec::new();
    file.rewind().map_err(unreadable)?;
    file.take(512).read_to_end(&mut start).map_err(unreadable)?;
    Err(if html::is_page(&start) {
        SourceError::HtmlPage {
            from: from.to_owned(),
        }
    } else {
        SourceError::WrongDigest {
            from: from.to_owned(),
            name: artifact.name.to_owned(),
            found,
            expected: artifact.sha256,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::Silent;
    use std::fs;
    use std::io::Write;

    struct Fixed(&'static [u8]);

    impl Source for Fixed {
        fn name(&self) -> String {
            "fixed".into()
        }

        fn fetch(
            &mut self,
            _artifact: &Artifact<'_>,
            _folder: &Path,
            into: &mut File,
            _progress: &dyn Progress,
        ) -> Result<(), SourceError> {
            into.write_all(self.0).unwrap();
            Ok(())
        }
    }

    #[test]
    fn takes_the_first_source_that_gives_the_right_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let artifact = Artifact {
            name: "a",
            sha256: Digest::of(b"right"),
            max_bytes: 5,
        };
        let mut sources: [Box<dyn Source>; 3] = [
            Box::new(Fixed(b"wrong")),
            Box::new(Fixed(b"right")),
            Box::new(Fixed(b"other")),
        ];
        fetch(&artifact, &path, &mut sources, &Silent).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"right");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn names_every_source_that_failed_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let artifact = Artifact {
            name: "a",
            sha256: Digest::of(b"right"),
            max_bytes: 5,
        };
        let mut sources: [Box<dyn Source>; 2] = [Box::new(Fixed(b"wrong")), Box::new(Fixed(b"<html>"))];
        let error = fetch(&artifact, &folder.path().join("a"), &mut sources, &Silent).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("fixed: a has SHA-256 "), "{text}");
        assert!(text.contains("fixed: an HTML page came"), "{text}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
