//! Variables of the user's that TensorFlow would stumble over.

use crate::{library, runtime};
use predicates::str::contains;
use std::fs;
use std::path::Path;

#[test]
fn variables_that_would_end_the_process_are_left_out_with_a_warning() {
    library();
    for (variable, value) in [
        ("TF_XLA_FLAGS", "--tf_xla_no_such_flag=1"),
        ("TF_XLA_FLAGS", "--tf_xla_auto_jit=maybe"),
        ("TF_JITRT_FLAGS", "--no-such-flag"),
        ("TF_ENABLE_ONEDNN_OPTS", "maybe"),
        ("TF_DETERMINISTIC_ORDER", "yes"),
        ("TF_ONEDNN_USE_SYSTEM_ALLOCATOR", ""),
        ("TF_MKL_ALLOC_MAX_BYTES", "2GB"),
        ("TF_NUM_INTRAOP_THREADS", "-1"),
        ("TF_NUM_INTEROP_THREADS", "100000"),
    ] {
        runtime(&[])
            .env(variable, value)
            .assert()
            .success()
            .stdout(contains("oneDNN       on"))
            .stderr(contains(format!("warn: {variable}={value} is left out: ")));
    }
    for (variable, value) in [
        ("TF_XLA_FLAGS", ""),
        ("TF_ENABLE_ONEDNN_OPTS", "TRUE"),
        ("TF_MKL_ALLOC_MAX_BYTES", "1000"),
        ("TF_NUM_INTRAOP_THREADS", "8"),
    ] {
        runtime(&[]).env(variable, value).assert().success().stderr("");
    }
}

/// Neither the quiet nor a library by another name needs a folder for temporary files; where there is one, nothing stays.
#[test]
fn tmpdir_may_name_a_folder_that_is_not_there() {
    let (folder, temporary) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::os::unix::fs::symlink(library(), folder.path().join("libtensorflow_cc.so.2")).unwrap();
    for (place, arguments) in [
        (Path::new("/nowhere/at/all"), &[][..]),
        (Path::new("/nowhere/at/all"), &["-q"]),
        (temporary.path(), &[]),
    ] {
        runtime(arguments)
            .env("TMPDIR", place)
            .env("TENSORFLOW_DIR", folder.path())
            .assert()
            .success()
            .stdout(contains("named by TENSORFLOW_DIR"))
            .stderr("");
    }
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0);
}
