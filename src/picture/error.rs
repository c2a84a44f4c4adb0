//! Why a picture cannot be used.

use crate::dataset::DatasetError;
use std::io;
use std::path::PathBuf;

/// Why a picture cannot be used; names the file.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A folder.
    #[error("cannot read {path}: it is a folder; name the pictures in it, such as {example}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// A picture in it, or a pattern for some.
        example: String,
    },
    /// An address, which is not fetched.
    #[error(
        "{path} is an address, and only files are read: download it first, as in curl -fLO ADDRESS, or hand it over as the \
         picture -, as in curl -fL ADDRESS |"
    )]
    Address {
        /// The address.
        path: PathBuf,
    },
    /// No kind of file that is read here.
    #[error("{path} is neither a PNG nor a JPEG picture, nor an IDX file of images{hint}")]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// What helps.
        hint: &'static str,
    },
    /// A kind of file that is known, and not read.
    #[error("{path} is {kind}, neither a PNG nor a JPEG picture: {advice}")]
    ForeignFormat {
        /// The file.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
        /// What makes a picture of it.
        advice: String,
    },
    /// An IDX file, of which no image is named.
    #[error("{path} is an IDX file: name one of its images by its number, counted from 0, as {path}#0")]
    NoIndex {
        /// The file.
        path: PathBuf,
    },
    /// The file is too large.
    #[error("{path} has more than {limit} MB; no larger file is read as a picture")]
    FileTooLarge {
        /// The file.
        path: PathBuf,
        /// Megabytes that are read.
        limit: u64,
    },
    /// The picture itself cannot be used.
    #[error(transparent)]
    Unusable(#[from] digit_pictures::PictureError),
    /// An IDX file is unsound, or has no such image.
    #[error(transparent)]
    Idx(#[from] DatasetError),
}
