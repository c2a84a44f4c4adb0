//! Gzip as gunzip reads it: members one after another, and the zeros that tapes and block devices leave behind the last.

use flate2::bufread::GzDecoder;
use std::io::{self, BufRead, ErrorKind, Read};

/// The two bytes that a gzip member begins with.
pub(super) const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Reads what `R` holds gzipped.
pub(super) struct Gunzip<R> {
    /// None behind the end.
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Gunzip<R> {
    pub(super) fn new(gzipped: R) -> Self {
        Self { member: Some(GzDecoder::new(gzipped)) }
    }
}

impl<R: BufRead> Read for Gunzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let read = member.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            let Some(mut rest) = self.member.take().map(GzDecoder::into_inner) else { break };
            let zeros = skip_zeros(&mut rest)?;
            match rest.fill_buf()? {
                [] => break,
                // What follows zeros is no member.
                [first, ..] if *first == MAGIC[0] && zeros == 0 => {
                    self.member = Some(GzDecoder::new(rest));
                }
                _ => {
                    return Err(io::Error::new(
                        ErrorKind::InvalidData,
                        "behind their end are bytes that are neither zeros nor gzipped",
                    ));
                }
            }
        }
        Ok(0)
    }
}

fn skip_zeros(reader: &mut impl BufRead) -> io::Result<usize> {
    let mut skipped = 0;
    loop {
        let buffer = reader.fill_buf()?;
        let zeros = buffer.iter().take_while(|&&byte| byte == 0).count();
        let is_end = zeros < buffer.len() || buffer.is_empty();
        reader.consume(zeros);
        skipped += zeros;
        if is_end {
            return Ok(skipped);
        }
    }
}
