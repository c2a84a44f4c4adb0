//! Libraries made by the C compiler that look like TensorFlow: versions, missing functions, and the search path by
//! which a GPU build finds CUDA. Without a C compiler there is nothing to test.
#![cfg(target_os = "linux")]

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;
use std::fmt::Write;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process;

/// C that defines all functions that the program requires, and `TF_Version`.
fn all_functions(version: &str) -> String {
    let symbols = include_str!("../src/runtime/symbols.rs");
    let names = symbols
        .lines()
        .filter_map(|line| line.trim().strip_prefix('"')?.strip_suffix("\","));
    let mut source = String::new();
    for name in names.filter(|name| *name != "TF_Version") {
        writeln!(source, "void {name}(void) {{}}").unwrap();
    }
    assert!(source.lines().count() > 100);
    source + version
}

/// Compiles a shared library; false if there is no compiler.
fn compile(path: &Path, source: &str, arguments: &[&str]) -> bool {
    let file = path.with_extension("c");
    fs::write(&file, source).unwrap();
    let mut compiler = process::Command::new("cc");
    compiler
        .args(["-shared", "-fPIC", "-o"])
        .arg(path)
        .arg(&file)
        .args(arguments);
    let compiled = compiler.status().is_ok_and(|status| status.success());
    fs::remove_file(file).unwrap();
    compiled
}

fn runtime(arguments: &[&str], cache: &Path) -> Command {
    let mut command = Command::cargo_bin("tf-mnist").unwrap();
    command
        .arg("runtime")
        .args(arguments)
        .env("TF_MNIST_CACHE", cache);
    for variable in ["TENSORFLOW_DIR", "VIRTUAL_ENV", "CONDA_PREFIX"] {
        command.env_remove(variable);
    }
    command
}

const RETURNS: &str = "const char* TF_Version(void) { return VERSION; }";

#[test]
fn tells_an_old_version_by_its_own_words_or_by_what_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("libtensorflow.so");
    if !compile(
        &library,
        &all_functions(&RETURNS.replace("VERSION", "\"2.4.1\"")),
        &[],
    ) {
        return;
    }
    runtime(&[], folder.path())
        .env("TENSORFLOW_DIR", folder.path())
        .assert()
        .code(1)
        .stderr(contains(
            "libtensorflow.so is TensorFlow 2.4.1, and this program needs 2.13 or a later 2.x",
        ));

    // A library without functions that the tensorflow crate would panic for.
    let old = folder.path().join("libtensorflow.so.1.15.0");
    assert!(compile(&old, &RETURNS.replace("VERSION", "\"1.15.0\""), &[]));
    fs::remove_file(&library).unwrap();
    symlink(&old, &library).unwrap();
    runtime(&[], folder.path())
        .env("TENSORFLOW_DIR", folder.path())
        .assert()
        .code(1)
        .stderr(
            contains("is TensorFlow 1.15.0, and this program needs 2.13").and(contains("panicked").not()),
        );
    fs::rename(&old, folder.path().join("other.so")).unwrap();
    fs::remove_file(&library).unwrap();
    symlink(folder.path().join("other.so"), &library).unwrap();
    runtime(&[], folder.path())
        .env("TENSORFLOW_DIR", folder.path())
        .assert()
        .code(1)
        .stderr(contains(
            "(of unknown version) lacks 142 functions that this program calls, such as TF_AbortWhile",
        ));
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
    if !compile(
        &framework_path,
        framework,
        &[runpath, "-Wl,-soname,libtensorflow_framework.so.2", "-ldl"],
    ) {
        return;
    }
    let asks =
        "int has_cuda(void);\nconst char* TF_Version(void) { return has_cuda() ? \"2.1.1\" : \"2.1.0\"; }";
    let library = package.join("libtensorflow_cc.so.2");
    let beside = framework_path.display().to_string();
    assert!(compile(
        &library,
        &all_functions(asks),
        &["-Wl,--enable-new-dtags,-rpath,$ORIGIN", &beside]
    ));
    assert!(compile(
        &cuda.join("libfake_cudart.so.12"),
        "void cudaFake(void) {}",
        &[]
    ));
    let says = "build_info = OrderedDict([('is_cuda_build', True)])";
    fs::write(package.join("python/platform/build_info.py"), says).unwrap();
    // The version is too old to be used, but it is asked for after opening.
    let found = |command: &mut Command| {
        command
            .assert()
            .code(1)
            .stderr(contains("is TensorFlow 2.1.1, and this program needs"));
    };
    let environment = root.path().join("environment");
    found(runtime(&["--device", "gpu"], root.path()).env("VIRTUAL_ENV", &environment));

    // A TENSORFLOW_DIR of links to the package.
    let links = root.path().join("links");
    fs::create_dir(&links).unwrap();
    symlink(&library, links.join("libtensorflow.so")).unwrap();
    found(runtime(&[], root.path()).env("TENSORFLOW_DIR", &links));

    // A package each file of which is a link into an installer's store.
    let store = root.path().join("store");
    fs::create_dir(&store).unwrap();
    for path in [&library, &framework_path] {
        let kept = store.join(path.file_name().unwrap());
        fs::rename(path, &kept).unwrap();
        symlink(kept, path).unwrap();
    }
    found(runtime(&["--device", "gpu"], root.path()).env("VIRTUAL_ENV", &environment));
}
