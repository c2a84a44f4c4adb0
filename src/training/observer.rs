//! What a run tells those who watch it.

use super::error::Result;
use super::session::TrainingSession;
use super::training_state::TrainingState;
use super::validation::Accuracy;
use std::time::Duration;

/// One training step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepReport {
    /// Counted from 0 over the whole run.
    pub step: u64,
    /// Counted from 0.
    pub epoch: u32,
    /// Mean loss of the batch before the update.
    pub loss: f32,
}

/// One validation, after the step it names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ValidationReport {
    /// The last step done, counted from 0.
    pub step: u64,
    /// Counted from 0.
    pub epoch: u32,
    /// Accuracy on the batch just trained on, 0..=1.
    pub train_accuracy: f64,
    /// Accuracy on the validation set.
    pub accuracy: Accuracy,
    /// Whether it is better than all before.
    pub improved: bool,
    /// Time since the start of training.
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
