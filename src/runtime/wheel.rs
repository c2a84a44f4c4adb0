//! Taking the shared libraries out of a Python wheel, which is a zip file with a list of digests (RECORD).

use super::disk::disk_error;
use super::install::Unpacked;
use super::installed::InstalledFile;
use super::platform::{FRAMEWORK, PYTHON_LIBRARY, Wheel};
use super::unpacked_file::{self, Trouble};
use crate::fetch::{Digest, Progress};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Component, Path};
use zip::ZipArchive;
use zip::result::ZipError;

/// More than any release's library has, also with CUDA kernels.
const MAX_LIBRARY_BYTES: u64 = 4 << 30;
/// More than any release's RECORD has (2 MB).
const MAX_RECORD_BYTES: u64 = 32 << 20;

/// Verifies the wheel at `path` against its pinned size and digest.
pub(super) fn verify(path: &Path, wheel: &Wheel) -> Result<(), String> {
    let unreadable = |error: io::Error| format!("{}: {error}", path.display());
    let file = File::open(path).map_err(unreadable)?;
    let bytes = file.metadata().map_err(unreadable)?.len();
    if bytes != wheel.bytes {
        return Err(format!("the wheel has {bytes} bytes in place of {}", wheel.bytes));
    }
    let digest = Digest::of_reader(file).map_err(unreadable)?;
    if digest.to_string() != wheel.sha256 {
        return Err(format!(
            "the wheel has SHA-256 {digest} in place of {}",
            wheel.sha256
        ));
    }
    Ok(())
}

/// Unpacks the two libraries of the wheel at `path` into `folder`, each verified against RECORD, and nothing else.
pub(super) fn unpack(path: &Path, folder: &Path, progress: &dyn Progress) -> Result<Unpacked, String> {
    let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut wheel = ZipArchive::new(BufReader::new(file)).map_err(broken)?;
    refuse_unsafe_names(&wheel)?;
    let record = Record::read(&mut wheel)?;
    let listed: Vec<Listed> = [PYTHON_LIBRARY, FRAMEWORK]
        .iter()
        .map(|name| record.find(name))
        .collect::<Result<_, _>>()?;
    progress.start(
        "unpacking TensorFlow",
        Some(listed.iter().map(|file| file.bytes).sum()),
    );
    let mut done = 0;
    let mut advance = |bytes| {
        done += bytes;
        progress.position(done);
    };
    let files: Result<_, String> = listed
        .iter()
        .map(|file| unpack_file(&mut wheel, file, folder, &mut advance))
        .collect();
    progress.finish();
    Ok(Unpacked {
        library: PYTHON_LIBRARY.to_owned(),
        files: files?,
    })
}

fn broken(error: ZipError) -> String {
    format!("the wheel cannot be read: {error}")
}

/// A wheel with a single name that points out of it is not one to take anything from.
fn refuse_unsafe_names(wheel: &ZipArchive<BufReader<File>>) -> Result<(), String> {
    let is_safe = |name: &str| {
        !name.contains(['\\', '\0'])
            && Path::new(name)
                .components()
                .all(|part| matches!(part, Component::Normal(_)))
    };
    match wheel.file_names().find(|name| !is_safe(name)) {
        Some(name) => Err(format!(
            "the wheel holds {name:?}, which points out of it; nothing of it is used"
        )),
        None => Ok(()),
    }
}

/// The wheel's list of its files: `path,sha256=BASE64,BYTES` a line.
struct Record(String);

/// A file as RECORD lists it.
struct Listed {
    name: &'static str,
    entry: String,
    sha256: Digest,
    bytes: u64,
}

impl Record {
    fn read(wheel: &mut ZipArchive<BufReader<File>>) -> Result<Self, String> {
        let is_record = |name: &&str| {
            name.split_once('/')
                .is_some_and(|(folder, file)| folder.ends_with(".dist-info") && file == "RECORD")
        };
        let name = wheel
            .file_names()
            .find(is_record)
            .map(str::to_owned)
            .ok_or("the wheel holds no RECORD")?;
        let mut text = String::new();
        let entry = wheel.by_name(&name).map_err(broken)?;
        entry
            .take(MAX_RECORD_BYTES)
            .read_to_string(&mut text)
            .map_err(|error| broken(error.into()))?;
        Ok(Self(text))
    }

    /// The line of `tensorflow/NAME`.
    fn find(&self, name: &'static str) -> Result<Listed, String> {
        let entry = format!("tensorflow/{name}");
        let line = self
            .0
            .lines()
            .find_map(|line| line.strip_prefix(entry.as_str())?.strip_prefix(','))
            .ok_or_else(|| format!("the wheel's RECORD does not list {entry}"))?;
        let parsed = line.split_once(',').and_then(|(digest, bytes)| {
            let digest = BASE64_URL_SAFE_NO_PAD
                .decode(digest.strip_prefix("sha256=")?)
                .ok()?;
            Some((
                Digest::from_bytes(digest.try_into().ok()?),
                bytes.trim().parse().ok()?,
            ))
        });
        match parsed {
            Some((_, bytes)) if bytes > MAX_LIBRARY_BYTES => {
                Err(format!("{entry} has {bytes} bytes, more than any TensorFlow"))
            }
            Some((sha256, bytes)) => Ok(Listed {
                name,
                entry,
                sha256,
                bytes,
            }),
            None => Err(format!("the wheel's RECORD has no sound line for {entry}")),
        }
    }
}

/// Unpacks one file, no more of it than RECORD lists.
fn unpack_file(
    wheel: &mut ZipArchive<BufReader<File>>,
    listed: &Listed,
    folder: &Path,
    advance: &mut dyn FnMut(u64),
) -> Result<InstalledFile, String> {
    let entry = wheel.by_name(&listed.entry).map_err(broken)?;
    if !entry.is_file() || entry.is_symlink() {
        return Err(format!("{} in the wheel is no file", listed.entry));
    }
    let path = folder.join(listed.name);
    let file =
        unpacked_file::write(entry, &path, listed.bytes, advance).map_err(|trouble| match trouble {
            Trouble::Read(error) => broken(error.into()),
            Trouble::Write(error) => disk_error(folder, &error),
            Trouble::TooLong => {
                format!(
                    "{} is longer than the {} bytes that RECORD lists",
                    listed.entry, listed.bytes
                )
            }
        })?;
    if file.bytes != listed.bytes || file.sha256 != listed.sha256.to_string() {
        return Err(format!(
            "{} has {} bytes and SHA-256 {}; RECORD lists {} and {}",
            listed.entry, file.bytes, file.sha256, listed.bytes, listed.sha256
        ));
    }
    Ok(file)
}

#[cfg(test)]
pub(super) mod tests;
