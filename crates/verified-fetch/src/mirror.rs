//! A folder of gzipped files at an https URL.

use crate::client::Client;
use crate::progress::Progress;
use crate::source::{Artifact, Source, SourceCause, SourceError};
use crate::transfer_cause::{TransferCause, without_password};
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, Write};
use std::path::Path;

/// A folder of gzipped files at an https URL. A host that cannot be reached is not asked a second time.
#[derive(Debug, Clone)]
pub struct GzipMirror {
    client: Client,
    base: String,
    down: Option<String>,
}

impl GzipMirror {
    /// The mirror whose files are at `base` + name + `.gz`.
    pub fn new(client: Client, base: impl Into<String>) -> Self {
        let mut base = base.into();
        if !base.ends_with('/') {
            base.push('/');
        }
        Self { client, base, down: None }
    }

    fn transfer(
        &mut self,
        artifact: &Artifact<'_>,
        folder: &Path,
        into: &mut File,
        progress: &dyn Progress,
    ) -> Result<(), SourceCause> {
        if let Some(before) = self.down.clone() {
            return Err(SourceCause::Skipped(before));
        }
        let mut packed = tempfile::tempfile_in(folder).map_err(SourceCause::Disk)?;
        let url = format!("{}{}.gz", self.base, artifact.name);
        // What does not compress grows by a few bytes a block.
        let max_bytes = artifact.max_bytes.saturating_add(artifact.max_bytes / 1000 + 1024);
        self.client.download(&url, artifact.name, max_bytes, &mut packed, progress).map_err(|cause| {
            match cause {
                TransferCause::Write(error) => SourceCause::Disk(error),
                cause => {
                    self.down = cause.concerns_host().then(|| cause.to_string());
                    cause.into()
                }
            }
        })?;
        packed.rewind().map_err(SourceCause::Disk)?;
        unpack(&packed, artifact.max_bytes, into)
    }
}

impl Source for GzipMirror {
    fn name(&self) -> String {
        without_password(&self.base)
    }

    fn fetch(
        &mut self,
        artifact: &Artifact<'_>,
        folder: &Path,
        into: &mut File,
        progress: &dyn Progress,
    ) -> Result<(), SourceError> {
        self.transfer(artifact, folder, into, progress).map_err(|cause| SourceError {
            from: match &cause {
                SourceCause::Transfer(_) => format!("{}{}.gz", self.name(), artifact.name),
                _ => self.name(),
            },
            cause,
        })
    }
}

/// Gunzips `packed` into `into`, no more than `max_bytes`. What is no gzip is copied, for proxies that unpack on the way.
fn unpack(packed: &File, max_bytes: u64, into: &mut File) -> Result<(), SourceCause> {
    let mut packed = BufReader::new(packed);
    let start = packed.fill_buf().map_err(SourceCause::Disk)?;
    let mut reader: Box<dyn Read> = match start.starts_with(&[0x1f, 0x8b]) {
        true => Box::new(MultiGzDecoder::new(packed)),
        false => Box::new(packed),
    };
    let (mut written, mut buffer) = (0, vec![0; 64 * 1024]);
    loop {
        let count = match reader.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) => return Err(SourceCause::Gzip(error.to_string())),
        };
        written += count as u64;
        if written > max_bytes {
            return Err(SourceCause::Gzip(format!("it holds more than {max_bytes} bytes")));
        }
        into.write_all(&buffer[..count]).map_err(SourceCause::Disk)?;
    }
}
