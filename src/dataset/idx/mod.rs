//! IDX files: a big-endian header (magic number, one size a dimension), then bytes in row-major order.
//!
//! The format is described on the MNIST page, <http://yann.lecun.com/exdb/mnist/>.

mod foreign;
mod gunzip;
mod header;
mod unpack;

pub(super) use foreign::ForeignFile;
pub(super) use unpack::read;

use super::{DatasetError, Form};
use crate::readable;
use std::path::Path;

/// A sound file, header and all: images, or labels, each as the number of its class.
#[derive(Debug)]
pub(super) struct Contents {
    bytes: Vec<u8>,
    kind: Kind,
    /// Images or labels.
    pub count: usize,
}

impl Contents {
    /// Of the bytes of a whole file, as [`read`] gives them; checks the labels.
    pub fn new(mut bytes: Vec<u8>, kind: Kind, form: &Form) -> Result<Self, String> {
        let rows = &mut bytes[kind.header_bytes()..];
        let count = rows.len() / kind.row_bytes(form);
        if kind == Kind::Labels {
            let (first, last) = (form.first_label, form.last_label());
            for (row, label) in rows.iter_mut().enumerate() {
                if *label < first || usize::from(*label) > last {
                    return Err(format!(
                        "has the label {label} in row {row}; labels are {first} to {last}, which the network tells \
                         apart: its first_label and classes say which"
                    ));
                }
                *label -= first;
            }
        }
        Ok(Self { bytes, kind, count })
    }

    /// All pixels, row by row, image by image; or all labels.
    pub fn values(&self) -> &[u8] {
        &self.bytes[self.kind.header_bytes()..]
    }
}

/// What a file should hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Images,
    Labels,
}

impl Kind {
    /// Of the file that has the place `place` among the four: images and labels in turn.
    pub fn at(place: usize) -> Self {
        if place.is_multiple_of(2) { Self::Images } else { Self::Labels }
    }

    /// How MNIST's files begin: unsigned bytes, in three dimensions or one.
    const fn magic(self) -> [u8; 4] {
        match self {
            Self::Images => [0, 0, 0x08, 3],
            Self::Labels => [0, 0, 0x08, 1],
        }
    }

    /// Of MNIST's files.
    const fn header_bytes(self) -> usize {
        4 + 4 * self.magic()[3] as usize
    }

    const fn plural(self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::Labels => "labels",
        }
    }

    fn row_bytes(self, form: &Form) -> usize {
        match self {
            Self::Images => form.pixels(),
            Self::Labels => 1,
        }
    }
}

/// The bytes of image `index`, counted from 0, of the IDX file `path`, raw or gzipped, whose images are of
/// `image_size`, height and width; it may also be a pipe, or `-` for standard input.
///
/// # Errors
/// The file cannot be read or is unsound, or has no such image.
pub fn read_image(path: &Path, index: usize, image_size: [usize; 2]) -> Result<Vec<u8>, DatasetError> {
    let form = Form { image_size, ..Form::default() };
    let bytes = read(path, readable::open(path), Kind::Images, &form)?;
    let mut images = bytes[Kind::Images.header_bytes()..].chunks_exact(form.pixels());
    let last = images.len() - 1; // a file without any is unsound
    images.nth(index).map(<[u8]>::to_vec).ok_or_else(|| {
        DatasetError::Unusable(format!(
            "{} holds {} images, numbered 0 to {last}; there is none of the number asked for",
            path.display(),
            last + 1
        ))
    })
}
