//! Keeping TensorFlow's chatter off the terminal while its library is opened.
//!
//! Once open it obeys `TF_CPP_MIN_LOG_LEVEL`. But static initialisers of 2.21 print two lines before its log is set
//! up, whatever that variable says, so stderr goes to memory for the moment of opening.

use crate::commands::output;
use std::any::Any;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::OwnedFd;

/// Holds stderr back until what it returns is dropped.
pub fn hold() -> Box<dyn Any> {
    // On a processor that TensorFlow was not built for, its last words are what the user needs.
    #[cfg(target_arch = "x86_64")]
    if !std::is_x86_feature_detected!("avx") {
        return Box::new(());
    }
    Box::new(Held::begin().ok()) // better chatty than not at all
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
    fn end(&mut self) -> io::Result<()> {
        rustix::stdio::dup2_stderr(&self.stderr)?;
        let mut kept = Vec::new();
        self.kept.rewind()?;
        self.kept.read_to_end(&mut kept)?;
        let text = String::from_utf8_lossy(&kept);
        text.lines().filter(|line| !is_chatter(line)).for_each(output::notice);
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.end(); // nowhere to report it
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
