//! TensorFlow inside installed Python packages, found without importing it, which would take seconds.

use super::candidate::{Candidate, Found, FoundBy};
use super::child;
use super::platform::PYTHON_LIBRARY;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Prints the package's folder. `find_spec` only searches; the current folder is left out, since a `tensorflow` folder
/// there is no package of the user's.
const WHERE: &str = "import sys, os, importlib.util
sys.path[:] = [p for p in sys.path if p]
spec = importlib.util.find_spec('tensorflow')
print(os.path.dirname(spec.origin) if spec and spec.origin else '')";

/// The packages in `environments` (virtual ones), then those that `interpreters` see.
pub(super) fn packages(environments: &[PathBuf], interpreters: &[PathBuf]) -> Found {
    let mut found = Found::default();
    let mut remarks = Vec::new();
    for environment in environments {
        let folders = site_packages(environment);
        let before = found.candidates.len();
        folders
            .iter()
            .for_each(|folder| consider(&folder.join("tensorflow"), &mut found.candidates, &mut remarks));
        if found.candidates.len() == before {
            remarks.push(format!("{}: none", environment.display()));
        }
    }
    for interpreter in interpreters {
        let name = interpreter.display();
        match child::answer(Command::new(interpreter).args(["-c", WHERE])) {
            // Start-up files of some installations print lines of their own first.
            Ok(answer) => match answer.lines().last().map(str::trim) {
                None | Some("") => remarks.push(format!("{name}: no tensorflow package")),
                Some(package) => consider(Path::new(package), &mut found.candidates, &mut remarks),
            },
            Err(error) if error.kind() == ErrorKind::NotFound => {
                remarks.push(format!("{name}: not installed"))
            }
            Err(error) => remarks.push(format!("{name}: cannot be asked: {error}")),
        }
    }
    found.why_none = if remarks.is_empty() {
        "no Python to ask".to_owned()
    } else {
        remarks.join("; ")
    };
    found
}

/// `lib/python3.12/site-packages` of an environment, whatever the version.
fn site_packages(environment: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<_> = ["lib", "lib64"]
        .iter()
        .filter_map(|lib| fs::read_dir(environment.join(lib)).ok())
        .flat_map(|entries| entries.flatten())
        .filter(|entry| entry.file_name().as_encoded_bytes().starts_with(b"python3"))
        .map(|entry| entry.path().join("site-packages"))
        .filter(|folder| folder.is_dir())
        .collect();
    folders.sort();
    folders
}

/// Adds the library of the package in `folder`, if it has one and is new.
fn consider(folder: &Path, candidates: &mut Vec<Candidate>, remarks: &mut Vec<String>) {
    // Interpreters and environments overlap, also through links such as lib64 -> lib.
    let same = |other: &Candidate| {
        let real = |path: &Path| path.canonicalize().ok();
        real(&other.library) == real(&folder.join(PYTHON_LIBRARY))
    };
    let library = folder.join(PYTHON_LIBRARY);
    if !library.is_file() {
        if folder.is_dir() {
            remarks.push(format!(
                "{} holds no {PYTHON_LIBRARY} (older than 2.12?)",
                folder.display()
            ));
        }
    } else if !candidates.iter().any(same) {
        candidates.push(Candidate {
            library,
            found_by: FoundBy::PythonPackage,
            is_gpu_build: is_gpu_build(folder),
            version: version(folder),
        });
    }
}

/// Whether the package says that it was built with CUDA or ROCm.
fn is_gpu_build(folder: &Path) -> bool {
    let says = fs::read_to_string(folder.join("python/platform/build_info.py")).unwrap_or_default();
    ["'is_cuda_build', True", "'is_rocm_build', True"]
        .iter()
        .any(|line| says.contains(line))
}

/// The version, from the name of the package's metadata: `tensorflow_cpu-2.21.0.dist-info` beside its folder.
fn version(folder: &Path) -> Option<String> {
    let entries = fs::read_dir(folder.parent()?).ok()?;
    entries.flatten().find_map(|entry| {
        let name = entry.file_name();
        let (distribution, version) = name.to_str()?.strip_suffix(".dist-info")?.split_once('-')?;
        let is_tensorflow = [
            "tensorflow",
            "tensorflow_cpu",
            "tensorflow_gpu",
            "tensorflow_rocm",
            "tf_nightly",
        ]
        .contains(&distribution);
        is_tensorflow.then(|| version.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::child::tests::write_script;
    use std::os::unix::fs::symlink;

    /// A folder that looks like a virtual environment with TensorFlow in it.
    fn environment(with_library: bool, is_cuda_build: &str) -> tempfile::TempDir {
        let environment = tempfile::tempdir().unwrap();
        let package = environment.path().join("lib/python3.12/site-packages/tensorflow");
        fs::create_dir_all(package.join("python/platform")).unwrap();
        fs::create_dir(package.parent().unwrap().join("tensorflow-2.20.1.dist-info")).unwrap();
        let says = format!("build_info = OrderedDict([('is_cuda_build', {is_cuda_build})])");
        fs::write(package.join("python/platform/build_info.py"), says).unwrap();
        if with_library {
            fs::write(package.join(PYTHON_LIBRARY), "").unwrap();
        }
        symlink("lib", environment.path().join("lib64")).unwrap();
        environment
    }

    /// An executable that stands for a Python interpreter.
    fn interpreter(folder: &Path, script: &str) -> PathBuf {
        let path = folder.join("python3");
        write_script(&path, script);
        path
    }

    #[test]
    fn finds_the_active_environment_s_package_and_whether_it_is_for_gpus() {
        for (says, expected) in [("True", true), ("False", false)] {
            let environment = environment(true, says);
            let found = packages(&[environment.path().to_path_buf()], &[]);
            assert_eq!(found.candidates.len(), 1, "once, not again through lib64");
            assert_eq!(found.candidates[0].is_gpu_build, expected);
            assert_eq!(found.candidates[0].version.as_deref(), Some("2.20.1"));
        }
    }

    #[test]
    fn asks_interpreters() {
        let environment = environment(true, "False");
        let package = environment.path().join("lib/python3.12/site-packages/tensorflow");
        let says = format!("echo a start-up file talks; echo {}", package.display());
        let found = packages(&[], &[interpreter(environment.path(), &says)]);
        assert_eq!(found.candidates[0].library, package.join(PYTHON_LIBRARY));
    }

    #[test]
    fn says_why_there_is_none() {
        let old = environment(false, "False");
        let folder = tempfile::tempdir().unwrap();
        let none = interpreter(folder.path(), "echo");
        let missing = PathBuf::from("/nowhere/python");
        let found = packages(&[old.path().to_path_buf()], &[none, missing]);
        assert!(found.candidates.is_empty());
        for part in [
            "holds no libtensorflow_cc",
            "no tensorflow package",
            "/nowhere/python: not installed",
        ] {
            assert!(
                found.why_none.contains(part),
                "{part:?} is not in {}",
                found.why_none
            );
        }
        let broken = interpreter(folder.path(), "exit 1");
        assert!(
            packages(&[], &[broken])
                .why_none
                .contains("cannot be asked: exit status: 1")
        );
    }

    #[test]
    fn a_real_interpreter_understands_the_question() {
        let Ok(answer) = child::answer(Command::new("python3").args(["-c", WHERE])) else {
            return; // no Python on this machine
        };
        assert!(
            answer.trim().is_empty() || Path::new(answer.trim()).ends_with("tensorflow"),
            "{answer}"
        );
    }
}
