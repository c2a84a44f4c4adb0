//! Signals: those that end a run save it first, and a file size limit (`ulimit -f`) is met like a full disk, by an error
//! that names the file.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

/// A flag set by SIGINT (Ctrl-C), SIGTERM or SIGHUP; the same signal once more ends the process at once, with the exit code
/// that shells give it. A signal that whoever started the process had it ignore, as `nohup` does with SIGHUP, stays
/// ignored.
pub fn interrupt() -> io::Result<Arc<AtomicUsize>> {
    let interrupt = Arc::new(AtomicUsize::new(0));
    for signal in [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|&signal| !is_ignored(signal)) {
        let seen = Arc::new(AtomicBool::new(false));
        // In this order: the first signal finds `seen` unset and only sets it.
        signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&seen))?;
        signal_hook::flag::register(signal, seen)?;
        signal_hook::flag::register_usize(signal, Arc::clone(&interrupt), signal as usize)?;
    }
    Ok(interrupt)
}

/// What `work` returns; once the flag is set meanwhile, the process ends after `last`, as `work` cannot be ended.
pub fn or_end<T>(
    interrupt: &AtomicUsize,
    last: impl FnOnce() + Send,
    work: impl FnOnce() -> T,
) -> io::Result<T> {
    let (working, told) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let watch = move || {
            while told.recv_timeout(Duration::from_millis(50)) == Err(mpsc::RecvTimeoutError::Timeout) {
                if interrupt.load(Ordering::Relaxed) != 0 {
                    last();
                    signal_hook::low_level::exit(exit_code(interrupt).into());
                }
            }
        };
        thread::Builder::new().spawn_scoped(scope, watch)?;
        let _working = working; // until this ends, also by a panic
        Ok(work())
    })
}

/// The exit code of a process that a signal ended by [`interrupt`]: 128 and the signal's number, 130 for Ctrl-C.
pub fn exit_code(interrupt: &AtomicUsize) -> u8 {
    128 + u8::try_from(interrupt.load(Ordering::Relaxed)).unwrap_or_default()
}

/// Whether the process inherited that it ignores `signal`; not known, and so taken for no, where there is no /proc.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

/// Keeps the signal that comes with such a write from ending the process; the write itself then fails.
pub fn survive_file_size_limit() {
    // A handler, not "ignore", which child processes would inherit.
    if let Err(error) = signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false))) {
        log::debug!("a file size limit will end the process: {error}");
    }
}
