//! One writer a run folder: an advisory lock, which a process that dies lets go.

use super::error::{Result, TrainingError};
use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

/// Name of the lock file. It stays when the run ends: deleting it could take it from under another process.
pub(super) const LOCK: &str = ".lock";

/// A run folder that this process alone writes to, until this is dropped.
#[derive(Debug)]
pub(super) struct RunLock {
    _file: File,
}

impl RunLock {
    /// Locks `folder` and writes this process's id into the lock file.
    pub fn acquire(folder: &Path) -> Result<Self> {
        let path = folder.join(LOCK);
        let failed = |action| TrainingError::file(action, &path);
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(failed("write"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(TrainingError::InUse {
                    path: folder.to_path_buf(),
                    by: holder(&mut file),
                });
            }
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {
                log::warn!(
                    "{} cannot be locked on this file system: start no other run in it",
                    folder.display()
                );
            }
            Err(TryLockError::Error(error)) => return Err(failed("lock")(error)),
        }
        let pid = std::process::id();
        file.set_len(0)
            .and_then(|()| writeln!(file, "{pid}"))
            .map_err(failed("write"))?;
        Ok(Self { _file: file })
    }
}

/// Who holds the lock, as far as the file and the system tell.
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let pid = match file.take(32).read_to_string(&mut text) {
        Ok(_) => text.trim().parse::<u32>().ok(),
        Err(_) => None,
    };
    let Some(pid) = pid else {
        return "another process".into();
    };
    let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let command = String::from_utf8_lossy(&command).replace(char::is_control, " ");
    match command.trim() {
        "" => format!("process {pid}"),
        command => format!("process {pid} ({command})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_the_first_is() {
        let folder = tempfile::tempdir().unwrap();
        let first = RunLock::acquire(folder.path()).unwrap();
        let error = RunLock::acquire(folder.path()).unwrap_err().to_string();
        assert!(
            error.contains(&format!("process {} (", std::process::id())),
            "{error}"
        );
        drop(first);
        RunLock::acquire(folder.path()).unwrap();
    }
}
