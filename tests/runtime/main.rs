//! TensorFlow found, installed and opened. It is installed into the usual cache if it is not there yet.

mod environment;
mod fake_library;
mod install;
mod load;
mod places;
mod report;

use assert_cmd::Command;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Stdio};
use std::sync::OnceLock;

/// What a user's environment may say of TensorFlow and its surroundings; nothing of it reaches the tests.
const VARIABLES: [&str; 11] = [
    "CUDA_VISIBLE_DEVICES",
    "TENSORFLOW_DIR",
    "TF_MNIST_INSTRUCTIONS",
    "TF_ENABLE_ONEDNN_OPTS",
    "TF_CPP_MIN_LOG_LEVEL",
    "TF_XLA_FLAGS",
    "XLA_FLAGS",
    "RUST_LOG",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "LD_LIBRARY_PATH",
];

/// What an install consists of.
const LIBRARIES: [&str; 2] = ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"];

/// `tf-mnist runtime` with these arguments.
fn runtime(arguments: &[&str]) -> Command {
    let mut command = support::tf_mnist();
    command.arg("runtime").args(arguments);
    for variable in VARIABLES {
        command.env_remove(variable);
    }
    command
}

/// What `runtime --json` says; installs TensorFlow first if need be.
fn report(arguments: &[&str]) -> Value {
    let output = runtime(&["--json", "-q"]).args(arguments).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The library in the usual cache.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| report(&[])["library"].as_str().unwrap().into())
}

/// A copy of the installed library in another cache, without its bytes being copied.
fn copy_install(cache: &Path) -> PathBuf {
    let installed = library().parent().unwrap();
    let copy = cache.join(installed.file_name().unwrap());
    fs::create_dir_all(&copy).unwrap();
    for name in LIBRARIES {
        let (from, to) = (installed.join(name), copy.join(name));
        fs::hard_link(&from, &to).or_else(|_| fs::copy(&from, &to).map(drop)).unwrap();
    }
    std::os::unix::fs::symlink("libtensorflow_cc.so.2", copy.join("libtensorflow.so")).unwrap();
    copy
}

/// Writes an executable shell script. A child does the writing: a file that this process has open for writing cannot
/// be executed.
fn write_script(path: &Path, text: &str) {
    let write = "printf '#!/bin/sh\nPATH=/usr/bin:/bin\n%s\n' \"$1\" > \"$0\" && chmod 755 \"$0\"";
    let mut child = process::Command::new("sh");
    child.args(["-c", write]).arg(path).arg(text);
    assert!(child.status().unwrap().success());
}

/// A machine with nothing but a Python: an empty cache, no package, no network.
struct Bare {
    cache: tempfile::TempDir,
    programs: tempfile::TempDir,
}

impl Bare {
    /// `pip` is the script that stands for `python3 -m pip`, `package` what its Python says of TensorFlow.
    fn new(pip: &str, package: &str) -> Self {
        let bare = Self { cache: tempfile::tempdir().unwrap(), programs: tempfile::tempdir().unwrap() };
        let script = format!("[ \"$2\" = pip ] || {{ echo '{package}'; exit 0; }}\n{pip}");
        write_script(&bare.programs.path().join("python3"), &script);
        bare
    }

    fn offline() -> Self {
        Self::new("echo ERROR: offline >&2; exit 1", "")
    }

    fn runtime(&self, arguments: &[&str]) -> Command {
        let mut command = runtime(arguments);
        command.env("TF_MNIST_CACHE", self.cache.path()).env("PATH", self.programs.path());
        command
    }
}

/// Compiles a shared library; false if there is no compiler.
fn compile(path: &Path, source: &str, arguments: &[&str]) -> bool {
    let file = path.with_extension("c");
    fs::write(&file, source).unwrap();
    let mut compiler = process::Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-o"]).arg(path).arg(&file).args(arguments);
    let compiled = compiler.stderr(Stdio::inherit()).status().is_ok_and(|status| status.success());
    fs::remove_file(file).unwrap();
    if !compiled {
        support::untested("a C compiler (cc)");
    }
    compiled
}
