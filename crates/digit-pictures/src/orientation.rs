//! How a camera was held, as EXIF keeps it.

/// The tag of the orientation in the first directory (EXIF 2.32, 4.6.4).
const TAG: u16 = 0x0112;

/// The orientation from EXIF data, which begin with a TIFF header: which row and column of the stored picture are the top row
/// and the left column, 1 to 8. 1, which is upright, if they do not say.
pub(crate) fn orientation(exif: Option<&[u8]>) -> u16 {
    exif.and_then(find).unwrap_or(1)
}

fn find(exif: &[u8]) -> Option<u16> {
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
    short(at + 8).filter(|value| (1..=8).contains(value))
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
            assert_eq!(orientation(Some(&whole)), 6);
            for end in 0..whole.len() - 4 {
                assert_eq!(orientation(Some(&whole[..end])), 1);
            }
            assert_eq!(orientation(Some(&exif(little, 9))), 1);
        }
        assert_eq!(orientation(None), 1);
    }
}
