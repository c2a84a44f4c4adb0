//! Who watches a library being opened.

use verified_fetch::{Progress, Silent};

/// Watches a library being installed and opened.
pub trait Watcher: Progress {
    /// A library is about to be opened. Static initialisers of TensorFlow 2.21 print two lines to stderr then, before
    /// its log is set up, whatever `TF_CPP_MIN_LOG_LEVEL` says: a program may hold them back until [`Self::opened`].
    fn opening(&self) {}
    /// The library is open, or cannot be opened.
    fn opened(&self) {}
}

impl Watcher for Silent {}
