//! The training loop.

use super::early_stopping::EarlyStopping;
use super::error::{Result, TrainingError};
use super::observer::{Observer, StepReport, TrainingState, ValidationReport};
use super::session::TrainingSession;
use super::validation::{ValidationMode, Validator};
use crate::dataset::{BatchPlan, Dataset, Order, RandomTranslation};
use crate::graph::Pair;
use crate::networks::{Training, Validate};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// How long to train, in what order, and when to validate and to stop.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// What the network's table says of it.
    pub training: Training,
    /// Whether rows are shuffled anew in every epoch, rather than taken in the order of the file.
    pub shuffle: bool,
    /// Of shuffles and translations.
    pub seed: u64,
    /// Most steps of the run.
    pub max_steps: Option<u64>,
    /// How much of a validation is done.
    pub validation: ValidationMode,
    /// Rows evaluated at a time.
    pub eval_chunk: usize,
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// All epochs are done, or `max_steps`.
    Completed,
    /// The validation accuracy no longer improved.
    EarlyStopped,
    /// The user asked for it.
    Interrupted,
}

/// What a run came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// Why it ended.
    pub ending: Ending,
    /// Where it ended, to be continued from.
    pub state: TrainingState,
}

/// Trains the network of `session` on `dataset.train` from `start` on, where `session` holds the weights of that
/// time, until `interrupt` is no longer 0: it is looked at between two steps.
///
/// # Errors
/// The batch size does not fit the set, TensorFlow fails, the loss is no longer finite, or an observer fails.
pub fn fit(
    session: &mut TrainingSession,
    dataset: &Dataset,
    schedule: &Schedule,
    start: &TrainingState,
    interrupt: &AtomicUsize,
    observers: &mut [&mut dyn Observer],
) -> Result<Outcome> {
    let Schedule { training, seed, .. } = schedule;
    let order = if schedule.shuffle { Order::Shuffled { seed: *seed } } else { Order::File };
    let plan = BatchPlan::new(dataset.train.len(), training.batch_size, order)?;
    let Pair([down, across]) = training.random_translation;
    let translation = RandomTranslation::new(*seed, down, across);
    let steps_per_epoch = plan.steps_per_epoch() as u64;
    let total = schedule.total_steps(steps_per_epoch);
    let started = Instant::now();
    let mut validator = Validator::new(schedule.validation, dataset.validation.len());
    let elapsed = || start.elapsed + started.elapsed();
    let mut stopping = EarlyStopping::new(training.patience, start.best);
    let mut batches = None;
    let mut step = start.step;

    let ending = loop {
        // Asked after each step, the last included, as the published program does.
        if stopping.stops_after(step) {
            break Ending::EarlyStopped;
        }
        if step >= total {
            break Ending::Completed;
        }
        if interrupt.load(Ordering::Relaxed) != 0 {
            break Ending::Interrupted;
        }
        let (epoch, index) = ((step / steps_per_epoch) as u32, step % steps_per_epoch);
        if index == 0 {
            batches = None;
        }
        let batches = batches.get_or_insert_with(|| plan.epoch(u64::from(epoch)));
        let rows = batches.batch(index as usize);

        let learning_rate = training.adam.learning_rate.at(step);
        let loss = session.train(&dataset.train, rows, step, learning_rate, translation.as_ref())?;
        if !loss.is_finite() {
            return Err(TrainingError::Diverged { step, loss });
        }
        let report = StepReport { step, epoch, loss: f64::from(loss) };
        observers.iter_mut().try_for_each(|observer| observer.step(&report))?;

        if schedule.validates_after(step, steps_per_epoch, total) {
            let train_accuracy = session.evaluate_rows(&dataset.train, rows)?.accuracy();
            let (accuracy, bound) =
                validator.validate(session, &dataset.validation, schedule.eval_chunk, stopping.best())?;
            let improved = !bound && stopping.observe(step, accuracy);
            let elapsed = elapsed();
            let report = ValidationReport { step, epoch, train_accuracy, accuracy, bound, improved, elapsed };
            observers.iter_mut().try_for_each(|observer| observer.validation(&report, session))?;
        }
        step += 1;
        let (best, elapsed) = (stopping.best(), elapsed());
        let state = TrainingState { step, best, elapsed };
        observers.iter_mut().try_for_each(|observer| observer.after_step(&state, session))?;
    };
    Ok(Outcome { ending, state: TrainingState { step, best: stopping.best(), elapsed: elapsed() } })
}

impl Schedule {
    /// Whether nothing is left to do after `state`, in epochs of `steps_per_epoch` steps.
    pub fn is_over(&self, state: &TrainingState, steps_per_epoch: u64) -> bool {
        state.step >= self.total_steps(steps_per_epoch)
            || EarlyStopping::new(self.training.patience, state.best).stops_after(state.step)
    }

    /// The steps of the whole run, if nothing ends it early.
    pub fn total_steps(&self, steps_per_epoch: u64) -> u64 {
        let all = u64::from(self.training.epochs) * steps_per_epoch;
        self.max_steps.map_or(all, |most| most.min(all))
    }

    fn validates_after(&self, step: u64, steps_per_epoch: u64, total: u64) -> bool {
        match self.training.validate {
            Validate::EverySteps(steps) => step.is_multiple_of(steps.max(1)),
            Validate::EveryEpoch | Validate::EvenEpochsAndLast => {
                let (epoch, done) = (step / steps_per_epoch, step + 1);
                let counts = self.training.validate == Validate::EveryEpoch || epoch.is_multiple_of(2);
                done == total || done.is_multiple_of(steps_per_epoch) && counts
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::networks;

    fn schedule(epochs: u32, max_steps: Option<u64>, validate: Validate) -> Schedule {
        let baseline = networks::find("baseline".as_ref()).unwrap().training;
        let training = Training { epochs, validate, ..baseline };
        let validation = ValidationMode::Full;
        Schedule { training, shuffle: false, seed: 0, max_steps, validation, eval_chunk: 1000 }
    }

    fn validated(schedule: &Schedule, steps_per_epoch: u64) -> Vec<u64> {
        let total = schedule.total_steps(steps_per_epoch);
        (0..total).filter(|&step| schedule.validates_after(step, steps_per_epoch, total)).collect()
    }

    #[test]
    fn even_epochs_and_the_last_are_validated_at_their_last_step() {
        let ten = schedule(10, None, Validate::EvenEpochsAndLast);
        assert_eq!(validated(&ten, 550), [549, 1649, 2749, 3849, 4949, 5499]);
        let every = schedule(3, None, Validate::EveryEpoch);
        assert_eq!(validated(&every, 550), [549, 1099, 1649]);
        let cut = schedule(10, Some(700), Validate::EvenEpochsAndLast);
        assert_eq!(validated(&cut, 550), [549, 699]);
    }

    #[test]
    fn every_so_many_steps_starts_with_step_0() {
        assert_eq!(validated(&schedule(1, Some(25), Validate::EverySteps(10)), 550), [0, 10, 20]);
    }

    #[test]
    fn epochs_bound_the_steps_also_beyond_max_steps() {
        assert_eq!(schedule(2, Some(10_000), Validate::EverySteps(1)).total_steps(550), 1100);
        assert_eq!(schedule(0, None, Validate::EverySteps(1)).total_steps(550), 0);
    }
}
