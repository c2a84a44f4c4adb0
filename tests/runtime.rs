//! `tf-mnist runtime`, through the binary. TensorFlow itself is installed into the usual cache if it is not there yet.

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// The binary, without whatever the tests' own environment says about TensorFlow.
fn tf_mnist(arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("tf-mnist").unwrap();
    command.args(arguments);
    for variable in [
        "TF_ENABLE_ONEDNN_OPTS",
        "TF_CPP_MIN_LOG_LEVEL",
        "RUST_LOG",
        "VIRTUAL_ENV",
        "CONDA_PREFIX",
    ] {
        command.env_remove(variable);
    }
    command
}

/// What `runtime --json` says; installs TensorFlow first if need be.
fn report(arguments: &[&str]) -> Value {
    let output = tf_mnist(&["runtime", "--json", "-q"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

fn provisioned_library() -> PathBuf {
    report(&[])["library"].as_str().unwrap().into()
}

#[test]
fn shows_library_devices_and_threads_and_none_of_tensorflow_s_chatter() {
    provisioned_library();
    tf_mnist(&["runtime", "--device", "cpu", "--intra-op-threads", "3"])
        .assert()
        .success()
        .stdout(
            contains("TensorFlow 2.")
                .and(contains("libtensorflow"))
                .and(contains("oneDNN       on")),
        )
        .stdout(contains("3 inside an operation").and(contains("CPU:0")))
        .stderr("");
    tf_mnist(&["runtime", "-v"])
        .assert()
        .success()
        .stderr(contains("oneDNN custom operations are on"));
}

#[test]
fn reports_as_json() {
    let report = report(&[
        "--device",
        "cpu",
        "--intra-op-threads",
        "3",
        "--inter-op-threads",
        "2",
    ]);
    assert_eq!(
        report["threads"],
        serde_json::json!({ "intra_op": 3, "inter_op": 2 })
    );
    assert_eq!(report["onednn"], true);
    assert_eq!(report["devices"][0]["name"], "CPU:0");
    assert_eq!(report["session"]["device"], "cpu");
    assert!(Path::new(report["library"].as_str().unwrap()).is_file());
    assert!(report["host"]["processors"].as_u64().unwrap() >= 1);
}

#[test]
fn onednn_is_off_when_the_user_says_so() {
    assert_eq!(report(&["--no-onednn"])["onednn"], false);
    let own = tf_mnist(&["runtime"])
        .env("TF_ENABLE_ONEDNN_OPTS", "0")
        .assert()
        .success();
    own.stdout(contains("oneDNN       off"));
}

#[test]
fn a_gpu_that_is_not_there_is_an_error_that_says_what_is() {
    provisioned_library();
    for device in ["gpu", "gpu:7"] {
        tf_mnist(&["runtime", "--device", device])
            .env("CUDA_VISIBLE_DEVICES", "") // also where there is one
            .assert()
            .code(1)
            .stdout("")
            .stderr(contains(format!(
                "--device {device}: TensorFlow sees no such GPU; it sees CPU:0"
            )))
            .stderr(contains("--device cpu runs without"));
    }
}

#[test]
fn unknown_devices_and_no_memory_are_usage_errors() {
    tf_mnist(&["runtime", "--device", "tpu"])
        .assert()
        .code(2)
        .stderr(contains("no such device: \"tpu\"; use auto, cpu, gpu or gpu:N"));
    tf_mnist(&["runtime", "--gpu-memory-limit", "0"])
        .assert()
        .code(2)
        .stderr(contains("--gpu-memory-limit"));
}

#[test]
fn a_tensorflow_dir_works_or_is_an_error() {
    let library = provisioned_library();
    tf_mnist(&["runtime"])
        .env("TENSORFLOW_DIR", library.parent().unwrap())
        .assert()
        .success()
        .stdout(contains("named by TENSORFLOW_DIR"));
    // A folder of links, as the crate's own documentation has it.
    let links = tempfile::tempdir().unwrap();
    symlink(&library, links.path().join("libtensorflow.so")).unwrap();
    let linked = tf_mnist(&["runtime"])
        .env("TENSORFLOW_DIR", links.path())
        .assert()
        .success();
    linked.stderr("").stdout(contains(library.display().to_string()));

    let empty = tempfile::tempdir().unwrap();
    tf_mnist(&["runtime"])
        .env("TENSORFLOW_DIR", empty.path())
        .assert()
        .code(1)
        .stderr(contains(format!(
            "TENSORFLOW_DIR={}: no TensorFlow library",
            empty.path().display()
        )));
    fs::write(empty.path().join("libtensorflow.so"), "text").unwrap();
    tf_mnist(&["runtime"])
        .env("TENSORFLOW_DIR", empty.path())
        .assert()
        .code(1)
        .stderr(contains(
            "libtensorflow.so is not a shared library; unset TENSORFLOW_DIR",
        ));
}

#[test]
fn finds_a_python_package() {
    let library = provisioned_library();
    let (environment, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let package = environment.path().join("lib/python3.12/site-packages/tensorflow");
    fs::create_dir_all(&package).unwrap();
    // Links into a store, as some installers make them. The names are those of a package.
    symlink(&library, package.join("libtensorflow_cc.so.2")).unwrap();
    symlink(
        library.with_file_name("libtensorflow_framework.so.2"),
        package.join("libtensorflow_framework.so.2"),
    )
    .unwrap();
    tf_mnist(&["runtime"])
        .env("VIRTUAL_ENV", environment.path())
        .env("TF_MNIST_CACHE", cache.path())
        .assert()
        .success()
        .stderr("")
        .stdout(contains("found in a Python package").and(contains(package.display().to_string())));
    assert_eq!(
        fs::read_dir(cache.path()).unwrap().count(),
        0,
        "nothing is installed"
    );
}
