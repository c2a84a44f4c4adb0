//! pip played by shell scripts.

use super::*;
use crate::runtime::child::tests::write_script;
use crate::runtime::wheel::tests::{pinned, write_wheel};
use std::sync::Mutex;

#[test]
fn keeps_the_gist_of_what_pip_says() {
    let said = "Looking in indexes: x\nWARNING: Retrying\nERROR: Could not find a version\nERROR: No matching \
                distribution found for tensorflow-cpu==2.21.0\n";
    assert_eq!(
        gist(said),
        "ERROR: Could not find a version\nERROR: No matching distribution found for tensorflow-cpu==2.21.0"
    );
    assert_eq!(gist("one\ntwo\n\nthree\nfour\n"), "two\nthree\nfour");
    assert_eq!(gist(""), "it said nothing");
}

#[test]
fn knows_a_python_without_pip() {
    assert!(lacks_pip("/usr/bin/python3: No module named pip"));
    assert!(lacks_pip("pyenv: pip3: command not found\n"));
    assert!(!lacks_pip("ERROR: No matching distribution found"));
}

#[test]
fn sees_how_far_a_download_is() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(largest_file(folder.path()), 0);
    fs::create_dir(folder.path().join("pip-unpack")).unwrap();
    fs::write(folder.path().join("pip-unpack/t.whl"), [0; 30]).unwrap();
    fs::write(folder.path().join("other"), [0; 10]).unwrap();
    assert_eq!(largest_file(folder.path()), 30);
    assert_eq!(largest_file(&folder.path().join("missing")), 0);
}

/// A folder of programs for a `PATH`, each a shell script that may call the system's own programs.
fn programs(scripts: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, script) in scripts {
        write_script(
            &folder.path().join(name),
            &format!("PATH=/usr/bin:/bin\n{script}"),
        );
    }
    folder
}

/// Label, total and last position of a transfer.
type Watched = (String, Option<u64>, u64);

/// Keeps what it is told.
#[derive(Default)]
struct Watcher(Mutex<Vec<Watched>>);

impl Progress for Watcher {
    fn start(&self, label: &str, total_bytes: Option<u64>) {
        self.0.lock().unwrap().push((label.to_owned(), total_bytes, 0));
    }

    fn position(&self, bytes: u64) {
        self.0.lock().unwrap().last_mut().unwrap().2 = bytes;
    }

    fn finish(&self) {}

    fn note(&self, _message: &str) {}
}

/// Stands for `pip download`: a slow download to TMPDIR, then a copy to the folder after `--dest`.
const DOWNLOAD: &str = "echo \"$@\" > ROOT/arguments
    while [ $# -gt 0 ]; do [ \"$1\" = --dest ] && dest=$2; shift; done
    mkdir $TMPDIR/pip-unpack && cp ROOT/t.whl $TMPDIR/pip-unpack/t.whl && sleep 0.4
    cp $TMPDIR/pip-unpack/t.whl $dest/tensorflow_cpu-2.21.0-cp312-cp312-linux.whl";

fn run(
    scripts: &[(&str, &str)],
    prepare: impl FnOnce(&Path) -> Wheel,
) -> (Result<Unpacked, String>, String, Vec<Watched>) {
    let root = tempfile::tempdir().unwrap();
    let wheel = prepare(root.path());
    let at_root = |script: &str| script.replace("ROOT", &root.path().display().to_string());
    let scripts: Vec<_> = scripts
        .iter()
        .map(|(name, script)| (*name, at_root(script)))
        .collect();
    let scripts: Vec<_> = scripts
        .iter()
        .map(|(name, script)| (*name, script.as_str()))
        .collect();
    let programs = programs(&scripts);
    let (folder, scratch) = (root.path().join("library"), root.path().join("scratch"));
    fs::create_dir(&folder)
        .and_then(|()| fs::create_dir(&scratch))
        .unwrap();
    let watcher = Watcher::default();
    let mut source = PipWheel::with_path(wheel, programs.path());
    let outcome = source.unpack(&folder, &scratch, &watcher);
    let arguments = fs::read_to_string(root.path().join("arguments")).unwrap_or_default();
    (outcome, arguments, watcher.0.into_inner().unwrap())
}

fn a_wheel(root: &Path) -> Wheel {
    let path = root.join("t.whl");
    write_wheel(&path, [b"library", b"framework"], |record| record, &[]);
    pinned(&path)
}

#[test]
fn unpacks_what_pip_downloads_and_shows_how_far_it_is() {
    let (outcome, arguments, watched) = run(&[("python3", DOWNLOAD)], a_wheel);
    assert_eq!(outcome.unwrap().files.len(), 2);
    let expected = "-m pip download --no-deps --only-binary=:all: --python-version 3.12 --implementation cp --abi \
                    cp312 --platform manylinux_2_27_x86_64";
    assert!(arguments.starts_with(expected), "{arguments}");
    assert!(arguments.ends_with("tensorflow-cpu==2.21.0\n"), "{arguments}");
    let (label, total, position) = &watched[0];
    assert_eq!((label.as_str(), *total), ("TensorFlow 2.21.0", Some(*position)));
    assert_eq!(watched[1], ("unpacking TensorFlow".to_owned(), Some(16), 16));
}

#[test]
fn tries_the_next_pip_only_where_there_is_none() {
    let no_pip = "echo /usr/bin/python3: No module named pip >&2; exit 1";
    let (outcome, arguments, _) = run(&[("python3", no_pip), ("pip", DOWNLOAD)], a_wheel);
    assert_eq!(outcome.unwrap().files.len(), 2);
    assert!(arguments.starts_with("download "), "{arguments}");
    let offline = "echo ERROR: No matching distribution found; exit 1";
    let (outcome, ..) = run(&[("python3", offline), ("pip", DOWNLOAD)], a_wheel);
    let why = outcome.unwrap_err();
    assert!(
        why.contains("python3 -m pip failed (exit status: 1): ERROR: No matching"),
        "{why}"
    );
}

#[test]
fn says_that_there_is_no_pip() {
    let (outcome, ..) = run(&[], a_wheel);
    let why = outcome.unwrap_err();
    for program in ["python3", "python", "pip3", "pip", "uv"] {
        assert!(why.contains(&format!("{program} is not installed")), "{why}");
    }
}

#[test]
fn refuses_another_wheel_than_the_pinned_one_or_none() {
    let other = |root: &Path| Wheel {
        sha256: "00",
        ..a_wheel(root)
    };
    let (outcome, ..) = run(&[("python3", DOWNLOAD)], other);
    assert!(outcome.unwrap_err().contains("in place of 00"));
    let (outcome, ..) = run(&[("python3", "exit 0")], a_wheel);
    assert_eq!(outcome.unwrap_err(), "pip ended well but left no wheel");
}
