//! A cache on a disk that is full, read-only, or takes no long file: the file is named, nothing of it stays, and the same
//! command goes on once there is room.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use support::mirror::{Breaks, Mirror};
use support::runs;
use support::small_disk::{SmallDisk, limited};
use tf_mnist::dataset::{DataFile, Form, load_default};
use tf_mnist::fetch::{Digest, Silent};

/// MNIST's files, where this machine has them.
fn originals() -> &'static [DataFile] {
    static FILES: OnceLock<[DataFile; 4]> = OnceLock::new();
    FILES.get_or_init(|| load_default(&Form::default(), &Silent).unwrap().files)
}

/// Runs a command that must fail; what it says.
fn refused(command: Command) -> String {
    let stderr = runs::fail(command, 1);
    // No other source is asked: it would meet the same disk.
    assert!(!stderr.contains("npm"), "{stderr}");
    stderr
}

/// That the cache holds the files `names`, whole, and no part of another.
fn assert_holds(cache: &Path, names: &[&str]) {
    let mut names = names.to_vec();
    names.sort_unstable();
    assert_eq!(support::names(&cache.join("mnist")), names);
    for file in originals().iter().filter(|file| names.contains(&file.name)) {
        let bytes = fs::read(cache.join("mnist").join(file.name)).unwrap();
        assert_eq!(Digest::of(&bytes), file.sha256, "{}", file.name);
    }
}

fn assert_says(stderr: &str, file: &Path, reason: &str, way_out: &str) {
    let named = format!("cannot write {}: {reason}", file.display());
    assert!(stderr.contains(&named) && stderr.contains(way_out), "{stderr}");
}

fn all() -> Vec<&'static str> {
    originals().iter().map(|file| file.name).collect()
}

#[test]
fn a_full_disk_leaves_no_part_of_a_file_in_the_cache() {
    let Some(disk) = SmallDisk::mount(4 << 10) else {
        return;
    };
    let mirror = Mirror::of(originals(), Breaks::Never);
    let cache = disk.path().join("cache");
    let [images, _, test_images, _] = originals() else {
        panic!("there are four files");
    };
    let first = cache.join("mnist").join(images.name);
    let room = "make room, or name another folder in TF_MNIST_CACHE";

    // The packed images do not fit.
    let stderr = refused(mirror.data_command(&cache));
    assert_says(&stderr, &first, "No space left on device", room);
    assert_holds(&cache, &[]);
    // The packed ones do, what they unpack to does not.
    disk.remount("size=30m");
    let stderr = refused(mirror.data_command(&cache));
    assert_says(&stderr, &first, "No space left on device", room);
    assert_holds(&cache, &[]);
    // What was had stays, and is not fetched again.
    disk.remount("size=51m");
    for file in &originals()[..2] {
        fs::copy(&file.path, cache.join("mnist").join(file.name)).unwrap();
    }
    let stderr = refused(mirror.data_command(&cache));
    let third = cache.join("mnist").join(test_images.name);
    assert_says(&stderr, &third, "No space left on device", room);
    assert_holds(&cache, &all()[..2]);
    disk.remount("size=80m");
    let asked = mirror.requests();
    runs::succeed(mirror.data_command(&cache));
    assert_holds(&cache, &all());
    assert_eq!(mirror.requests() - asked, 2);
}

#[test]
fn a_file_size_limit_is_met_like_a_full_disk() {
    let mirror = Mirror::of(originals(), Breaks::Never);
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    let first = cache.join("mnist").join(originals()[0].name);
    // Less than the packed images have, and less than they unpack to.
    for kib in [1 << 10, 30 << 10] {
        let stderr = refused(limited(&mirror.data_command(&cache), kib));
        assert_says(&stderr, &first, "File too large", "ulimit -f");
        assert_holds(&cache, &[]);
    }
    runs::succeed(limited(&mirror.data_command(&cache), 60 << 10));
    assert_holds(&cache, &all());
}

#[test]
fn a_read_only_cache_is_named_and_one_that_is_full_of_sound_files_serves() {
    let Some(disk) = SmallDisk::mount(100 << 10) else {
        return;
    };
    let mirror = Mirror::of(originals(), Breaks::Never);
    let cache = disk.path().join("cache");
    let refused_read_only = || {
        let stderr = refused(mirror.data_command(&cache));
        let whole = stderr.contains(cache.to_str().unwrap())
            && stderr.contains("Read-only file system")
            && stderr.contains("TF_MNIST_CACHE names another folder");
        assert!(whole, "{stderr}");
    };
    disk.remount("ro");
    refused_read_only();
    assert!(!cache.exists());

    disk.remount("rw");
    runs::succeed(mirror.data_command(&cache));
    disk.remount("ro");
    let asked = mirror.requests();
    runs::succeed(mirror.data_command(&cache));
    assert_eq!(mirror.requests(), asked);

    // With one file gone it must fetch, and cannot.
    disk.remount("rw");
    fs::remove_file(cache.join("mnist").join(originals()[3].name)).unwrap();
    disk.remount("ro");
    refused_read_only();
    assert_holds(&cache, &all()[..3]);
    disk.remount("rw");
    runs::succeed(mirror.data_command(&cache));
    assert_holds(&cache, &all());
}
