//! Installing a library into the cache: whole or not at all, by one process at a time.

use super::disk::{self, disk_error};
use super::installed::{self, InstalledFile, Manifest, State};
use super::platform::LIBRARY;
use super::report::Attempt;
use crate::atomic_file;
use crate::fetch::Progress;
use crate::fetch::cache::Lock;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// How the names of half-made installs begin.
const STAGING_PREFIX: &str = ".libtensorflow-installing-";

/// Something that a library can be unpacked from.
pub(super) trait LibrarySource {
    /// What the user reads.
    fn name(&self) -> String;
    /// The version that it gives.
    fn version(&self) -> &str;
    /// Bytes of disk that it needs on the way, all told.
    fn room(&self) -> u64;
    /// Writes the library and what belongs beside it into `folder`, verified and synced; whatever it needs on the way
    /// goes into `scratch`.
    ///
    /// # Errors
    /// Why it does not, as a sentence for the user.
    fn unpack(&mut self, folder: &Path, scratch: &Path, progress: &dyn Progress) -> Result<Unpacked, String>;
}

/// What a source wrote.
#[derive(Debug)]
pub(super) struct Unpacked {
    /// The name of the file to open.
    pub library: String,
    pub files: Vec<InstalledFile>,
}

/// Installs a library from the first of `sources` that gives one, and returns its path. Another process that is at it
/// is waited for, and what it installed is taken.
///
/// # Errors
/// Why each source gave none.
pub(super) fn install(
    cache: &Path,
    sources: &mut [Box<dyn LibrarySource>],
    progress: &dyn Progress,
) -> Result<PathBuf, Vec<Attempt>> {
    let at_cache = |error: &dyn ToString| vec![Attempt::new("the cache", error.to_string())];
    let waiting = || progress.note("another process is installing TensorFlow; waiting for it");
    let _lock = Lock::acquire(cache, "libtensorflow", waiting).map_err(|error| at_cache(&error))?;
    remove_leftovers(cache);
    for source in sources.iter() {
        if let State::Sound(library) = installed::check(&installed::folder(cache, source.version())) {
            return Ok(library);
        }
    }
    let mut failures = Vec::new();
    for source in sources.iter_mut() {
        match install_from(source.as_mut(), cache, progress) {
            Ok(library) => return Ok(library),
            Err(why) => {
                log::debug!("{}: {why}", source.name());
                failures.push(Attempt::new(source.name(), why));
            }
        }
    }
    Err(failures)
}

fn install_from(
    source: &mut dyn LibrarySource,
    cache: &Path,
    progress: &dyn Progress,
) -> Result<PathBuf, String> {
    disk::check_room(cache, source.room())?;
    let failed = |error: io::Error| disk_error(cache, &error);
    let staging = tempfile::Builder::new()
        .prefix(STAGING_PREFIX)
        .tempdir_in(cache)
        .map_err(failed)?;
    let (folder, scratch) = (staging.path().join("library"), staging.path().join("scratch"));
    fs::create_dir(&folder)
        .and_then(|()| fs::create_dir(&scratch))
        .map_err(failed)?;
    let unpacked = source.unpack(&folder, &scratch, progress)?;
    let target = installed::folder(cache, source.version());
    let manifest = Manifest {
        version: source.version().to_owned(),
        source: source.name(),
        library: unpacked.library,
        files: unpacked.files,
    };
    publish(&folder, &target, staging.path(), &manifest).map_err(failed)?;
    Ok(target.join(manifest.library))
}

/// Completes `folder` and moves it to `target`; what is there now goes into `staging`, which is deleted.
fn publish(folder: &Path, target: &Path, staging: &Path, manifest: &Manifest) -> io::Result<()> {
    // The name that the tensorflow crate opens, so that the folder will do as a TENSORFLOW_DIR too.
    if manifest.library != LIBRARY {
        symlink(&manifest.library, folder.join(LIBRARY))?;
    }
    manifest.write(folder)?;
    atomic_file::sync_folder(folder)?;
    match fs::rename(target, staging.join("replaced")) {
        // Processes that have the old files open keep them.
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    fs::rename(folder, target)?;
    atomic_file::sync_folder(atomic_file::folder_of(target))
}

/// Removes what killed installs left. Only to be called with the lock held: nobody else is at work then.
fn remove_leftovers(cache: &Path) {
    let leftovers = fs::read_dir(cache)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| {
            entry
                .file_name()
                .as_encoded_bytes()
                .starts_with(STAGING_PREFIX.as_bytes())
        });
    for entry in leftovers {
        if let Err(error) = fs::remove_dir_all(entry.path()) {
            log::debug!("{}: {error}", entry.path().display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::{Digest, Silent};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;
    use std::time::Duration;

    /// Gives a "library", or fails half-way.
    struct Fake {
        version: &'static str,
        trouble: Option<&'static str>,
        room: u64,
        asked: Arc<AtomicUsize>,
    }

    fn fake(version: &'static str, trouble: Option<&'static str>) -> Fake {
        Fake {
            version,
            trouble,
            room: 0,
            asked: Arc::default(),
        }
    }

    impl LibrarySource for Fake {
        fn name(&self) -> String {
            format!("fake {}", self.version)
        }

        fn version(&self) -> &str {
            self.version
        }

        fn room(&self) -> u64 {
            self.room
        }

        fn unpack(&mut self, folder: &Path, scratch: &Path, _: &dyn Progress) -> Result<Unpacked, String> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            fs::write(scratch.join("wheel"), "large").unwrap();
            let path = folder.join("libtensorflow_cc.so.2");
            fs::write(&path, "library").unwrap();
            thread::sleep(Duration::from_millis(50));
            match self.trouble {
                Some(trouble) => Err(trouble.to_owned()),
                None => Ok(Unpacked {
                    library: "libtensorflow_cc.so.2".to_owned(),
                    files: vec![InstalledFile::describe(&path, Digest::of(b"library")).unwrap()],
                }),
            }
        }
    }

    fn sources<const N: usize>(fakes: [Fake; N]) -> Vec<Box<dyn LibrarySource>> {
        fakes
            .into_iter()
            .map(|fake| Box::new(fake) as Box<dyn LibrarySource>)
            .collect()
    }

    /// What is in the cache, without the lock's file.
    fn listing(cache: &Path) -> Vec<String> {
        let entries = fs::read_dir(cache).unwrap().flatten();
        let mut names: Vec<_> = entries
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
        names.retain(|name| name != ".libtensorflow.lock");
        names.sort();
        names
    }

    #[test]
    fn installs_a_folder_that_also_does_as_a_tensorflow_dir() {
        let cache = tempfile::tempdir().unwrap();
        let deep = cache.path().join("not/yet/there");
        let library = install(&deep, &mut sources([fake("1.0", None)]), &Silent).unwrap();
        assert_eq!(
            installed::check(library.parent().unwrap()),
            State::Sound(library.clone())
        );
        assert_eq!(fs::read(library.with_file_name(LIBRARY)).unwrap(), b"library");
        assert_eq!(listing(&deep), ["libtensorflow-1.0-cpu"]);
    }

    #[test]
    fn asks_the_next_source_and_tells_why_each_failed() {
        let cache = tempfile::tempdir().unwrap();
        let mut failing = sources([fake("1.0", Some("no network")), fake("2.0", Some("broken"))]);
        let failures = install(cache.path(), &mut failing, &Silent).unwrap_err();
        assert_eq!(
            failures,
            [
                Attempt::new("fake 1.0", "no network"),
                Attempt::new("fake 2.0", "broken")
            ]
        );
        assert!(listing(cache.path()).is_empty(), "nothing half-made is left");
        let mut second = sources([fake("1.0", Some("no network")), fake("2.0", None)]);
        let library = install(cache.path(), &mut second, &Silent).unwrap();
        assert!(library.starts_with(cache.path().join("libtensorflow-2.0-cpu")));
    }

    #[test]
    fn clears_what_a_killed_install_left_and_replaces_what_is_damaged() {
        let cache = tempfile::tempdir().unwrap();
        let left = cache.path().join(format!("{STAGING_PREFIX}x1/library"));
        fs::create_dir_all(&left).unwrap();
        fs::write(left.join("libtensorflow_cc.so.2"), "half").unwrap();
        let target = installed::folder(cache.path(), "1.0");
        fs::create_dir(&target).unwrap();
        fs::write(target.join("libtensorflow_cc.so.2"), "half").unwrap();
        let library = install(cache.path(), &mut sources([fake("1.0", None)]), &Silent).unwrap();
        assert_eq!(fs::read(library).unwrap(), b"library");
        assert_eq!(listing(cache.path()), ["libtensorflow-1.0-cpu"]);
    }

    #[test]
    fn of_two_at_once_one_installs_and_the_other_takes_it() {
        let cache = tempfile::tempdir().unwrap();
        let asked = Arc::<AtomicUsize>::default();
        thread::scope(|scope| {
            let run = || {
                let one = Fake {
                    asked: Arc::clone(&asked),
                    ..fake("1.0", None)
                };
                install(cache.path(), &mut sources([one]), &Silent).unwrap()
            };
            let others: Vec<_> = (0..4).map(|_| scope.spawn(run)).collect();
            let paths: Vec<_> = others.into_iter().map(|other| other.join().unwrap()).collect();
            assert!(paths.windows(2).all(|pair| pair[0] == pair[1]));
        });
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn begins_nothing_that_the_disk_cannot_hold() {
        let cache = tempfile::tempdir().unwrap();
        let huge = Fake {
            room: u64::MAX,
            ..fake("1.0", None)
        };
        let asked = Arc::clone(&huge.asked);
        let failures = install(cache.path(), &mut sources([huge]), &Silent).unwrap_err();
        assert!(failures[0].why.starts_with("no room in "), "{}", failures[0].why);
        assert!(failures[0].why.contains("TF_MNIST_CACHE"), "{}", failures[0].why);
        assert_eq!(asked.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn a_cache_that_cannot_be_made_is_a_reason() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let failures = install(
            &file.path().join("cache"),
            &mut sources([fake("1.0", None)]),
            &Silent,
        )
        .unwrap_err();
        assert_eq!(failures[0].what, "the cache");
        assert!(failures[0].why.contains("cannot be used"), "{}", failures[0].why);
    }
}
