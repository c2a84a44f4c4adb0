//! Where a library is found, and in which order.

use crate::{Bare, compile, copy_install, library, runtime};
use predicates::prelude::*;
use predicates::str::contains;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// A Python package of links into a store, as some installers make them. The names are those of a package.
fn package(folder: &Path, is_cuda_build: &str) -> PathBuf {
    let package = folder.join("site-packages/tensorflow");
    fs::create_dir_all(package.join("python/platform")).unwrap();
    for name in ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"] {
        symlink(library().with_file_name(name), package.join(name)).unwrap();
    }
    let says = format!("build_info = OrderedDict([('is_cuda_build', {is_cuda_build})])");
    fs::write(package.join("python/platform/build_info.py"), says).unwrap();
    package
}

#[test]
fn a_tensorflow_dir_works_or_is_an_error() {
    let named = |folder: &Path| runtime(&[]).env("TENSORFLOW_DIR", folder).assert();
    let whole = named(library().parent().unwrap()).success();
    whole.stdout(contains("named by TENSORFLOW_DIR"));
    // A folder of links, as the crate's own documentation has it; and one with the name that a package has.
    for name in ["libtensorflow.so", "libtensorflow_cc.so.2"] {
        let links = tempfile::tempdir().unwrap();
        symlink(library(), links.path().join(name)).unwrap();
        let linked = named(links.path()).success().stderr("");
        linked.stdout(contains(library().display().to_string()));
    }
    named(library()).success(); // the very file
    let lib = tempfile::tempdir().unwrap();
    symlink(library().parent().unwrap(), lib.path().join("lib")).unwrap();
    named(lib.path()).success();
    let empty = tempfile::tempdir().unwrap();
    named(empty.path())
        .code(1)
        .stderr(contains(format!("TENSORFLOW_DIR={}: no TensorFlow library", empty.path().display())));
    fs::write(empty.path().join("libtensorflow.so"), "text").unwrap();
    named(empty.path()).code(1).stderr(contains(
        "libtensorflow.so is not a shared library, or not all of one; unset TENSORFLOW_DIR",
    ));
}

#[test]
fn finds_a_python_package() {
    let folder = tempfile::tempdir().unwrap();
    let package = package(folder.path(), "False");
    let bare = Bare::new("exit 1", &format!("2.21.0|{}", package.display()));
    bare.runtime(&[])
        .assert()
        .success()
        .stderr("")
        .stdout(contains("found in a Python package").and(contains(package.display().to_string())));
    assert!(!bare.cache.path().join(".libtensorflow.lock").exists(), "nothing is installed");
}

/// Also where the Python on the PATH is another.
#[test]
fn asks_the_python_of_an_active_environment() {
    let folder = tempfile::tempdir().unwrap();
    let package = package(folder.path(), "False");
    fs::create_dir(folder.path().join("bin")).unwrap();
    let says = format!("echo '2.21.0|{}'", package.display());
    crate::write_script(&folder.path().join("bin/python3"), &says);
    for variable in ["VIRTUAL_ENV", "CONDA_PREFIX"] {
        Bare::offline()
            .runtime(&[])
            .env(variable, folder.path())
            .assert()
            .success()
            .stdout(contains("found in a Python package"));
    }
}

#[test]
fn passes_over_a_package_that_is_too_old() {
    let folder = tempfile::tempdir().unwrap();
    let package = package(folder.path(), "False");
    Bare::new("echo ERROR: offline >&2; exit 1", &format!("2.12.1|{}", package.display()))
        .runtime(&[])
        .assert()
        .code(1)
        .stderr(contains("is TensorFlow 2.12.1, and this program needs 2.13"))
        .stderr(contains("ERROR: offline"));
    let old = Bare::new("exit 1", "2.4.0|/nowhere/tensorflow").runtime(&[]).assert().code(1);
    old.stderr(contains("/nowhere/tensorflow holds no libtensorflow_cc.so.2 (older than 2.12?)"));
}

#[test]
fn finds_the_library_of_a_conda_environment() {
    let conda = tempfile::tempdir().unwrap();
    fs::create_dir(conda.path().join("lib")).unwrap();
    for (from, to) in [
        ("libtensorflow_cc.so.2", "libtensorflow.so.2.21.0"),
        ("libtensorflow_framework.so.2", "libtensorflow_framework.so.2"),
    ] {
        symlink(library().with_file_name(from), conda.path().join("lib").join(to)).unwrap();
    }
    symlink("libtensorflow.so.2.21.0", conda.path().join("lib/libtensorflow.so.2")).unwrap();
    Bare::offline()
        .runtime(&[])
        .env("CONDA_PREFIX", conda.path())
        .assert()
        .success()
        .stderr("")
        .stdout(contains("found in the conda environment"));
}

#[cfg(target_os = "linux")]
#[test]
fn asks_the_system_s_loader() {
    let bare = Bare::offline();
    let found =
        bare.runtime(&[]).env("LD_LIBRARY_PATH", library().parent().unwrap()).assert().success().stderr("");
    found.stdout(contains("found by the system's loader").and(contains(library().display().to_string())));
    // What the loader refuses is named, and does not end the search.
    let broken = tempfile::tempdir().unwrap();
    fs::write(broken.path().join("libtensorflow.so.2"), "text").unwrap();
    bare.runtime(&[])
        .env("LD_LIBRARY_PATH", broken.path())
        .assert()
        .code(1)
        .stderr(contains("libtensorflow.so.2: file too short").and(contains("ERROR: offline")));
}

/// A CPU build is in the cache. With a driver, a GPU build is taken before it where there is one, and missed where there
/// is none; without, or with `--device cpu`, nothing of this is seen.
#[cfg(target_os = "linux")]
#[test]
fn an_nvidia_driver_makes_a_gpu_build_worth_looking_for() {
    let driver = tempfile::tempdir().unwrap();
    if !compile(&driver.path().join("libcuda.so.1"), "int cuInit(unsigned f) { return 100; }", &[]) {
        return; // no C compiler
    }
    let folder = tempfile::tempdir().unwrap();
    let package = format!("2.21.0|{}", package(folder.path(), "True").display());
    for (package, device, has_driver, found, note) in [
        (&*package, "auto", true, "found in a Python package", false),
        (&*package, "auto", false, "found in the cache", false),
        (&*package, "cpu", true, "found in the cache", false),
        ("", "auto", true, "found in the cache", true),
        ("", "cpu", true, "found in the cache", false),
    ] {
        let bare = Bare::new("exit 1", package);
        copy_install(bare.cache.path());
        let mut command = bare.runtime(&["--device", device]);
        if has_driver {
            command.env("LD_LIBRARY_PATH", driver.path());
        }
        let expected = "there is an NVIDIA driver, but no TensorFlow with GPU support: running on the CPU";
        let assert = command.assert().success().stdout(contains(found));
        assert.stderr(contains(expected).count(usize::from(note)));
        if has_driver {
            let mut hidden = bare.runtime(&["--device", device]);
            hidden.env("LD_LIBRARY_PATH", driver.path()).env("CUDA_VISIBLE_DEVICES", "");
            hidden.assert().success().stderr("").stdout(contains("found in the cache"));
        }
    }
}
