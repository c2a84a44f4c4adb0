//! What this kind of machine calls TensorFlow's files, and the releases that are known to work on it.

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

/// An official libtensorflow archive.
#[derive(Debug, Clone)]
pub(super) struct Archive {
    pub url: &'static str,
    pub version: &'static str,
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

/// The newest archives of each kind whose digest several projects agree on; there is none for Linux on aarch64, and
/// 2.16.2 was the last for Intel Macs.
const ARCHIVES: [(&str, &str, Archive); 3] = [
    (
        "linux",
        "x86_64",
        Archive {
            url: "https://storage.googleapis.com/tensorflow/versions/2.18.0/libtensorflow-cpu-linux-x86_64.tar.gz",
            version: "2.18.0",
            sha256: "605bfcb370c7e7ec981eabada880f60784e3de018395be95c95c3e5592c3d9a2",
        },
    ),
    (
        "macos",
        "aarch64",
        Archive {
            url: "https://storage.googleapis.com/tensorflow/versions/2.18.0/libtensorflow-cpu-darwin-arm64.tar.gz",
            version: "2.18.0",
            sha256: "462257d2792730dcb131fcf21bc826192ae5a2c418535f6347d051f10fc8be8a",
        },
    ),
    (
        "macos",
        "x86_64",
        Archive {
            url: "https://storage.googleapis.com/tensorflow/versions/2.16.2/libtensorflow-cpu-darwin-x86_64.tar.gz",
            version: "2.16.2",
            sha256: "26b17967afbe99ef89c16f59b366d62b14c55c5c583af6e70aed8c3b3147ee9f",
        },
    ),
];

/// The wheel for this machine, if there is one.
pub(super) fn wheel() -> Option<Wheel> {
    this_machine(&WHEELS)
}

/// The archive for this machine, if there is one.
pub(super) fn archive() -> Option<Archive> {
    this_machine(&ARCHIVES)
}

fn this_machine<T: Clone>(table: &[(&str, &str, T)]) -> Option<T> {
    table
        .iter()
        .find(|(os, arch, _)| (*os, *arch) == (OS, ARCH))
        .map(|(_, _, release)| release.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_whole_digests_and_versions() {
        let wheels = WHEELS
            .iter()
            .map(|(_, _, wheel)| (wheel.sha256, wheel.version, wheel.requirement));
        let archives = ARCHIVES
            .iter()
            .map(|(_, _, archive)| (archive.sha256, archive.version, archive.url));
        for (sha256, version, name) in wheels.chain(archives) {
            assert_eq!(sha256.len(), 64);
            assert!(sha256.bytes().all(|digit| digit.is_ascii_hexdigit()));
            assert!(name.contains(version), "{name}");
        }
    }
}
