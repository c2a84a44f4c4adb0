//! Room on the disk, and what its errors mean to the user.

use std::io::{self, ErrorKind};
use std::path::Path;

/// How the names of half-made installs begin.
pub(super) const STAGING_PREFIX: &str = ".libtensorflow-installing-";

/// Refuses to begin what the disk cannot hold.
pub(super) fn check_room(cache: &Path, needed: u64) -> Result<(), String> {
    match free_bytes(cache) {
        Some(free) if free < needed => Err(no_room(cache, Some(free), needed)),
        _ => Ok(()),
    }
}

fn free_bytes(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    disk.f_bavail.checked_mul(disk.f_frsize)
}

fn no_room(cache: &Path, free: Option<u64>, needed: u64) -> String {
    let gigabytes = |bytes: u64| format!("{:.1} GB", bytes as f64 / 1e9);
    let free = free.map_or_else(String::new, |free| format!(", and {} are free", gigabytes(free)));
    format!(
        "no room in {}: {} are needed on the way{free}; make room, or name another folder in TF_MNIST_CACHE",
        shown(cache).display(),
        gigabytes(needed)
    )
}

/// What an error of writing below the cache means to the user.
pub(super) fn disk_error(folder: &Path, error: &io::Error) -> String {
    let folder = shown(folder).display();
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            format!("the disk of {folder} is full; make room, or name another folder in TF_MNIST_CACHE")
        }
        _ => format!("cannot write below {folder}: {error}"),
    }
}

/// The cache, for a folder inside a half-made install there, whose name tells the user nothing.
fn shown(folder: &Path) -> &Path {
    let is_staging = |path: &&Path| {
        path.file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(STAGING_PREFIX.as_bytes()))
    };
    folder
        .ancestors()
        .find(is_staging)
        .and_then(Path::parent)
        .unwrap_or(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_a_full_disk_from_other_trouble() {
        let folder = Path::new("/cache");
        let full = disk_error(folder, &ErrorKind::StorageFull.into());
        assert_eq!(
            full,
            "the disk of /cache is full; make room, or name another folder in TF_MNIST_CACHE"
        );
        let denied = disk_error(folder, &ErrorKind::PermissionDenied.into());
        assert_eq!(denied, "cannot write below /cache: permission denied");
        let inside = Path::new("/cache").join(format!("{STAGING_PREFIX}x/library"));
        assert_eq!(disk_error(&inside, &ErrorKind::StorageFull.into()), full);
    }

    #[test]
    fn says_how_much_room_is_needed() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(check_room(folder.path(), 0), Ok(()));
        let refused = no_room(folder.path(), Some(300_000_000), 1_370_000_000);
        assert!(
            refused.contains("1.4 GB are needed on the way, and 0.3 GB are free"),
            "{refused}"
        );
    }
}
