//! A file size limit (`ulimit -f`) is met like a full disk: by an error that names the file.

use signal_hook::consts::SIGXFSZ;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Keeps the signal that comes with such a write from ending the process; the write itself then fails.
pub fn survive() {
    // A handler, not "ignore", which child processes would inherit.
    if let Err(error) = signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false))) {
        log::debug!("a file size limit will end the process: {error}");
    }
}
