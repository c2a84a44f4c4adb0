//! A library in the cache: its folder, and the manifest by which damage is seen at every start without reading 1 GB.

use crate::fetch::Digest;
use crate::staging;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

const MANIFEST: &str = "manifest.json";

/// What was installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub version: String,
    /// Where it came from.
    pub source: String,
    /// The file to open.
    pub library: String,
    pub files: Vec<InstalledFile>,
}

/// A file as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct InstalledFile {
    pub name: String,
    pub bytes: u64,
    pub sha256: String,
    /// Nanoseconds since 1970.
    pub modified: u64,
}

/// What the cache holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum State {
    Absent,
    /// Whole; the library to open.
    Sound(PathBuf),
    /// Not as it was installed, and why.
    Damaged(String),
}

/// The folder of a version in the cache.
pub(super) fn folder(cache: &Path, version: &str) -> PathBuf {
    cache.join(format!("libtensorflow-{version}-cpu"))
}

impl InstalledFile {
    /// Describes a file just written.
    pub fn describe(path: &Path, sha256: Digest) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        Ok(Self {
            name,
            bytes: metadata.len(),
            sha256: sha256.to_string(),
            modified: modified(&metadata),
        })
    }
}

impl Manifest {
    /// Writes it into `folder`, which makes the folder a whole install.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        staging::write(&folder.join(MANIFEST), text.as_bytes())
    }

    fn read(folder: &Path) -> Result<Self, String> {
        let text =
            fs::read_to_string(folder.join(MANIFEST)).map_err(|error| format!("{MANIFEST}: {error}"))?;
        let manifest: Self = serde_json::from_str(&text).map_err(|error| format!("{MANIFEST}: {error}"))?;
        let names = manifest.files.iter().map(|file| &file.name);
        if !names.clone().any(|name| *name == manifest.library)
            || names.clone().any(|name| name.contains('/'))
        {
            return Err(format!("{MANIFEST} lists other files than a library's"));
        }
        Ok(manifest)
    }
}

/// Looks at `folder` cheaply: sizes and times. Files that were touched or copied since are read and, if they are still
/// the same, their new times are noted.
pub(super) fn check(folder: &Path) -> State {
    check_by(folder, |file, metadata| file.modified == modified(metadata))
}

/// Looks at `folder` thoroughly, by the digest of every file.
pub(super) fn check_thoroughly(folder: &Path) -> State {
    check_by(folder, |_, _| false)
}

fn check_by(folder: &Path, trusts: impl Fn(&InstalledFile, &Metadata) -> bool) -> State {
    if fs::symlink_metadata(folder).is_err() {
        return State::Absent;
    }
    let mut manifest = match Manifest::read(folder) {
        Ok(manifest) => manifest,
        Err(why) => return State::Damaged(why),
    };
    let mut read_again = false;
    for file in &mut manifest.files {
        match check_file(folder, file, &trusts) {
            Ok(was_read) => read_again |= was_read,
            Err(why) => return State::Damaged(format!("{}: {why}", file.name)),
        }
    }
    if read_again && let Err(error) = manifest.write(folder) {
        log::debug!(
            "{}: {error}; its files will be read again next time",
            folder.display()
        );
    }
    State::Sound(folder.join(&manifest.library))
}

/// Whether the file had to be read; what is wrong with it.
fn check_file(
    folder: &Path,
    file: &mut InstalledFile,
    trusts: impl Fn(&InstalledFile, &Metadata) -> bool,
) -> Result<bool, String> {
    let path = folder.join(&file.name);
    let metadata = fs::metadata(&path).map_err(|error| error.to_string())?;
    if metadata.len() != file.bytes {
        return Err(format!("{} bytes in place of {}", metadata.len(), file.bytes));
    }
    if trusts(file, &metadata) {
        return Ok(false);
    }
    let digest = File::open(&path)
        .and_then(Digest::of_reader)
        .map_err(|error| error.to_string())?;
    if digest.to_string() != file.sha256 {
        return Err(format!("its SHA-256 is {digest} in place of {}", file.sha256));
    }
    file.modified = modified(&metadata);
    Ok(true)
}

fn modified(metadata: &Metadata) -> u64 {
    metadata
        .modified()
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .and_then(|time| u64::try_from(time.as_nanos()).ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, SystemTime};

    /// A folder with an installed "library".
    fn install() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("lib.so");
        fs::write(&library, b"a library").unwrap();
        let file = InstalledFile::describe(&library, Digest::of(b"a library")).unwrap();
        let manifest = Manifest {
            version: "2.21.0".into(),
            source: "a test".into(),
            library: "lib.so".into(),
            files: vec![file],
        };
        manifest.write(folder.path()).unwrap();
        (folder, library)
    }

    fn touch(path: &Path) {
        let later = SystemTime::now() + Duration::from_secs(5);
        File::options()
            .write(true)
            .open(path)
            .unwrap()
            .set_modified(later)
            .unwrap();
    }

    #[test]
    fn is_sound_as_installed_and_absent_before() {
        let (folder, library) = install();
        assert_eq!(check(folder.path()), State::Sound(library.clone()));
        assert_eq!(check_thoroughly(folder.path()), State::Sound(library));
        assert_eq!(check(&folder.path().join("other")), State::Absent);
    }

    #[test]
    fn sees_files_that_are_missing_shorter_or_other() {
        let (folder, library) = install();
        fs::write(&library, b"a libra").unwrap();
        assert_eq!(
            check(folder.path()),
            State::Damaged("lib.so: 7 bytes in place of 9".into())
        );
        fs::write(&library, b"b library").unwrap();
        touch(&library);
        assert!(matches!(check(folder.path()), State::Damaged(why) if why.contains("SHA-256")));
        fs::remove_file(&library).unwrap();
        assert!(matches!(check(folder.path()), State::Damaged(why) if why.starts_with("lib.so: ")));
    }

    #[test]
    fn reads_a_touched_file_once() {
        let (folder, library) = install();
        touch(&library);
        assert_eq!(check(folder.path()), State::Sound(library.clone()));
        let noted = Manifest::read(folder.path()).unwrap().files[0].modified;
        assert_eq!(noted, modified(&fs::metadata(library).unwrap()));
    }

    #[test]
    fn a_folder_without_a_sound_manifest_is_damaged() {
        let (folder, _) = install();
        let path = folder.path().join(MANIFEST);
        let good = fs::read_to_string(&path).unwrap();
        for bad in [
            "",
            "{}",
            &good[..good.len() / 2],
            &good.replace("lib.so", "../lib.so"),
        ] {
            fs::write(&path, bad).unwrap();
            assert!(matches!(check(folder.path()), State::Damaged(_)), "{bad}");
        }
        fs::remove_file(&path).unwrap();
        assert!(matches!(check(folder.path()), State::Damaged(_)));
    }
}
