//! The one message of a search that ended with nothing: where it looked, what it tried, why not, and what helps.

use crate::platform;
use crate::platform::TENSORFLOW_DIR;
use crate::version::NEEDED;
use std::fmt;

/// Everything that was tried for a library.
#[derive(Debug, Clone, Default, PartialEq, Eq, thiserror::Error)]
pub struct Report {
    /// Places looked at and why they gave no library, in order.
    pub looked: Vec<String>,
    /// Sources of an install and why they gave none, in order.
    pub tried: Vec<String>,
    /// Whether a GPU build was wanted: none is ever installed, for it is gigabytes and must fit the driver.
    pub gpu: bool,
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(if self.gpu {
            "no TensorFlow library with GPU support is installed"
        } else {
            "no TensorFlow library is installed, and none could be fetched"
        })?;
        write_attempts(out, "Looked in", &self.looked)?;
        write_attempts(out, "Tried to install", &self.tried)?;
        out.write_str("\n\nAny one of these helps:\n  ")?;
        match platform::wheel() {
            _ if self.gpu => out.write_str("python3 -m pip install 'tensorflow[and-cuda]'")?,
            Some(wheel) => write!(out, "python3 -m pip install {}", wheel.requirement)?,
            None => out.write_str("python3 -m pip install tensorflow")?,
        }
        write!(
            out,
            "    (in an active virtual environment, say; it is found by itself then)\n  \
             {TENSORFLOW_DIR}=FOLDER    (FOLDER holds {}, TensorFlow {NEEDED})",
            platform::LIBRARY
        )
    }
}

fn write_attempts(out: &mut fmt::Formatter<'_>, title: &str, attempts: &[String]) -> fmt::Result {
    if attempts.is_empty() {
        return Ok(());
    }
    write!(out, "\n\n{title}:")?;
    for attempt in attempts {
        // What a tool said may run over several lines.
        write!(out, "\n  {}", attempt.trim().replace('\n', "\n      "))?;
    }
    Ok(())
}
