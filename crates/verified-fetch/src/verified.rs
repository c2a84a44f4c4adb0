//! One artifact from the first source that gives it, in its place only once it is verified.

use crate::cache::CacheError;
use crate::digest::Digest;
use crate::html;
use crate::progress::Progress;
use crate::source::{Artifact, Source, SourceCause, SourceError};
use std::fs::File;
use std::io::{self, Read, Seek};
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
    #[error("cannot write {path}: {cause}")]
    Write {
        /// The file or its folder.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

/// Puts `artifact` at `destination`: asks `sources` in turn, verifies what comes, syncs it and renames it into place.
/// At every moment `destination` holds what it held before or the verified artifact.
///
/// Its folder must exist. Two processes may do this at once; a [`lock`](crate::cache::lock()) saves them doing it twice.
///
/// # Errors
/// [`FetchError::EverySourceFailed`], or [`FetchError::Write`] if the disk is the trouble.
pub fn fetch(
    artifact: &Artifact<'_>,
    destination: &Path,
    sources: &mut [Box<dyn Source>],
    progress: &dyn Progress,
) -> Result<(), FetchError> {
    let folder = whole_files::folder_of(destination);
    let mut failures = Vec::new();
    let count = sources.len();
    for (index, source) in sources.iter_mut().enumerate() {
        let mut failure = None;
        let written = whole_files::write_with(destination, |file| {
            let fetched = source.fetch(artifact, folder, file, progress);
            let verified = fetched.and_then(|()| {
                let from = source.name();
                verify(artifact, file).map_err(|cause| SourceError { from, cause })
            });
            verified.map_err(|error| match error.cause {
                SourceCause::Disk(error) => error,
                _ => io::Error::other(failure.insert(error).to_string()),
            })
        });
        match (written, failure) {
            (Ok(()), _) => return Ok(()),
            (Err(cause), None) => {
                let path = destination.to_path_buf();
                return Err(FetchError::Write { path, cause });
            }
            (Err(_), Some(failure)) => {
                if index + 1 < count && !matches!(failure.cause, SourceCause::Skipped(_)) {
                    progress.note(&format!("{failure}; trying the next source"));
                }
                failures.push(failure);
            }
        }
    }
    Err(FetchError::EverySourceFailed { name: artifact.name.to_owned(), failures })
}

fn verify(artifact: &Artifact<'_>, file: &mut File) -> Result<(), SourceCause> {
    file.rewind().map_err(SourceCause::Disk)?;
    let found = Digest::of_reader(&mut *file).map_err(SourceCause::Disk)?;
    if found == artifact.sha256 {
        return Ok(());
    }
    let mut start = Vec::new();
    file.rewind().map_err(SourceCause::Disk)?;
    file.take(512).read_to_end(&mut start).map_err(SourceCause::Disk)?;
    Err(match html::is_page(&start) {
        true => SourceCause::HtmlPage,
        false => {
            SourceCause::WrongDigest { name: artifact.name.to_owned(), found, expected: artifact.sha256 }
        }
    })
}
