//! What this kind of machine calls TensorFlow's files, and the release that is known to work on it.

use std::env::consts::{ARCH, OS};

/// The folder in which the tensorflow crate (and this one, for its user) looks first.
pub(crate) const TENSORFLOW_DIR: &str = "TENSORFLOW_DIR";
/// The C API's library as the official archives name it; the tensorflow crate opens only this name.
pub(crate) const LIBRARY: &str = named("libtensorflow.so", "libtensorflow.dylib");
/// The same with its major version, as installed without development files.
pub(crate) const VERSIONED_LIBRARY: &str = named("libtensorflow.so.2", "libtensorflow.2.dylib");
/// The library inside a Python package: it holds the C API too.
pub(crate) const PYTHON_LIBRARY: &str = named("libtensorflow_cc.so.2", "libtensorflow_cc.2.dylib");
/// What each of them needs beside it.
pub(crate) const FRAMEWORK: &str = named("libtensorflow_framework.so.2", "libtensorflow_framework.2.dylib");

const fn named(linux: &'static str, macos: &'static str) -> &'static str {
    if cfg!(target_os = "macos") { macos } else { linux }
}

/// The names a library goes by, the likelier first.
pub(crate) const LIBRARY_NAMES: [&str; 3] = [LIBRARY, VERSIONED_LIBRARY, PYTHON_LIBRARY];

/// A Python wheel whose shared libraries are taken.
#[derive(Debug, Clone)]
pub(crate) struct Wheel {
    /// What pip is asked for, pinned to one version.
    pub requirement: &'static str,
    pub version: &'static str,
    /// pip's name of the platform.
    pub platform: &'static str,
    pub bytes: u64,
    pub sha256: &'static str,
}

/// The wheel for this machine, if there is one.
pub(crate) fn wheel() -> Option<Wheel> {
    let (requirement, platform, bytes, sha256) = match (OS, ARCH) {
        ("linux", "x86_64") => (
            "tensorflow-cpu==2.21.0",
            "manylinux_2_27_x86_64",
            274_000_871,
            "dcc8afd32930e42d5296b6ee19078b773706830af4ea97fbe503b9f5e0f820cb",
        ),
        ("linux", "aarch64") => (
            "tensorflow==2.21.0",
            "manylinux_2_27_aarch64",
            281_946_471,
            "b07d15737406533898e36c7ef7944b1be18e9028dc521b9229952c537bbc5552",
        ),
        ("macos", "aarch64") => (
            "tensorflow==2.21.0",
            "macosx_12_0_arm64",
            223_488_205,
            "56ecd7d47429acbe1df2694d50b75bf9fc3995ac92cb367cd9af6c4780ead712",
        ),
        _ => return None,
    };
    Some(Wheel { requirement, version: "2.21.0", platform, bytes, sha256 })
}
