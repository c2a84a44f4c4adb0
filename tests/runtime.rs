//! `tf-mnist runtime`, through the binary. TensorFlow itself is installed into the usual cache if it is not there yet.

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
