//! Pictures of drawn digits, made into what the networks were trained on.
//!
//! MNIST's own images were made so (LeCun, Cortes, Burges; <http://yann.lecun.com/exdb/mnist/>): the digit was fitted
//! into 20 x 20 pixels with its aspect ratio kept, which gave grey levels, and that was placed in 28 x 28 pixels with
//! its centre of mass in the middle. [`read`] does the same to a PNG or JPEG picture; see [`prepare`](prepare()) for the
//! steps.

mod bounds;
mod contrast;
mod crossings;
mod decode;
mod drawings;
mod error;
mod gray;
mod orientation;
mod prepare;
mod raster;
mod spots;
mod stroke;
mod surroundings;

pub use error::DigitError;
pub use gray::Gray;
pub use prepare::{Prepared, prepare};

use std::path::Path;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

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
}

/// A kind of file that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Portable Network Graphics, of any colours and depth.
    Png,
    /// JPEG, progressive, lossless and of four inks too.
    Jpeg,
}

impl Format {
    /// What a file is that begins with `start`; eight bytes tell. None: no kind that is read here.
    pub fn of(start: &[u8]) -> Option<Self> {
        let starts: [(&[u8], _); 2] = [(b"\x89PNG\r\n\x1a\n", Self::Png), (b"\xff\xd8\xff", Self::Jpeg)];
        starts.into_iter().find(|(magic, _)| start.starts_with(magic)).map(|(_, format)| format)
    }
}

/// Reads a whole file of `format` for a network that takes `target`; messages call it `name`.
///
/// # Errors
/// It is damaged, breaks off, is too large, or blank.
pub fn read(name: &Path, format: Format, bytes: &[u8], target: &Target) -> Result<Prepared, DigitError> {
    let picture = match format {
        Format::Png => decode::png(name, bytes),
        Format::Jpeg => decode::jpeg(name, bytes),
    };
    let picture = contrast::gray(picture?);
    if !target.centred_by_mass {
        return Ok(prepare::fit(&picture, target.image_size));
    }
    prepare(&picture).ok_or_else(|| DigitError::Blank { path: name.to_path_buf() })
}
