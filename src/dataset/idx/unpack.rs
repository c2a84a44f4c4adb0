//! From a file, in any of the forms that say the same, to the bytes of an IDX file as MNIST has them.

use super::foreign::ForeignFile;
use super::gunzip::{self, Gunzip};
use super::header::{self, Numbers};
use super::{IdxError, Kind, whole_bytes};
use crate::dataset::Form;
use crate::fetch::html;
use std::cmp::Ordering;
use std::io::{self, BufRead, BufReader, Read};

/// Layers of gzip that are taken off.
const MOST_LAYERS: usize = 3;
/// Bytes that tell what a file is which is no IDX file.
const TELLING: u64 = 300;

/// The raw bytes of a file in MNIST's own form, gunzipped if it is gzipped, even twice: as many as its header announces.
pub(in crate::dataset) fn read(file: impl BufRead, kind: Kind, form: &Form) -> Result<Vec<u8>, IdxError> {
    let mut file: Box<dyn BufRead + '_> = Box::new(file);
    let mut failed: fn(io::Error) -> IdxError = IdxError::Io;
    for _ in 0..MOST_LAYERS {
        if !file.fill_buf().map_err(failed)?.starts_with(&gunzip::MAGIC) {
            break;
        }
        file = Box::new(BufReader::with_capacity(256 * 1024, Gunzip::new(file)));
        failed = IdxError::Gzip;
    }
    if file.fill_buf().map_err(failed)?.starts_with(&gunzip::MAGIC) {
        return Err(IdxError::GzippedTooOften(MOST_LAYERS));
    }
    read_raw(file, kind, form, failed)
}

fn read_raw(
    mut reader: impl BufRead,
    kind: Kind,
    form: &Form,
    failed: fn(io::Error) -> IdxError,
) -> Result<Vec<u8>, IdxError> {
    if html::is_page(reader.fill_buf().map_err(failed)?) {
        return Err(IdxError::HtmlPage);
    }
    let mut start = Vec::new();
    let mut read_to = |start: &mut Vec<u8>, length: u64| {
        let left = length.saturating_sub(start.len() as u64);
        reader.by_ref().take(left).read_to_end(start).map_err(failed)
    };
    read_to(&mut start, 4)?;
    if let Some(magic) = start.first_chunk().copied() {
        read_to(&mut start, header::length(magic) as u64)?;
    }
    let Some(header) = header::read(&start, kind)? else {
        read_to(&mut start, TELLING)?;
        return Err(no_header(&start, kind, form));
    };
    let numbers = header.numbers;
    let stored = (whole_bytes(&header.plain, kind, form)? - header.plain.len()) * numbers.size * numbers.row;
    let (mut bytes, plain) = (header.plain.clone(), header.plain.len());
    // One byte more, to see whether the file goes on.
    bytes.try_reserve_exact(stored + 1).map_err(|_| IdxError::Memory(stored))?;
    let found = reader.take(stored as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    // Of the file as it is, whose header may be longer than the plain one.
    let expected = header.bytes + stored;
    match found.cmp(&stored) {
        Ordering::Less => return Err(IdxError::Truncated { expected, found: header.bytes + found }),
        Ordering::Greater => return Err(IdxError::TrailingBytes { expected }),
        Ordering::Equal => {}
    }
    if numbers != Numbers::BYTES {
        let numbers = numbers.to_bytes(&bytes[plain..]);
        let numbers = numbers.map_err(|(place, number)| IdxError::NoByte { place, number })?;
        bytes.truncate(plain);
        bytes.extend(numbers);
    }
    Ok(bytes)
}

/// Why `start` is no header.
fn no_header(start: &[u8], kind: Kind, form: &Form) -> IdxError {
    let found = start.first_chunk().map(|four| u32::from_be_bytes(*four));
    match (found, ForeignFile::by_start(start)) {
        (Some(found), Some(file)) => IdxError::Foreign { found, file },
        _ => match whole_bytes(start, kind, form) {
            Err(error) => error,
            Ok(expected) => IdxError::HeaderTruncated { found: start.len(), expected },
        },
    }
}
