//! Taking the shared libraries out of a Python wheel, which is a zip file known by its digest.

use crate::platform::Wheel;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;
use verified_fetch::Progress;
use zip::ZipArchive;

/// Unpacks the libraries of the verified `wheel` at `path` into `folder`, synced, and nothing else; `at_disk` says what
/// an error of writing means.
pub(crate) fn unpack(
    wheel: &Wheel,
    path: &Path,
    folder: &Path,
    progress: &dyn Progress,
    at_disk: &dyn Fn(io::Error) -> String,
) -> Result<(), String> {
    let broken = |error: &dyn std::error::Error| format!("the wheel cannot be read: {error}");
    let file = File::open(path).map_err(|error| broken(&error))?;
    let mut zip = ZipArchive::new(BufReader::new(file)).map_err(|error| broken(&error))?;
    for name in wheel.libraries.each_ref().map(|library| library.name) {
        let mut entry = zip.by_name(&format!("tensorflow/{name}")).map_err(|error| broken(&error))?;
        progress.start(&format!("unpacking {name}"), Some(entry.size()));
        let mut out = File::create_new(folder.join(name)).map_err(at_disk)?;
        let (mut buffer, mut bytes) = (vec![0; 256 * 1024], 0);
        loop {
            let count = entry.read(&mut buffer).map_err(|error| broken(&error))?;
            if count == 0 {
                break;
            }
            out.write_all(&buffer[..count]).map_err(at_disk)?;
            bytes += count as u64;
            progress.position(bytes);
        }
        out.sync_all().map_err(at_disk)?;
        progress.finish();
    }
    Ok(())
}
