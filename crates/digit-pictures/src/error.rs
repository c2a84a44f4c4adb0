//! Why no digit is had of a picture.

use std::path::PathBuf;

/// Why no digit is had of a picture; names the file.
#[derive(Debug, thiserror::Error)]
pub enum DigitError {
    /// The picture is damaged, breaks off, is of a kind that is not supported, or would take too much memory or time.
    #[error("{0}")]
    Unreadable(String),
    /// Nothing stands out from the background.
    #[error("{path} is blank: nothing on it differs from its border by 21 of 255 levels or more")]
    Blank {
        /// The file.
        path: PathBuf,
    },
}
