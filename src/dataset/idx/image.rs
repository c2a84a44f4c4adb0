//! One image of an IDX file.

use super::{Contents, IdxError, Kind, unpack};
use crate::dataset::{DatasetError, Form};
use crate::readable;
use std::path::Path;

/// The bytes of image `index`, counted from 0, of the IDX file `path`, raw or gzipped, whose images are of `image_size`,
/// height and width; it may also be a pipe, or `-` for standard input.
///
/// # Errors
/// The file cannot be read or is unsound, or has no such image.
pub fn read_image(path: &Path, index: usize, image_size: [usize; 2]) -> Result<Vec<u8>, DatasetError> {
    let form = Form { image_size, ..Form::default() };
    let images = readable::open(path)
        .map_err(IdxError::Io)
        .and_then(|file| unpack::read(file, Kind::Images, &form))
        .and_then(|bytes| Contents::new(bytes, Kind::Images, &form))
        .map_err(|source| DatasetError::File { path: path.to_path_buf(), source })?;
    let image = images.values().chunks_exact(form.pixels()).nth(index);
    image
        .map(<[u8]>::to_vec)
        .ok_or_else(|| DatasetError::NoSuchImage { path: path.to_path_buf(), count: images.count })
}
