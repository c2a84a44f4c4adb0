//! Where an artifact can be had, and why it could not.

use super::artifact::Artifact;
use super::bounded::{self, CopyError};
use super::cache::ASIDE_PREFIX;
use super::client::Client;
use super::digest::Digest;
use super::npm_error::{NpmCause, NpmError};
use super::progress::Progress;
use super::tarball::TarballError;
use super::transfer::{Download, without_password};
use super::transfer_error::{TransferCause, TransferError};
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek};
use std::path::Path;

/// A place that artifacts come from.
pub trait Source {
    /// What the user reads: a URL or a package.
    fn name(&self) -> String;

    /// Writes the bytes of `artifact` into `into`, which is empty; they are verified afterwards, not here. Whatever
    /// else it needs on disk goes into a temporary file or folder in `folder`.
    ///
    /// # Errors
    /// Why this source does not give it; the next one is asked then.
    fn fetch(
        &mut self,
        artifact: &Artifact<'_>,
        folder: &Path,
        into: &mut File,
        progress: &dyn Progress,
    ) -> Result<(), SourceError>;
}

/// Why a source did not give an artifact. The message names the source.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The transfer failed.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// The package could not be had through npm.
    #[error(transparent)]
    Npm(#[from] NpmError),
    /// The source was no use a moment ago and is not asked again.
    #[error("{from}: not asked again after this failure: {before}")]
    Skipped {
        /// The source.
        from: String,
        /// What went wrong then.
        before: String,
    },
    /// What came is not what was wanted.
    #[error("{from}: {name} has SHA-256 {found}, not {expected}")]
    WrongDigest {
        /// The source.
        from: String,
        /// The artifact.
        name: String,
        /// The digest of what came.
        found: Digest,
        /// The digest of the artifact.
        expected: Digest,
    },
    /// A web page came in place of the file.
    #[error("{from}: an HTML page came in place of the file")]
    HtmlPage {
        /// The source.
        from: String,
    },
    /// What came does not decompress, or to more than it may.
    #[error("{from}: what came cannot be decompressed: {why}")]
    Gzip {
        /// The source.
        from: String,
        /// Why not.
        why: String,
    },
    /// Something on this machine's disk failed on the way.
    #[error("{from}: cannot keep what came: {source}")]
    Disk {
        /// The source.
        from: String,
        /// Why not.
        source: io::Error,
    },
}

impl SourceError {
    /// The error of this machine's disk that it comes from; or itself, if it comes from elsewhere.
    pub(super) fn into_disk_trouble(self) -> Result<io::Error, Self> {
        match self {
            Self::Disk { source, .. }
            | Self::Transfer(TransferError {
                cause: TransferCause::Write(source),
                ..
            })
            | Self::Npm(NpmError {
                cause: NpmCause::Tarball(TarballError::Write { source, .. }),
                ..
            }) => Ok(source),
            other => Err(other),
        }
    }
}

/// One file at one https URL, as it is.
#[derive(Debug, Clone)]
pub struct HttpsFile {
    client: Client,
    url: String,
}

impl HttpsFile {
    /// The file at `url`.
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self {
            client,
            url: url.into(),
        }
    }
}

impl Source for HttpsFile {
    fn name(&self) -> String {
        without_password(&self.url)
    }

    fn fetch(
        &mut self,
        artifact: &Artifact<'_>,
        _folder: &Path,
        into: &mut File,
        progress: &dyn Progress,
    ) -> Result<(), SourceError> {
        let download = Download {
            url: &self.url,
            label: artifact.name,
            max_bytes: artifact.max_bytes,
        };
        self.client.download(&download, into, progress)?;
        Ok(())
    }
}

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
        Self {
            client,
            base,
            down: None,
        }
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
        let from = self.name();
        if let Some(before) = self.down.clone() {
            return Err(SourceError::Skipped { from, before });
        }
        let disk = |source| SourceError::Disk {
            from: from.clone(),
            source,
        };
        let mut packed = tempfile::Builder::new()
            .prefix(ASIDE_PREFIX)
            .tempfile_in(folder)
            .map_err(disk)?;
        let url = format!("{}{}.gz", self.base, artifact.name);
        // What does not compress grows by a few bytes a block.
        let max_bytes = artifact
            .max_bytes
            .saturating_add(artifact.max_bytes / 1000 + 1024);
        let download = Download {
            url: &url,
            label: artifact.name,
            max_bytes,
        };
        if let Err(error) = self.client.download(&download, packed.as_file_mut(), progress) {
            if error.cause.concerns_host() {
                self.down = Some(error.cause.to_string());
            }
            return Err(error.into());
        }
        packed.rewind().map_err(disk)?;
        unpack(packed.as_file(), artifact.max_bytes, into).map_err(|error| match error {
            CopyError::Read(error) => SourceError::Gzip {
                from: from.clone(),
                why: error.to_string(),
            },
            CopyError::TooLong => SourceError::Gzip {
                from: from.clone(),
                why: format!("it holds more than {} bytes", artifact.max_bytes),
            },
            CopyError::Write(source) => disk(source),
        })
    }
}

/// Gunzips `packed` into `into`, no more than `max_bytes`. What is no gzip is copied, for proxies that unpack on the way.
fn unpack(packed: &File, max_bytes: u64, into: &mut File) -> Result<(), CopyError> {
    let mut packed = BufReader::new(packed);
    let is_gzip = packed
        .fill_buf()
        .map_err(CopyError::Read)?
        .starts_with(&[0x1f, 0x8b]);
    if is_gzip {
        bounded::copy(MultiGzDecoder::new(packed), into, max_bytes)?;
    } else {
        bounded::copy(packed, into, max_bytes)?;
    }
    Ok(())
}
