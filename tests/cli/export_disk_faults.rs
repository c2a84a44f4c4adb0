//! Exports to a disk that is full, read-only, or takes no long file: the file is named, nothing of the version stays, the
//! versions before are untouched, and the same command succeeds once there is room.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::hundred_digits::golden;
use support::runs;
use support::small_disk::{SmallDisk, limited};

/// Of its version, the variables take 224 KiB, the requests 16, the network's table 4, the graph 24.
fn export(base: &Path) -> Command {
    runs::export(&golden("baseline/final.ckpt"), base)
}

/// Runs an export that must fail; what it says.
fn refused(command: Command) -> String {
    let stderr = runs::fail(command, 1);
    assert!(stderr.contains("run the same command again"), "{stderr}");
    // That folder is gone by the time the message is read.
    assert!(!stderr.contains(".aside-"), "{stderr}");
    stderr
}

/// Every file below `base` and its bytes, and every empty folder.
fn contents(base: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![base.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        if entries.is_empty() {
            found.insert(folder, Vec::new());
            continue;
        }
        for path in entries {
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.clone(), fs::read(path).unwrap());
            }
        }
    }
    found
}

/// The files of version 2 are those of version 1.
fn assert_second_is_like_first(base: &Path) {
    let [first, second] = ["1", "2"].map(|version| {
        let folder = base.join(version);
        let files = contents(&folder).into_iter();
        files
            .map(|(path, bytes)| (path.strip_prefix(&folder).unwrap().to_path_buf(), bytes))
            .collect::<BTreeMap<_, _>>()
    });
    assert_eq!(first.len(), 6);
    assert!(first == second);
}

#[test]
fn a_full_disk_leaves_no_part_of_a_version() {
    let Some(disk) = SmallDisk::mount(4 << 10) else {
        return;
    };
    let base = disk.path().join("base");
    runs::succeed(export(&base));
    let before = contents(&base);
    let used = before.values().map(|bytes| bytes.len().next_multiple_of(4096) as u32 / 1024).sum::<u32>();
    for (free, file) in [
        (0, "variables/variables"),
        (200, "variables/variables"),
        (232, "assets.extra/rest_request.json"),
        (248, "saved_model.pb"),
    ] {
        disk.remount(&format!("size={}k", used + free));
        let stderr = refused(export(&base));
        let named = format!("cannot write {}/2/{file}: No space left on device", base.display());
        assert!(stderr.contains(&named), "{free} KiB free: {stderr}");
        assert!(contents(&base) == before);
    }
    disk.remount("size=4m");
    runs::succeed(export(&base));
    assert_second_is_like_first(&base);
}

#[test]
fn a_file_size_limit_leaves_no_part_of_a_version() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("new/base");
    for kib in [0, 100] {
        let stderr = refused(limited(&export(&base), kib));
        let named = format!("cannot write {}/1/variables/variables: File too large", base.display());
        assert!(stderr.contains(&named), "{stderr}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
    runs::succeed(limited(&export(&base), 300));
    runs::succeed(export(&base));
    assert_second_is_like_first(&base);
}

#[test]
fn a_read_only_folder_is_named() {
    let Some(disk) = SmallDisk::mount(4 << 10) else {
        return;
    };
    let base = disk.path().join("base");
    runs::succeed(export(&base));
    let before = contents(disk.path());
    disk.remount("ro");
    for base in [&base, &disk.path().join("new")] {
        let stderr = refused(export(base));
        assert!(
            stderr.contains("Read-only file system") && stderr.contains(base.to_str().unwrap()),
            "{stderr}"
        );
    }
    assert!(contents(disk.path()) == before);
    disk.remount("rw");
    runs::succeed(export(&base));
    assert_second_is_like_first(&base);
}
