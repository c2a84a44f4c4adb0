//! Installs of small wheels made by hand, with a pip that a shell script plays.

use super::*;
use crate::platform::{FRAMEWORK, PYTHON_LIBRARY, Pinned};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::thread;
use verified_fetch::Digest;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// Stands for `pip download`: a slow download to TMPDIR, then a copy to the folder after `--dest`.
const DOWNLOAD: &str = "env > ROOT/environment; ls ROOT/cache > ROOT/meanwhile; echo \"$@\" >> ROOT/arguments
    while [ $# -gt 0 ]; do [ \"$1\" = --dest ] && dest=$2; shift; done
    mkdir $TMPDIR/pip-unpack && cp ROOT/t.whl $TMPDIR/pip-unpack/t.whl && sleep 0.3
    cp $TMPDIR/pip-unpack/t.whl $dest/tensorflow_cpu-2.21.0-cp312-cp312-linux.whl";

/// Writes an executable shell script. A child does the writing: a file that this process has open for writing cannot be
/// executed, and a fork in another test's thread may hold it open a moment longer.
fn write_script(path: &Path, text: &str) {
    let write = "printf '#!/bin/sh\n%s\n' \"$1\" > \"$0\" && chmod 755 \"$0\"";
    let mut child = Command::new("sh");
    child.args(["-c", write]).arg(path).arg(text);
    assert!(child.status().unwrap().success());
}

fn pinned(name: &'static str, bytes: &[u8]) -> Pinned {
    Pinned { name, bytes: bytes.len() as u64, sha256: Digest::of(bytes) }
}

/// Counts the transfers that have begun and not ended, and keeps the farthest that one of them was, and whether anything was
/// noted.
#[derive(Default)]
struct Running(AtomicI32, AtomicU64, AtomicBool);

impl Progress for Running {
    fn start(&self, _label: &str, _total_bytes: Option<u64>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
    fn position(&self, bytes: u64) {
        self.1.fetch_max(bytes, Ordering::Relaxed);
    }
    fn finish(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
    fn note(&self, _message: &str) {
        self.2.store(true, Ordering::Relaxed);
    }
}

/// A wheel to be had, programs that stand for pip, a cache.
struct Place {
    root: tempfile::TempDir,
    running: Running,
}

impl Place {
    fn new(scripts: &[(&str, &str)], names: [&str; 2]) -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("programs")).unwrap();
        for (name, script) in scripts {
            let script = script.replace("ROOT", root.path().to_str().unwrap());
            write_script(&root.path().join("programs").join(name), &format!("PATH=/usr/bin:/bin\n{script}"));
        }
        let mut zip = ZipWriter::new(File::create(root.path().join("t.whl")).unwrap());
        for (name, bytes) in ["tensorflow/other.so"].iter().chain(&names).zip([b"other", b"first", b"other"])
        {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.finish().unwrap();
        Self { root, running: Running::default() }
    }

    fn with_pip(script: &str) -> Self {
        Self::new(&[("python3", script)], LIBRARIES)
    }

    fn cache(&self) -> PathBuf {
        self.root.path().join("cache")
    }

    /// The pinned facts of the wheel.
    fn wheel(&self) -> Wheel {
        let bytes = fs::read(self.root.path().join("t.whl")).unwrap();
        Wheel {
            requirement: "tensorflow-cpu==2.21.0",
            version: "2.21.0",
            platform: "manylinux_2_27_x86_64",
            file: pinned("the wheel", &bytes),
            libraries: [pinned(PYTHON_LIBRARY, b"first"), pinned(FRAMEWORK, b"other")],
        }
    }

    fn install(&self) -> Result<(PathBuf, FoundBy), String> {
        self.install_as(|_| {})
    }

    /// With an installer that is changed before.
    fn install_as(&self, change: impl FnOnce(&mut Installer<'_>)) -> Result<(PathBuf, FoundBy), String> {
        let mut installer = self.installer();
        change(&mut installer);
        installer.install()
    }

    fn installer(&self) -> Installer<'_> {
        let path = Some(self.root.path().join("programs").into());
        let (variable, wheel, progress) = ("THE_CACHE", self.wheel(), &self.running);
        Installer { cache: self.cache(), variable, wheel, progress, path }
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.root.path().join(name)).unwrap()
    }

    fn cached(&self) -> Vec<String> {
        let entries = fs::read_dir(self.cache()).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != ".libtensorflow.lock")
            .collect()
    }
}

const LIBRARIES: [&str; 2] = ["tensorflow/libtensorflow_cc.so.2", "tensorflow/libtensorflow_framework.so.2"];

#[cfg(target_os = "linux")]
#[test]
fn installs_the_two_libraries_and_nothing_else() {
    let place = Place::with_pip(DOWNLOAD);
    fs::create_dir_all(place.cache().join(".aside-abcdefghij")).unwrap(); // by a killed install
    let (library, found_by) = place.install().unwrap();
    assert_eq!(found_by, FoundBy::Installed);
    assert_eq!(place.running.1.load(Ordering::Relaxed), place.wheel().file.bytes, "the download was watched");
    assert_eq!(place.read("meanwhile"), "", "killed now, it would leave nothing that has a library's name");
    assert_eq!(fs::read(&library).unwrap(), b"first");
    assert_eq!(fs::read(library.with_file_name(LIBRARY)).unwrap(), b"first");
    assert_eq!(fs::read(library.with_file_name(FRAMEWORK)).unwrap(), b"other");
    assert_eq!(fs::read_dir(library.parent().unwrap()).unwrap().count(), 3);
    assert_eq!(place.cached(), ["libtensorflow-2.21.0-cpu"]);
    assert_eq!(place.install().unwrap(), (library.clone(), FoundBy::Cache));
    // Other bytes, as many of them.
    fs::write(&library, "FIRST").unwrap();
    assert_eq!(place.install().unwrap(), (library.clone(), FoundBy::Installed));
    assert_eq!(fs::read(&library).unwrap(), b"first");

    let arguments = place.read("arguments");
    assert!(arguments.starts_with("-m pip download --no-deps --only-binary=:all: "), "{arguments}");
    assert!(arguments.ends_with("tensorflow-cpu==2.21.0\n"), "{arguments}");
    assert!(place.read("environment").contains("PIP_REQUIRE_VIRTUALENV=0\n"), "a download needs none");
}

#[cfg(target_os = "linux")]
#[test]
fn several_at_once_install_it_once_and_what_is_damaged_is_replaced() {
    let place = Place::with_pip(DOWNLOAD);
    let target = place.installer().folder();
    assert_eq!(place.installer().installed(), None);
    for _ in 0..2 {
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| place.install().unwrap());
            }
        });
        assert_eq!(fs::read(target.join(FRAMEWORK)).unwrap(), b"other");
        fs::write(target.join(FRAMEWORK), "half").unwrap();
        let why = format!("{FRAMEWORK} has 4 bytes in place of 5");
        assert_eq!(place.installer().installed(), Some(Err(why)));
    }
    assert_eq!(place.read("arguments").lines().count(), 2);
    assert_eq!(place.cached(), ["libtensorflow-2.21.0-cpu"]);
    // What another process installed meanwhile is not read again.
    place.install().unwrap();
    fs::write(target.join(FRAMEWORK), "OTHER").unwrap();
    let aside = place.root.path().join("aside");
    fs::rename(&target, &aside).unwrap();
    place.running.2.store(false, Ordering::Relaxed);
    let lock = cache::lock(&place.cache(), "libtensorflow", || {}).unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| place.install().unwrap().1);
        while !place.running.2.load(Ordering::Relaxed) {
            thread::yield_now();
        }
        fs::rename(&aside, &target).unwrap();
        drop(lock);
        assert_eq!(waiting.join().unwrap(), FoundBy::Cache);
    });
}

#[test]
fn tries_the_next_pip_only_where_there_is_none() {
    let no_pip = ("python3", "echo /usr/bin/python3: No module named pip >&2; exit 1");
    let no_python = ("python", "echo 'pyenv: python: command not found'; exit 127");
    let place = Place::new(&[no_pip, no_python, ("pip", DOWNLOAD)], LIBRARIES);
    assert!(place.install().is_ok());
    assert!(place.read("arguments").starts_with("download "));
    for (says, gist) in [
        (
            r"Looking\nWARNING: Retrying\nERROR: No version\nERROR: None matches\n",
            "ERROR: No version\nERROR: None matches",
        ),
        (r"one\ntwo\n\nthree\nfour\n", "two\nthree\nfour"),
        ("", "it said nothing"),
    ] {
        let offline = ("python3", &*format!("printf '{says}'; exit 1"));
        let why = Place::new(&[offline, ("pip", DOWNLOAD)], LIBRARIES).install().unwrap_err();
        assert_eq!(why, format!("python3 -m pip failed (exit status: 1): {gist}"));
    }
    let why = Place::new(&[], LIBRARIES).install().unwrap_err();
    for program in ["python3", "python", "pip3", "pip", "uv"] {
        assert!(why.contains(&format!("{program} is not installed")), "{why}");
    }
}

#[test]
fn refuses_another_wheel_than_the_pinned_one_and_leaves_nothing() {
    let place = Place::with_pip(DOWNLOAD);
    let same_size = Pinned { sha256: Digest::of(b"other"), ..place.wheel().file };
    for (pinned, why) in [(pinned("it", b"other"), "bytes in place of 5"), (same_size, "has SHA-256 ")] {
        let refused = place.install_as(|installer| installer.wheel.file = pinned).unwrap_err();
        assert!(refused.contains(why), "{refused}");
    }
    let none = Place::with_pip("exit 0");
    assert_eq!(none.install().unwrap_err(), "pip ended well but left no wheel");
    let lacking = Place::new(&[("python3", DOWNLOAD)], [LIBRARIES[0], "tensorflow/another.so"]);
    assert!(lacking.install().unwrap_err().starts_with("the wheel cannot be read"));
    let twice = Place::with_pip(DOWNLOAD);
    let refused = twice.install_as(|installer| installer.wheel.libraries[1].name = PYTHON_LIBRARY);
    assert!(refused.unwrap_err().starts_with("cannot write below"));
    for place in [place, none, lacking, twice] {
        assert!(place.cached().is_empty());
        assert_eq!(place.running.0.into_inner(), 0);
    }
}
