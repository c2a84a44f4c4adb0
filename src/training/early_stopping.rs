//! When to stop, and which weights were best.

use serde::{Deserialize, Serialize};

/// The best accuracy of a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// The step it was measured after, counted from 0.
    pub step: u64,
    /// 0..=1.
    pub accuracy: f64,
}

/// Follows the validation accuracy of a run and, with a patience, says when it has stopped improving.
///
/// The rule is the published program's: a counter rises after each step, and the run stops when
/// counter - last improved > patience. A run that last improved at step s so stops after s + patience + 1 steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EarlyStopping {
    patience: Option<u64>,
    best: Option<Best>,
}

impl EarlyStopping {
    /// Stops `patience` steps after the last improvement, never with `None`; `best` is the best validation so far.
    pub fn new(patience: Option<u64>, best: Option<Best>) -> Self {
        Self { patience, best }
    }

    /// Takes the accuracy after `step`; whether it is better than all before, and than none right, which is what weights
    /// that are no numbers give. Equal is not better.
    pub fn observe(&mut self, step: u64, accuracy: f64) -> bool {
        let improved = accuracy > self.best.map_or(0.0, |best| best.accuracy);
        if improved {
            self.best = Some(Best { step, accuracy });
        }
        improved
    }

    /// Whether the run stops now that `steps` steps are done.
    pub fn stops_after(&self, steps: u64) -> bool {
        let last_improved = self.best.map_or(0, |best| best.step);
        self.patience.is_some_and(|patience| steps.saturating_sub(last_improved) > patience)
    }

    /// The best accuracy so far.
    pub fn best(&self) -> Option<Best> {
        self.best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Validates on multiples of `every`; the accuracies by validation, the last one repeated. The steps done at the
    /// stop, and the step that was best.
    fn run(patience: u64, every: u64, accuracies: &[f64]) -> (u64, Option<u64>) {
        let mut stopping = EarlyStopping::new(Some(patience), None);
        let mut step = 0;
        while !stopping.stops_after(step) {
            if step % every == 0 {
                let index = (step / every) as usize;
                stopping.observe(step, accuracies[index.min(accuracies.len() - 1)]);
            }
            step += 1;
        }
        (step, stopping.best().map(|best| best.step))
    }

    #[test]
    fn stops_at_the_exact_step() {
        let improves_until = |last: usize| (0..=last).map(|n| n as f64 / 1000.0).collect::<Vec<_>>();
        // (patience, validations every, accuracies, stopped after, best step)
        let table = [
            (2000, 10, vec![0.5], 2001, Some(0)), // never improves after step 0
            (2000, 10, improves_until(792), 9921, Some(7920)), // the published run
            (2000, 10, improves_until(200), 4001, Some(2000)), // step 2000 is the last that may improve
            (2000, 2001, vec![0.5, 0.9], 2001, Some(0)), // improves one step too late
            (0, 1, vec![0.5], 1, Some(0)),        // no patience at all
            (0, 10, vec![0.5, 0.9], 1, Some(0)),
            (10, 10, vec![0.5, 0.5, 0.9], 11, Some(0)), // equal is no improvement
            (10, 10, vec![0.0], 11, None),              // no row right is none
            (10, 10, vec![0.0, 0.1], 21, Some(10)),
        ];
        for (patience, every, accuracies, stopped, best) in table {
            assert_eq!(
                run(patience, every, &accuracies),
                (stopped, best),
                "patience {patience}, every {every}"
            );
        }
    }
}
