//! One artifact from the first source that gives it, in its place only once it is verified.

use super::cache::{ASIDE_PREFIX, CacheError};
use super::digest::Digest;
use super::html;
use super::progress::Progress;
use super::source::{Artifact, Source, SourceCause, SourceError};
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
            .and_then(|()| {
                verify(artifact, aside.as_file_mut()).map_err(|cause| SourceError {
                    from: source.name(),
                    cause,
                })
            });
        match outcome {
            Ok(()) => {
                aside.as_file().sync_all().map_err(cannot_write)?;
                aside
                    .persist(destination)
                    .map_err(|error| cannot_write(error.error))?;
                return staging::sync_folder(folder).map_err(cannot_write);
            }
            Err(SourceError {
                cause: SourceCause::Disk(error),
                ..
            }) => return Err(cannot_write(error)),
            Err(failure) => {
                if index + 1 < count && !matches!(failure.cause, SourceCause::Skipped(_)) {
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

fn verify(artifact: &Artifact<'_>, file: &mut File) -> Result<(), SourceCause> {
    file.rewind().map_err(SourceCause::Disk)?;
    let found = Digest::of_reader(&mut *file).map_err(SourceCause::Disk)?;
    if found == artifact.sha256 {
        return Ok(());
    }
    let mut start = Vec::new();
    file.rewind().map_err(SourceCause::Disk)?;
    file.take(512)
        .read_to_end(&mut start)
        .map_err(SourceCause::Disk)?;
    Err(match html::is_page(&start) {
        true => SourceCause::HtmlPage,
        false => SourceCause::WrongDigest {
            name: artifact.name.to_owned(),
            found,
            expected: artifact.sha256,
        },
    })
}
