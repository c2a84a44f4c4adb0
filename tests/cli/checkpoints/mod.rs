//! Checkpoints and runs as people have them: other names, other forms, other places.

mod formats;
mod memory;
mod moved_data;
mod names;
mod patterns;
mod state_file;
mod strings;
mod warm_start;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use support::hundred_digits::{fixture, golden};
use support::runs;
use support::runs::export;

/// `tf-mnist predict` of a five.
fn predict(model: &Path) -> Command {
    let mut command = runs::tf_mnist(&["predict"]);
    command.arg(model).arg(fixture("digits/5.png"));
    command
}

/// Asserts that `model` takes the five for a five, as no untrained network does.
fn takes_a_five_for_one(model: &Path) {
    let output = runs::succeed(predict(model));
    let line = stdout(&output);
    assert!(line.contains("5.png  5  "), "{}: {line}", model.display());
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Python's finished baseline as the checkpoint `prefix`.
fn put_checkpoint(prefix: &Path) {
    for suffix in ["index", "data-00000-of-00001"] {
        let from = golden(&format!("baseline/final.ckpt.{suffix}"));
        fs::copy(from, format!("{}.{suffix}", prefix.display())).unwrap();
    }
}

/// A checkpoint whose values are gone, so that whoever takes it fails.
fn put_index_without_values(prefix: &Path) {
    put_checkpoint(prefix);
    fs::write(format!("{}.data-00000-of-00001", prefix.display()), "").unwrap();
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().to_path_buf();
    (place, path)
}
