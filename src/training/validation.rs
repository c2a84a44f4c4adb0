//! Validation: the accuracy on the validation set, or only whether it beats the best so far.

use super::early_stopping::Best;
use super::error::Result;
use super::evaluator::Correct;
use super::feed::Feed;
use super::session::TrainingSession;
use crate::dataset::Split;
use serde::{Deserialize, Serialize};

/// How much of a validation is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValidationMode {
    /// Every row, always.
    #[default]
    Full,
    /// Rows that were wrong lately come first, and the rest is left out once too many are wrong for an improvement.
    /// Decisions are those of [`Full`](Self::Full).
    Bounded,
}

/// An accuracy, 0..=1, and whether it is but known to be less: than the least that would have improved on the best,
/// or 1 where nothing would.
pub(super) type Accuracy = (f64, bool);

/// Validates one network again and again.
pub(super) struct Validator {
    mode: ValidationMode,
    /// The set as it is fed when all of it is, made once.
    chunks: Vec<Feed>,
    /// Of each row: the number of the last validation that found it wrong, 0 for never.
    last_wrong: Vec<u64>,
    validations: u64,
}

/// Rows evaluated at a time while it is open whether the rest is needed: on 2 cores about as fast a row as 1000.
const BOUNDED_CHUNK: usize = 250;

impl Validator {
    pub fn new(mode: ValidationMode, rows: usize) -> Self {
        Self { mode, chunks: Vec::new(), last_wrong: vec![0; rows], validations: 0 }
    }

    /// The accuracy on `split`, at most `chunk` rows at a time; a bound if that settles that it is not above `best`.
    pub fn validate(
        &mut self,
        session: &TrainingSession,
        split: &Split,
        chunk: usize,
        best: Option<Best>,
    ) -> Result<Accuracy> {
        match self.mode {
            ValidationMode::Bounded => {
                let needed = best.map_or(0, |best| least_improvement(best, split.len()));
                let chunk = chunk.clamp(1, BOUNDED_CHUNK);
                self.validate_bounded(chunk * session.replicas(), needed, |rows| {
                    session.correct_rows(split, rows, chunk)
                })
            }
            ValidationMode::Full => {
                if self.chunks.is_empty() {
                    self.chunks = session.feeds(split, chunk);
                }
                Ok((Correct::of(&session.correct(&self.chunks)?).accuracy(), false))
            }
        }
    }

    /// As [`validate`](Self::validate), with `evaluate` telling which of the rows that it is given are right, and
    /// `needed` right rows an improvement.
    fn validate_bounded(
        &mut self,
        chunk: usize,
        needed: u64,
        mut evaluate: impl FnMut(&[usize]) -> Result<Vec<bool>>,
    ) -> Result<Accuracy> {
        self.validations += 1;
        let mut order: Vec<usize> = (0..self.last_wrong.len()).collect();
        // Stable, so that rows never found wrong stay in file order.
        order.sort_by_key(|&row| std::cmp::Reverse(self.last_wrong[row]));
        let rows = order.len() as u64;
        let mut wrong = 0;
        for batch in order.chunks(chunk.max(1)) {
            for (&row, right) in batch.iter().zip(evaluate(batch)?) {
                if !right {
                    wrong += 1;
                    self.last_wrong[row] = self.validations;
                }
            }
            if rows - wrong < needed {
                return Ok((Correct { correct: needed, rows }.accuracy(), true));
            }
        }
        Ok((Correct { correct: rows - wrong, rows }.accuracy(), false))
    }
}

/// The least number of right rows whose accuracy is above the best; all of them where none is.
fn least_improvement(best: Best, rows: usize) -> u64 {
    ((best.accuracy * rows as f64).round() as u64 + 1).min(rows as u64)
}

#[cfg(test)]
mod tests {
    use super::super::early_stopping::EarlyStopping;
    use super::*;
    use proptest::prelude::*;

    /// Both modes over one history of which rows are right: the decisions, and how many rows bounded looked at.
    fn run(history: &[Vec<bool>], chunk: usize, patience: u64) -> usize {
        let rows = history[0].len();
        let (mut full, mut bounded) =
            (EarlyStopping::new(Some(patience), None), EarlyStopping::new(Some(patience), None));
        let mut validator = Validator::new(ValidationMode::Bounded, rows);
        let mut looked_at = 0;
        for (step, right) in (0u64..).zip(history) {
            let correct = right.iter().filter(|&&right| right).count() as u64;
            let exact = Correct { correct, rows: rows as u64 }.accuracy();
            let needed = bounded.best().map_or(0, |best| least_improvement(best, rows));
            let known = validator.validate_bounded(chunk, needed, |rows| {
                looked_at += rows.len();
                Ok(rows.iter().map(|&row| right[row]).collect())
            });
            let (accuracy, bound) = known.unwrap();
            match bound {
                true => assert!(exact < accuracy && accuracy <= 1.0, "{exact} < {accuracy}"),
                false => assert_eq!(accuracy, exact),
            }
            let improved = !bound && bounded.observe(step, accuracy);
            assert_eq!(improved, full.observe(step, exact), "step {step}");
            assert_eq!(bounded, full);
            assert_eq!(bounded.stops_after(step + 1), full.stops_after(step + 1));
            if full.stops_after(step + 1) {
                break;
            }
        }
        looked_at
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5000))]

        #[test]
        fn decisions_are_those_of_full_validations(
            histories in (1usize..60).prop_flat_map(|rows| {
                prop::collection::vec((0.3f64..1.0, prop::collection::vec(0.0f64..1.0, rows)), 1..40)
            }),
            chunk in 1usize..20,
            patience in 0u64..30,
        ) {
            let history: Vec<Vec<bool>> = histories
                .iter()
                .map(|(share, draws)| draws.iter().map(|draw| draw < share).collect())
                .collect();
            run(&history, chunk, patience);
        }
    }

    #[test]
    fn rows_wrong_lately_settle_it_soon() {
        // 49 of 5000 rows are wrong each time, mostly the same ones, as late in a training.
        let rows = 5000;
        let history: Vec<Vec<bool>> = (0..100)
            .map(|step| (0..rows).map(|row| row % 100 != 0 || row / 100 == step % 50).collect())
            .collect();
        let looked_at = run(&history, 250, 1000);
        assert!(looked_at < 100 * rows / 5, "{looked_at} of {} rows", 100 * rows);
    }
}
