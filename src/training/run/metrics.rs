//! `metrics.jsonl`: what happened in a run, one JSON object a line, written as it happens.

use super::layout::{METRICS, if_there};
use crate::staging;
use crate::staging::regular_file;
use crate::training::error::{Result, TrainingError};
use crate::training::observer::{Observer, StepReport, ValidationReport};
use crate::training::session::TrainingSession;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
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
        let text = read(&path).map_err(TrainingError::file("read", &path))?;
        let (mut events, mut unread) = (Vec::new(), Vec::new());
        for (number, ended) in text.split_inclusive(|&byte| byte == b'\n').enumerate() {
            for line in lines(ended) {
                match serde_json::from_slice(line) {
                    Ok(event) => events.push(event),
                    Err(_) if ended.ends_with(b"\n") => unread.push(number + 1),
                    Err(_) => {}
                }
            }
        }
        Ok((events, unread))
    }
}

/// What a file tells, as far as any run does; nothing if there is no such file.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    if let Some(file) = if_there(regular_file::open(path))? {
        file.take(MOST_BYTES).read_to_end(&mut text)?;
    }
    Ok(text)
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
    /// gave other line ends gets its own again, and goes on behind the same event. A shorter file is warned of and goes on
    /// behind its last whole line.
    ///
    /// # Errors
    /// The file cannot be opened, written or cut, or there are no events in it any more.
    pub fn resume(path: &Path, bytes: u64, steps: u64) -> Result<Self> {
        let open = || -> io::Result<File> {
            let text = if_there(regular_file::read(path))?.unwrap_or_default();
            let length = match was_changed(&text, bytes) {
                true => {
                    let text = as_written(&text, steps)?;
                    staging::write(path, &text)?;
                    text.len() as u64
                }
                false if (text.len() as u64) < bytes => {
                    let newline = text.iter().rposition(|&byte| byte == b'\n');
                    newline.map_or(0, |newline| newline as u64 + 1)
                }
                false => bytes,
            };
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

/// What some editors begin a file with.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// What every line tells.
#[derive(Deserialize)]
struct Told<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
    step: Option<u64>,
}

/// The lines of a file, whatever they end with.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let lines = text.split(|byte| b"\r\n".contains(byte));
    lines.filter(|line| !line.is_empty())
}

/// Whether the first `bytes` bytes are not those that were written.
fn was_changed(text: &[u8], bytes: u64) -> bool {
    let last = bytes.checked_sub(1).and_then(|last| text.get(usize::try_from(last).ok()?));
    let blank = text.contains(&b'\r') || text.windows(2).any(|two| two == b"\n\n");
    blank || text.starts_with(BYTE_ORDER_MARK) || last.is_some_and(|&byte| byte != b'\n')
}

/// The file as it was after `steps` steps, from what is left of it.
fn as_written(text: &[u8], steps: u64) -> io::Result<Vec<u8>> {
    let is_json = |line: &&[u8]| serde_json::from_slice::<IgnoredAny>(line).is_ok();
    let happened = |line: &&[u8]| match serde_json::from_slice::<Told>(line) {
        Ok(told) => told.event != "test" && told.step.is_none_or(|step| step < steps),
        Err(_) => true,
    };
    let mut sound = lines(text).filter(is_json).peekable();
    if steps > 0 && sound.peek().is_none() && !text.is_empty() {
        let why = "there are no events in it any more; put it right, or move it away";
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    Ok(sound.take_while(happened).flat_map(|line| [line, b"\n"]).flatten().copied().collect())
}

/// What a file says of its run.
pub(in crate::training) struct Account {
    /// Steps done.
    pub steps: u64,
    /// Whether the test was done.
    pub finished: bool,
    /// Whether its first line is an event.
    pub begins_with_event: bool,
    /// Whether there is nothing in it.
    pub is_empty: bool,
}

/// Reads how far a run came. Lines that are no events, such as a torn one, count for nothing.
pub(in crate::training) fn account(path: &Path) -> io::Result<Account> {
    let text = read(path)?;
    let mut account =
        Account { steps: 0, finished: false, begins_with_event: false, is_empty: text.is_empty() };
    for (number, line) in lines(&text).enumerate() {
        let Ok(event) = serde_json::from_slice(line) else {
            continue;
        };
        account.begins_with_event |= number == 0;
        account.steps += u64::from(matches!(event, Event::Step(_)));
        account.finished |= matches!(event, Event::Test { .. });
    }
    Ok(account)
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
        let event = Event::Test { accuracy: 0.5, checkpoint: String::new() };
        let resume = |text: &str, bytes| {
            fs::write(&path, text).unwrap();
            MetricsFile::resume(&path, bytes, 2).unwrap().write(&event).unwrap();
            let text = fs::read_to_string(&path).unwrap();
            text.lines().next().unwrap().to_owned() + &text.lines().count().to_string()
        };
        assert_eq!(resume("one\ntwo\nthr", 4), "one2");
        assert_eq!(resume("one\ntwo\nthr", 100), "one3");
        assert!(resume("thr", 100).ends_with("}1"));
    }

    /// As it is where a worker was lost before the first step.
    #[test]
    fn any_event_may_be_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let lost = serde_json::to_string(&Event::WorkerLost { step: 0, workers: Vec::new() }).unwrap();
        for (text, is_event) in [(lost.as_str(), true), (r#"{"event":"x"}"#, false)] {
            fs::write(&path, text).unwrap();
            assert_eq!(account(&path).unwrap().begins_with_event, is_event, "{text}");
        }
    }

    #[test]
    fn lines_are_as_documented() {
        let loss = 2.320_276_3_f32;
        let report = StepReport { step: 0, epoch: 0, loss: f64::from(loss) };
        let line = serde_json::to_string(&Event::Step(report)).unwrap();
        assert_eq!(line, r#"{"event":"step","step":0,"epoch":0,"loss":2.3202762603759766}"#);
        let line = serde_json::to_string(&Event::EarlyStop { step: 9921, best_accuracy: 0.9922 }).unwrap();
        assert_eq!(line, r#"{"event":"early_stop","step":9921,"best_accuracy":0.9922}"#);
        let line =
            serde_json::to_string(&Event::Test { accuracy: 0.9894, checkpoint: "model.ckpt-7920".into() });
        assert_eq!(line.unwrap(), r#"{"event":"test","accuracy":0.9894,"checkpoint":"model.ckpt-7920"}"#);
    }
}
