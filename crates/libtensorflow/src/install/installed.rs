//! A library in the cache: its folder, and the manifest that makes it a whole install.

use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use verified_fetch::Digest;

const MANIFEST: &str = "manifest.json";

/// What was installed. Written last, when every file is synced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub version: String,
    /// Where it came from.
    pub source: String,
    /// The file to open.
    pub library: String,
    pub files: Vec<InstalledFile>,
}

/// A file as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InstalledFile {
    pub name: String,
    pub bytes: u64,
    pub sha256: String,
}

/// What the cache holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum State {
    Absent,
    /// Whole, by the sizes of its files; the library to open.
    Sound(PathBuf),
    /// Not as it was installed, and why.
    Damaged(String),
}

/// The folder of a version in the cache.
pub(crate) fn folder(cache: &Path, version: &str) -> PathBuf {
    cache.join(format!("libtensorflow-{version}-cpu"))
}

impl Manifest {
    /// Writes it into `folder`, which makes the folder a whole install.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        whole_files::write(&folder.join(MANIFEST), text.as_bytes())
    }

    fn read(folder: &Path) -> Result<Self, String> {
        let in_manifest = |error: &dyn std::fmt::Display| format!("{MANIFEST}: {error}");
        let text = fs::read_to_string(folder.join(MANIFEST)).map_err(|error| in_manifest(&error))?;
        let manifest: Self = serde_json::from_str(&text).map_err(|error| in_manifest(&error))?;
        let names = || manifest.files.iter().map(|file| &file.name);
        if !names().any(|name| *name == manifest.library) || names().any(|name| name.contains('/')) {
            return Err(in_manifest(&"it lists other files than a library's"));
        }
        Ok(manifest)
    }
}

/// Looks at `folder`, as every start does: at the sizes of its files, whatever their times, and at no byte of them.
pub(crate) fn check(folder: &Path) -> State {
    if fs::symlink_metadata(folder).is_err() {
        return State::Absent;
    }
    let by_size = |file: &InstalledFile, path: &Path| match fs::metadata(path)?.len() {
        bytes if bytes == file.bytes => Ok(None),
        bytes => Ok(Some(format!("{bytes} bytes in place of {}", file.bytes))),
    };
    match each_file(folder, by_size) {
        Ok(manifest) => State::Sound(folder.join(manifest.library)),
        Err(why) => State::Damaged(why),
    }
}

/// Looks at every byte of a library that cannot be opened.
///
/// # Errors
/// What is wrong with it, if it is not as it was installed.
pub(crate) fn verify(folder: &Path) -> Result<(), String> {
    let by_digest = |file: &InstalledFile, path: &Path| match Digest::of_reader(File::open(path)?)? {
        digest if digest.to_string() == file.sha256 => Ok(None),
        digest => Ok(Some(format!("its SHA-256 is {digest} in place of {}", file.sha256))),
    };
    each_file(folder, by_digest).map(drop)
}

/// Looks at each file with `look`, which tells what is wrong with it.
fn each_file(
    folder: &Path,
    look: impl Fn(&InstalledFile, &Path) -> io::Result<Option<String>>,
) -> Result<Manifest, String> {
    let manifest = Manifest::read(folder)?;
    for file in &manifest.files {
        match look(file, &folder.join(&file.name)) {
            Ok(None) => {}
            Ok(Some(why)) => return Err(format!("{}: {why}", file.name)),
            Err(error) => return Err(format!("{}: {error}", file.name)),
        }
    }
    Ok(manifest)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with an installed "library".
    fn install() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("lib.so");
        fs::write(&library, b"a library").unwrap();
        let manifest = Manifest {
            version: "2.21.0".into(),
            source: "a test".into(),
            library: "lib.so".into(),
            files: vec![InstalledFile {
                name: "lib.so".into(),
                bytes: 9,
                sha256: Digest::of(b"a library").to_string(),
            }],
        };
        manifest.write(folder.path()).unwrap();
        (folder, library)
    }

    #[test]
    fn sees_files_and_manifests_that_are_missing_shorter_or_other() {
        let (folder, library) = install();
        assert_eq!(check(&folder.path().join("other")), State::Absent);
        assert_eq!(check(folder.path()), State::Sound(library.clone()));
        assert_eq!(verify(folder.path()), Ok(()));
        fs::write(&library, b"b library").unwrap();
        assert!(verify(folder.path()).unwrap_err().starts_with("lib.so: its SHA-256 is"));
        fs::write(&library, b"a libra").unwrap();
        assert_eq!(check(folder.path()), State::Damaged("lib.so: 7 bytes in place of 9".into()));
        fs::remove_file(&library).unwrap();
        assert!(matches!(check(folder.path()), State::Damaged(why) if why.starts_with("lib.so: ")));

        let path = folder.path().join(MANIFEST);
        let good = fs::read_to_string(&path).unwrap();
        for bad in ["", "{}", &good[..good.len() / 2], &good.replace("lib.so", "../lib.so")] {
            fs::write(&path, bad).unwrap();
            assert!(
                matches!(check(folder.path()), State::Damaged(why) if why.starts_with(MANIFEST)),
                "{bad}"
            );
        }
    }
}
