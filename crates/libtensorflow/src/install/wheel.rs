//! Taking the shared libraries out of a Python wheel, which is a zip file known by its digest.

use crate::install::Installer;
use std::error::Error;
use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::Path;
use zip::ZipArchive;

/// Unpacks the libraries of the verified wheel at `path` into `folder`, synced, and nothing else.
///
/// # Errors
/// Why not, as a sentence for the user.
pub(crate) fn unpack(installer: &Installer<'_>, path: &Path, folder: &Path) -> Result<(), String> {
    let file = File::open(path).map_err(|error| broken(&error))?;
    let mut zip = ZipArchive::new(BufReader::new(file)).map_err(|error| broken(&error))?;
    for name in installer.wheel.libraries.each_ref().map(|library| library.name) {
        let mut entry = zip.by_name(&format!("tensorflow/{name}")).map_err(|error| broken(&error))?;
        installer.progress.start(&format!("unpacking {name}"), Some(entry.size()));
        let unpacked = copy(installer, &mut entry, &folder.join(name));
        installer.progress.finish();
        unpacked?;
    }
    Ok(())
}

fn copy(installer: &Installer<'_>, entry: &mut impl Read, path: &Path) -> Result<(), String> {
    let at_disk = |error| installer.disk_error(&error);
    let mut out = File::create_new(path).map_err(at_disk)?;
    let (mut buffer, mut bytes) = (vec![0; 256 * 1024], 0);
    loop {
        let count = entry.read(&mut buffer).map_err(|error| broken(&error))?;
        if count == 0 {
            return out.sync_all().map_err(at_disk);
        }
        out.write_all(&buffer[..count]).map_err(at_disk)?;
        bytes += count as u64;
        installer.progress.position(bytes);
    }
}

fn broken(error: &dyn Error) -> String {
    format!("the wheel cannot be read: {error}")
}
