//! The `.meta` file beside a run's checkpoints: one on the disk, however many checkpoints share it.

use crate::checkpoint::file_names::{META, with_suffix};
use rustix::fs::{AtFlags, CWD, linkat};
use std::cell::RefCell;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

#[derive(Debug)]
pub(crate) struct MetaGraphFile {
    bytes: Vec<u8>,
    /// One that holds these bytes, by whatever names it has by now: checkpoints come, go and are renamed.
    shared: RefCell<Option<File>>,
}

impl MetaGraphFile {
    pub fn new(bytes: Vec<u8>) -> Self {
        let shared = RefCell::default();
        Self { bytes, shared }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Shares the file beside the checkpoint `prefix` from now on, if it was written here and says the same.
    pub fn share(&self, prefix: &Path) {
        let path = with_suffix(prefix, META);
        let is_file = path.symlink_metadata();
        let is_file = is_file.is_ok_and(|there| there.is_file() && there.len() == self.bytes.len() as u64);
        let mut shared = self.shared.borrow_mut();
        if shared.is_none() && is_file && fs::read(&path).is_ok_and(|there| there == self.bytes) {
            *shared = File::open(path).ok();
        }
    }

    /// Gives the file the further name `target`, which is free; where it has none left, or the file system knows no
    /// links, another is written there, synced.
    pub fn place(&self, target: &Path) -> io::Result<()> {
        let mut shared = self.shared.borrow_mut();
        if shared.as_ref().is_some_and(|file| link(file, target).is_ok()) {
            return Ok(());
        }
        whole_files::write(target, &self.bytes)?;
        *shared = File::open(target).ok();
        Ok(())
    }
}

fn link(file: &File, target: &Path) -> rustix::io::Result<()> {
    let open = format!("/proc/self/fd/{}", file.as_raw_fd());
    linkat(CWD, open, CWD, target, AtFlags::SYMLINK_FOLLOW)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn one_file_has_many_names_and_is_written_again_once_all_are_gone() {
        let folder = tempfile::tempdir().unwrap();
        let file = MetaGraphFile::new(b"graph".to_vec());
        for _ in 0..2 {
            let names = ["a.meta", "b.meta"].map(|name| folder.path().join(name));
            names.iter().for_each(|name| file.place(name).unwrap());
            let [one, other] = names.each_ref().map(|name| fs::metadata(name).unwrap().ino());
            assert_eq!(one, other);
            assert_eq!(fs::read(&names[0]).unwrap(), b"graph");
            names.iter().for_each(|name| fs::remove_file(name).unwrap());
        }
    }
}
