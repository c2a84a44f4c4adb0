//! TensorFlow inside installed Python packages, found without importing it, which would take seconds.

use crate::candidate::{Candidate, Found, FoundBy};
use crate::platform::PYTHON_LIBRARY;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use verified_fetch::child;

/// Prints the package's version and folder. `find_spec` only searches; the current folder is left out, since a
/// `tensorflow` folder there is no package of the user's.
const WHERE: &str = "import sys, os, importlib.util, importlib.metadata
sys.path[:] = [p for p in sys.path if p]
spec = importlib.util.find_spec('tensorflow')
version = ''
for name in ['', '-cpu', '-gpu', '-rocm', '-intel', '-macos']:
    try: version = version or importlib.metadata.version('tensorflow' + name)
    except importlib.metadata.PackageNotFoundError: pass
print(version, os.path.dirname(spec.origin), sep='|') if spec and spec.origin else print()";

/// The longest that an interpreter may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// The packages that `interpreters`, by name or path, see.
///
/// # Errors
/// Why each of them sees none.
pub(crate) fn packages(interpreters: impl Iterator<Item = PathBuf>) -> Found {
    let mut found: Vec<Candidate> = Vec::new();
    let mut remarks = Vec::new();
    for package in interpreters.map(|interpreter| package_of(&interpreter)) {
        let real = |package: &Candidate| package.library.canonicalize().ok();
        match package {
            // Interpreters see the same package by several paths.
            Ok(package) if found.iter().any(|other| real(other) == real(&package)) => {}
            Ok(package) => found.push(package),
            Err(why) => remarks.push(why),
        }
    }
    if found.is_empty() { Err(remarks.join("; ")) } else { Ok(found) }
}

/// The package that an interpreter sees, or why there is none.
fn package_of(interpreter: &Path) -> Result<Candidate, String> {
    let name = interpreter.display();
    let said = match child::run(Command::new(interpreter).args(["-c", WHERE]), DEADLINE, || {}) {
        Ok((status, said)) if status.success() => said,
        Ok((status, _)) => return Err(format!("{name}: cannot be asked: {status}")),
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(format!("{name}: not installed")),
        Err(error) => return Err(format!("{name}: cannot be asked: {error}")),
    };
    // Start-up files of some installations print lines of their own.
    let (version, folder) = said
        .lines()
        .rev()
        .find_map(|line| line.trim().split_once('|'))
        .ok_or_else(|| format!("{name}: no tensorflow package"))?;
    let library = Path::new(folder).join(PYTHON_LIBRARY);
    if !library.is_file() {
        return Err(format!("{folder} holds no {PYTHON_LIBRARY} (older than 2.12?)"));
    }
    let says =
        fs::read_to_string(Path::new(folder).join("python/platform/build_info.py")).unwrap_or_default();
    let mut gpu = ["'is_cuda_build', True", "'is_rocm_build', True"].iter();
    let is_gpu_build = gpu.any(|line| says.contains(line));
    let version = Some(version.to_owned()).filter(|version| !version.is_empty());
    Ok(Candidate { library, found_by: FoundBy::PythonPackage, is_gpu_build, version })
}

#[cfg(test)]
#[test]
fn a_real_interpreter_understands_the_question() {
    if let Ok((status, said)) = child::run(Command::new("python3").args(["-c", WHERE]), DEADLINE, || {}) {
        assert!(status.success() && (said.trim().is_empty() || said.contains('|')), "{said}");
    }
}
