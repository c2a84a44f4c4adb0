//! From a file, in any of the forms that say the same, to the bytes of an IDX file as MNIST has them.

use super::Kind;
use super::foreign::ForeignFile;
use super::gunzip::{self, Gunzip};
use super::header::{self, Numbers};
use crate::dataset::{DatasetError, Form};
use crate::fetch::is_html_page;
use std::cmp::Ordering;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// Layers of gzip that are taken off.
const MOST_LAYERS: usize = 3;
/// Bytes that tell what a file is which is no IDX file.
const TELLING: u64 = 300;

/// The raw bytes of a file in MNIST's own form, gunzipped if it is gzipped, even twice: as many as its header announces.
/// Messages call the file `path`.
pub(in crate::dataset) fn read(
    path: &Path,
    file: io::Result<impl BufRead>,
    kind: Kind,
    form: &Form,
) -> Result<Vec<u8>, DatasetError> {
    let bytes = file.map_err(unreadable).and_then(|file| unpack(path, file, kind, form));
    bytes.map_err(|why| DatasetError::in_file(path, &why))
}

fn unreadable(error: io::Error) -> String {
    format!("cannot be read: {error}")
}

fn corrupt(error: io::Error) -> String {
    format!("the gzip data are corrupt or end early: {error}")
}

fn unpack(path: &Path, file: impl BufRead, kind: Kind, form: &Form) -> Result<Vec<u8>, String> {
    let mut file: Box<dyn BufRead + '_> = Box::new(file);
    let mut failed: fn(io::Error) -> String = unreadable;
    for _ in 0..MOST_LAYERS {
        if !file.fill_buf().map_err(failed)?.starts_with(&gunzip::MAGIC) {
            break;
        }
        file = Box::new(BufReader::with_capacity(256 * 1024, Gunzip::new(file)));
        failed = corrupt;
    }
    let start = file.fill_buf().map_err(failed)?;
    if start.starts_with(&gunzip::MAGIC) {
        return Err(format!("is gzipped more than {MOST_LAYERS} times; gunzip it"));
    }
    if is_html_page(start) {
        return Err("is an HTML page, not an IDX file; download it again".to_owned());
    }
    let mut start = Vec::new();
    let mut read_to = |start: &mut Vec<u8>, length: u64| {
        let left = length.saturating_sub(start.len() as u64);
        file.by_ref().take(left).read_to_end(start).map_err(failed)
    };
    read_to(&mut start, 4)?;
    if let Some(magic) = start.first_chunk().copied() {
        read_to(&mut start, header::length(magic) as u64)?;
    }
    let Some(header) = header::read(&start, kind, form)? else {
        read_to(&mut start, TELLING)?;
        return Err(no_header(path, &start, kind));
    };
    let numbers = header.numbers;
    let stored = header.count * kind.row_bytes(form) * numbers.size * numbers.row;
    let (mut bytes, plain) = (header.plain, kind.header_bytes());
    // One byte more, to see whether the file goes on.
    bytes
        .try_reserve_exact(stored + 1)
        .map_err(|_| format!("needs {stored} bytes of memory, which cannot be had"))?;
    let found = file.take(stored as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    // Of the file as it is, whose header may be longer than the plain one.
    let expected = header.bytes + stored;
    match found.cmp(&stored) {
        Ordering::Less => {
            let found = header.bytes + found;
            return Err(format!("is truncated: {expected} bytes announced, {found} there"));
        }
        Ordering::Greater => {
            return Err(format!("has trailing bytes after the {expected} that its header announces"));
        }
        Ordering::Equal => {}
    }
    if numbers != Numbers::BYTES {
        let numbers = numbers.to_bytes(&bytes[plain..])?;
        bytes.truncate(plain);
        bytes.extend(numbers);
    }
    Ok(bytes)
}

/// Why `start`, as a header needs it or all there is, is none.
fn no_header(path: &Path, start: &[u8], kind: Kind) -> String {
    let Some(magic) = start.first_chunk().copied() else {
        return header::cut_short(start.len(), kind.header_bytes());
    };
    let Some(file) = ForeignFile::by_start(start) else {
        return header::wrong_magic(magic, kind, "");
    };
    let (found, advice) = (u32::from_be_bytes(magic), file.advice(path));
    format!("has the magic number {found:#010x}, as it is {}, not an IDX file; {advice}", file.name)
}
