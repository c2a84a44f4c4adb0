//! `metrics.jsonl`: what happened in a run, one JSON object a line, written as it happens.

use super::error::{Result, TrainingError};
use super::observer::{Observer, StepReport, ValidationReport};
use super::session::TrainingSession;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

/// One line of `metrics.jsonl`. Losses are float32 values written as float64, so they read back to the same bits.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A training step.
    Step {
        /// Counted from 0.
        step: u64,
        /// Counted from 0.
        epoch: u32,
        /// Mean loss of the batch before the update.
        loss: f64,
    },
    /// A validation after `step`.
    Validation {
        /// Counted from 0.
        step: u64,
        /// Counted from 0.
        epoch: u32,
        /// On the batch just trained on, 0..=1.
        train_accuracy: f64,
        /// On the validation set, 0..=1.
        accuracy: f64,
        /// Whether the accuracy is only known to be less than `accuracy`.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        bound: bool,
        /// Better than all before.
        improved: bool,
    },
    /// The run stopped early.
    EarlyStop {
        /// Steps done.
        step: u64,
        /// Of the best validation, 0..=1.
        best_accuracy: f64,
    },
    /// The accuracy on the test set.
    Test {
        /// 0..=1.
        accuracy: f64,
        /// Name of the checkpoint it was measured on.
        checkpoint: String,
    },
}

/// Appends events to `metrics.jsonl`; an [`Observer`] for those of the loop.
#[derive(Debug)]
pub struct MetricsFile {
    path: PathBuf,
    file: File,
}

impl MetricsFile {
    /// Goes on with a file, made if need be, behind its first `bytes` bytes; what follows them is cut off, such as the half line of a
    /// process that was killed. A shorter file is warned of and goes on behind its last whole line.
    ///
    /// # Errors
    /// The file cannot be opened or cut.
    pub fn resume(path: &Path, bytes: u64) -> Result<Self> {
        let open = || -> io::Result<File> {
            let file = File::options()
                .create(true)
                .truncate(false)
                .append(true)
                .open(path)?;
            let length = file.metadata()?.len();
            if length < bytes {
                log::warn!(
                    "{} has {length} bytes where there were {bytes}: events are missing in it",
                    path.display()
                );
                let whole_lines = fs::read(path)?.iter().rposition(|&byte| byte == b'\n');
                file.set_len(whole_lines.map_or(0, |newline| newline as u64 + 1))?;
            } else {
                file.set_len(bytes)?;
            }
            Ok(file)
        };
        Ok(Self {
            path: path.to_path_buf(),
            file: open().map_err(TrainingError::file("open", path))?,
        })
    }

    /// Writes one line, at once.
    ///
    /// # Errors
    /// The file cannot be written, for example because the disk is full.
    pub fn write(&mut self, event: &Event) -> Result<()> {
        let failed = TrainingError::file("write", &self.path);
        let mut line = serde_json::to_vec(event).map_err(|error| failed(error.into()))?;
        line.push(b'\n');
        self.file.write_all(&line).map_err(failed)
    }
}

/// How far a file says that its run came.
pub(super) struct Told {
    /// Steps done.
    pub steps: u64,
    /// Whether the test was done.
    pub finished: bool,
}

/// Reads how far a run came. Lines that are no events, such as a torn one, count for nothing.
pub(super) fn told_by(path: &Path) -> io::Result<Told> {
    #[derive(Deserialize)]
    struct Kind<'a> {
        event: &'a str,
    }
    let mut told = Told {
        steps: 0,
        finished: false,
    };
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(told),
        file => file?,
    };
    for line in BufReader::new(file).split(b'\n') {
        match serde_json::from_slice(&line?) {
            Ok(Kind { event: "step" }) => told.steps += 1,
            Ok(Kind { event: "test" }) => told.finished = true,
            _ => {}
        }
    }
    Ok(told)
}

impl Observer for MetricsFile {
    fn step(&mut self, report: &StepReport) -> Result<()> {
        let StepReport { step, epoch, loss } = *report;
        self.write(&Event::Step {
            step,
            epoch,
            loss: f64::from(loss),
        })
    }

    fn validation(&mut self, report: &ValidationReport, _session: &TrainingSession) -> Result<()> {
        let ValidationReport {
            step,
            epoch,
            train_accuracy,
            improved,
            ..
        } = *report;
        let (accuracy, bound) = (report.accuracy.value(), report.accuracy.is_bound());
        self.write(&Event::Validation {
            step,
            epoch,
            train_accuracy,
            accuracy,
            bound,
            improved,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resumed_file_loses_what_came_after_and_half_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let event = Event::Test {
            accuracy: 0.5,
            checkpoint: String::new(),
        };
        let resume = |text: &str, bytes| {
            fs::write(&path, text).unwrap();
            MetricsFile::resume(&path, bytes).unwrap().write(&event).unwrap();
            let text = fs::read_to_string(&path).unwrap();
            text.lines().next().unwrap().to_owned() + &text.lines().count().to_string()
        };
        assert_eq!(resume("one\ntwo\nthr", 4), "one2");
        assert_eq!(resume("one\ntwo\nthr", 100), "one3");
        assert!(resume("thr", 100).ends_with("}1"));
    }

    #[test]
    fn lines_are_as_documented() {
        let loss = 2.320_276_3_f32;
        let line = serde_json::to_string(&Event::Step {
            step: 0,
            epoch: 0,
            loss: f64::from(loss),
        })
        .unwrap();
        assert_eq!(
            line,
            r#"{"event":"step","step":0,"epoch":0,"loss":2.3202762603759766}"#
        );
        let line = serde_json::to_string(&Event::EarlyStop {
            step: 9921,
            best_accuracy: 0.9922,
        })
        .unwrap();
        assert_eq!(
            line,
            r#"{"event":"early_stop","step":9921,"best_accuracy":0.9922}"#
        );
        let line = serde_json::to_string(&Event::Test {
            accuracy: 0.9894,
            checkpoint: "model.ckpt-7920".into(),
        });
        assert_eq!(
            line.unwrap(),
            r#"{"event":"test","accuracy":0.9894,"checkpoint":"model.ckpt-7920"}"#
        );
    }
}
