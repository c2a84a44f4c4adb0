//! The wish to end a run early.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A flag that [`fit`](super::fit) looks at between two steps. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<AtomicUsize>);

impl Interrupt {
    /// A flag that nothing has set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the flag, from any thread. `reason`, not 0, is for who asks afterwards.
    pub fn set(&self, reason: usize) {
        self.0.store(reason, Ordering::Relaxed);
    }

    /// Whether the run is to end.
    pub fn is_set(&self) -> bool {
        self.reason() != 0
    }

    /// What it was set to; 0 if nobody did.
    pub fn reason(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// What a signal handler, which may do little more, stores the reason in.
    pub fn cell(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.0)
    }
}
