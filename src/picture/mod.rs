//! Pictures of drawn digits, by the names that users give them: files, pipes, and images of IDX files.
//!
//! [`digit_pictures`] makes of a PNG or JPEG picture what the networks were trained on. An image of an IDX file is that
//! already, and is taken as it is.

mod error;
mod kind;

pub use digit_pictures;
pub use digit_pictures::{Prepared, Target};
pub use error::PictureError;

use crate::dataset::{self, Form};
use crate::networks::Pictures;
use crate::readable;
use digit_pictures::Format;
use kind::{Kind, TELLING};
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The most bytes of a picture's file that are read.
const MAX_FILE_BYTES: u64 = 256_000_000;

/// What a network of images of `form` takes, where its table says how `pictures` are brought into them.
pub fn target(form: &Form, pictures: Pictures) -> Target {
    Target { image_size: form.image_size, centred_by_mass: pictures == Pictures::CentredByMass }
}

/// Reads the picture that `name` names for a network that takes `target`: a PNG or JPEG file, a pipe with one, `-` for one
/// on standard input, or `FILE#INDEX`, an image of an IDX file, raw or gzipped, counted from 0. A file whose name really
/// ends so is taken as that file.
///
/// # Errors
/// The file cannot be read, is no picture, breaks off, is too large, or blank.
pub fn read(name: &Path, target: &Target) -> Result<Prepared, PictureError> {
    if let Some((path, index)) = indexed(name)? {
        let bytes = dataset::read_image(&path, index, target.image_size)?;
        return Ok(Prepared {
            image: bytes.into_iter().map(|byte| f32::from(byte) / 255.0).collect(),
            doubts: Vec::new(),
        });
    }
    let (format, bytes) = contents(name)?;
    Ok(digit_pictures::read(name, format, &bytes, target)?)
}

/// As [`read`], from the bytes of a PNG or JPEG file, which messages call `name`.
///
/// # Errors
/// As [`read`].
pub fn read_bytes(name: &Path, bytes: &[u8], target: &Target) -> Result<Prepared, PictureError> {
    Ok(digit_pictures::read(name, format(name, bytes)?, bytes, target)?)
}

/// `FILE#INDEX` taken apart, unless there is a file of the whole name.
fn indexed(name: &Path) -> Result<Option<(PathBuf, usize)>, PictureError> {
    let bytes = name.as_os_str().as_bytes();
    let at = bytes.iter().rposition(|&byte| byte == b'#').filter(|_| !name.exists());
    let Some(at) = at else { return Ok(None) };
    let (file, index) = (Path::new(OsStr::from_bytes(&bytes[..at])), &bytes[at + 1..]);
    if !index.is_empty() && index.iter().all(u8::is_ascii_digit) {
        // A number too large for any file is as wrong as one that is just beyond the last image.
        let index = str::from_utf8(index).ok().and_then(|index| index.parse().ok());
        return Ok(Some((file.to_path_buf(), index.unwrap_or(usize::MAX))));
    }
    match file.is_file() {
        true => Err(PictureError::Unreadable(format!(
            "{} names no image of {file}: behind # stands its number, counted from 0, as {file}#0",
            name.display(),
            file = file.display()
        ))),
        false => Ok(None),
    }
}

/// What a file is, and holds.
fn contents(name: &Path) -> Result<(Format, Vec<u8>), PictureError> {
    let shown = name.display();
    let unreadable = |error: io::Error| PictureError::Unreadable(format!("cannot read {shown}: {error}"));
    if name.is_dir() {
        let example = example_in(name);
        let why = format!("it is a folder; name the pictures in it, such as {example}");
        return Err(unreadable(io::Error::other(why)));
    }
    let mut file = readable::open(name).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.by_ref().take(TELLING).read_to_end(&mut bytes).map_err(unreadable)?;
    let format = format(name, &bytes)?;
    let read = file.take(MAX_FILE_BYTES).read_to_end(&mut bytes);
    if read.map_err(unreadable)? as u64 == MAX_FILE_BYTES {
        return Err(PictureError::Unreadable(format!(
            "{shown} has more than {} MB; no larger file is read as a picture",
            MAX_FILE_BYTES / 1_000_000
        )));
    }
    Ok((format, bytes))
}

/// What the file is that begins with `start`, if it is read here.
fn format(name: &Path, start: &[u8]) -> Result<Format, PictureError> {
    let path = name.display();
    let unknown = match Kind::of(start) {
        Kind::Picture(format) => return Ok(format),
        Kind::Foreign(kind, advice) => {
            let advice = advice.replace("IN", &path.to_string());
            return Err(PictureError::ForeignFormat { path: name.to_path_buf(), kind, advice });
        }
        Kind::Idx => format!(
            "{path} is an IDX file: name one of its images by its number, counted from 0, as {path}#0"
        ),
        Kind::Unknown => {
            let hint = if start.is_empty() { "; it is empty, too short for any of them" } else { "" };
            format!("{path} is neither a PNG nor a JPEG picture, nor an IDX file of images{hint}")
        }
    };
    Err(PictureError::UnknownFormat(unknown))
}

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
