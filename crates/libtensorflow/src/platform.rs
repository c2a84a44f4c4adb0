//! What this kind of machine calls TensorFlow's files, which versions work, and the release that is known to.

use std::env::consts::{ARCH, OS};
use verified_fetch::Digest;

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

/// What works, in words. The tensorflow crate was written for 2.13's C API, and later ones still have all of it
/// (tried up to 2.21).
pub(crate) const NEEDED: &str = "2.13 or a later 2.x";

/// Whether this program works with a version such as `2.21.0`, `2.16.1-rc0` or `2.22.0-dev20260101`; `None` for what is
/// no version.
pub(crate) fn is_supported(version: &str) -> Option<bool> {
    let mut numbers = version.split('.').map(|part| part.parse::<u32>().ok());
    let (major, minor) = (numbers.next()??, numbers.next()??);
    Some(major == 2 && minor >= 13)
}

/// A file by what it must hold.
#[derive(Debug, Clone)]
pub(crate) struct Pinned {
    pub name: &'static str,
    pub bytes: u64,
    pub sha256: Digest,
}

/// A Python wheel whose shared libraries are taken.
#[derive(Debug, Clone)]
pub(crate) struct Wheel {
    /// What pip is asked for, pinned to one version.
    pub requirement: &'static str,
    pub version: &'static str,
    /// pip's name of the platform.
    pub platform: &'static str,
    pub file: Pinned,
    pub libraries: [Pinned; 2],
}

/// Bytes and SHA-256.
type Pin = (u64, &'static str);

const fn pinned(name: &'static str, (bytes, sha256): Pin) -> Pinned {
    Pinned { name, bytes, sha256: Digest::pinned(sha256) }
}

/// The wheel, and the two libraries in it.
const fn release(
    requirement: &'static str,
    platform: &'static str,
    [file, library, framework]: [Pin; 3],
) -> Wheel {
    Wheel {
        requirement,
        version: "2.21.0",
        platform,
        file: pinned("the wheel", file),
        libraries: [pinned(PYTHON_LIBRARY, library), pinned(FRAMEWORK, framework)],
    }
}

const LINUX_X86_64: Wheel = release(
    "tensorflow-cpu==2.21.0",
    "manylinux_2_27_x86_64",
    [
        (274_000_871, "dcc8afd32930e42d5296b6ee19078b773706830af4ea97fbe503b9f5e0f820cb"),
        (788_086_608, "6505a4b9657e62100c6bdacb683957a395cb047725042945aaa50e40a71e429e"),
        (65_222_328, "f060b323b26ef80add21b9df9428de3aeaf2843d772c5bb098745f7abff3709b"),
    ],
);
const LINUX_AARCH64: Wheel = release(
    "tensorflow==2.21.0",
    "manylinux_2_27_aarch64",
    [
        (281_946_471, "b07d15737406533898e36c7ef7944b1be18e9028dc521b9229952c537bbc5552"),
        (814_885_544, "5f7de6ba6478ed7b83767a6e661e3e6e6931b05c64db14ba98250e52316a007c"),
        (68_176_664, "deade33b9ab90ff468fd1d1f8f6079bec5a3a507cf2d13c3218aa8beec28aeb3"),
    ],
);
const MACOS_AARCH64: Wheel = release(
    "tensorflow==2.21.0",
    "macosx_12_0_arm64",
    [
        (223_488_205, "56ecd7d47429acbe1df2694d50b75bf9fc3995ac92cb367cd9af6c4780ead712"),
        (691_352_648, "e003ba85c57343137691f436beed1b13fe93e9dbe54acdbcc285fe2d8090f6c5"),
        (49_452_976, "34f4b7baabc727dbd85e67741df3f4ce4f07e21b7ab57b9f818a3701d99b1287"),
    ],
);

/// The wheel for this machine, if there is one.
pub(crate) fn wheel() -> Option<Wheel> {
    match (OS, ARCH) {
        ("linux", "x86_64") => Some(LINUX_X86_64),
        ("linux", "aarch64") => Some(LINUX_AARCH64),
        ("macos", "aarch64") => Some(MACOS_AARCH64),
        _ => None,
    }
}

#[cfg(test)]
#[test]
fn tells_which_versions_work() {
    for text in ["2.13.0", "2.21.0", "2.100.0", "2.16.1-rc0", "2.22.0-dev20260101"] {
        assert_eq!(is_supported(text), Some(true), "{text}");
    }
    for text in ["2.12.1", "1.15.5", "3.0.0"] {
        assert_eq!(is_supported(text), Some(false), "{text}");
    }
    for text in ["", "two.13", "2"] {
        assert_eq!(is_supported(text), None, "{text}");
    }
}
