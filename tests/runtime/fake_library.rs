//! Libraries made by the C compiler that look like TensorFlow: versions, missing functions, and the search path by
//! which a GPU build finds CUDA. Without a C compiler there is nothing to test.
#![cfg(target_os = "linux")]

use crate::{Bare, compile, runtime};
use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;
use std::fs;
use std::os::unix::fs::symlink;

const RETURNS: &str = "const char* TF_Version(void) { return VERSION; }";

#[test]
fn tells_an_old_version_by_its_name_or_its_own_words_and_what_is_no_tensorflow() {
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("libtensorflow.so");
    let named = || runtime(&[]).env("TENSORFLOW_DIR", folder.path()).assert().code(1);
    let too_old = "and this program needs 2.13 or a later 2.x";
    if !compile(&library, &RETURNS.replace("VERSION", "\"2.4.1\""), &[]) {
        return;
    }
    named().stderr(contains(format!("libtensorflow.so is TensorFlow 2.4.1, {too_old}")));

    // Without functions that the tensorflow crate would panic for.
    assert!(compile(&library, &RETURNS.replace("VERSION", "\"2.21.0\""), &[]));
    named()
        .stderr(contains("libtensorflow.so lacks the function TF_NewGraph").and(contains("panicked").not()));
    assert!(compile(&library, "int x;", &[]));
    named().stderr(contains("libtensorflow.so lacks the function TF_Version"));

    // By its name, without being opened.
    let old = folder.path().join("libtensorflow.so.1.15.0");
    assert!(compile(
        &old,
        "#include <stdlib.h>\n__attribute__((constructor)) void opened(void) { abort(); }",
        &[]
    ));
    fs::remove_file(&library).unwrap();
    symlink(&old, &library).unwrap();
    named().stderr(contains(format!("is TensorFlow 1.15.0, {too_old}")));
}

/// Once it is in the process, no other can be; the message says how to be rid of it.
#[test]
fn an_old_library_of_the_system_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("libtensorflow.so.2");
    if !compile(&library, &RETURNS.replace("VERSION", "\"2.4.1\""), &[]) {
        return;
    }
    Bare::offline()
        .runtime(&[])
        .env("LD_LIBRARY_PATH", folder.path())
        .assert()
        .code(1)
        .stderr(contains(format!("{} (found by the system's loader) is TensorFlow 2.4.1", library.display())))
        .stderr(contains("TENSORFLOW_DIR can name the folder of another"));
}

/// As in a package with CUDA: the library's search path leads to its other half beside it, and from there to
/// `../nvidia/*/lib`, seen from the package. Which of the two was found shows in the version.
#[test]
fn finds_cuda_beside_a_python_package_also_through_links() {
    let root = tempfile::tempdir().unwrap();
    let site = root.path().join("environment/lib/python3.12/site-packages");
    let (package, cuda) = (site.join("tensorflow"), site.join("nvidia/cuda_runtime/lib"));
    for folder in [&package.join("python/platform"), &cuda] {
        fs::create_dir_all(folder).unwrap();
    }
    let framework =
        "#include <dlfcn.h>\nint has_cuda(void) { return dlopen(\"libfake_cudart.so.12\", RTLD_NOW) != 0; }";
    let runpath = "-Wl,--enable-new-dtags,-rpath,$ORIGIN/../nvidia/cuda_runtime/lib";
    let framework_path = package.join("libtensorflow_framework.so.2");
    if !compile(&framework_path, framework, &[runpath, "-Wl,-soname,libtensorflow_framework.so.2", "-ldl"]) {
        return;
    }
    let asks =
        "int has_cuda(void);\nconst char* TF_Version(void) { return has_cuda() ? \"2.1.1\" : \"2.1.0\"; }";
    let library = package.join("libtensorflow_cc.so.2");
    let beside = framework_path.display().to_string();
    assert!(compile(&library, asks, &["-Wl,--enable-new-dtags,-rpath,$ORIGIN", &beside]));
    assert!(compile(&cuda.join("libfake_cudart.so.12"), "void cudaFake(void) {}", &[]));
    let says = "build_info = OrderedDict([('is_cuda_build', True)])";
    fs::write(package.join("python/platform/build_info.py"), says).unwrap();
    // The version is too old to be used, but it is asked for after opening.
    let found = |command: &mut Command| {
        command.assert().code(1).stderr(contains("is TensorFlow 2.1.1, and this program needs"));
    };
    let bare = Bare::new("exit 1", &format!("|{}", package.display()));
    found(&mut bare.runtime(&["--device", "gpu"]));

    // A TENSORFLOW_DIR of links to the package.
    let links = root.path().join("links");
    fs::create_dir(&links).unwrap();
    symlink(&library, links.join("libtensorflow.so")).unwrap();
    found(runtime(&[]).env("TENSORFLOW_DIR", &links));

    // A package each file of which is a link into an installer's store.
    let store = root.path().join("store");
    fs::create_dir(&store).unwrap();
    for path in [&library, &framework_path] {
        let kept = store.join(path.file_name().unwrap());
        fs::rename(path, &kept).unwrap();
        symlink(kept, path).unwrap();
    }
    found(&mut bare.runtime(&["--device", "gpu"]));
}
