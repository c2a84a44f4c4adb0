//! Opening what a user names to be read: a file, a pipe such as `<(...)`, or `-` for standard input.

use crate::staging::regular_file;
use rustix::fs::{OFlags, fcntl_setfl};
use std::fs::{self, OpenOptions};
use std::io::{self, BufRead, BufReader, Cursor, ErrorKind, IsTerminal, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// The name of standard input.
const STANDARD_INPUT: &str = "-";
/// How long a pipe may have nobody who writes to it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Opens `name` for reading from its start to its end, once.
///
/// # Errors
/// It is not there, a folder, a device, a terminal, or a pipe that nobody writes to.
pub(crate) fn open(name: &Path) -> io::Result<Box<dyn BufRead>> {
    if name.as_os_str() == STANDARD_INPUT {
        let input = io::stdin();
        if input.is_terminal() {
            return Err(refused("standard input is a terminal; send a file into it, as in `< FILE`"));
        }
        return Ok(Box::new(input.lock()));
    }
    if fs::metadata(name)?.file_type().is_fifo() {
        return open_pipe(name);
    }
    Ok(Box::new(BufReader::new(regular_file::open(name)?)))
}

/// A pipe, once somebody writes to it: the plain way of opening one waits for ever for a writer that never comes.
fn open_pipe(name: &Path) -> io::Result<Box<dyn BufRead>> {
    let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
    let mut pipe = OpenOptions::new().read(true).custom_flags(nonblocking).open(name)?;
    let mut start = vec![0; 4096];
    let opened = Instant::now();
    let read = loop {
        match pipe.read(&mut start) {
            Ok(0) if opened.elapsed() < PATIENCE => thread::sleep(Duration::from_millis(20)),
            Ok(0) => return Err(refused("it is a pipe that nobody writes to")),
            Ok(read) => break read,
            // There is a writer, who is not ready yet.
            Err(error) if error.kind() == ErrorKind::WouldBlock => break 0,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    };
    start.truncate(read);
    fcntl_setfl(&pipe, OFlags::empty())?;
    Ok(Box::new(Cursor::new(start).chain(BufReader::new(pipe))))
}

fn refused(why: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, why)
}
