//! What an evaluation counts.

use std::iter::Sum;
use std::ops::AddAssign;

/// How many rows of how many were classified right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Correct {
    /// Rows classified right.
    pub correct: u64,
    /// Rows evaluated.
    pub rows: u64,
}

impl AddAssign for Correct {
    fn add_assign(&mut self, other: Self) {
        self.correct += other.correct;
        self.rows += other.rows;
    }
}

impl Sum for Correct {
    fn sum<I: Iterator<Item = Self>>(counted: I) -> Self {
        counted.fold(Self::default(), |mut sum, next| {
            sum += next;
            sum
        })
    }
}

impl Correct {
    /// How many of these are true.
    pub(super) fn of(correct: &[bool]) -> Self {
        let right = correct.iter().filter(|&&correct| correct).count();
        Self { correct: right as u64, rows: correct.len() as u64 }
    }

    /// The share of rows classified right, 0 for no rows.
    pub fn accuracy(self) -> f64 {
        if self.rows == 0 { 0.0 } else { self.correct as f64 / self.rows as f64 }
    }
}
