//! The training loop.

use super::error::{Result, TrainingError};
use super::interrupt::Interrupt;
use super::observer::{Observer, StepReport, ValidationReport};
use super::session::TrainingSession;
use crate::dataset::{BatchPlan, Dataset, Order};
use std::time::{Duration, Instant};

/// How long to train, in what order, and when to validate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    /// Times through the training set.
    pub epochs: u32,
    /// Rows a step.
    pub batch_size: usize,
    /// Order of the rows.
    pub order: Order,
    /// Most steps of the run.
    pub max_steps: Option<u64>,
    /// When to validate.
    pub validate: Validate,
    /// Rows evaluated at a time.
    pub eval_chunk: usize,
}

/// When to validate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validate {
    /// After epochs 0, 2, 4... and wherever the run ends.
    EvenEpochsAndLast,
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// All epochs are done, or `max_steps`.
    Completed,
    /// The user asked for it.
    Interrupted,
}

/// What a run came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// Why it ended.
    pub ending: Ending,
    /// Steps done.
    pub steps: u64,
    /// Time spent.
    pub elapsed: Duration,
}

/// Trains the network of `session` on `dataset.train`.
///
/// # Errors
/// The batch size does not fit the set, TensorFlow fails, the loss is no longer finite, or an observer fails.
pub fn fit(
    session: &mut TrainingSession,
    dataset: &Dataset,
    schedule: &Schedule,
    interrupt: &Interrupt,
    observers: &mut [&mut dyn Observer],
) -> Result<Outcome> {
    let plan = BatchPlan::new(dataset.train.len(), schedule.batch_size, schedule.order)?;
    let total = schedule.total_steps(plan.steps_per_epoch() as u64);
    let started = Instant::now();
    let mut best = f64::NEG_INFINITY;
    let mut step = 0;

    for epoch in 0..schedule.epochs {
        let order = plan.epoch(u64::from(epoch));
        for index in 0..plan.steps_per_epoch() {
            if step == total || interrupt.is_set() {
                break;
            }
            let rows = order.batch(index);
            let loss = session.train(&dataset.train, rows, step)?;
            if !loss.is_finite() {
                return Err(TrainingError::Diverged { step, loss });
            }
            let report = StepReport { step, epoch, loss };
            observers.iter_mut().try_for_each(|observer| observer.step(&report))?;

            let last_of_epoch = index + 1 == plan.steps_per_epoch();
            if schedule.validates_after(epoch, last_of_epoch, step + 1 == total) {
                let train_accuracy = session.evaluate_rows(&dataset.train, rows)?.accuracy();
                let accuracy = session.evaluate(&dataset.validation, schedule.eval_chunk)?.accuracy();
                let improved = accuracy > best;
                best = best.max(accuracy);
                let elapsed = started.elapsed();
                let report = ValidationReport { step, epoch, train_accuracy, accuracy, improved, elapsed };
                observers.iter_mut().try_for_each(|observer| observer.validation(&report, session))?;
            }
            step += 1;
        }
    }
    let ending = if step < total { Ending::Interrupted } else { Ending::Completed };
    Ok(Outcome { ending, steps: step, elapsed: started.elapsed() })
}

impl Schedule {
    /// The steps of the whole run, if nothing ends it early.
    pub fn total_steps(&self, steps_per_epoch: u64) -> u64 {
        let all = u64::from(self.epochs) * steps_per_epoch;
        self.max_steps.map_or(all, |most| most.min(all))
    }

    fn validates_after(&self, epoch: u32, last_of_epoch: bool, last_of_run: bool) -> bool {
        match self.validate {
            Validate::EvenEpochsAndLast => last_of_run || last_of_epoch && epoch.is_multiple_of(2),
        }
    }
}
