//! What can go wrong between "there is no TensorFlow here" and an open library.

use crate::platform::{self, LIBRARY, NEEDED, TENSORFLOW_DIR};
use std::fmt;

/// TensorFlow cannot be had or opened.
#[derive(thiserror::Error)]
pub enum RuntimeError {
    /// No library was found and none could be installed: every place, every source, every reason, and what helps.
    #[error(transparent)]
    NotFound(Box<Report>),
    /// The library that the user's `TENSORFLOW_DIR` names is of no use, and no other is tried behind the user's back;
    /// or one was opened and then proved unusable, and a process can hold only one.
    #[error("{0}")]
    Unusable(String),
    /// An option needs a variable set that is not, and [`crate::load`] changes none.
    #[error(
        "{variable} must be {wanted} in the environment before TensorFlow is loaded; load_with_environment sets it"
    )]
    Environment {
        /// The variable.
        variable: &'static str,
        /// The value that it must have.
        wanted: &'static str,
    },
}

/// As it is displayed, which is what `main` and `unwrap` print.
impl fmt::Debug for RuntimeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// Everything that was tried for a library. As displayed, the one message of a search that ended with nothing: where it
/// looked, what it tried, why not, and what helps.
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
        for (title, attempts) in [("Looked in", &self.looked), ("Tried to install", &self.tried)] {
            if !attempts.is_empty() {
                write!(out, "\n\n{title}:")?;
            }
            for attempt in attempts {
                // What a tool said may run over several lines.
                write!(out, "\n  {}", attempt.trim().replace('\n', "\n      "))?;
            }
        }
        let package = match platform::wheel() {
            _ if self.gpu => "'tensorflow[and-cuda]'",
            Some(wheel) => wheel.requirement,
            None => "tensorflow",
        };
        write!(
            out,
            "\n\nAny one of these helps:\n  \
             python3 -m pip install {package}    \
             (in an active virtual environment, say; it is found by itself then)\n  \
             {TENSORFLOW_DIR}=FOLDER    (FOLDER holds {LIBRARY}, TensorFlow {NEEDED})"
        )
    }
}
