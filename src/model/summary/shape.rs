//! Shapes of which the first dimension, the rows, is open, and the memory they take.

use super::CHUNK_ROWS;
use serde::{Serialize, Serializer};
use std::fmt;

/// Bytes of a float32.
const FLOAT32: u64 = 4;

/// The shape of a float32 tensor [rows, ...] without its rows. Shown as `[n,28,28,1]`, in JSON `[null,28,28,1]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowShape(Vec<u64>);

impl RowShape {
    pub(super) fn new(dims: impl Into<Vec<u64>>) -> Self {
        Self(dims.into())
    }

    /// The dimensions of one row.
    pub fn dims(&self) -> &[u64] {
        &self.0
    }

    /// The number of values in one row.
    pub fn values(&self) -> u64 {
        self.0.iter().product()
    }

    /// The shape of so many rows, as TensorFlow's messages write it: `[10000,16,29,29]`.
    pub fn with_rows(&self, rows: impl fmt::Display) -> String {
        let rest: String = self.0.iter().map(|dim| format!(",{dim}")).collect();
        format!("[{rows}{rest}]")
    }
}

impl fmt::Display for RowShape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.with_rows('n'))
    }
}

impl Serialize for RowShape {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rows = std::iter::once(None);
        serializer.collect_seq(rows.chain(self.0.iter().map(Some)))
    }
}

/// Bytes that a float32 tensor takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// For one row.
    pub per_row: u64,
    /// For the rows of a training step.
    pub batch: u64,
    /// For a chunk of [`CHUNK_ROWS`] rows.
    pub chunk: u64,
}

impl Memory {
    /// The memory of a tensor of this shape.
    pub fn of(shape: &RowShape, batch_rows: u64) -> Self {
        Self::per_row(FLOAT32 * shape.values(), batch_rows)
    }

    pub(super) fn per_row(per_row: u64, batch_rows: u64) -> Self {
        Self { per_row, batch: per_row * batch_rows, chunk: per_row * CHUNK_ROWS }
    }

    /// Bytes for `rows` rows.
    pub fn at(self, rows: u64) -> u64 {
        self.per_row * rows
    }
}
