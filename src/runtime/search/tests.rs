//! Searches that end with nothing: no TensorFlow is opened here, since a process can open one only.

use super::*;
use crate::fetch::Silent;
use crate::runtime::Device;
use crate::runtime::install::Unpacked;
use crate::runtime::platform::{LIBRARY, PYTHON_LIBRARY};
use std::cell::Cell;
use std::fs;
use std::rc::Rc;

/// A source that never gives anything.
struct Failing(Rc<Cell<usize>>);

impl LibrarySource for Failing {
    fn name(&self) -> String {
        "a failing source".into()
    }

    fn version(&self) -> &str {
        "1.0"
    }

    fn room(&self) -> u64 {
        0
    }

    fn unpack(&mut self, _: &Path, _: &Path, _: &dyn Progress) -> Result<Unpacked, String> {
        self.0.set(self.0.get() + 1);
        Err("no network".into())
    }
}

/// Searches with a failing source; returns the error and how often the source was asked.
fn search(device: Device, surroundings: Surroundings, cache: &Path) -> (RuntimeError, usize) {
    let options = Options {
        device,
        ..Options::default()
    };
    let asked = Rc::<Cell<usize>>::default();
    let mut sources: [Box<dyn LibrarySource>; 1] = [Box::new(Failing(Rc::clone(&asked)))];
    let search = Search::new(&options, surroundings, Ok(cache.to_path_buf()), &Silent);
    let error = search.run(&mut sources).unwrap_err();
    (error, asked.get())
}

fn assert_has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}

#[test]
fn names_every_place_and_every_source_when_there_is_nothing() {
    let cache = tempfile::tempdir().unwrap();
    let surroundings = Surroundings {
        interpreters: vec!["/nowhere/python3".into()],
        system_folders: vec!["/nowhere/lib".into()],
        ..Surroundings::default()
    };
    let (error, asked) = search(Device::Auto, surroundings, cache.path());
    assert_eq!(asked, 1);
    assert_has(
        &error.to_string(),
        &[
            "no TensorFlow library is installed, and none could be fetched",
            "TENSORFLOW_DIR: not set",
            &format!("{}: no TensorFlow installed there", cache.path().display()),
            "Python packages: /nowhere/python3: not installed",
            "system folders: no libtensorflow in /nowhere/lib",
            "a failing source: no network",
        ],
    );
}

#[test]
fn installs_nothing_for_a_gpu() {
    let cache = tempfile::tempdir().unwrap();
    let (error, asked) = search(Device::Gpu(None), Surroundings::default(), cache.path());
    assert_eq!(asked, 0);
    assert_has(
        &error.to_string(),
        &["with GPU support is installed", "'tensorflow[and-cuda]'"],
    );
}

#[test]
fn the_user_s_own_folder_works_or_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let named = || Surroundings {
        tensorflow_dir: Some(folder.path().into()),
        ..Surroundings::default()
    };
    let (error, asked) = search(Device::Auto, named(), folder.path());
    assert_eq!(asked, 0);
    assert!(matches!(error, RuntimeError::EmptyFolder { .. }));
    let path = folder.path().display().to_string();
    assert_has(
        &error.to_string(),
        &[
            &format!("TENSORFLOW_DIR={path}: no TensorFlow library"),
            "unset TENSORFLOW_DIR",
        ],
    );
    fs::write(folder.path().join(LIBRARY), "no library").unwrap();
    let (error, asked) = search(Device::Auto, named(), folder.path());
    assert_eq!(asked, 0);
    assert_has(
        &error.to_string(),
        &[
            &format!("TENSORFLOW_DIR: {path}/{LIBRARY} is not a shared library"),
            "unset",
        ],
    );
}

#[test]
fn passes_over_what_cannot_be_used_and_reports_it() {
    let (cache, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(folder.path().join(LIBRARY), "no library").unwrap();
    let site = folder.path().join("lib/python3.12/site-packages");
    fs::create_dir_all(site.join("tensorflow")).unwrap();
    fs::create_dir(site.join("tensorflow-2.4.0.dist-info")).unwrap();
    fs::write(site.join("tensorflow").join(PYTHON_LIBRARY), "").unwrap();
    let surroundings = Surroundings {
        environments: vec![folder.path().into()],
        system_folders: vec![folder.path().into()],
        ..Surroundings::default()
    };
    let (error, asked) = search(Device::Auto, surroundings, cache.path());
    assert_eq!(asked, 1);
    assert_has(
        &error.to_string(),
        &[
            &format!("{PYTHON_LIBRARY}: is TensorFlow 2.4.0, and this program needs 2.13"),
            &format!(
                "{}: is not a shared library",
                folder.path().join(LIBRARY).display()
            ),
        ],
    );
}

#[test]
fn a_damaged_install_is_repaired_first_and_tried_once() {
    let cache = tempfile::tempdir().unwrap();
    fs::create_dir(installed::folder(cache.path(), "1.0")).unwrap();
    let (error, asked) = search(Device::Cpu, Surroundings::default(), cache.path());
    assert_eq!(asked, 1);
    assert_has(
        &error.to_string(),
        &[
            "libtensorflow-1.0-cpu: damaged: manifest.json",
            "a failing source: no network",
        ],
    );
}

#[test]
fn without_a_cache_there_is_still_a_report() {
    let options = Options::default();
    let search = Search::new(
        &options,
        Surroundings::default(),
        Err(CacheError::NoHome),
        &Silent,
    );
    let error = search.run(&mut []).unwrap_err();
    assert_has(
        &error.to_string(),
        &["the cache: no cache folder: set TF_MNIST_CACHE"],
    );
}

#[test]
fn says_what_there_are_releases_for() {
    let cache = tempfile::tempdir().unwrap();
    let options = Options::default();
    let search = Search::new(
        &options,
        Surroundings::default(),
        Ok(cache.path().to_path_buf()),
        &Silent,
    );
    let error = search.run(&mut []).unwrap_err();
    assert_has(
        &error.to_string(),
        &[
            "there is no release for ",
            "Linux (x86_64, aarch64) and macOS",
            "TENSORFLOW_DIR=",
        ],
    );
}
