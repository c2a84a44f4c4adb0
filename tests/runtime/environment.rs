//! Variables of the user's that TensorFlow would stumble over.

use crate::{library, runtime};
use predicates::prelude::*;
use predicates::str::contains;
use std::fs;

#[test]
fn variables_that_would_end_the_process_are_left_out_with_a_warning() {
    library();
    for (variable, value) in [
        ("TF_XLA_FLAGS", "--tf_xla_no_such_flag=1"),
        ("XLA_FLAGS", "--xla_no_such_flag"),
        ("TF_ENABLE_ONEDNN_OPTS", "maybe"),
    ] {
        runtime(&[])
            .env(variable, value)
            .assert()
            .success()
            .stdout(contains("oneDNN       on"))
            .stderr(contains(format!("warn: {variable}={value} is left out: ")));
    }
    runtime(&[]).env("TF_XLA_FLAGS", "").assert().success().stderr("");
}

/// Neither the quiet nor a library by another name needs a folder for temporary files.
#[test]
fn tmpdir_may_name_a_folder_that_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(library(), folder.path().join("libtensorflow_cc.so.2")).unwrap();
    let before = links();
    for arguments in [&[][..], &["-q"]] {
        runtime(arguments)
            .env("TMPDIR", "/nowhere/at/all")
            .env("TENSORFLOW_DIR", folder.path())
            .assert()
            .success()
            .stdout(contains("named by TENSORFLOW_DIR"))
            .stderr(predicate::str::is_empty());
    }
    assert_eq!(links(), before, "no link is left");
}

fn links() -> usize {
    let entries = fs::read_dir("/tmp").unwrap().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("tf-mnist-")).count()
}
