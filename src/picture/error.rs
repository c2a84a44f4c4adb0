//! Why a picture cannot be used.

use super::MAX_SIDE;
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
    /// No kind of file that is read here.
    #[error("{path} is neither a PNG nor a JPEG picture, nor an IDX file of images{hint}")]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// What helps.
        hint: &'static str,
    },
    /// An IDX file, of which no image is named.
    #[error("{path} is an IDX file: name one of its images by its number, counted from 0, as {path}#0")]
    NoIndex {
        /// The file.
        path: PathBuf,
    },
    /// The picture is damaged, or of a kind that is not supported.
    #[error("cannot decode {path}: {source}")]
    Decode {
        /// The file.
        path: PathBuf,
        /// Why.
        source: image::ImageError,
    },
    /// The picture would take too much memory.
    #[error("{path} is {width} x {height} pixels; make it no larger than {MAX_SIDE} x {MAX_SIDE}")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Pixels from left to right.
        width: u32,
        /// Pixels from top to bottom.
        height: u32,
    },
    /// Nothing stands out from the background.
    #[error("{path} is blank: nothing is drawn on it, or too faintly")]
    Blank {
        /// The file.
        path: PathBuf,
    },
    /// An IDX file is unsound, or has no such image.
    #[error(transparent)]
    Idx(#[from] DatasetError),
}
