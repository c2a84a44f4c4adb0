//! Installing TensorFlow, through the binary, with a pip that a shell script plays: nothing is ever fetched here.

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{self, Stdio};
use std::thread;
use std::time::{Duration, Instant};

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

/// The library that TensorFlow was installed as, or is now.
fn provisioned_library() -> PathBuf {
    let output = tf_mnist(&["runtime", "--json", "-q"]).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    report["library"].as_str().unwrap().into()
}

/// A machine with nothing but a fake pip: an empty cache, no Python package, no network.
struct Bare {
    cache: tempfile::TempDir,
    programs: tempfile::TempDir,
}

impl Bare {
    /// `pip` is the script that stands for `python3 -m pip`.
    fn new(pip: &str) -> Self {
        let bare = Self {
            cache: tempfile::tempdir().unwrap(),
            programs: tempfile::tempdir().unwrap(),
        };
        // A child does the writing: a file that this process has open for writing cannot be executed.
        let script = format!("#!/bin/sh\nPATH=/usr/bin:/bin\n[ \"$2\" = pip ] || exit 0\n{pip}\n");
        let write = "printf %s \"$1\" > \"$0\" && chmod 755 \"$0\"";
        let mut child = process::Command::new("sh");
        child
            .args(["-c", write])
            .arg(bare.programs.path().join("python3"))
            .arg(script);
        assert!(child.status().unwrap().success());
        bare
    }

    fn tf_mnist(&self, arguments: &[&str]) -> Command {
        let mut command = tf_mnist(arguments);
        self.environment().into_iter().for_each(|(name, value)| {
            command.env(name, value);
        });
        command
    }

    fn environment(&self) -> [(&'static str, PathBuf); 4] {
        [
            ("TF_MNIST_CACHE", self.cache.path().into()),
            ("PATH", self.programs.path().into()),
            ("LD_LIBRARY_PATH", "".into()),
            ("HTTPS_PROXY", "http://127.0.0.1:9".into()), // nobody listens there
        ]
    }

    fn left_in_cache(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.cache.path())
            .unwrap()
            .map(|entry| entry.unwrap().path());
        entries
            .filter(|path| !path.ends_with(".libtensorflow.lock"))
            .collect()
    }
}

/// Machines with a libtensorflow of their own cannot play a bare one.
fn has_system_library() -> bool {
    [
        "/usr/local/lib",
        "/usr/lib",
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib64",
    ]
    .iter()
    .any(|folder| Path::new(folder).join("libtensorflow.so").exists())
}

#[test]
fn one_message_names_everything_that_was_tried_and_what_helps() {
    if has_system_library() {
        return;
    }
    let bare =
        Bare::new("echo 'ERROR: No matching distribution found for tensorflow-cpu==2.21.0' >&2; exit 1");
    bare.tf_mnist(&["runtime"])
        .assert()
        .code(1)
        .stdout("")
        .stderr(contains(
            "no TensorFlow library is installed, and none could be fetched",
        ))
        .stderr(contains("TENSORFLOW_DIR: not set"))
        .stderr(contains(bare.cache.path().display().to_string()))
        .stderr(contains("python3: no tensorflow package; python: not installed"))
        .stderr(contains("system folders: no libtensorflow in "))
        .stderr(contains(
            "python3 -m pip failed (exit status: 1): ERROR: No matching distribution",
        ))
        .stderr(contains("libtensorflow").and(contains("python3 -m pip install tensorflow")))
        .stderr(contains("TENSORFLOW_DIR=FOLDER tf-mnist"));
    assert!(bare.left_in_cache().is_empty());
}

#[test]
fn another_wheel_than_the_pinned_one_is_refused() {
    if has_system_library() {
        return;
    }
    let bare = Bare::new(
        "while [ $# -gt 0 ]; do [ \"$1\" = --dest ] && dest=$2; shift; done\necho wheel > $dest/tensorflow.whl",
    );
    let refused = bare.tf_mnist(&["runtime", "-q"]).assert().code(1);
    refused.stderr(contains("the wheel has 6 bytes in place of"));
    assert!(bare.left_in_cache().is_empty());
}

#[test]
fn what_a_killed_install_leaves_is_no_library_and_is_cleared_next_time() {
    if has_system_library() {
        return;
    }
    let bare = Bare::new(
        "[ -e $0.once ] && exit 1\ntouch $0.once\nhead -c 1000000 /dev/zero > $TMPDIR/wheel\nexec sleep 20",
    );
    let mut child = process::Command::new(assert_cmd::cargo::cargo_bin("tf-mnist"));
    child
        .args(["runtime", "-q"])
        .envs(bare.environment())
        .env_remove("TENSORFLOW_DIR");
    let mut child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    while !bare.programs.path().join("python3.once").exists() {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "the install does not begin"
        );
        thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(bare.left_in_cache().len(), 1, "a killed process cannot clear up");
    bare.tf_mnist(&["runtime", "-q"])
        .assert()
        .code(1)
        .stderr(contains("none could be fetched"));
    assert!(bare.left_in_cache().is_empty());
}

#[test]
fn a_damaged_install_is_noticed() {
    if has_system_library() {
        return;
    }
    let installed = provisioned_library();
    let Some(folder) = installed
        .parent()
        .filter(|folder| folder.join("manifest.json").exists())
    else {
        return; // the tests run with a library from elsewhere
    };
    let bare = Bare::new("echo ERROR: offline >&2; exit 1");
    let copy = bare.cache.path().join(folder.file_name().unwrap());
    fs::create_dir(&copy).unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let target = copy.join(path.file_name().unwrap());
        if path.is_symlink() {
            symlink(fs::read_link(&path).unwrap(), target).unwrap();
        } else if fs::hard_link(&path, &target).is_err() {
            fs::copy(&path, &target).unwrap();
        }
    }
    bare.tf_mnist(&["runtime"])
        .assert()
        .success()
        .stderr("")
        .stdout(contains("found in the cache"));
    let framework = copy.join("libtensorflow_framework.so.2");
    fs::remove_file(&framework).unwrap(); // the link, not the original
    fs::write(&framework, "half").unwrap();
    bare.tf_mnist(&["runtime"])
        .assert()
        .code(1)
        .stderr(contains(
            "is damaged (libtensorflow_framework.so.2: 4 bytes in place of",
        ))
        .stderr(contains("installing it anew"))
        .stderr(contains("ERROR: offline"));
}
