//! What an evaluation counts.

/// How many rows of how many were classified right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Correct {
    /// Rows classified right.
    pub correct: u64,
    /// Rows evaluated.
    pub rows: u64,
}

impl Correct {
    /// The share of rows classified right, 0 for no rows.
    pub fn accuracy(self) -> f64 {
        if self.rows == 0 { 0.0 } else { self.correct as f64 / self.rows as f64 }
    }
}
