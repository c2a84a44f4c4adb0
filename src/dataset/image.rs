//! One image of an IDX file.

use super::idx::{IdxError, Images, Kind};
use super::{DatasetError, IMAGE_PIXELS, unpack};
use crate::readable;
use std::path::Path;

/// The 784 bytes of image `index`, counted from 0, of the IDX file `path`, raw or gzipped; it may also
/// be a pipe, or `-` for standard input.
///
/// # Errors
/// The file cannot be read or is unsound, or has no such image.
pub fn read_image(path: &Path, index: usize) -> Result<Vec<u8>, DatasetError> {
    let images = readable::open(path)
        .map_err(IdxError::Io)
        .and_then(|file| unpack::read(file, Kind::Images))
        .and_then(Images::from_bytes)
        .map_err(|source| DatasetError::File {
            path: path.to_path_buf(),
            source,
        })?;
    let image = images.pixels().chunks_exact(IMAGE_PIXELS).nth(index);
    image
        .map(<[u8]>::to_vec)
        .ok_or_else(|| DatasetError::NoSuchImage {
            path: path.to_path_buf(),
            count: images.count(),
        })
}
