//! A folder of gzipped files at an https URL.

use super::client::{Client, without_password};
use super::{Artifact, Failure, Source};
use crate::progress::Progress;
use flate2::read::MultiGzDecoder;
use std::io::Read;
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
        _folder: &Path,
        progress: &dyn Progress,
    ) -> Result<Vec<u8>, Failure> {
        // What does not compress grows by a few bytes a block.
        let max_bytes = artifact.max_bytes.saturating_add(artifact.max_bytes / 1000 + 1024);
        let packed = self.client.download(&self.url(artifact.name), artifact.name, max_bytes, progress)?;
        if !packed.starts_with(&[0x1f, 0x8b]) {
            return Ok(packed); // some proxies unpack on the way
        }
        let damaged = |why: String| Failure::Artifact(format!("what came cannot be decompressed: {why}"));
        let (max_bytes, mut bytes) = (artifact.max_bytes, Vec::new());
        let unpacked =
            MultiGzDecoder::new(&packed[..]).take(max_bytes.saturating_add(1)).read_to_end(&mut bytes);
        match unpacked.map_err(|error| damaged(error.to_string()))? as u64 > max_bytes {
            true => Err(damaged(format!("it holds more than {max_bytes} bytes"))),
            false => Ok(bytes),
        }
    }
}
