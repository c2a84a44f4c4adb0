//! Keeping TensorFlow's chatter off the terminal while its library is opened.
//!
//! Once open it obeys `TF_CPP_MIN_LOG_LEVEL`. But static initialisers of 2.21 print two lines before its log is set
//! up, whatever that variable says, so stderr goes to memory for the moment of opening.

use crate::commands::output;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};
use tf_mnist::fetch::Progress;
use tf_mnist::runtime::Watcher;

/// A watcher that holds stderr back while a library is opened.
pub struct Quiet {
    watcher: Box<dyn Watcher>,
    held: Mutex<Option<Held>>,
}

impl Quiet {
    pub fn around(watcher: Box<dyn Watcher>) -> Self {
        Self { watcher, held: Mutex::new(None) }
    }

    fn hold(&self, held: Option<Held>) -> Option<Held> {
        let mut place = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *place, held)
    }
}

impl Progress for Quiet {
    fn start(&self, label: &str, total_bytes: Option<u64>) {
        self.watcher.start(label, total_bytes);
    }

    fn position(&self, bytes: u64) {
        self.watcher.position(bytes);
    }

    fn finish(&self) {
        self.watcher.finish();
    }

    fn note(&self, message: &str) {
        self.watcher.note(message);
    }
}

impl Watcher for Quiet {
    fn opening(&self) {
        // On a processor that TensorFlow was not built for, its last words are what the user needs.
        #[cfg(target_arch = "x86_64")]
        if !std::is_x86_feature_detected!("avx") {
            return;
        }
        self.hold(Held::begin().ok()); // better chatty than not at all
    }

    fn opened(&self) {
        if let Some(held) = self.hold(None) {
            let _ = held.end(); // nowhere to report it
        }
    }
}

/// Stderr, while what is written to it is kept.
struct Held {
    stderr: OwnedFd,
    kept: File,
}

impl Held {
    fn begin() -> io::Result<Self> {
        // In memory: there may be no folder for temporary files.
        #[cfg(target_os = "linux")]
        let kept = File::from(rustix::fs::memfd_create("stderr", rustix::fs::MemfdFlags::CLOEXEC)?);
        #[cfg(not(target_os = "linux"))]
        let kept = tempfile::tempfile()?;
        let stderr = rustix::io::fcntl_dupfd_cloexec(io::stderr(), 3)?;
        rustix::stdio::dup2_stderr(&kept)?;
        Ok(Self { stderr, kept })
    }

    /// Gives stderr back, and prints what was written to it, save for lines of TensorFlow's log.
    fn end(mut self) -> io::Result<()> {
        rustix::stdio::dup2_stderr(&self.stderr)?;
        let mut kept = Vec::new();
        self.kept.rewind()?;
        self.kept.read_to_end(&mut kept)?;
        let text = String::from_utf8_lossy(&kept);
        text.lines().filter(|line| !is_chatter(line)).for_each(output::notice);
        Ok(())
    }
}

/// Whether the line is TensorFlow's log: `I0000 00:00:1795 ...` or `2026-11-24 21:40:03.7: I tensorflow/...`.
fn is_chatter(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let (first, second) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let level = |text: &str| matches!(text, "I" | "W" | "E" | "F");
    line.starts_with("WARNING: All log messages before absl::InitializeLog()")
        || (first.is_char_boundary(1) && first.len() == 5 && level(&first[..1]) && digits(&first[1..]))
        || (first.split('-').count() == 3
            && first.split('-').all(digits)
            && second.ends_with(':')
            && words.next().is_some_and(level))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_tensorflow_s_own_lines() {
        for line in [
            "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
            "I0000 00:00:1795555931.635553   10844 port.cc:153] oneDNN custom operations are on.",
            "2026-11-24 21:40:03.737961: I tensorflow/core/util/port.cc:110] oneDNN custom operations are on.",
        ] {
            assert!(is_chatter(line), "{line}");
        }
        for line in ["", "error: cannot open", "é", "Illegal instruction", "I am", "12345 things: I said"] {
            assert!(!is_chatter(line), "{line}");
        }
    }
}
