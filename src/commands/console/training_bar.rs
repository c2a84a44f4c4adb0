//! How far a run is: a bar on a terminal, a line now and then elsewhere.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};
use tf_mnist::training::{Observer, Result, StepReport};

/// Shows steps, loss, steps a second and the time left on stderr.
#[derive(Debug)]
pub struct TrainingBar {
    total: u64,
    from: u64,
    started: Instant,
    shown: Instant,
    /// What is said of where it runs, behind the rest.
    place: String,
    /// Hidden where there is no terminal, or nothing to be shown.
    bar: ProgressBar,
    writes_lines: bool,
}

const BAR_EVERY: Duration = Duration::from_millis(100);
const LINE_EVERY: Duration = Duration::from_secs(10);

impl TrainingBar {
    /// A display for a run of at most `total` steps, of which `done` were done before, in `place` if that is worth a word; with
    /// `quiet` it shows nothing.
    pub fn new(total: u64, done: u64, place: Option<String>, quiet: bool) -> Self {
        let is_terminal = io::stderr().is_terminal();
        let bar = if is_terminal && !quiet { bar(total, done) } else { ProgressBar::hidden() };
        let place = place.map(|place| format!(", {place}")).unwrap_or_default();
        let writes_lines = !is_terminal && !quiet;
        Self { total, from: done, started: Instant::now(), shown: Instant::now(), place, bar, writes_lines }
    }

    /// Runs `print`, which writes to the terminal, with the bar out of its way.
    pub fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

fn bar(total: u64, done: u64) -> ProgressBar {
    let bar = ProgressBar::new(total).with_position(done);
    bar.reset_eta(); // steps done before say nothing of the speed
    let template = "{bar:30} {pos}/{len} steps  {msg}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━━ "));
    }
    bar
}

impl Observer for TrainingBar {
    fn step(&mut self, report: &StepReport) -> Result<()> {
        let done = report.step + 1;
        let waited = self.shown.elapsed();
        if self.writes_lines && waited >= LINE_EVERY {
            let rate = (done - self.from.min(done)) as f64 / self.started.elapsed().as_secs_f64();
            let left = (self.total.saturating_sub(done)) as f64 / rate;
            let left = clock(Duration::from_secs_f64(left));
            // A stderr that cannot be written must not end a run.
            let _ = writeln!(
                io::stderr(),
                "step {done}/{}, loss {:.4}, {rate:.0} steps/s, {left} left{}",
                self.total,
                report.loss,
                self.place
            );
        } else if !self.writes_lines && (waited >= BAR_EVERY || done == self.total) {
            let rate = self.bar.per_sec();
            let left = clock(self.bar.eta());
            let place = &self.place;
            self.bar.set_message(format!("loss {:.4}  {rate:.0} steps/s  {left} left{place}", report.loss));
            self.bar.set_position(done);
        } else {
            return Ok(());
        }
        self.shown = Instant::now();
        Ok(())
    }
}

/// A duration as Python's `timedelta` prints whole seconds: `0:01:02`.
pub fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs_f64().round() as u64;
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_python_prints_them() {
        assert_eq!(clock(Duration::from_millis(62_400)), "0:01:02");
        assert_eq!(clock(Duration::from_millis(62_500)), "0:01:03");
        assert_eq!(clock(Duration::from_secs(36_000)), "10:00:00");
    }
}
