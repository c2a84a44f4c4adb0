//! Why a picture cannot be used.

use std::error::Error;
use std::path::PathBuf;

/// Why a picture cannot be used; names the file.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// The picture is damaged, or of a kind that is not supported.
    #[error("cannot decode {path}: {source}")]
    Decode {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The file ends before its picture does.
    #[error("cannot decode {path}: it ends before its picture does; it was not copied or downloaded whole")]
    Incomplete {
        /// The file.
        path: PathBuf,
    },
    /// The picture would take too much memory or time.
    #[error(
        "{path} is {width} x {height} pixels: {limit}. Make it smaller, as in magick {path} -resize 2000x2000 OUT.png"
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Pixels from left to right.
        width: usize,
        /// Pixels from top to bottom.
        height: usize,
        /// What is read.
        limit: String,
    },
    /// Nothing stands out from the background.
    #[error("{path} is blank: nothing on it differs from its border by 21 of 255 levels or more")]
    Blank {
        /// The file.
        path: PathBuf,
    },
}
