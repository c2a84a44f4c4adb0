//! The wish to end a run early: a signal, or a call from another thread.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A flag that [`fit`](super::fit) looks at between two steps. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Interrupt {
    /// The signal, or 0.
    signal: Arc<AtomicUsize>,
}

impl Interrupt {
    /// A flag that nothing has set.
    pub fn new() -> Self {
        Self::default()
    }

    /// A flag set by SIGINT (Ctrl-C), SIGTERM or SIGHUP; the same signal once more ends the process at once, with the
    /// exit code that shells give it. A signal that whoever started the process had it ignore, as `nohup` does with
    /// SIGHUP, stays ignored.
    ///
    /// # Errors
    /// The handlers cannot be installed.
    pub fn on_signals() -> io::Result<Self> {
        let interrupt = Self::new();
        for signal in [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|&signal| !is_ignored(signal)) {
            let seen = Arc::new(AtomicBool::new(false));
            // In this order: the first signal finds `seen` unset and only sets it.
            signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&seen))?;
            signal_hook::flag::register(signal, seen)?;
            signal_hook::flag::register_usize(signal, Arc::clone(&interrupt.signal), signal as usize)?;
        }
        Ok(interrupt)
    }

    /// Sets the flag, as Ctrl-C does.
    pub fn set(&self) {
        self.signal.store(SIGINT as usize, Ordering::Relaxed);
    }

    /// Whether the run is to end.
    pub fn is_set(&self) -> bool {
        self.signal.load(Ordering::Relaxed) != 0
    }

    /// The exit code of a process that this flag ended: 128 and the signal's number, 130 for Ctrl-C.
    pub fn exit_code(&self) -> u8 {
        128 + u8::try_from(self.signal.load(Ordering::Relaxed)).unwrap_or_default()
    }
}

/// Whether the process inherited that it ignores `signal`; not known, and so taken for no, where there is no /proc.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}
