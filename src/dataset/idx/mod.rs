//! IDX files: a big-endian header (magic number, one size a dimension), then bytes in row-major order.
//!
//! The format is described on the MNIST page, <http://yann.lecun.com/exdb/mnist/>.

mod foreign;
mod gunzip;
mod header;
mod image;
mod unpack;

pub use foreign::ForeignFile;
pub use image::read_image;
pub(super) use unpack::read;

use super::Form;
use std::io;

/// More rows than any data set of this shape has (EMNIST, the largest, has 814 255); a header that says more is absurd.
const MAX_COUNT: usize = 1_000_000;

/// Unsigned bytes, three dimensions.
const IMAGES_MAGIC: u32 = 0x0000_0803;
/// Unsigned bytes, one dimension.
const LABELS_MAGIC: u32 = 0x0000_0801;

/// What is wrong with an IDX file.
#[derive(Debug, thiserror::Error)]
pub enum IdxError {
    /// Reading failed.
    #[error("cannot be read: {0}")]
    Io(#[source] io::Error),
    /// The gzip around it is corrupt or ends early.
    #[error("the gzip data are corrupt or end early: {0}")]
    Gzip(#[source] io::Error),
    /// A web page, saved in place of the file.
    #[error("is an HTML page, not an IDX file; download it again")]
    HtmlPage,
    /// A file of another kind.
    #[error("has the magic number {found:#010x}, as it is {}, not an IDX file", .file.name)]
    Foreign {
        /// The first four bytes.
        found: u32,
        /// What it is.
        file: ForeignFile,
    },
    /// It holds numbers of a type that is not read.
    #[error("holds {numbers}, not bytes; write them as bytes, 0 to 255")]
    OtherNumbers {
        /// Of what type.
        numbers: &'static str,
    },
    /// A number that is no byte.
    #[error("has the number {number} in place {place}; wanted are bytes, 0 to 255")]
    NoByte {
        /// Counted from 0.
        place: usize,
        /// The number.
        number: i64,
    },
    /// It has another number of dimensions.
    #[error(
        "has {dimensions} dimensions, of {sizes:?}; IDX {kind} have {}",
        if *kind == "images" { "3: images, rows, columns" } else { "1: labels, one class each" }
    )]
    OtherDimensions {
        /// How many.
        dimensions: usize,
        /// Their sizes, of the first four.
        sizes: Vec<u32>,
        /// What the file should hold.
        kind: &'static str,
    },
    /// It ends inside the header.
    #[error("ends after {found} bytes, inside the header of {expected}")]
    HeaderTruncated {
        /// Bytes there are.
        found: usize,
        /// Bytes of the header.
        expected: usize,
    },
    /// It does not begin as such a file does.
    #[error("has the magic number {found:#010x}; IDX {kind} have {expected:#010x}{}", hint(*.found, *.expected))]
    WrongMagic {
        /// The first four bytes.
        found: u32,
        /// What they should be.
        expected: u32,
        /// What the file should hold.
        kind: &'static str,
    },
    /// Its images have another shape.
    #[error("holds images of {height} x {width} pixels, not {} x {}, which the network takes", .wanted[0], .wanted[1])]
    WrongDimensions {
        /// Pixels from top to bottom.
        height: u32,
        /// Pixels from left to right.
        width: u32,
        /// Height and width that are wanted.
        wanted: [usize; 2],
    },
    /// It has a header and no rows.
    #[error("is empty: its header announces 0 {0}")]
    Empty(&'static str),
    /// Its header announces more than there can be.
    #[error("announces {count} {kind}, more than the {MAX_COUNT} that are read")]
    TooMany {
        /// What the header says.
        count: u32,
        /// What the file should hold.
        kind: &'static str,
    },
    /// It ends early.
    #[error("is truncated: {expected} bytes announced, {found} there")]
    Truncated {
        /// Bytes of the whole file, by its header.
        expected: usize,
        /// Bytes there are.
        found: usize,
    },
    /// It goes on after its end.
    #[error("has trailing bytes after the {expected} that its header announces")]
    TrailingBytes {
        /// Bytes of the whole file, by its header.
        expected: usize,
    },
    /// A label that is no class.
    #[error(
        "has the label {label} in row {row}; labels are {first} to {last}, which the network tells apart: its first_label and \
         classes say which"
    )]
    BadLabel {
        /// Counted from 0.
        row: usize,
        /// The label.
        label: u8,
        /// The first label that there may be.
        first: u8,
        /// The last.
        last: usize,
    },
    /// Below the layers of gzip that are taken off lies another.
    #[error("is gzipped more than {0} times; gunzip it")]
    GzippedTooOften(usize),
    /// There is no memory for it.
    #[error("needs {0} bytes of memory, which cannot be had")]
    Memory(usize),
}

fn hint(found: u32, expected: u32) -> &'static str {
    match (found, expected) {
        (LABELS_MAGIC, IMAGES_MAGIC) => " (these are labels)",
        (IMAGES_MAGIC, LABELS_MAGIC) => " (these are images)",
        _ => "",
    }
}

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
    pub fn new(mut bytes: Vec<u8>, kind: Kind, form: &Form) -> Result<Self, IdxError> {
        let rows = &mut bytes[kind.header_bytes()..];
        let count = rows.len() / kind.row_bytes(form);
        if kind == Kind::Labels {
            let (first, last) = (form.first_label, form.last_label());
            for (row, label) in rows.iter_mut().enumerate() {
                if *label < first || usize::from(*label) > last {
                    return Err(IdxError::BadLabel { row, label: *label, first, last });
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
    const fn header_bytes(self) -> usize {
        match self {
            Self::Images => 16,
            Self::Labels => 8,
        }
    }

    const fn magic(self) -> u32 {
        match self {
            Self::Images => IMAGES_MAGIC,
            Self::Labels => LABELS_MAGIC,
        }
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

/// The size of the whole file, by its header.
fn whole_bytes(bytes: &[u8], kind: Kind, form: &Form) -> Result<usize, IdxError> {
    let word = |index: usize| {
        let four = bytes.get(4 * index..4 * index + 4)?.try_into().ok()?;
        Some(u32::from_be_bytes(four))
    };
    let truncated = || IdxError::HeaderTruncated { found: bytes.len(), expected: kind.header_bytes() };
    let magic = word(0).ok_or_else(truncated)?;
    if magic != kind.magic() {
        return Err(IdxError::WrongMagic { found: magic, expected: kind.magic(), kind: kind.plural() });
    }
    let count = word(1).ok_or_else(truncated)?;
    if kind == Kind::Images {
        let (height, width) = (word(2).ok_or_else(truncated)?, word(3).ok_or_else(truncated)?);
        let wanted = form.image_size;
        if [height as usize, width as usize] != wanted {
            return Err(IdxError::WrongDimensions { height, width, wanted });
        }
    }
    match count as usize {
        0 => Err(IdxError::Empty(kind.plural())),
        rows if rows > MAX_COUNT => Err(IdxError::TooMany { count, kind: kind.plural() }),
        rows => Ok(kind.header_bytes() + rows * kind.row_bytes(form)),
    }
}
