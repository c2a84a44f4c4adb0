//! Installing TensorFlow, with a pip that a shell script plays: nothing is ever fetched here.

use crate::{Bare, LIBRARIES, copy_install, library, runtime};
use predicates::prelude::*;
use predicates::str::contains;
use std::fs::{self, File};
use std::time::{Duration, SystemTime};
use support::names;
use support::small_disk::SmallDisk;

#[test]
fn one_message_names_everything_that_was_tried_and_what_helps() {
    let pip = "echo 'ERROR: No matching distribution found for tensorflow-cpu==2.21.0' >&2; exit 1";
    let bare = Bare::new(pip, "");
    bare.runtime(&[])
        .assert()
        .code(1)
        .stdout("")
        .stderr(contains("no TensorFlow library is installed, and none could be fetched"))
        .stderr(contains("TENSORFLOW_DIR: not set"))
        .stderr(contains(bare.cache.path().display().to_string()))
        .stderr(contains("python3: no tensorflow package; python: not installed"))
        .stderr(contains("the conda environment: none is active"))
        .stderr(contains("the system's loader: knows none of libtensorflow"))
        .stderr(contains("python3 -m pip failed (exit status: 1): ERROR: No matching distribution"))
        .stderr(contains("python3 -m pip install tensorflow").and(contains("TENSORFLOW_DIR=FOLDER")));
    assert!(names(bare.cache.path()).is_empty());
    bare.runtime(&["--device", "gpu"])
        .assert()
        .code(1)
        .stderr(contains("with GPU support is installed").and(contains("'tensorflow[and-cuda]'")))
        .stderr(contains("--device cpu runs without"));
}

#[test]
fn a_full_disk_is_named() {
    let bare = Bare::new("echo \"ERROR: [Errno 28] No space left on device\"; exit 1", "");
    let named = format!("the disk of {} is full; make room, or name", bare.cache.path().display());
    bare.runtime(&[]).assert().code(1).stderr(contains(named));
}

#[test]
fn a_damaged_install_is_noticed() {
    let bare = Bare::offline();
    let copy = copy_install(bare.cache.path());
    bare.runtime(&[]).assert().success().stderr("").stdout(contains("found in the cache"));
    let framework = copy.join("libtensorflow_framework.so.2");
    fs::remove_file(&framework).unwrap(); // the link, not the original
    fs::write(&framework, "half").unwrap();
    bare.runtime(&[])
        .assert()
        .code(1)
        .stderr(contains("is damaged (libtensorflow_framework.so.2 has 4 bytes in place of"))
        .stderr(contains("installing it anew"))
        .stderr(contains("ERROR: offline"));
    // Where a GPU must be used, what is installed would not do.
    bare.runtime(&["--device", "gpu"])
        .assert()
        .code(1)
        .stderr(contains("is damaged (libtensorflow_framework.so.2 has 4 bytes in place of"))
        .stderr(contains("looking further").and(contains("anew").or(contains("ERROR: offline")).not()));
}

/// Bytes that the process read, from where it has its own account of them.
#[cfg(target_os = "linux")]
#[test]
fn a_cache_with_other_file_times_is_not_read_through_at_every_start() {
    let bare = Bare::offline();
    let copy = copy_install(bare.cache.path());
    let library = copy.join("libtensorflow_cc.so.2");
    // A copy of its own, since times belong to the file and not to its name: as long, and all holes.
    let bytes = fs::metadata(&library).unwrap().len();
    fs::remove_file(&library).unwrap();
    let file = File::create_new(&library).unwrap();
    file.set_len(bytes).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1)).unwrap();
    // It is taken for whole, which it would not be had it been read; opening it then tells.
    let opened = bare.runtime(&[]).assert().code(1);
    opened.stderr(
        contains("libtensorflow_cc.so.2 is not a shared library")
            .and(contains("libtensorflow_cc.so.2 has SHA-256"))
            .and(contains("ERROR: offline")),
    );
}

/// Needs leave to mount.
#[test]
fn a_disk_from_which_nothing_may_be_run_is_named_before_anything_is_fetched() {
    let Some(disk) = SmallDisk::mount(1 << 10) else {
        return;
    };
    disk.remount("noexec");
    let bare = Bare::new("touch $0.asked; exit 1", "");
    let refused = || bare.runtime(&[]).env("TF_MNIST_CACHE", disk.path()).assert().code(1);
    refused().stderr(contains("which is mounted noexec; TF_MNIST_CACHE names another folder"));
    assert!(!bare.programs.path().join("python3.asked").exists());
    // With a library there.
    let copy = disk.path().join("libtensorflow-2.21.0-cpu");
    fs::create_dir(&copy).unwrap();
    for name in LIBRARIES {
        let bytes = fs::metadata(library().with_file_name(name)).unwrap().len();
        File::create(copy.join(name)).unwrap().set_len(bytes).unwrap(); // all holes
    }
    refused().stderr(
        contains("libtensorflow_cc.so.2 is on a disk that is mounted noexec").and(contains("damaged").not()),
    );
}

#[test]
fn a_read_only_cache_serves() {
    let cache = tempfile::tempdir().unwrap();
    copy_install(cache.path());
    let mut child = runtime(&[]);
    child.env("TF_MNIST_CACHE", cache.path());
    child.assert().success();
    assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 1, "nothing is written");
}
