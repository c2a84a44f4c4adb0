//! How a long transfer tells its watcher how far it is.

/// Watches transfers. The library reports through this trait and knows nothing of terminals.
pub trait Progress: Send + Sync {
    /// A transfer named `label` begins; `total_bytes` where the size is known.
    fn start(&self, label: &str, total_bytes: Option<u64>);
    /// `bytes` of the current transfer are done (counted from its start, not since the last call).
    fn position(&self, bytes: u64);
    /// The current transfer ended, well or not.
    fn finish(&self);
    /// A line worth reading, such as a source that failed and the next one tried.
    fn note(&self, message: &str);
}

/// Reports nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn start(&self, _label: &str, _total_bytes: Option<u64>) {}
    fn position(&self, _bytes: u64) {}
    fn finish(&self) {}
    fn note(&self, _message: &str) {}
}
