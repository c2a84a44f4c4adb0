//! Taking the shared libraries out of a Python wheel, which is a zip file known by its digest.

use crate::install::installed::InstalledFile;
use crate::platform::{FRAMEWORK, PYTHON_LIBRARY, Wheel};
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;
use verified_fetch::{Digest, Progress};
use zip::ZipArchive;

/// Verifies the wheel at `path` against its pinned size and digest.
pub(crate) fn verify(path: &Path, wheel: &Wheel) -> Result<(), String> {
    let unreadable = |error: io::Error| format!("{}: {error}", path.display());
    let file = File::open(path).map_err(unreadable)?;
    let bytes = file.metadata().map_err(unreadable)?.len();
    if bytes != wheel.bytes {
        return Err(format!("the wheel has {bytes} bytes in place of {}", wheel.bytes));
    }
    let digest = Digest::of_reader(file).map_err(unreadable)?;
    if digest.to_string() != wheel.sha256 {
        return Err(format!("the wheel has SHA-256 {digest} in place of {}", wheel.sha256));
    }
    Ok(())
}

/// Unpacks the two libraries of the verified wheel at `path` into `folder`, synced, and nothing else; `at_disk` says
/// what an error of writing means.
pub(crate) fn unpack(
    path: &Path,
    folder: &Path,
    progress: &dyn Progress,
    at_disk: &dyn Fn(io::Error) -> String,
) -> Result<Vec<InstalledFile>, String> {
    let broken = |error: &dyn std::error::Error| format!("the wheel cannot be read: {error}");
    let file = File::open(path).map_err(|error| broken(&error))?;
    let mut wheel = ZipArchive::new(BufReader::new(file)).map_err(|error| broken(&error))?;
    let mut files = Vec::new();
    for name in [PYTHON_LIBRARY, FRAMEWORK] {
        let mut entry = wheel.by_name(&format!("tensorflow/{name}")).map_err(|error| broken(&error))?;
        progress.start(&format!("unpacking {name}"), Some(entry.size()));
        let mut out = File::create_new(folder.join(name)).map_err(at_disk)?;
        let mut digest = Digest::hasher();
        let (mut buffer, mut bytes) = (vec![0; 256 * 1024], 0);
        loop {
            let count = entry.read(&mut buffer).map_err(|error| broken(&error))?;
            if count == 0 {
                break;
            }
            digest.update(&buffer[..count]);
            out.write_all(&buffer[..count]).map_err(at_disk)?;
            bytes += count as u64;
            progress.position(bytes);
        }
        out.sync_all().map_err(at_disk)?;
        progress.finish();
        files.push(InstalledFile { name: name.to_owned(), bytes, sha256: digest.finish().to_string() });
    }
    Ok(files)
}
