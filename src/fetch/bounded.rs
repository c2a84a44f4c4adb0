//! Copying what may be endless or corrupt, telling the reader's failures from the writer's.

use std::io::{self, Read, Write};

/// Why a copy ended early.
#[derive(Debug)]
pub(super) enum CopyError {
    Read(io::Error),
    Write(io::Error),
    TooLong,
}

/// Copies `reader` to its end, but no more than `max_bytes`.
pub(super) fn copy(mut reader: impl Read, mut writer: impl Write, max_bytes: u64) -> Result<u64, CopyError> {
    let mut copied = 0;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = match reader.read(&mut buffer) {
            Ok(0) => return Ok(copied),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(CopyError::Read(error)),
        };
        copied += count as u64;
        if copied > max_bytes {
            return Err(CopyError::TooLong);
        }
        writer.write_all(&buffer[..count]).map_err(CopyError::Write)?;
    }
}
