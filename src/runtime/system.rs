//! TensorFlow in the system's own folders.

use super::candidate::{Candidate, Found, FoundBy, library_in};
use super::child;
use super::platform::LIBRARY_NAMES;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the loader looks and where people put libtensorflow, in order.
pub(super) fn folders() -> Vec<PathBuf> {
    let variable = if cfg!(target_os = "macos") {
        "DYLD_LIBRARY_PATH"
    } else {
        "LD_LIBRARY_PATH"
    };
    let mut folders: Vec<PathBuf> = env::var_os(variable)
        .iter()
        .flat_map(env::split_paths)
        .filter(|folder| !folder.as_os_str().is_empty())
        .collect();
    let triplet = format!("/usr/lib/{}-linux-gnu", env::consts::ARCH);
    let usual: &[&str] = if cfg!(target_os = "macos") {
        &["/usr/local/lib", "/opt/homebrew/lib", "/opt/local/lib"]
    } else {
        &[
            "/usr/local/lib",
            "/usr/local/lib64",
            "/usr/lib",
            "/usr/lib64",
            &triplet,
        ]
    };
    let own = [
        "/usr/local/lib/libtensorflow",
        "/opt/libtensorflow/lib",
        "/opt/tensorflow/lib",
    ];
    folders.extend(usual.iter().chain(&own).map(PathBuf::from));
    folders
}

/// The libraries in `folders`, then those that the loader's cache knows.
pub(super) fn libraries(folders: &[PathBuf], ask_ldconfig: bool) -> Found {
    let mut libraries: Vec<PathBuf> = folders.iter().filter_map(|folder| library_in(folder)).collect();
    if ask_ldconfig && libraries.is_empty() {
        libraries.extend(known_to_loader());
    }
    let names: Vec<_> = folders
        .iter()
        .map(|folder| folder.display().to_string())
        .collect();
    let also = if ask_ldconfig {
        ", nor known to ldconfig"
    } else {
        ""
    };
    Found {
        candidates: libraries
            .into_iter()
            .map(|library| Candidate::new(library, FoundBy::System))
            .collect(),
        why_none: format!("no libtensorflow in {}{also}", names.join(", ")),
    }
}

fn known_to_loader() -> Vec<PathBuf> {
    let answer = ["ldconfig", "/sbin/ldconfig"] // the latter is not on every user's PATH
        .iter()
        .find_map(|program| child::answer(Command::new(program).arg("-p")).ok())
        .unwrap_or_default();
    in_loader_cache(&answer)
}

/// The paths in lines such as `libtensorflow.so.2 (libc6,x86-64) => /usr/lib/libtensorflow.so.2`.
fn in_loader_cache(answer: &str) -> Vec<PathBuf> {
    answer
        .lines()
        .filter_map(|line| line.split_once(" => "))
        .filter(|(name, _)| {
            name.split_whitespace()
                .next()
                .is_some_and(|name| LIBRARY_NAMES.contains(&name))
        })
        .map(|(_, path)| PathBuf::from(path.trim()))
        .filter(|path| Path::is_file(path))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::platform::{LIBRARY, VERSIONED_LIBRARY};
    use std::fs;

    #[test]
    fn finds_libraries_in_the_order_of_folders() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(one.path().join(VERSIONED_LIBRARY), "").unwrap();
        fs::write(two.path().join(LIBRARY), "").unwrap();
        let folders = [PathBuf::from("/nowhere"), one.path().into(), two.path().into()];
        let found = libraries(&folders, false);
        let paths: Vec<_> = found
            .candidates
            .iter()
            .map(|candidate| candidate.library.clone())
            .collect();
        assert_eq!(
            paths,
            [one.path().join(VERSIONED_LIBRARY), two.path().join(LIBRARY)]
        );
    }

    #[test]
    fn names_the_folders_without_one() {
        let found = libraries(&["/nowhere".into()], true);
        assert_eq!(
            found.why_none,
            "no libtensorflow in /nowhere, nor known to ldconfig"
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn reads_the_loader_s_cache() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(VERSIONED_LIBRARY);
        fs::write(&path, "").unwrap();
        let answer = format!(
            "2 libs found in cache\n\tlibtensorflow.so.2 (libc6,x86-64) => {}\n\tlibtensorflow_framework.so.2 \
             (libc6,x86-64) => /usr/lib/x\n\tlibtensorflow.so (libc6) => /nowhere/libtensorflow.so\n",
            path.display()
        );
        assert_eq!(in_loader_cache(&answer), [path]);
    }
}
