//! How a long transfer tells its watcher how far it is.

/// Watches transfers, or as much of them as it is told to. The library reports through this trait and knows nothing of
/// terminals.
pub trait Progress: Send + Sync {
    /// A transfer named `label` begins; its size in bytes, where it is known.
    fn start(&self, _label: &str, _total_bytes: Option<u64>) {}
    /// So many bytes of the current transfer are done (counted from its start, not since the last call).
    fn position(&self, _bytes: u64) {}
    /// The current transfer ended, well or not.
    fn finish(&self) {}
    /// A line worth reading, such as a source that failed and the next one tried.
    fn note(&self, _message: &str) {}
}

/// Reports nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {}
