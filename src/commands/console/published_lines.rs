//! A run on the screen: the published lines on stdout, the progress on stderr.

use crate::commands::output;
use crate::commands::training_bar::{TrainingBar, clock};
use std::time::Instant;
use tf_mnist::training::{
    Ending, Observer, Outcome, Result, StepReport, TrainingError, TrainingSession, ValidationReport,
};

/// What is printed of a validation.
pub type Line = fn(&ValidationReport) -> String;

pub struct Console {
    line: Line,
    progress: TrainingBar,
    /// Since when the first step is waited for.
    waiting_since: Option<Instant>,
}

impl Console {
    /// A console for a program that started at `started`.
    pub fn new(line: Line, progress: TrainingBar, started: Instant) -> Self {
        Self { line, progress, waiting_since: Some(started) }
    }

    /// The lines that the published programs end with; takes the bar away.
    pub fn finish(&self, outcome: &Outcome) -> anyhow::Result<()> {
        self.progress.finish();
        log::debug!(
            "{} steps done, training took {:.3} s",
            outcome.state.step,
            outcome.state.elapsed.as_secs_f64()
        );
        if let (Ending::EarlyStopped, Some(best)) = (outcome.ending, outcome.state.best) {
            output::print(&early_stopping(outcome.state.step, best.accuracy))?;
        }
        output::print(&time_usage(outcome))
    }
}

impl Observer for Console {
    fn step(&mut self, report: &StepReport) -> Result<()> {
        if let Some(started) = self.waiting_since.take() {
            log::debug!("first step done {:.3} s after the start", started.elapsed().as_secs_f64());
        }
        self.progress.step(report)
    }

    fn validation(&mut self, report: &ValidationReport, _session: &TrainingSession) -> Result<()> {
        let line = (self.line)(report);
        self.progress.suspend(|| output::print(&line)).map_err(|error| TrainingError::Observer(error.into()))
    }
}

/// As the published program prints it that validates by epochs.
pub fn baseline_line(report: &ValidationReport) -> String {
    format!(
        "Epoch: {:>3}, Train accuracy: {:.2}%, Validate accuracy: {:.2}%\n",
        report.epoch,
        100.0 * report.train_accuracy,
        100.0 * report.accuracy
    )
}

/// As the published program prints it that validates by steps.
pub fn optimized_line(report: &ValidationReport) -> String {
    let percent = 100.0 * report.accuracy;
    let accuracy = match report.bound {
        true => format!("< {percent:.2}%"),
        false => format!("{percent:>6.2}%"),
    };
    format!(
        "Epoch: {:>3}, Iter: {:>6}, Acc_Train: {:>6.2}%, Acc_Val: {accuracy}, Time: {}{}\n",
        report.epoch,
        report.step,
        100.0 * report.train_accuracy,
        clock(report.elapsed),
        if report.improved { " improved!" } else { "" }
    )
}

fn early_stopping(steps: u64, best: f64) -> String {
    format!("Early stopping in {steps} step! And the best validation accuracy is {best:.4}.\n")
}

fn time_usage(outcome: &Outcome) -> String {
    format!("Time usage: {}\n", clock(outcome.state.elapsed))
}

pub fn test_accuracy(accuracy: f64) -> String {
    format!("Test_accuracy: {:.2}%\n", 100.0 * accuracy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn lines_read_as_the_published_programs_print_them() {
        let mut report = ValidationReport {
            step: 10,
            epoch: 0,
            train_accuracy: 0.71,
            accuracy: 0.6832,
            bound: false,
            improved: true,
            elapsed: Duration::from_millis(1800),
        };
        assert_eq!(
            optimized_line(&report),
            "Epoch:   0, Iter:     10, Acc_Train:  71.00%, Acc_Val:  68.32%, Time: 0:00:02 improved!\n"
        );
        (report.train_accuracy, report.accuracy) = (0.98, 0.9712);
        assert_eq!(baseline_line(&report), "Epoch:   0, Train accuracy: 98.00%, Validate accuracy: 97.12%\n");
        assert_eq!(
            early_stopping(9921, 0.9922),
            "Early stopping in 9921 step! And the best validation accuracy is 0.9922.\n"
        );
        assert_eq!(test_accuracy(0.9868), "Test_accuracy: 98.68%\n");
    }
}
