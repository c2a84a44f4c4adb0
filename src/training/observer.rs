//! What a run tells those who watch it.

use super::early_stopping::Best;
use super::error::Result;
use super::session::TrainingSession;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One training step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StepReport {
    /// Counted from 0 over the whole run.
    pub step: u64,
    /// Counted from 0.
    pub epoch: u32,
    /// Mean loss of the batch before the update: a float32, which reads back to the same bits.
    pub loss: f64,
}

/// One validation, after the step it names.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ValidationReport {
    /// The last step done, counted from 0.
    pub step: u64,
    /// Counted from 0.
    pub epoch: u32,
    /// Accuracy on the batch just trained on, 0..=1.
    pub train_accuracy: f64,
    /// Accuracy on the validation set, 0..=1.
    pub accuracy: f64,
    /// Whether the accuracy is only known to be less than `accuracy`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bound: bool,
    /// Whether it is better than all before.
    pub improved: bool,
    /// Time since the start of training; none where it was read from a file.
    #[serde(skip)]
    pub elapsed: Duration,
}

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

/// Watches a run. What it returns as an error ends the run.
pub trait Observer {
    /// A step was done.
    ///
    /// # Errors
    /// The observer cannot go on.
    fn step(&mut self, _report: &StepReport) -> Result<()> {
        Ok(())
    }

    /// A validation was done; `session` holds the weights that were validated.
    ///
    /// # Errors
    /// The observer cannot go on.
    fn validation(&mut self, _report: &ValidationReport, _session: &TrainingSession) -> Result<()> {
        Ok(())
    }

    /// A step is over, its validation included, and every observer was told of both; `session` holds the weights that
    /// the next step starts from.
    ///
    /// # Errors
    /// The observer cannot go on.
    fn after_step(&mut self, _state: &TrainingState, _session: &TrainingSession) -> Result<()> {
        Ok(())
    }
}
