//! Files of the user's own, and file systems and names of every kind, through the binary.

mod addresses;
mod file_systems;
mod foreign;
mod line_ends;
mod names;
mod outputs;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// A run of a few steps, whose states are saved after steps 6 and 8.
const FIRST: &[&str] = &["baseline", "--batch-size", "20", "--save-every", "3", "--max-steps", "8"];

/// A checkpoint of Python's.
fn checkpoint() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/golden/baseline/final.ckpt")
}

/// Everything below `folder`: what it is, its bytes or what it leads to, and which file it is.
fn contents(folder: &Path) -> BTreeMap<PathBuf, (String, u64)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let there = path.symlink_metadata().unwrap();
            let what = if there.is_dir() {
                folders.push(path.clone());
                "folder".to_owned()
            } else if there.is_symlink() {
                format!("link to {}", fs::read_link(&path).unwrap().display())
            } else if there.file_type().is_fifo() {
                "pipe".to_owned()
            } else {
                String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned()
            };
            found.insert(path, (what, there.ino()));
        }
    }
    found
}
