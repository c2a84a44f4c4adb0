//! A run on the screen: the published lines on stdout; on stderr how far it is, a bar on a terminal and elsewhere a line now
//! and then.

use crate::commands::output;
use indicatif::{ProgressBar, ProgressStyle};
use std::time::{Duration, Instant};
use tf_mnist::training::{
    Ending, Observer, Outcome, Result, StepReport, TrainingError, TrainingSession, ValidationReport,
};

/// What is printed of a validation.
pub type Line = fn(&ValidationReport) -> String;

pub struct Console {
    line: Line,
    /// Since when the first step is waited for.
    waiting_since: Option<Instant>,
    /// Hidden where there is no terminal, or nothing to be shown.
    bar: ProgressBar,
    /// When steps were told of last, and how often they are.
    told: Instant,
    every: Duration,
    /// What is said of where it runs, behind the rest.
    place: String,
}

impl Console {
    /// A console for a program that started at `started`, and a run of at most `total` steps, of which `done` were done before, in
    /// `place` if that is worth a word; with `quiet` it shows no progress.
    pub fn new(
        line: Line,
        started: Instant,
        [done, total]: [u64; 2],
        place: Option<String>,
        quiet: bool,
    ) -> Self {
        let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new(total) }.with_position(done);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {msg}") {
            bar.set_style(style.progress_chars("━━ "));
        }
        // Steps done before say nothing of the speed.
        bar.tick();
        bar.reset_eta();
        let every = match (quiet, bar.is_hidden()) {
            (true, _) => Duration::MAX,
            (false, true) => Duration::from_secs(10),
            (false, false) => Duration::from_millis(100),
        };
        let place = place.map(|place| format!(", {place}")).unwrap_or_default();
        Self { line, waiting_since: Some(started), bar, told: Instant::now(), every, place }
    }

    /// The lines that the published programs end with; takes the bar away.
    pub fn finish(&self, outcome: &Outcome) -> anyhow::Result<()> {
        self.bar.finish_and_clear();
        log::debug!(
            "{} steps done, training took {:.3} s",
            outcome.state.step,
            outcome.state.elapsed.as_secs_f64()
        );
        if let (Ending::EarlyStopped, Some(best)) = (outcome.ending, outcome.state.best) {
            output::print(&early_stopping(outcome.state.step, best.accuracy))?;
        }
        output::print(&format!("Time usage: {}\n", clock(outcome.state.elapsed)))
    }
}

impl Observer for Console {
    fn step(&mut self, report: &StepReport) -> Result<()> {
        if let Some(started) = self.waiting_since.take() {
            log::debug!("first step done {:.3} s after the start", started.elapsed().as_secs_f64());
        }
        if self.told.elapsed() < self.every {
            return Ok(());
        }
        self.told = Instant::now();
        let (done, loss, place) = (report.step + 1, report.loss, &self.place);
        self.bar.set_position(done);
        let (total, rate) = (self.bar.length().unwrap_or(done), self.bar.per_sec());
        let left = clock(self.bar.eta());
        let told = format!("step {done}/{total}, loss {loss:.4}, {rate:.0} steps/s, {left} left{place}");
        match self.bar.is_hidden() {
            true => output::notice(&told),
            false => self.bar.set_message(told),
        }
        Ok(())
    }

    fn validation(&mut self, report: &ValidationReport, _session: &TrainingSession) -> Result<()> {
        let line = (self.line)(report);
        self.bar.suspend(|| output::print(&line)).map_err(|error| TrainingError::Observer(error.into()))
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

pub fn test_accuracy(accuracy: f64) -> String {
    format!("Test_accuracy: {:.2}%\n", 100.0 * accuracy)
}

/// A duration as Python's `timedelta` prints whole seconds: `0:01:02`.
fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs_f64().round() as u64;
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn steps_done_before_say_nothing_of_the_speed() {
        let mut console = Console::new(baseline_line, Instant::now(), [1 << 40, 1 << 41], None, false);
        console.every = Duration::from_millis(1);
        std::thread::sleep(Duration::from_millis(20));
        console.step(&StepReport { step: 1 << 40, epoch: 0, loss: 0.5 }).unwrap();
        assert!(console.bar.per_sec() < 1000.0, "{}", console.bar.per_sec());
    }

    #[test]
    fn durations_read_as_python_prints_them() {
        for (millis, expected) in [(62_400, "0:01:02"), (62_500, "0:01:03"), (36_000_000, "10:00:00")] {
            assert_eq!(clock(Duration::from_millis(millis)), expected);
        }
    }

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
