//! Which rows make which batch: every epoch a permutation of all rows, cut as numpy's `array_split` cuts it.
//!
//! The permutation is a function of seed and epoch alone, so that a run can be taken up at any step. It is defined
//! here, not by a library that may change: ChaCha with 8 rounds, whose key is the seed (8 bytes, little-endian, then 24
//! zeros) and whose stream is the epoch, gives 64-bit words; a word below n is drawn by Lemire's method, "Fast random
//! integer generation in an interval" (2019), without bias; Fisher and Yates's shuffle draws from the last row down.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// The order of rows within an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// As in the file, every epoch.
    File,
    /// Shuffled anew every epoch.
    Shuffled {
        /// The same seed gives the same orders on every machine.
        seed: u64,
    },
}

/// How the rows of a training set are cut into batches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchPlan {
    rows: usize,
    steps: usize,
    order: Order,
}

/// Batches that cannot be cut.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// A batch without rows.
    #[error("a batch must have at least one row")]
    EmptyBatch,
    /// A batch larger than the set.
    #[error("a batch of {batch_size} rows is larger than the training set of {rows}")]
    LargerThanSet {
        /// Rows a batch.
        batch_size: usize,
        /// Rows there are.
        rows: usize,
    },
}

impl BatchPlan {
    /// Cuts `rows` rows into `rows / batch_size` batches. Every row is used: if the division leaves a remainder, the
    /// first batches are a row or more longer than `batch_size`, as `numpy.array_split(rows, rows // batch_size)` has it.
    ///
    /// # Errors
    /// `batch_size` is 0 or more than `rows`.
    pub fn new(rows: usize, batch_size: usize, order: Order) -> Result<Self, BatchError> {
        match rows.checked_div(batch_size) {
            None => Err(BatchError::EmptyBatch),
            Some(0) => Err(BatchError::LargerThanSet { batch_size, rows }),
            Some(steps) => Ok(Self { rows, steps, order }),
        }
    }

    /// Batches in an epoch.
    pub fn steps_per_epoch(&self) -> usize {
        self.steps
    }

    /// The batches of an epoch, counted from 0.
    pub fn epoch(&self, epoch: u64) -> Epoch {
        let rows = match self.order {
            Order::File => (0..self.rows).collect(),
            Order::Shuffled { seed } => permutation(self.rows, seed, epoch),
        };
        Epoch { rows, steps: self.steps }
    }
}

/// The batches of one epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Epoch {
    rows: Vec<usize>,
    steps: usize,
}

impl Epoch {
    /// The rows of batch `step`, which counts from 0 within the epoch.
    ///
    /// # Panics
    /// `step` is not below [`BatchPlan::steps_per_epoch`].
    pub fn batch(&self, step: usize) -> &[usize] {
        assert!(step < self.steps, "step {step} of an epoch of {}", self.steps);
        let (short, longer) = (self.rows.len() / self.steps, self.rows.len() % self.steps);
        let start = |step: usize| step * short + step.min(longer);
        &self.rows[start(step)..start(step + 1)]
    }
}

fn permutation(rows: usize, seed: u64, epoch: u64) -> Vec<usize> {
    let mut random = random(seed, b"", epoch);
    let mut order: Vec<usize> = (0..rows).collect();
    for last in (1..rows).rev() {
        order.swap(last, below(last as u64 + 1, &mut random) as usize);
    }
    order
}

/// Numbers for one purpose: the seed, the purpose and zeros are the key.
pub(super) fn random(seed: u64, purpose: &[u8], stream: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..8 + purpose.len()].copy_from_slice(purpose);
    let mut random = ChaCha8Rng::from_seed(key);
    random.set_stream(stream);
    random
}

/// A number below `bound`, each as likely as any other.
pub(super) fn below(bound: u64, random: &mut impl RngCore) -> u64 {
    // The high word of word * bound is the draw; low words below 2^64 mod bound would favour some draws.
    let threshold = bound.wrapping_neg() % bound;
    loop {
        let product = u128::from(random.next_u64()) * u128::from(bound);
        if product as u64 >= threshold {
            return (product >> 64) as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_as_numpy_does() {
        let plan = BatchPlan::new(11, 3, Order::File).unwrap();
        let epoch = plan.epoch(5);
        let batches = [0, 1, 2].map(|step| epoch.batch(step));
        assert_eq!(batches, [&[0, 1, 2, 3][..], &[4, 5, 6, 7], &[8, 9, 10]]);
        assert_eq!(plan.steps_per_epoch(), 3);
        assert_eq!(BatchPlan::new(55_000, 100, Order::File).unwrap().steps_per_epoch(), 550);
    }

    /// Written down from another implementation of ChaCha (in Python, checked against RFC 8439 at 20 rounds): a seed
    /// must mean the same for ever.
    #[test]
    fn is_the_published_permutation() {
        assert_eq!(permutation(10, 0, 0), [9, 2, 3, 4, 6, 7, 0, 1, 5, 8]);
        let shuffled = BatchPlan::new(10, 10, Order::Shuffled { seed: 42 }).unwrap();
        assert_eq!(shuffled.epoch(7).batch(0), [0, 2, 3, 4, 9, 6, 8, 7, 5, 1]);
        assert_eq!(permutation(55_000, 42, 0)[..6], [13510, 9984, 26637, 38388, 36632, 48682]);
    }
}
