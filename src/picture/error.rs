//! Why a picture cannot be used.

use crate::dataset::DatasetError;
use digit_pictures::DigitError;
use std::path::PathBuf;

/// Why a picture cannot be used; names the file.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
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
    /// No kind of file that is read here, or an IDX file of which no image is named.
    #[error("{0}")]
    UnknownFormat(String),
    /// It cannot be read, or is larger than what is read.
    #[error("{0}")]
    Unreadable(String),
    /// The picture itself cannot be used.
    #[error(transparent)]
    Unusable(#[from] DigitError),
    /// An IDX file is unsound, or has no such image.
    #[error(transparent)]
    Idx(#[from] DatasetError),
}
