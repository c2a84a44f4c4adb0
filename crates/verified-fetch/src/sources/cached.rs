//! Artifacts by way of a cache folder, whose entries are verified at every use.

use super::{Artifact, Failure, Source, is_html_page};
use crate::cache::{self, CacheError};
use crate::digest::Digest;
use crate::progress::Progress;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::panic;
use std::path::{Path, PathBuf};
use std::thread;

const LOCK: &str = "fetch";

/// Artifacts that could not be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No source gave it; each line says why.
    #[error("cannot fetch {name} from any source:{}", .failures.iter().map(|why| format!("\n  - {why}")).collect::<String>())]
    EverySourceFailed {
        /// The artifact's name.
        name: String,
        /// What was asked for and why it was not had, one a source, in the order tried.
        failures: Vec<String>,
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

/// The bytes of `artifacts`, in their order, from the cache entries of their names in `folder`; an entry that is
/// missing or damaged is fetched from `sources` first. The digests are of the very bytes that are returned.
///
/// Safe to run in several processes at once: entries appear whole, and one process at a time fetches. With all entries
/// sound, `sources` is not called and nothing is written, so a cache on a read-only disk serves as well.
///
/// # Errors
/// [`FetchError`]: no source, or no writable cache. Entries that were had by then stay.
pub fn cached(
    folder: &Path,
    artifacts: &[Artifact<'_>],
    sources: impl FnOnce() -> Vec<Box<dyn Source>>,
    progress: &dyn Progress,
) -> Result<Vec<Vec<u8>>, FetchError> {
    let entries = read_all(folder, artifacts);
    if entries.iter().all(Result::is_ok) {
        cache::sweep_if_free(folder, LOCK);
        return Ok(entries.into_iter().flatten().collect());
    }
    let _lock = cache::lock(folder, LOCK, || {
        progress.note(&format!("waiting for another process that is filling {}", folder.display()));
    })?;
    let mut sources: Vec<_> = sources().into_iter().map(|source| (source, None)).collect();
    let complete = |(entry, artifact): (Result<_, _>, &Artifact<'_>)| {
        // The process that was waited for may have fetched it.
        match entry.or_else(|_: Option<String>| read(folder, artifact)) {
            Ok(bytes) => Ok(bytes),
            Err(damage) => {
                let path = folder.join(artifact.name);
                if let Some(why) = damage {
                    progress
                        .note(&format!("warning: {} is damaged ({why}); fetching it again", path.display()));
                }
                fetch(artifact, &path, folder, &mut sources, progress)?;
                // The disk, or someone else, may spoil what was just verified and put in place.
                read(folder, artifact).map_err(|damage| {
                    let why = damage.unwrap_or_else(|| "it is gone".to_owned());
                    FetchError::Write { path, cause: io::Error::other(why) }
                })
            }
        }
    };
    entries.into_iter().zip(artifacts).map(complete).collect()
}

/// Puts `artifact` at `path`: asks `sources` in turn, each with why it is not asked again, verifies what comes, syncs
/// it and renames it into place. At every moment `path` holds what it held before or the verified artifact.
fn fetch(
    artifact: &Artifact<'_>,
    path: &Path,
    folder: &Path,
    sources: &mut [(Box<dyn Source>, Option<String>)],
    progress: &dyn Progress,
) -> Result<(), FetchError> {
    let mut failures = Vec::new();
    let count = sources.len();
    for (index, (source, given_up)) in sources.iter_mut().enumerate() {
        let name = source.name(artifact.name);
        if let Some(before) = given_up {
            failures.push(format!("{name}: not asked again after this failure: {before}"));
            continue;
        }
        let mut failure = None;
        let written = whole_files::write_with(path, |file| {
            let fetched = source.fetch(artifact, folder, file, progress);
            fetched.and_then(|()| verify(artifact, file)).map_err(|why| match why {
                Failure::Disk(error) => error,
                other => io::Error::other(failure.insert(other).to_string()),
            })
        });
        let why = match (written, failure) {
            (Ok(()), _) => return Ok(()),
            (Err(cause), None) => return Err(FetchError::Write { path: path.to_path_buf(), cause }),
            (Err(why), Some(Failure::Artifact(_))) => why.to_string(),
            (Err(why), Some(_)) => given_up.insert(why.to_string()).clone(),
        };
        let failed = format!("{name}: {why}");
        if index + 1 < count {
            progress.note(&format!("{failed}; trying the next source"));
        }
        failures.push(failed);
    }
    Err(FetchError::EverySourceFailed { name: artifact.name.to_owned(), failures })
}

fn verify(artifact: &Artifact<'_>, file: &mut File) -> Result<(), Failure> {
    file.rewind().map_err(Failure::Disk)?;
    let found = Digest::of_reader(&mut *file).map_err(Failure::Disk)?;
    if found == artifact.sha256 {
        return Ok(());
    }
    let mut start = Vec::new();
    file.rewind().map_err(Failure::Disk)?;
    file.take(512).read_to_end(&mut start).map_err(Failure::Disk)?;
    Err(Failure::Artifact(match is_html_page(&start) {
        true => "an HTML page came in place of the file".to_owned(),
        false => format!("{} has SHA-256 {found}, not {}", artifact.name, artifact.sha256),
    }))
}

/// All entries, each read and hashed by a thread of its own, as by [`read`].
fn read_all(folder: &Path, artifacts: &[Artifact<'_>]) -> Vec<Result<Vec<u8>, Option<String>>> {
    thread::scope(|scope| {
        let readers: Vec<_> =
            artifacts.iter().map(|artifact| scope.spawn(move || read(folder, artifact))).collect();
        readers
            .into_iter()
            .map(|reader| reader.join().unwrap_or_else(|panicked| panic::resume_unwind(panicked)))
            .collect()
    })
}

/// An entry, or why it is no use; `None`: it is not there.
fn read(folder: &Path, artifact: &Artifact<'_>) -> Result<Vec<u8>, Option<String>> {
    let damaged = |error: io::Error| Some(error.to_string());
    let file = match File::open(folder.join(artifact.name)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(None),
        Err(error) => return Err(damaged(error)),
    };
    let size = file.metadata().map_err(damaged)?.len();
    if size > artifact.max_bytes {
        return Err(Some(format!("{size} bytes where there are at most {}", artifact.max_bytes)));
    }
    // One byte more than the size, so that reading to the end need not grow the buffer to find that it is the end.
    let mut bytes = Vec::with_capacity(size as usize + 1);
    file.take(artifact.max_bytes).read_to_end(&mut bytes).map_err(damaged)?;
    let found = Digest::of(&bytes);
    if found != artifact.sha256 {
        return Err(Some(format!("its SHA-256 is {found}, not {}", artifact.sha256)));
    }
    Ok(bytes)
}
