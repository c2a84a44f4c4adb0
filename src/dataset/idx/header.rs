//! The headers of IDX files that say the same as MNIST's in other words, and the numbers behind them.
//!
//! An IDX file begins with two zeros, the type of its numbers, how many dimensions there are, and their sizes, big-endian
//! as everything in it. Some writers have it little-endian, with a dimension for the one channel of a grey picture, or
//! with 32-bit integers where bytes would do. QMNIST's labels are rows of eight such integers, the class first
//! (<https://github.com/facebookresearch/qmnist>). What is read here becomes MNIST's own form: bytes, in three dimensions
//! or one.

use super::Kind;
use crate::dataset::Form;

/// More rows than any data set of this shape has (EMNIST, the largest, has 814 255); a header that says more is absurd.
const MAX_COUNT: usize = 1_000_000;

/// What stands at the start of a file.
#[derive(Debug)]
pub(super) struct Header {
    /// Bytes that it takes in the file.
    pub(super) bytes: usize,
    /// As MNIST's own header has it, big-endian.
    pub(super) plain: Vec<u8>,
    /// Images or labels, at least one.
    pub(super) count: usize,
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

    /// The numbers as bytes; `Err` tells the first that is none.
    pub(super) fn to_bytes(self, stored: &[u8]) -> Result<Vec<u8>, String> {
        let rows = stored.chunks_exact(self.size * self.row).enumerate();
        rows.map(|(row, numbers)| {
            let number = self.read(&numbers[..self.size]);
            u8::try_from(number)
                .map_err(|_| format!("has the number {number} in place {row}; wanted are bytes, 0 to 255"))
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

/// How many bytes a header has that begins with `magic`; 4, if it is none.
pub(super) fn length(magic: [u8; 4]) -> usize {
    parts(magic).map_or(4, |(_, _, dimensions)| 4 + 4 * dimensions)
}

/// The type of the numbers, whether they are little-endian, and the count of dimensions, if it is one to be looked at.
fn parts(magic: [u8; 4]) -> Option<(u8, bool, usize)> {
    match magic {
        [0, 0, number, dimensions @ 1..=8] => Some((number, false, usize::from(dimensions))),
        [dimensions @ 1..=8, number, 0, 0] => Some((number, true, usize::from(dimensions))),
        _ => None,
    }
    .filter(|(number, ..)| (0x08..=0x0e).contains(number) && *number != 0x0a)
}

/// Reads a header of `kind` from `bytes`, [`length`] of them or all there are. `None`: it is none.
///
/// # Errors
/// It is one of another kind, form or type, or not all of one: what it is, as what is said of a file.
pub(super) fn read(bytes: &[u8], kind: Kind, form: &Form) -> Result<Option<Header>, String> {
    let Some((magic, (number, little_endian, dimensions))) =
        bytes.first_chunk().and_then(|magic| Some((*magic, parts(*magic)?)))
    else {
        return Ok(None);
    };
    let length = length(magic);
    if bytes.len() < length {
        return Err(cut_short(bytes.len(), length));
    }
    let size = match number {
        0x08 | 0x09 => 1,
        0x0b => 2,
        0x0c => 4,
        _ => {
            let bits = if number == 0x0d { 32 } else { 64 };
            return Err(format!("holds {bits}-bit floats, not bytes; write them as bytes, 0 to 255"));
        }
    };
    let mut words: Vec<u32> = bytes[4..length]
        .as_chunks()
        .0
        .iter()
        .map(|four| if little_endian { u32::from_le_bytes(*four) } else { u32::from_be_bytes(*four) })
        .collect();
    // Some write only the first word, or only the sizes, in the other order, in which they make sense.
    const SENSIBLE: u32 = 1 << 24;
    let swapped = words.iter().map(|word| word.swap_bytes());
    if size == 1 && words.iter().any(|&word| word >= SENSIBLE) && swapped.clone().all(|word| word < SENSIBLE)
    {
        words = swapped.collect();
    }
    let (plain, row) = match (kind, words.as_slice()) {
        (Kind::Images, &[rows, height, width] | &[rows, height, width, 1] | &[rows, 1, height, width]) => {
            let wanted = form.image_size;
            if [height as usize, width as usize] != wanted {
                return Err(format!(
                    "holds images of {height} x {width} pixels, not {} x {}, which the network takes",
                    wanted[0], wanted[1]
                ));
            }
            (vec![rows, height, width], 1)
        }
        (Kind::Labels, &[rows] | &[rows, 1]) => (vec![rows], 1),
        (Kind::Labels, &[rows, 8]) if number == 0x0c => (vec![rows], 8),
        (Kind::Images, [_]) => return Err(wrong_magic(magic, kind, " (these are labels)")),
        (Kind::Labels, [_, _, _]) => return Err(wrong_magic(magic, kind, " (these are images)")),
        _ => {
            let wanted = match kind {
                Kind::Images => "3: images, rows, columns",
                Kind::Labels => "1: labels, one class each",
            };
            let kind = kind.plural();
            return Err(format!("has {dimensions} dimensions, of {words:?}; IDX {kind} have {wanted}"));
        }
    };
    let count = plain[0] as usize;
    if count == 0 {
        return Err(format!("is empty: its header announces 0 {}", kind.plural()));
    }
    if count > MAX_COUNT {
        return Err(format!("announces {count} {}, more than the {MAX_COUNT} that are read", kind.plural()));
    }
    let plain = kind.magic().into_iter().chain(plain.into_iter().flat_map(u32::to_be_bytes)).collect();
    Ok(Some(Header { bytes: length, plain, count, numbers: Numbers { size, little_endian, row } }))
}

pub(super) fn cut_short(found: usize, length: usize) -> String {
    format!("ends after {found} bytes, inside the header of {length}")
}

pub(super) fn wrong_magic(found: [u8; 4], kind: Kind, hint: &str) -> String {
    let [found, expected] = [found, kind.magic()].map(u32::from_be_bytes);
    let kind = kind.plural();
    format!("has the magic number {found:#010x}; IDX {kind} have {expected:#010x}{hint}")
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
            let read = read(&bytes, Kind::Images, &Form::default()).unwrap().unwrap();
            assert_eq!(read.plain, plain);
        }
        let five = read(&header([0, 0, 8, 5], &[1, 2, 3, 4, 5]), Kind::Images, &Form::default());
        assert!(five.unwrap_err().starts_with("has 5 dimensions, of [1, 2, 3, 4, 5]; "));
    }
}
