//! Advisory locks: one process at a time, let go when it ends or dies.

use crate::sync::is_unsupported;
use rustix::fs::OFlags;
use rustix::io::Errno;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

/// More bytes than a lock file has: a process id and a line end.
const MAX_BYTES: u64 = 32;

/// What a lock keeps others from, until this is dropped or the process dies. A lock file stays: deleting it could take
/// it from under another process.
#[derive(Debug)]
pub struct Lock {
    file: File,
    held: bool,
}

impl Lock {
    /// Takes the lock file `path`, made if need be, and writes this process's id in it.
    ///
    /// # Errors
    /// Another process has it, of [`ErrorKind::WouldBlock`] and with that process as the text, as far as it is known; or the
    /// file cannot be opened, locked or written, or is no lock file.
    pub fn try_file(path: &Path) -> io::Result<Self> {
        let mut file = open(path, true)?;
        let taken = file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => io::Error::new(ErrorKind::WouldBlock, holder(&mut file)),
            TryLockError::Error(error) => error,
        });
        Self::noted(file, path, taken)
    }

    /// As [`try_file`](Self::try_file), but waits for the process that has it, after a call of `on_wait`.
    ///
    /// # Errors
    /// As [`try_file`](Self::try_file).
    pub fn file(path: &Path, on_wait: impl FnOnce()) -> io::Result<Self> {
        let file = open(path, true)?;
        let taken = wait(&file, on_wait);
        Self::noted(file, path, taken)
    }

    /// Whether another process has the lock file `path`. Nothing is written; where it cannot be told, nobody has it.
    pub fn is_busy(path: &Path) -> bool {
        path.symlink_metadata().is_ok_and(|there| there.is_file())
            && File::open(path)
                .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// Takes the lock of the folder itself, and so leaves no file in it; waits for the process that has it.
    ///
    /// # Errors
    /// The folder cannot be opened or locked.
    pub fn folder(folder: &Path) -> io::Result<Self> {
        let file = File::open(folder)?;
        let held = held(folder, wait(&file, || {}))?;
        Ok(Self { file, held })
    }

    /// Whether what is locked is what has this name now: while it was waited for, another may have taken its place.
    pub fn is_of(&self, path: &Path) -> bool {
        let [locked, there] =
            [self.file.metadata(), fs::metadata(path)].map(|file| file.map(|file| (file.dev(), file.ino())));
        matches!((locked, there), (Ok(locked), Ok(there)) if locked == there)
    }

    /// Whether others are really kept away: some file systems have no locks.
    pub fn is_held(&self) -> bool {
        self.held
    }

    /// Whether `path` is a lock file, or is not there yet. One that cannot be opened, as on a disk that is read-only,
    /// counts as one: whoever takes it is told why.
    pub fn is_one(path: &Path) -> bool {
        match path.symlink_metadata() {
            Ok(there) => {
                let is_other = |error: io::Error| error.kind() == ErrorKind::InvalidData;
                there.is_file() && !open(path, false).is_err_and(is_other)
            }
            Err(error) => error.kind() == ErrorKind::NotFound,
        }
    }

    fn noted(mut file: File, path: &Path, taken: io::Result<()>) -> io::Result<Self> {
        let held = held(crate::folder_of(path), taken)?;
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{}", std::process::id())?;
        Ok(Self { file, held })
    }
}

/// Opens a lock file. What is no lock file, by what it holds, is not written to; a link may lead to anything.
fn open(path: &Path, create: bool) -> io::Result<File> {
    if path.symlink_metadata().is_ok_and(|there| !there.is_file()) {
        return Err(no_lock_file());
    }
    let mut file = File::options()
        .create(create)
        .truncate(false)
        .read(true)
        .write(true)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)?;
    let mut text = String::new();
    let read = (&mut file).take(MAX_BYTES + 1).read_to_string(&mut text);
    let is_process_id = text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_whitespace());
    match read {
        Ok(bytes) if bytes as u64 <= MAX_BYTES && is_process_id => {}
        Err(error) if error.kind() != ErrorKind::InvalidData => return Err(error),
        _ => return Err(no_lock_file()),
    }
    file.rewind()?;
    Ok(file)
}

fn no_lock_file() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "it is no lock file, which holds nothing but the id of a process")
}

fn wait(file: &File, on_wait: impl FnOnce()) -> io::Result<()> {
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => on_wait(),
        taken => return Ok(taken?),
    }
    loop {
        match file.lock() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            taken => return taken,
        }
    }
}

/// Whether a lock is held; where the file system has none (NFS, Lustre and others, as they are mounted), a warning is all
/// that can be done.
fn held(folder: &Path, taken: io::Result<()>) -> io::Result<bool> {
    // EBADF: NFS locks no folder, which cannot be opened for writing.
    let no_locks = [Errno::NOLCK, Errno::BADF];
    match taken {
        Err(error) if is_unsupported(&error, &no_locks) => {
            log::warn!(
                "{} cannot be locked on its file system: nobody else may use it meanwhile",
                folder.display()
            );
            log::debug!("locking {}: {error}", folder.display());
            Ok(false)
        }
        taken => taken.map(|()| true),
    }
}

/// Who holds the lock, as far as the file and the system tell.
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let pid = match file.take(MAX_BYTES).read_to_string(&mut text) {
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
