//! Where a run is between two steps.

use super::early_stopping::Best;
use std::time::Duration;

/// What the rest of a run depends on, apart from the values of the variables: shuffles and dropout are functions of
/// seed, epoch and step alone, so there is no state of a random generator. The default is the start of a run.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct TrainingState {
    /// Steps done, and the next step to do.
    pub step: u64,
    /// The best validation so far.
    pub best: Option<Best>,
    /// Time spent on training, pauses left out.
    pub elapsed: Duration,
}
