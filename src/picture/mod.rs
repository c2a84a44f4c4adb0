//! Pictures of drawn digits, made into what the networks were trained on.
//!
//! MNIST's own images were made so (LeCun, Cortes, Burges; <http://yann.lecun.com/exdb/mnist/>): the digit was fitted
//! into 20 x 20 pixels with its aspect ratio kept, which gave grey levels, and that was placed in 28 x 28 pixels with
//! its centre of mass in the middle. [`read`] does the same to a PNG or JPEG picture; see [`prepare`] for the steps.
//! An image of an IDX file is such an image already, and is taken as it is.

mod error;
mod gray;
mod prepare;
mod stroke;

pub use error::PictureError;
pub use gray::Gray;
pub use prepare::prepare;

use crate::dataset::{self, IMAGE_PIXELS};
use crate::regular_file;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

/// The longest side of a picture that is decoded.
pub const MAX_SIDE: u32 = 8192;

/// The most memory that a decoded picture may take, in bytes: four bytes a pixel at the greatest size.
const MAX_BYTES: u64 = 4 * (MAX_SIDE as u64) * (MAX_SIDE as u64);

/// Reads the digit that `name` names: a PNG or JPEG file, or `FILE#INDEX`, an image of an IDX file, raw or gzipped,
/// counted from 0. A file whose name really ends so is taken as that file.
///
/// Returns 784 floats in 0..=1, the background 0.
///
/// # Errors
/// The file cannot be read, is no picture, too large, or blank.
pub fn read(name: &Path) -> Result<Vec<f32>, PictureError> {
    if let Some((path, index)) = indexed(name) {
        let bytes = dataset::read_image(&path, index)?;
        return Ok(bytes.into_iter().map(|byte| f32::from(byte) / 255.0).collect());
    }
    let gray = Gray::from(decode(name)?);
    let digit = prepare(&gray).ok_or_else(|| PictureError::Blank {
        path: name.to_path_buf(),
    })?;
    debug_assert_eq!(digit.len(), IMAGE_PIXELS);
    Ok(digit)
}

/// `FILE#INDEX` taken apart, unless there is a file of the whole name.
fn indexed(name: &Path) -> Option<(PathBuf, usize)> {
    let (file, index) = name.to_str()?.rsplit_once('#')?;
    let all_digits = !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit());
    let is_one = all_digits && !name.exists();
    // A number too large for any file is as wrong as one that is just beyond the last image.
    is_one.then(|| (PathBuf::from(file), index.parse().unwrap_or(usize::MAX)))
}

/// Decodes a PNG or JPEG file, turned as its EXIF orientation says.
fn decode(path: &Path) -> Result<DynamicImage, PictureError> {
    let unreadable = |source| PictureError::Io {
        path: path.to_path_buf(),
        source,
    };
    let undecodable = |source| PictureError::Decode {
        path: path.to_path_buf(),
        source,
    };
    let file = regular_file::open(path).map_err(unreadable)?;
    let reader = ImageReader::new(BufReader::new(file))
        .with_guessed_format()
        .map_err(unreadable)?;
    if !matches!(reader.format(), Some(ImageFormat::Png | ImageFormat::Jpeg)) {
        return Err(unknown_format(path));
    }
    let mut decoder = reader.into_decoder().map_err(undecodable)?;
    let (width, height) = decoder.dimensions();
    if width.max(height) > MAX_SIDE || decoder.total_bytes() > MAX_BYTES {
        return Err(PictureError::TooLarge {
            path: path.to_path_buf(),
            width,
            height,
        });
    }
    let orientation = decoder.orientation().map_err(undecodable)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(undecodable)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

/// What the file is, if not a picture, as far as that helps.
fn unknown_format(path: &Path) -> PictureError {
    let path = path.to_path_buf();
    let mut start = [0; 4];
    let read = regular_file::open(&path).and_then(|mut file| file.read_exact(&mut start));
    match (read, start) {
        (Ok(()), [0, 0, 8, 3]) => PictureError::NoIndex { path },
        (Ok(()), [0x1f, 0x8b, ..]) => PictureError::UnknownFormat {
            path,
            hint: "; if it is a gzipped IDX file, name one of its images as FILE#0",
        },
        (Ok(()), _) => PictureError::UnknownFormat { path, hint: "" },
        (Err(_), _) => PictureError::UnknownFormat {
            path,
            hint: "; it is too short for any of them",
        },
    }
}
