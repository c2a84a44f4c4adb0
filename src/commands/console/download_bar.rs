//! Downloads on stderr: a bar on a terminal, lines elsewhere, nothing with -q.

use crate::cli::GlobalArgs;
use crate::commands::output;
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tf_mnist::fetch::{Progress, Silent};

/// The display that suits the options and where stderr goes.
pub fn progress(options: &GlobalArgs) -> Box<dyn Progress> {
    if options.quiet {
        Box::new(Silent)
    } else if io::stderr().is_terminal() {
        Box::new(Bar::default())
    } else {
        Box::new(Lines::default())
    }
}

/// One bar at a time; notes appear above it.
#[derive(Default)]
struct Bar {
    current: Mutex<Option<ProgressBar>>,
}

const WITH_TOTAL: &str = "{prefix:26} [{bar:30}] {bytes:>10} of {total_bytes}, {bytes_per_sec}, {eta} left";
const WITHOUT_TOTAL: &str = "{prefix:26} {spinner} {bytes:>10}, {bytes_per_sec}, {elapsed}";
const UNCOUNTED: &str = "{prefix:26} {spinner} {elapsed}";

fn styled(template: &str) -> ProgressStyle {
    // The templates above are sound; a slip in one must not cost a download.
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

impl Progress for Bar {
    fn start(&self, label: &str, total_bytes: Option<u64>) {
        let bar = match total_bytes {
            Some(total) => ProgressBar::new(total).with_style(styled(WITH_TOTAL)),
            None => ProgressBar::new_spinner().with_style(styled(UNCOUNTED)),
        };
        bar.set_draw_target(ProgressDrawTarget::stderr());
        bar.set_prefix(label.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        if let Some(earlier) = locked(&self.current).replace(bar) {
            earlier.finish_and_clear();
        }
    }

    fn position(&self, bytes: u64) {
        if let Some(bar) = &*locked(&self.current) {
            if bar.length().is_none() && bar.position() == 0 && bytes > 0 {
                bar.set_style(styled(WITHOUT_TOTAL));
            }
            bar.set_position(bytes);
        }
    }

    fn finish(&self) {
        if let Some(bar) = locked(&self.current).take() {
            bar.finish_and_clear();
        }
    }

    fn note(&self, message: &str) {
        match &*locked(&self.current) {
            Some(bar) => bar.suspend(|| output::notice(message)),
            None => output::notice(message),
        }
    }
}

/// A line at the start, at each tenth of a large transfer, and at the end.
#[derive(Default)]
struct Lines {
    current: Mutex<Option<Transfer>>,
}

struct Transfer {
    label: String,
    total: Option<u64>,
    begun: Instant,
    bytes: u64,
    tenths: u64,
}

/// Smaller transfers are over before a line about their middle would help.
const WORTH_TENTHS: u64 = 16 << 20;

impl Progress for Lines {
    fn start(&self, label: &str, total: Option<u64>) {
        match total {
            Some(total) => output::notice(&format!("{label}: {}", HumanBytes(total))),
            None => output::notice(label),
        }
        *locked(&self.current) =
            Some(Transfer { label: label.to_owned(), total, begun: Instant::now(), bytes: 0, tenths: 0 });
    }

    fn position(&self, bytes: u64) {
        if let Some(transfer) = &mut *locked(&self.current) {
            transfer.bytes = bytes;
            let Some(total) = transfer.total.filter(|&total| total >= WORTH_TENTHS) else {
                return;
            };
            let tenths = bytes.saturating_mul(10) / total;
            if tenths > transfer.tenths && tenths < 10 {
                output::notice(&format!("{}: {}0%", transfer.label, tenths));
            }
            transfer.tenths = tenths;
        }
    }

    fn finish(&self) {
        if let Some(transfer) = locked(&self.current).take() {
            let seconds = transfer.begun.elapsed().as_secs_f32();
            match transfer.bytes {
                0 => output::notice(&format!("{}: {seconds:.1} s", transfer.label)),
                bytes => {
                    output::notice(&format!("{}: {} in {seconds:.1} s", transfer.label, HumanBytes(bytes)))
                }
            }
        }
    }

    fn note(&self, message: &str) {
        output::notice(message);
    }
}

/// A thread that panicked while it reported leaves the report usable.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
