//! Addresses, and a `~` that no shell expanded, where a place on this machine is wanted.

use super::checkpoint;
use std::fs;
use support::runs::{fail, tf_mnist};

#[test]
fn an_address_is_refused_at_once_wherever_a_place_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let golden = checkpoint();
    let golden = golden.to_str().unwrap();
    for (arguments, option, way) in [
        (
            &["baseline", "--out-dir", "gs://bucket/run"][..],
            "'gs://bucket/run' for '--out-dir <DIR>'",
            "name a local folder",
        ),
        (&["optimized", "--out-dir=s3://bucket/run", "--overwrite"], "--out-dir", "name a local folder"),
        (&["baseline", "--resume", "hdfs://host:8020/run"], "--resume", "name a local folder"),
        (&["baseline", "--warm-start", "gs://bucket/model.ckpt-1"], "--warm-start", "name a local folder"),
        (&["baseline", "--data-dir", "file:///data/mnist"], "--data-dir", "name a local folder"),
        (&["--data-dir", "https://host/mnist", "data"], "--data-dir", "name a local folder"),
        (
            &["export", golden, "s3://bucket/models"],
            "'s3://bucket/models' for '<EXPORT_BASE>'",
            "name a local folder",
        ),
        (&["export", "gs://bucket/run", "models"], "MODEL", "name a local folder"),
        (&["evaluate", "file:///runs/1"], "MODEL", "name a local folder"),
        (&["predict", "gs://bucket/run", "seven.png"], "MODEL", "name a local folder"),
        (
            &["predict", golden, "nine.png", "https://host/seven.png"],
            "'https://host/seven.png' for '<IMAGE>...'",
            "download it",
        ),
        (
            &["describe", "baseline", "--graph-def", "gs://bucket/graph.pb"],
            "--graph-def",
            "name a local file",
        ),
    ] {
        let mut command = tf_mnist(arguments);
        command.current_dir(folder.path());
        let stderr = fail(command, 2);
        let whole = stderr.contains(option) && stderr.contains("is an address; ") && stderr.contains(way);
        assert!(whole, "{arguments:?}: {stderr}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{arguments:?}");
    }
}

#[test]
fn a_tilde_that_no_shell_expanded_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |arguments: &[&str], variables: &[(&str, &str)], named: &str| {
        let mut command = tf_mnist(arguments);
        command.current_dir(folder.path()).envs(variables.iter().copied());
        let stderr = fail(command, 2);
        assert!(stderr.contains(named) && stderr.contains("$HOME"), "{stderr}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    };
    refused(&["data"], &[("TF_MNIST_CACHE", "~/cache")], "TF_MNIST_CACHE ~/cache");
    refused(&["data"], &[("TF_MNIST_CACHE", "~")], "TF_MNIST_CACHE ~");
    refused(&["data"], &[("TF_MNIST_CACHE", ""), ("XDG_CACHE_HOME", "~/.cache")], "XDG_CACHE_HOME ~/.cache");
    refused(&["runtime"], &[("TENSORFLOW_DIR", "~/lib")], "TENSORFLOW_DIR ~/lib");
    refused(&["baseline", "--out-dir=~/run"], &[], "'~/run' for '--out-dir <DIR>'");

    let mut command = tf_mnist(&["data"]);
    command.env("TF_MNIST_CACHE", "gs://bucket/cache").current_dir(folder.path());
    let stderr = fail(command, 2);
    assert!(
        stderr.contains("TF_MNIST_CACHE gs://bucket/cache: it is an address; name a local folder"),
        "{stderr}"
    );
    // What no place is looked for in does not fail.
    let mut command = tf_mnist(&["completions", "bash"]);
    command.env("TF_MNIST_CACHE", "~/cache");
    assert!(command.output().unwrap().status.success());
}
