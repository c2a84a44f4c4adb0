//! Evaluation in chunks: a whole test set at once needs a [10000, 16, 29, 29] tensor, too much for a small GPU.

use super::error::Result;
use super::session::TrainingSession;
use crate::dataset::Split;

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
        if self.rows == 0 {
            0.0
        } else {
            self.correct as f64 / self.rows as f64
        }
    }
}

impl TrainingSession {
    /// Evaluates every row of `split`, at most `chunk` at a time; a last, smaller chunk counts by its rows.
    ///
    /// # Errors
    /// TensorFlow fails, for example because a chunk does not fit into memory.
    pub fn evaluate(&mut self, split: &Split, chunk: usize) -> Result<Correct> {
        let mut total = Correct::default();
        let chunk = chunk.max(1);
        for start in (0..split.len()).step_by(chunk) {
            let rows = start..split.len().min(start + chunk);
            total.rows += rows.len() as u64;
            total.correct += self.count_correct(split, rows)?;
        }
        Ok(total)
    }
}
