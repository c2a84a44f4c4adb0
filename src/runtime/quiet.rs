//! Keeping TensorFlow's chatter off the terminal while it is opened.
//!
//! Once open it obeys `TF_CPP_MIN_LOG_LEVEL`. But static initialisers of 2.21 print two lines before its log is set
//! up, whatever that variable says, so stderr goes to a file for the moment of opening.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::OwnedFd;

/// Runs `open`, and prints afterwards what was written to stderr meanwhile, save for lines of TensorFlow's log.
pub(super) fn without_chatter<T>(open: impl FnOnce() -> T) -> T {
    let Ok(redirected) = Redirected::begin() else {
        return open(); // better chatty than not at all
    };
    let outcome = open();
    let _ = redirected.end(); // nowhere to report it
    outcome
}

struct Redirected {
    stderr: OwnedFd,
    caught: File,
}

impl Redirected {
    fn begin() -> io::Result<Self> {
        let caught = tempfile::tempfile()?;
        let stderr = rustix::io::fcntl_dupfd_cloexec(io::stderr(), 3)?;
        rustix::stdio::dup2_stderr(&caught)?;
        Ok(Self { stderr, caught })
    }

    fn end(mut self) -> io::Result<()> {
        rustix::stdio::dup2_stderr(&self.stderr)?;
        let mut caught = Vec::new();
        self.caught.rewind()?;
        self.caught.read_to_end(&mut caught)?;
        for line in String::from_utf8_lossy(&caught)
            .lines()
            .filter(|line| !is_chatter(line))
        {
            writeln!(io::stderr(), "{line}")?;
        }
        Ok(())
    }
}

/// Whether the line is TensorFlow's log: `I0000 00:00:1795 ...` or `2026-11-24 21:40:03.7: I tensorflow/...`.
fn is_chatter(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let (first, second, third) = (
        words.next().unwrap_or(""),
        words.next().unwrap_or(""),
        words.next(),
    );
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let level = |text: &str| matches!(text, "I" | "W" | "E" | "F");
    line.starts_with("WARNING: All log messages before absl::InitializeLog()")
        || (first.is_char_boundary(1) && first.len() == 5 && level(&first[..1]) && digits(&first[1..]))
        || (first.split('-').count() == 3
            && first.split('-').all(digits)
            && second.ends_with(':')
            && third.is_some_and(level))
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
        for line in [
            "",
            "error: cannot open",
            "é",
            "Illegal instruction",
            "I am",
            "12345 things: I said",
        ] {
            assert!(!is_chatter(line), "{line}");
        }
    }
}
