//! `metrics.jsonl`: what happened in a run, one JSON object a line, written as it happens.

use super::{METRICS, if_there};
use crate::staging;
use crate::staging::regular_file;
use crate::training::error::{Result, TrainingError};
use crate::training::observer::{Observer, StepReport, ValidationReport};
use crate::training::session::TrainingSession;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// One line of `metrics.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A training step.
    Step(StepReport),
    /// A validation.
    Validation(ValidationReport),
    /// The run stopped early.
    EarlyStop {
        /// Steps done.
        step: u64,
        /// Of the best validation, 0..=1.
        best_accuracy: f64,
    },
    /// The loss was no longer finite, so that the run ended.
    Diverged {
        /// Counted from 0.
        step: u64,
    },
    /// Workers were lost, and the run went on from its last saved state.
    WorkerLost {
        /// The steps of that state.
        step: u64,
        /// Their addresses; none where it is not known which.
        workers: Vec<String>,
    },
    /// The accuracy on the test set.
    Test {
        /// 0..=1.
        accuracy: f64,
        /// Name of the checkpoint it was measured on.
        checkpoint: String,
    },
}

/// More bytes than any run tells.
const MOST_BYTES: u64 = 1 << 30;

impl Event {
    /// The events of the run in the folder `run` so far, none if there is no such file; and the numbers, from 1, of the lines
    /// that are no events. The half line of a process that is at work, or was killed, is none of either.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read_all(run: &Path) -> Result<(Vec<Self>, Vec<usize>)> {
        let path = run.join(METRICS);
        let (mut events, mut unread) = (Vec::new(), Vec::new());
        for line in read(&path).map_err(TrainingError::file("read", &path))? {
            match line.event {
                Some(event) => events.push(event),
                None if line.is_damaged => unread.push(line.number),
                None => {}
            }
        }
        Ok((events, unread))
    }
}

/// A line of a file of events.
pub(super) struct Line {
    /// Counted from 1.
    number: usize,
    /// Whether it has an end, and tells of no event at all: a process that is at work, or was killed, leaves half a line, and
    /// a newer version may know other events.
    is_damaged: bool,
    /// What it tells, if it is an event.
    pub event: Option<Event>,
}

/// The lines of a file; none if there is no such file.
pub(super) fn read(path: &Path) -> io::Result<Vec<Line>> {
    let mut text = Vec::new();
    if let Some(file) = if_there(regular_file::open(path))? {
        file.take(MOST_BYTES).read_to_end(&mut text)?;
    }
    let numbered = text.split_inclusive(|&byte| byte == b'\n').zip(1..);
    let lines = numbered.flat_map(|(ended, number)| {
        lines(ended).map(move |line| {
            let tells = || serde_json::from_slice::<Told>(line).is_ok_and(|told| told.event.is_some());
            let is_damaged = ended.ends_with(b"\n") && !tells();
            Line { number, is_damaged, event: serde_json::from_slice(line).ok() }
        })
    });
    Ok(lines.collect())
}

/// Appends events to `metrics.jsonl`; an [`Observer`] for those of the loop.
#[derive(Debug)]
pub struct MetricsFile {
    path: PathBuf,
    file: File,
}

impl MetricsFile {
    /// Goes on with the file of a run of which `steps` steps are done, made if need be, behind its first `bytes` bytes;
    /// what follows them is cut off, such as the half line of a process that was killed. A file that an editor or a copy
    /// gave other line ends gets its own again, and goes on behind the same event. A shorter file is warned of.
    ///
    /// # Errors
    /// The file cannot be opened, written or cut, or there are no events in it any more.
    pub fn resume(path: &Path, bytes: u64, steps: u64) -> Result<Self> {
        let open = || -> io::Result<File> {
            let text = if_there(regular_file::read(path))?.unwrap_or_default();
            let happened = match as_written(&text, bytes) {
                Some(written) => written.to_vec(),
                None => happened(&text, steps)?,
            };
            if !text.starts_with(&happened) {
                staging::write(path, &happened)?;
            }
            let length = happened.len() as u64;
            if length < bytes {
                log::warn!(
                    "{} has {length} bytes where there were {bytes}: events are missing in it",
                    path.display()
                );
            }
            let file = File::options().create(true).truncate(false).append(true).open(path)?;
            file.set_len(length)?;
            Ok(file)
        };
        Ok(Self { path: path.to_path_buf(), file: open().map_err(TrainingError::file("go on with", path))? })
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

/// What every line tells, also one of a newer version.
#[derive(Deserialize)]
struct Told {
    event: Option<String>,
    step: Option<u64>,
}

/// What some editors begin a file with.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The lines of a file, whatever they end with.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let lines = text.split(|byte| b"\r\n".contains(byte));
    lines.filter(|line| !line.is_empty())
}

/// The first `bytes` bytes, or all whole lines of fewer; none if they are not as they were written.
fn as_written(text: &[u8], bytes: u64) -> Option<&[u8]> {
    let whole = || text.iter().rposition(|&byte| byte == b'\n').map_or(&[][..], |newline| &text[..=newline]);
    let written = usize::try_from(bytes).ok().and_then(|bytes| text.get(..bytes)).unwrap_or_else(whole);
    let was_changed = text.starts_with(BYTE_ORDER_MARK)
        || text.contains(&b'\r')
        || written.windows(2).any(|two| two == b"\n\n")
        || written.last().is_some_and(|&byte| byte != b'\n');
    (!was_changed).then_some(written)
}

/// The file as it was after `steps` steps, from what is left of it.
fn happened(text: &[u8], steps: u64) -> io::Result<Vec<u8>> {
    let told = |line| Some((line, serde_json::from_slice::<Told>(line).ok()?));
    let mut told = lines(text).filter_map(told).peekable();
    if steps > 0 && told.peek().is_none() && !text.is_empty() {
        let why = "there are no events in it any more; put it right, or move it away";
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    // The test concludes a run, and is done anew.
    let happened = told.take_while(|(_, told)| {
        told.event.as_deref() != Some("test") && told.step.is_none_or(|step| step < steps)
    });
    Ok(happened.flat_map(|(line, _)| [line, b"\n"]).flatten().copied().collect())
}

impl Observer for MetricsFile {
    fn step(&mut self, report: &StepReport) -> Result<()> {
        self.write(&Event::Step(*report))
    }

    fn validation(&mut self, report: &ValidationReport, _session: &TrainingSession) -> Result<()> {
        self.write(&Event::Validation(*report))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_resumed_file_loses_what_came_after_and_half_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let steps = [0, 1, 2]
            .map(|step| format!("{{\"event\":\"step\",\"step\":{step},\"epoch\":0,\"loss\":2.5}}\n"));
        let happened = steps[..2].concat();
        for (text, left) in [
            (steps.concat(), &*happened),
            (format!("{happened}{{\"eve"), &happened),
            (format!("{}{{\"eve", steps[0]), &steps[0]),
            (format!("{}{{\"eve\n{}", steps[0], steps[1]), &happened),
            // As many bytes as there were, one of them rotten: not this program's to delete.
            (happened.replacen("loss", "l\0ss", 1) + &steps[2], &happened.replacen("loss", "l\0ss", 1)),
            (String::new(), ""),
        ] {
            fs::write(&path, text).unwrap();
            MetricsFile::resume(&path, happened.len() as u64, 2).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), left);
        }
    }

    /// As it is where a worker was lost before the first step.
    #[test]
    fn any_event_may_be_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let lost = serde_json::to_string(&Event::WorkerLost { step: 0, workers: Vec::new() }).unwrap();
        fs::write(&path, lost + "\n{\"event\":\"x\"}").unwrap();
        let are_events: Vec<_> = read(&path).unwrap().iter().map(|line| line.event.is_some()).collect();
        assert_eq!(are_events, [true, false]);
    }

    #[test]
    fn lines_are_as_documented() {
        let report = StepReport { step: 0, epoch: 0, loss: f64::from(2.320_276_3_f32) };
        let events = [
            Event::Step(report),
            Event::EarlyStop { step: 9921, best_accuracy: 0.9922 },
            Event::Test { accuracy: 0.9894, checkpoint: "model.ckpt-7920".into() },
        ];
        let lines = [
            r#"{"event":"step","step":0,"epoch":0,"loss":2.3202762603759766}"#,
            r#"{"event":"early_stop","step":9921,"best_accuracy":0.9922}"#,
            r#"{"event":"test","accuracy":0.9894,"checkpoint":"model.ckpt-7920"}"#,
        ];
        assert_eq!(events.map(|event| serde_json::to_string(&event).unwrap()), lines);
    }
}
