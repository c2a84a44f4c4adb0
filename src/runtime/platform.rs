//! What this kind of machine calls TensorFlow's files, and the release that is known to work on it.

use std::env::consts::{ARCH, OS};

/// The C API's library as the official archives name it; the tensorflow crate opens only this name.
pub(super) const LIBRARY: &str = if cfg!(target_os = "macos") {
    "libtensorflow.dylib"
} else {
    "libtensorflow.so"
};
/// The same with its major version, as installed without development files.
pub(super) const VERSIONED_LIBRARY: &str = if cfg!(target_os = "macos") {
    "libtensorflow.2.dylib"
} else {
    "libtensorflow.so.2"
};
/// The library inside a Python package: it holds the C API too.
pub(super) const PYTHON_LIBRARY: &str = if cfg!(target_os = "macos") {
    "libtensorflow_cc.2.dylib"
} else {
    "libtensorflow_cc.so.2"
};
/// What each of them needs beside it.
pub(super) const FRAMEWORK: &str = if cfg!(target_os = "macos") {
    "libtensorflow_framework.2.dylib"
} else {
    "libtensorflow_framework.so.2"
};
/// The names a library goes by, the likelier first.
pub(super) const LIBRARY_NAMES: [&str; 3] = [LIBRARY, VERSIONED_LIBRARY, PYTHON_LIBRARY];

/// A Python wheel whose shared libraries are taken.
#[derive(Debug, Clone)]
pub(super) struct Wheel {
    /// What pip is asked for, pinned to one version.
    pub requirement: &'static str,
    pub version: &'static str,
    /// pip's name of the platform.
    pub platform: &'static str,
    pub bytes: u64,
    pub sha256: &'static str,
}

const WHEELS: [(&str, &str, Wheel); 3] = [
    (
        "linux",
        "x86_64",
        Wheel {
            requirement: "tensorflow-cpu==2.21.0",
            version: "2.21.0",
            platform: "manylinux_2_27_x86_64",
            bytes: 274_000_871,
            sha256: "dcc8afd32930e42d5296b6ee19078b773706830af4ea97fbe503b9f5e0f820cb",
        },
    ),
    (
        "linux",
        "aarch64",
        Wheel {
            requirement: "tensorflow==2.21.0",
            version: "2.21.0",
            platform: "manylinux_2_27_aarch64",
            bytes: 281_946_471,
            sha256: "b07d15737406533898e36c7ef7944b1be18e9028dc521b9229952c537bbc5552",
        },
    ),
    (
        "macos",
        "aarch64",
        Wheel {
            requirement: "tensorflow==2.21.0",
            version: "2.21.0",
            platform: "macosx_12_0_arm64",
            bytes: 223_488_205,
            sha256: "56ecd7d47429acbe1df2694d50b75bf9fc3995ac92cb367cd9af6c4780ead712",
        },
    ),
];

/// The wheel for this machine, if there is one.
pub(super) fn wheel() -> Option<Wheel> {
    WHEELS
        .iter()
        .find(|(os, arch, _)| (*os, *arch) == (OS, ARCH))
        .map(|(_, _, wheel)| wheel.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::Digest;

    #[test]
    fn pins_whole_digests_and_versions() {
        for (_, _, wheel) in &WHEELS {
            assert!(Digest::from_hex(wheel.sha256).is_some());
            assert!(wheel.requirement.ends_with(wheel.version));
        }
    }
}
