//! Pictures of drawn digits, made into what the networks were trained on.
//!
//! MNIST's own images were made so (LeCun, Cortes, Burges; <http://yann.lecun.com/exdb/mnist/>): the digit was fitted
//! into 20 x 20 pixels with its aspect ratio kept, which gave grey levels, and that was placed in 28 x 28 pixels with
//! its centre of mass in the middle. [`read`] does the same to a PNG or JPEG picture; see [`prepare`] for the steps.
//! An image of an IDX file is such an image already, and is taken as it is.

mod bounds;
mod contrast;
mod crossings;
mod decode;
mod drawings;
mod error;
mod gray;
mod kind;
mod orientation;
mod prepare;
mod raster;
mod spots;
mod stroke;
mod surroundings;

pub use drawings::Doubt;
pub use error::PictureError;
pub use gray::Gray;
pub use prepare::{Prepared, prepare};

use crate::dataset::{self, Form};
use crate::networks::Pictures;
use crate::readable;
use kind::{Kind, TELLING};
use raster::Raster;
use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The most bytes of a picture's file that are read.
const MAX_FILE_BYTES: u64 = 256_000_000;

/// What a network takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// Height and width of its input, in pixels.
    pub image_size: [usize; 2],
    /// Whether pictures become what MNIST's digits are, in 28 x 28 pixels; otherwise they are scaled until they fit.
    pub centred_by_mass: bool,
}

impl Target {
    /// An image as MNIST has them.
    pub const MNIST: Self = Self { image_size: [28, 28], centred_by_mass: true };

    /// What a network of such images takes, where its table says how `pictures` are brought into them.
    pub fn new(form: &Form, pictures: Pictures) -> Self {
        Self { image_size: form.image_size, centred_by_mass: pictures == Pictures::CentredByMass }
    }
}

/// Reads the picture that `name` names for a network that takes `target`: a PNG or JPEG file, a pipe with one, `-` for one
/// on standard input, or `FILE#INDEX`, an image of an IDX file, raw or gzipped, counted from 0. A file whose name really
/// ends so is taken as that file.
///
/// # Errors
/// The file cannot be read, is no picture, breaks off, is too large, or blank.
pub fn read(name: &Path, target: &Target) -> Result<Prepared, PictureError> {
    if is_address(name) {
        return Err(PictureError::Address { path: name.to_path_buf() });
    }
    if let Some((path, index)) = indexed(name) {
        let bytes = dataset::read_image(&path, index, target.image_size)?;
        return Ok(Prepared {
            image: bytes.into_iter().map(|byte| f32::from(byte) / 255.0).collect(),
            doubts: Vec::new(),
        });
    }
    prepared(name, decoded(name)?, target)
}

/// As [`read`], from the bytes of a PNG or JPEG file, which messages call `name`.
///
/// # Errors
/// As [`read`].
pub fn read_bytes(name: &Path, bytes: &[u8], target: &Target) -> Result<Prepared, PictureError> {
    prepared(name, decoder(name, bytes)?(name, bytes)?, target)
}

fn prepared(name: &Path, picture: Raster, target: &Target) -> Result<Prepared, PictureError> {
    let picture = contrast::gray(picture);
    if !target.centred_by_mass {
        return Ok(prepare::fit(&picture, target.image_size));
    }
    prepare(&picture).ok_or_else(|| PictureError::Blank { path: name.to_path_buf() })
}

/// `FILE#INDEX` taken apart, unless there is a file of the whole name.
fn indexed(name: &Path) -> Option<(PathBuf, usize)> {
    let bytes = name.as_os_str().as_bytes();
    let at = bytes.iter().rposition(|&byte| byte == b'#')?;
    let index = std::str::from_utf8(&bytes[at + 1..]).ok()?;
    let all_digits = !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit());
    let is_one = all_digits && !name.exists();
    let file = Path::new(OsStr::from_bytes(&bytes[..at]));
    // A number too large for any file is as wrong as one that is just beyond the last image.
    is_one.then(|| (file.to_path_buf(), index.parse().unwrap_or(usize::MAX)))
}

/// Whether `name` is a URL of any scheme, and no file of that name.
fn is_address(name: &Path) -> bool {
    let text = name.to_string_lossy();
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.chars().all(|char| char.is_ascii_alphanumeric() || "+-.".contains(char))
    };
    scheme.is_some_and(is_scheme) && !name.exists()
}

/// The picture in a file.
fn decoded(name: &Path) -> Result<Raster, PictureError> {
    let path = || name.to_path_buf();
    let unreadable = |source| PictureError::Io { path: path(), source };
    if name.is_dir() {
        return Err(PictureError::Folder { path: path(), example: example_in(name) });
    }
    let mut file = readable::open(name).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.by_ref().take(TELLING).read_to_end(&mut bytes).map_err(unreadable)?;
    let decode = decoder(name, &bytes)?;
    let read = file.take(MAX_FILE_BYTES).read_to_end(&mut bytes);
    if read.map_err(unreadable)? as u64 == MAX_FILE_BYTES {
        return Err(PictureError::FileTooLarge { path: path(), limit: MAX_FILE_BYTES / 1_000_000 });
    }
    decode(name, &bytes)
}

/// What decodes the file that begins with `bytes`.
fn decoder(name: &Path, bytes: &[u8]) -> Result<Decode, PictureError> {
    let path = name.to_path_buf();
    match Kind::of(bytes) {
        Kind::Png => Ok(decode::png),
        Kind::Jpeg => Ok(decode::jpeg),
        Kind::Idx => Err(PictureError::NoIndex { path }),
        Kind::Foreign(kind, advice) => {
            let advice = advice.replace("IN", &name.display().to_string());
            Err(PictureError::ForeignFormat { path, kind, advice })
        }
        Kind::Empty => {
            Err(PictureError::UnknownFormat { path, hint: "; it is empty, too short for any of them" })
        }
        Kind::Unknown => Err(PictureError::UnknownFormat { path, hint: "" }),
    }
}

type Decode = fn(&Path, &[u8]) -> Result<Raster, PictureError>;

/// What to name in place of a folder.
fn example_in(folder: &Path) -> String {
    let is_picture = |path: &PathBuf| {
        let suffix = path.extension().map(OsStr::to_ascii_lowercase);
        suffix.is_some_and(|suffix| suffix == "png" || suffix == "jpg" || suffix == "jpeg")
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let first = entries.map(|entry| entry.path()).filter(is_picture).min();
    first.unwrap_or_else(|| folder.join("*.png")).display().to_string()
}
