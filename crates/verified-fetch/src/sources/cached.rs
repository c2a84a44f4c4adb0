//! Artifacts by way of a cache folder, whose entries are verified at every use.

use super::{Artifact, Failure, Source, is_html_page};
use crate::cache::{self, CacheError};
use crate::digest::Digest;
use crate::progress::Progress;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

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
    let entries: Vec<_> = artifacts.iter().map(|artifact| read(folder, artifact)).collect();
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
        let damage = match entry.or_else(|_| read(folder, artifact)) {
            Ok(bytes) => return Ok(bytes),
            Err(damage) => damage,
        };
        let path = folder.join(artifact.name);
        if let Some(why) = damage {
            progress.note(&format!("warning: {} is damaged ({why}); fetching it again", path.display()));
        }
        let bytes = fetch(artifact, folder, &mut sources, progress)?;
        whole_files::write(&path, &bytes).map_err(|cause| FetchError::Write { path, cause })?;
        Ok(bytes)
    };
    entries.into_iter().zip(artifacts).map(complete).collect()
}

/// The verified bytes of `artifact` from the first of `sources`, each with why it is not asked again, that gives them.
fn fetch(
    artifact: &Artifact<'_>,
    folder: &Path,
    sources: &mut [(Box<dyn Source>, Option<String>)],
    progress: &dyn Progress,
) -> Result<Vec<u8>, FetchError> {
    let mut failures = Vec::new();
    let count = sources.len();
    for (index, (source, given_up)) in sources.iter_mut().enumerate() {
        let name = source.name(artifact.name);
        if let Some(before) = given_up {
            failures.push(format!("{name}: not asked again after this failure: {before}"));
            continue;
        }
        let fetched = source.fetch(artifact, folder, progress);
        let why = match fetched.and_then(|bytes| verified(artifact, bytes).map_err(Failure::Artifact)) {
            Ok(bytes) => return Ok(bytes),
            Err(Failure::Disk(cause)) => {
                return Err(FetchError::Write { path: folder.join(artifact.name), cause });
            }
            Err(Failure::Artifact(why)) => why,
            Err(Failure::Source(why) | Failure::Passing(why)) => given_up.insert(why).clone(),
        };
        let failed = format!("{name}: {why}");
        if index + 1 < count {
            progress.note(&format!("{failed}; trying the next source"));
        }
        failures.push(failed);
    }
    Err(FetchError::EverySourceFailed { name: artifact.name.to_owned(), failures })
}

/// An entry, or why it is no use; `None`: it is not there.
fn read(folder: &Path, artifact: &Artifact<'_>) -> Result<Vec<u8>, Option<String>> {
    let mut bytes = Vec::new();
    let file = File::open(folder.join(artifact.name));
    match file.and_then(|file| file.take(artifact.max_bytes.saturating_add(1)).read_to_end(&mut bytes)) {
        Ok(_) => verified(artifact, bytes).map_err(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(None),
        Err(error) => Err(Some(error.to_string())),
    }
}

/// `bytes`, or what is wrong with them.
fn verified(artifact: &Artifact<'_>, bytes: Vec<u8>) -> Result<Vec<u8>, String> {
    let Artifact { name, sha256, max_bytes } = artifact;
    let found = Digest::of(&bytes);
    if found == *sha256 {
        Ok(bytes)
    } else if is_html_page(&bytes) {
        Err("an HTML page came in place of the file".to_owned())
    } else if bytes.len() as u64 > *max_bytes {
        Err(format!("{name} has more than the {max_bytes} bytes that it may have"))
    } else {
        Err(format!("{name} has SHA-256 {found}, not {sha256}"))
    }
}
