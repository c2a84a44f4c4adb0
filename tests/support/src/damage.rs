//! What happens to files.

use std::fs;
use std::path::Path;

/// Turns one bit in the middle.
pub fn flip(file: &Path) {
    let mut bytes = fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(file, bytes).unwrap();
}

/// Cuts off the second half.
pub fn cut(file: &Path) {
    let length = fs::metadata(file).unwrap().len();
    let opened = fs::File::options().write(true).open(file).unwrap();
    opened.set_len(length / 2).unwrap();
}

pub fn remove(file: &Path) {
    fs::remove_file(file).unwrap();
}

/// Leaves a file of no bytes, as a crash leaves one that was never synced.
pub fn empty(file: &Path) {
    fs::write(file, "").unwrap();
}
