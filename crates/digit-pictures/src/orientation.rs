//! How a camera was held, as EXIF keeps it.

/// The tag of the orientation in the first directory (EXIF 2.32, 4.6.4).
const TAG: u16 = 0x0112;

/// Which row and column of the stored picture are the top row and the left column: 1 to 8, as EXIF counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Orientation(u8);

impl Default for Orientation {
    fn default() -> Self {
        Self(1)
    }
}

impl Orientation {
    /// From EXIF data, which begin with a TIFF header; upright, if they do not say.
    pub(crate) fn from_exif(exif: Option<&[u8]>) -> Self {
        exif.and_then(Self::find).unwrap_or_default()
    }

    fn find(exif: &[u8]) -> Option<Self> {
        let little = match exif.get(..4)? {
            [b'I', b'I', 42, 0] => true,
            [b'M', b'M', 0, 42] => false,
            _ => return None,
        };
        let short = |at: usize| {
            let two = *exif.get(at..)?.first_chunk()?;
            Some(if little { u16::from_le_bytes(two) } else { u16::from_be_bytes(two) })
        };
        let (first, second) = (usize::from(short(4)?), usize::from(short(6)?));
        let directory = if little { first | second << 16 } else { first << 16 | second };
        let entries = usize::from(short(directory)?);
        let entry = |index: usize| directory + 2 + 12 * index;
        let at = (0..entries).map(entry).find(|&at| short(at) == Some(TAG))?;
        let value = u8::try_from(short(at + 8)?).ok()?;
        (1..=8).contains(&value).then_some(Self(value))
    }

    /// Width and height when upright.
    pub(crate) fn size(self, width: usize, height: usize) -> [usize; 2] {
        if self.0 < 5 { [width, height] } else { [height, width] }
    }

    /// Where the upright picture's pixel (`x`, `y`) is stored, in a picture of `width` x `height`.
    pub(crate) fn stored(self, x: usize, y: usize, width: usize, height: usize) -> (usize, usize) {
        let right = |x: usize| width - 1 - x;
        let below = |y: usize| height - 1 - y;
        match self.0 {
            2 => (right(x), y),
            3 => (right(x), below(y)),
            4 => (x, below(y)),
            5 => (y, x),
            6 => (y, below(x)),
            7 => (right(y), below(x)),
            8 => (right(y), x),
            _ => (x, y),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory of two entries.
    fn exif(little: bool, value: u16) -> Vec<u8> {
        let long = |value: u16| if little { [value, 0] } else { [0, value] };
        let entry = |tag: u16, value: u16| [&[tag, 3][..], &long(1), &[value, 0]].concat();
        let shorts = [&[42][..], &long(8), &[2], &entry(0x010f, 9), &entry(TAG, value)].concat();
        let bytes = |short: u16| if little { short.to_le_bytes() } else { short.to_be_bytes() };
        let mark = if little { b"II" } else { b"MM" };
        mark.iter().copied().chain(shorts.into_iter().flat_map(bytes)).collect()
    }

    #[test]
    fn the_tag_is_found_in_either_byte_order() {
        for little in [true, false] {
            let whole = exif(little, 6);
            assert_eq!(Orientation::from_exif(Some(&whole)), Orientation(6));
            for end in 0..whole.len() - 4 {
                assert_eq!(Orientation::from_exif(Some(&whole[..end])), Orientation(1));
            }
            assert_eq!(Orientation::from_exif(Some(&exif(little, 9))), Orientation(1));
        }
        assert_eq!(Orientation::from_exif(None), Orientation(1));
    }

    /// The first stored pixel goes where EXIF says: 1 top left, 3 bottom right, 6 top right, 8 bottom left.
    #[test]
    fn the_first_row_and_column_go_where_exif_says() {
        let (width, height) = (3, 2);
        for (value, first, second) in [
            (1, (0, 0), (1, 0)),
            (2, (2, 0), (1, 0)),
            (3, (2, 1), (1, 1)),
            (4, (0, 1), (1, 1)),
            (5, (0, 0), (0, 1)),
            (6, (1, 0), (1, 1)),
            (7, (1, 2), (1, 1)),
            (8, (0, 2), (0, 1)),
        ] {
            let orientation = Orientation(value);
            assert_eq!(orientation.stored(first.0, first.1, width, height), (0, 0), "{value}");
            assert_eq!(orientation.stored(second.0, second.1, width, height), (1, 0), "{value}");
        }
    }
}
