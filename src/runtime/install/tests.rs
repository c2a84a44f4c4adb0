//! Installs from sources that give a "library", or fail half-way.

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
    let (library, found_by) = install(&deep, &mut sources([fake("1.0", None)]), &Silent).unwrap();
    assert_eq!(found_by, FoundBy::Installed);
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
    let (library, _) = install(cache.path(), &mut second, &Silent).unwrap();
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
    let (library, _) = install(cache.path(), &mut sources([fake("1.0", None)]), &Silent).unwrap();
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
        assert!(paths.windows(2).all(|pair| pair[0].0 == pair[1].0));
        let installed = paths
            .iter()
            .filter(|(_, found_by)| *found_by == FoundBy::Installed);
        assert_eq!(installed.count(), 1);
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
