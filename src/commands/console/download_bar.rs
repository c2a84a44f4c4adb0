//! Downloads on stderr: a bar on a terminal, lines elsewhere, nothing with -q.

use crate::cli::GlobalArgs;
use crate::commands::output;
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tf_mnist::fetch::Progress;

/// The display that the options ask for.
pub fn progress(options: &GlobalArgs) -> Transfers {
    Transfers { quiet: options.quiet, current: Mutex::default() }
}

/// One transfer at a time; notes appear above its bar, which is hidden where there is no terminal.
pub struct Transfers {
    quiet: bool,
    current: Mutex<Option<ProgressBar>>,
}

const WITH_TOTAL: &str = "{prefix:26} [{bar:30}] {bytes:>10} of {total_bytes}, {bytes_per_sec}, {eta} left";
const WITHOUT_TOTAL: &str = "{prefix:26} {spinner} {bytes:>10}, {bytes_per_sec}, {elapsed}";
const UNCOUNTED: &str = "{prefix:26} {spinner} {elapsed}";

/// Smaller transfers are over before a line about their middle would help.
const WORTH_TENTHS: u64 = 16 << 20;

fn styled(template: &str) -> ProgressStyle {
    // The templates above are sound; a slip in one must not cost a download.
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

impl Transfers {
    /// A thread that panicked while it reported leaves the report usable.
    fn current(&self) -> MutexGuard<'_, Option<ProgressBar>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, line: &str) {
        if !self.quiet {
            output::notice(line);
        }
    }
}

impl Progress for Transfers {
    fn start(&self, label: &str, total: Option<u64>) {
        let target = if self.quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(total, target).with_prefix(label.to_owned());
        bar.set_style(styled(if total.is_some() { WITH_TOTAL } else { UNCOUNTED }));
        match (bar.is_hidden(), total) {
            (false, _) => bar.enable_steady_tick(Duration::from_millis(120)),
            (true, Some(total)) => self.tell(&format!("{label}: {}", HumanBytes(total))),
            (true, None) => self.tell(label),
        }
        if let Some(earlier) = self.current().replace(bar) {
            earlier.finish_and_clear();
        }
    }

    fn position(&self, bytes: u64) {
        let current = self.current();
        let Some(bar) = &*current else { return };
        let (before, total) = (bar.position(), bar.length());
        if total.is_none() && before == 0 && bytes > 0 {
            bar.set_style(styled(WITHOUT_TOTAL));
        }
        bar.set_position(bytes);
        if let Some(total) = total.filter(|&total| total >= WORTH_TENTHS && bar.is_hidden()) {
            let [before, now] = [before, bytes].map(|bytes| bytes.saturating_mul(10) / total);
            if before < now && now < 10 {
                self.tell(&format!("{}: {now}0%", bar.prefix()));
            }
        }
    }

    fn finish(&self) {
        let Some(bar) = self.current().take() else { return };
        if bar.is_hidden() {
            let bytes = match bar.position() {
                0 => String::new(),
                bytes => format!("{} in ", HumanBytes(bytes)),
            };
            self.tell(&format!("{}: {bytes}{:.1} s", bar.prefix(), bar.elapsed().as_secs_f32()));
        }
        bar.finish_and_clear();
    }

    fn note(&self, message: &str) {
        match &*self.current() {
            Some(bar) => bar.suspend(|| self.tell(message)),
            None => self.tell(message),
        }
    }
}
