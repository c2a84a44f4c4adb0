//! Artifacts by way of a cache folder, whose entries are verified at every use.

use crate::cache;
use crate::digest::Digest;
use crate::progress::Progress;
use crate::source::{Artifact, Source};
use crate::verified::{FetchError, fetch};
use std::fs::File;
use std::io::{self, Read};
use std::panic;
use std::path::Path;
use std::thread;

const LOCK: &str = "fetch";

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
    let mut sources = sources();
    let complete = |(entry, artifact): (Result<_, _>, &Artifact<'_>)| {
        // The process that was waited for may have fetched it.
        match entry.or_else(|_: Unusable| read(folder, artifact)) {
            Ok(bytes) => Ok(bytes),
            Err(unusable) => {
                let path = folder.join(artifact.name);
                if let Unusable::Damaged(why) = unusable {
                    progress
                        .note(&format!("warning: {} is damaged ({why}); fetching it again", path.display()));
                }
                fetch(artifact, &path, &mut sources, progress)?;
                // The disk, or someone else, may spoil what was just verified and put in place.
                read(folder, artifact)
                    .map_err(|unusable| FetchError::Write { path, cause: io::Error::other(unusable.why()) })
            }
        }
    };
    entries.into_iter().zip(artifacts).map(complete).collect()
}

/// Why an entry is no use.
enum Unusable {
    Missing,
    Damaged(String),
}

impl Unusable {
    fn why(self) -> String {
        match self {
            Self::Missing => "it is gone".to_owned(),
            Self::Damaged(why) => why,
        }
    }
}

/// All entries, each read and hashed by a thread of its own.
fn read_all(folder: &Path, artifacts: &[Artifact<'_>]) -> Vec<Result<Vec<u8>, Unusable>> {
    thread::scope(|scope| {
        let readers: Vec<_> =
            artifacts.iter().map(|artifact| scope.spawn(move || read(folder, artifact))).collect();
        readers
            .into_iter()
            .map(|reader| reader.join().unwrap_or_else(|panicked| panic::resume_unwind(panicked)))
            .collect()
    })
}

fn read(folder: &Path, artifact: &Artifact<'_>) -> Result<Vec<u8>, Unusable> {
    let damaged = |error: io::Error| Unusable::Damaged(error.to_string());
    let file = match File::open(folder.join(artifact.name)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Unusable::Missing),
        Err(error) => return Err(damaged(error)),
    };
    let size = file.metadata().map_err(damaged)?.len();
    if size > artifact.max_bytes {
        return Err(Unusable::Damaged(format!(
            "{size} bytes where there are at most {}",
            artifact.max_bytes
        )));
    }
    // One byte more than the size, so that reading to the end need not grow the buffer to find that it is the end.
    let mut bytes = Vec::with_capacity(size as usize + 1);
    file.take(artifact.max_bytes).read_to_end(&mut bytes).map_err(damaged)?;
    let found = Digest::of(&bytes);
    if found != artifact.sha256 {
        return Err(Unusable::Damaged(format!("its SHA-256 is {found}, not {}", artifact.sha256)));
    }
    Ok(bytes)
}
