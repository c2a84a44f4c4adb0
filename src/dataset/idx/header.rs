//! The headers of IDX files that say the same as MNIST's in other words, and the numbers behind them.
//!
//! An IDX file begins with two zeros, the type of its numbers, how many dimensions there are, and their sizes, big-endian
//! as everything in it. Some writers have it little-endian, with a dimension for the one channel of a grey picture, or
//! with 32-bit integers where bytes would do. QMNIST's labels are rows of eight such integers, the class first
//! (<https://github.com/facebookresearch/qmnist>). What is read here becomes MNIST's own form: bytes, in three dimensions
//! or one.

use super::{IdxError, Kind};

/// What stands at the start of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// Bytes that it takes in the file.
    pub(super) bytes: usize,
    /// As MNIST's own header has it, big-endian.
    pub(super) plain: Vec<u8>,
    pub(super) numbers: Numbers,
}

/// How the numbers behind a header are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Numbers {
    /// Bytes of each.
    pub(super) size: usize,
    little_endian: bool,
    /// Of so many in a row, the first counts.
    pub(super) row: usize,
}

impl Numbers {
    pub(super) const BYTES: Self = Self { size: 1, little_endian: false, row: 1 };

    /// The numbers as bytes; `Err` with the first that is none, and its row.
    pub(super) fn to_bytes(self, stored: &[u8]) -> Result<Vec<u8>, (usize, i64)> {
        let rows = stored.chunks_exact(self.size * self.row).enumerate();
        rows.map(|(row, numbers)| {
            let number = self.read(&numbers[..self.size]);
            u8::try_from(number).map_err(|_| (row, number))
        })
        .collect()
    }

    fn read(self, bytes: &[u8]) -> i64 {
        let join = |number: i64, &byte: &u8| number << 8 | i64::from(byte);
        let unsigned =
            if self.little_endian { bytes.iter().rev().fold(0, join) } else { bytes.iter().fold(0, join) };
        let bits = 64 - 8 * self.size as u32;
        if self.size == 1 { unsigned } else { unsigned << bits >> bits }
    }
}

/// The most dimensions that are looked at.
const MOST_DIMENSIONS: usize = 8;

/// How many bytes there may be of a header that begins with `magic`; 4, if it is none.
pub(super) fn length(magic: [u8; 4]) -> usize {
    match parts(magic) {
        Some((_, _, dimensions)) if dimensions <= MOST_DIMENSIONS => 4 + 4 * dimensions,
        _ => 4,
    }
}

/// Type, whether little-endian, and count of dimensions.
fn parts(magic: [u8; 4]) -> Option<(u8, bool, usize)> {
    match magic {
        [0, 0, number, dimensions @ 1..=255] => Some((number, false, usize::from(dimensions))),
        [dimensions @ 1..=255, number @ 8..=14, 0, 0] => Some((number, true, usize::from(dimensions))),
        _ => None,
    }
}

/// Reads a header of `kind` from `bytes`, at least [`length`] of them.
///
/// # Errors
/// [`IdxError::OtherNumbers`] and [`IdxError::OtherDimensions`], in words. `Ok(None)`: it is none of the forms known here.
pub(super) fn read(bytes: &[u8], kind: Kind) -> Result<Option<Header>, IdxError> {
    let Some(magic) = bytes.first_chunk() else {
        return Ok(None);
    };
    let Some((number, little_endian, count)) = parts(*magic) else {
        return Ok(None);
    };
    let (size, name) = match number {
        0x08 => (1, "bytes"),
        0x09 => (1, "signed bytes"),
        0x0b => (2, "16-bit integers"),
        0x0c => (4, "32-bit integers"),
        0x0d => (4, "32-bit floats"),
        0x0e => (8, "64-bit floats"),
        _ => return Ok(None),
    };
    let header = length(*magic);
    let mut words: Vec<u32> = bytes[4..header.min(bytes.len())]
        .chunks_exact(4)
        .map(|four| {
            let four = [four[0], four[1], four[2], four[3]];
            if little_endian { u32::from_le_bytes(four) } else { u32::from_be_bytes(four) }
        })
        .collect();
    if words.len() < count.min(MOST_DIMENSIONS) {
        return Ok(None);
    }
    // Some write only the first word, or only the sizes, in the other order, in which they make sense.
    const SENSIBLE: u32 = 1 << 24;
    let swapped = words.iter().map(|word| word.swap_bytes());
    if size == 1 && words.iter().any(|&word| word >= SENSIBLE) && swapped.clone().all(|word| word < SENSIBLE)
    {
        words = swapped.collect();
    }
    if matches!(number, 0x0d | 0x0e) {
        return Err(IdxError::OtherNumbers { numbers: name });
    }
    let (plain, row) = match (kind, words.as_slice()) {
        (Kind::Images, &[rows, height, width] | &[rows, height, width, 1] | &[rows, 1, height, width]) => {
            (vec![rows, height, width], 1)
        }
        (Kind::Labels, &[rows] | &[rows, 1]) => (vec![rows], 1),
        (Kind::Labels, &[rows, 8]) if number == 0x0c => (vec![rows], 8),
        // Labels in place of images, or the other way round, have a message of their own.
        (Kind::Images, [_]) | (Kind::Labels, [_, _, _]) => return Ok(None),
        _ => {
            return Err(IdxError::OtherDimensions { dimensions: count, sizes: words, kind: kind.plural() });
        }
    };
    let mut header = vec![0, 0, 0x08, plain.len() as u8];
    header.extend(plain.iter().flat_map(|word| word.to_be_bytes()));
    Ok(Some(Header { bytes: length(*magic), plain: header, numbers: Numbers { size, little_endian, row } }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(magic: [u8; 4], words: &[u32]) -> Vec<u8> {
        let words = words.iter().flat_map(|word| word.to_be_bytes());
        magic.into_iter().chain(words).collect()
    }

    #[test]
    fn sizes_in_the_other_order_than_the_first_word_are_read() {
        let plain = header([0, 0, 8, 3], &[60_000, 28, 28]);
        let turned = [60_000_u32, 28, 28].map(u32::swap_bytes);
        for bytes in [header([0, 0, 8, 3], &turned), header([3, 8, 0, 0], &[60_000, 28, 28])] {
            let read = read(&bytes, Kind::Images).unwrap().unwrap();
            assert_eq!(read.plain, plain);
        }
        let five = read(&header([0, 0, 8, 5], &[1, 2, 3, 4, 5]), Kind::Images);
        assert!(matches!(five, Err(IdxError::OtherDimensions { dimensions: 5, .. })));
    }
}
