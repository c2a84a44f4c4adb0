//! A folder of gzipped files at an https URL.

use super::client::{Client, without_password};
use super::{Artifact, Failure, Source};
use crate::progress::Progress;
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, Write};
use std::path::Path;

/// A folder of gzipped files at an https URL.
#[derive(Debug, Clone)]
pub struct GzipMirror {
    client: Client,
    base: String,
}

impl GzipMirror {
    /// The mirror whose files are at `base` + name + `.gz`.
    pub fn new(client: Client, base: impl Into<String>) -> Self {
        let mut base = base.into();
        if !base.ends_with('/') {
            base.push('/');
        }
        Self { client, base }
    }

    fn url(&self, artifact: &str) -> String {
        format!("{}{artifact}.gz", self.base)
    }
}

impl Source for GzipMirror {
    fn name(&self, artifact: &str) -> String {
        without_password(&self.url(artifact))
    }

    fn fetch(
        &mut self,
        artifact: &Artifact<'_>,
        folder: &Path,
        into: &mut File,
        progress: &dyn Progress,
    ) -> Result<(), Failure> {
        let mut packed = tempfile::tempfile_in(folder).map_err(Failure::Disk)?;
        // What does not compress grows by a few bytes a block.
        let max_bytes = artifact.max_bytes.saturating_add(artifact.max_bytes / 1000 + 1024);
        let url = self.url(artifact.name);
        self.client.download(&url, artifact.name, max_bytes, &mut packed, progress)?;
        packed.rewind().map_err(Failure::Disk)?;
        unpack(&packed, artifact.max_bytes, into)
    }
}

/// Gunzips `packed` into `into`, no more than `max_bytes`. What is no gzip is copied, for proxies that unpack on the way.
fn unpack(packed: &File, max_bytes: u64, into: &mut File) -> Result<(), Failure> {
    let damaged = |why: String| Failure::Artifact(format!("what came cannot be decompressed: {why}"));
    let mut packed = BufReader::new(packed);
    let start = packed.fill_buf().map_err(Failure::Disk)?;
    let mut reader: Box<dyn Read> = match start.starts_with(&[0x1f, 0x8b]) {
        true => Box::new(MultiGzDecoder::new(packed)),
        false => Box::new(packed),
    };
    let (mut written, mut buffer) = (0, vec![0; 64 * 1024]);
    loop {
        let count = reader.read(&mut buffer).map_err(|error| damaged(error.to_string()))?;
        written += count as u64;
        if count == 0 {
            return Ok(());
        }
        if written > max_bytes {
            return Err(damaged(format!("it holds more than {max_bytes} bytes")));
        }
        into.write_all(&buffer[..count]).map_err(Failure::Disk)?;
    }
}
