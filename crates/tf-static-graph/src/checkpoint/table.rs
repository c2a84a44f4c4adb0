//! The sorted table that a checkpoint's index is: LevelDB's table format, as TensorFlow's `tsl/lib/io/table` writes it.
//!
//! Blocks of prefix-compressed entries, each followed by a type byte and a masked CRC-32C; an index block that points at
//! them; a 48-byte footer that points at the index block. See LevelDB's `doc/table_format.md`.

const FOOTER: usize = 48;
const MAGIC: u64 = 0xdb47_7524_8b80_fb57;

type Entries = Vec<(Vec<u8>, Vec<u8>)>;

/// Every key and value of the table, in order.
///
/// # Errors
/// What is wrong, if the bytes are no whole, undamaged table.
pub(crate) fn read(table: &[u8]) -> Result<Entries, &'static str> {
    let [meta_index, index] = footer(table)?;
    meta_index.block(table)?; // TensorFlow leaves it empty, but sums
    let mut entries = Vec::new();
    for (_, handle) in block_entries(index.block(table)?)? {
        entries.extend(entries_at(&handle, table)?);
    }
    Ok(entries)
}

/// The value of the first key, whatever stands behind; `None` if the bytes are no table.
pub(crate) fn first_value(table: &[u8]) -> Option<Vec<u8>> {
    let [_, index] = footer(table).ok()?;
    let (_, handle) = block_entries(index.block(table).ok()?).ok()?.into_iter().next()?;
    Some(entries_at(&handle, table).ok()?.into_iter().next()?.1)
}

/// Where the meta-index and the index are.
fn footer(table: &[u8]) -> Result<[BlockHandle; 2], &'static str> {
    let mut footer = table.last_chunk::<FOOTER>().ok_or("it is shorter than a footer")?.as_slice();
    if !footer.ends_with(&MAGIC.to_le_bytes()) {
        return Err("it is no checkpoint index (wrong magic number)");
    }
    Ok([BlockHandle::read(&mut footer)?, BlockHandle::read(&mut footer)?])
}

fn entries_at(handle: &[u8], table: &[u8]) -> Result<Entries, &'static str> {
    block_entries(BlockHandle::read(&mut &handle[..])?.block(table)?)
}

/// TensorFlow stores a CRC rotated and offset, so that the CRC of a string that holds CRCs stays useful.
pub(crate) fn mask(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

struct BlockHandle {
    offset: usize,
    size: usize,
}

impl BlockHandle {
    fn read(bytes: &mut &[u8]) -> Result<Self, &'static str> {
        Ok(Self { offset: number(bytes)?, size: number(bytes)? })
    }

    /// The block, behind which stand the type byte and the checksum of both.
    fn block<'a>(&self, table: &'a [u8]) -> Result<&'a [u8], &'static str> {
        const OUTSIDE: &str = "a block lies outside of it";
        let mut rest = table.get(self.offset..).ok_or(OUTSIDE)?;
        let checked = rest.split_off(..=self.size).ok_or(OUTSIDE)?;
        let stored = rest.first_chunk().ok_or(OUTSIDE)?;
        if mask(crc32c::crc32c(checked)) != u32::from_le_bytes(*stored) {
            return Err("a block has a wrong checksum");
        }
        match checked.split_last() {
            Some((0, block)) => Ok(block),
            _ => Err("a block is compressed, which no checkpoint index is"),
        }
    }
}

/// An entry is: length shared with the key before, length of the rest, length of the value, rest, value. Behind the
/// entries stand restart offsets and, in the last four bytes, their number.
fn block_entries(block: &[u8]) -> Result<Entries, &'static str> {
    const SHORT: &str = "a block is cut short";
    let (rest, restarts) = block.split_last_chunk::<4>().ok_or(SHORT)?;
    let restarts = 4 * u32::from_le_bytes(*restarts) as usize;
    let mut rest = &rest[..rest.len().checked_sub(restarts).ok_or(SHORT)?];
    let mut key: Vec<u8> = Vec::new();
    let mut entries = Vec::new();
    while !rest.is_empty() {
        let (shared, unshared, value) = (number(&mut rest)?, number(&mut rest)?, number(&mut rest)?);
        if shared > key.len() {
            return Err("a key shares more with the one before than there is");
        }
        key.truncate(shared);
        key.extend_from_slice(rest.split_off(..unshared).ok_or(SHORT)?);
        entries.push((key.clone(), rest.split_off(..value).ok_or(SHORT)?.to_vec()));
    }
    Ok(entries)
}

fn number(bytes: &mut &[u8]) -> Result<usize, &'static str> {
    prost::decode_length_delimiter(bytes).map_err(|_| "a number is cut short or too long")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_are_refused_without_a_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(read(&bytes).is_err());
            bytes.extend(MAGIC.to_le_bytes());
            let _ = read(&bytes);
            let _ = block_entries(&bytes);
        }
    }
}
