//! One file of events: TFRecords, each an `Event`.

use super::proto::{Event, Values};
use super::summary::Summary;
use crate::staging::regular_file;
use prost::Message;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::time::SystemTime;
use tensorflow::io::RecordWriter;

/// What the name of every event file begins with.
const PREFIX: &str = "events.out.tfevents.";
/// What tells our own files from those of others.
const WRITER: &str = "tf-mnist";

/// A file of events that is being written, each at once: a process that is killed leaves all that it told.
#[derive(Debug)]
pub struct EventFile {
    path: PathBuf,
    file: File,
}

impl EventFile {
    /// Makes a file in `folder` that TensorBoard reads after those that are there, and for which it forgets what they say
    /// of `step` and all later steps: a run that goes on does so from there.
    ///
    /// # Errors
    /// The file cannot be made or written.
    pub fn create(folder: &Path, step: u64) -> io::Result<Self> {
        // TensorBoard goes by the order of the names.
        let seconds =
            |path: &PathBuf| path.file_name()?.to_str()?[PREFIX.len()..].split('.').next()?.parse().ok();
        let last: Option<u64> = files(folder)?.iter().filter_map(seconds).max();
        let seconds = (now() as u64).max(last.map_or(0, |last| last.saturating_add(1)));
        let host = rustix::system::uname().nodename().to_string_lossy().replace(['/', '\0'], "_");
        let path = folder.join(format!("{PREFIX}{seconds:010}.{host}.{}.0", process::id()));
        let mut file = Self { file: File::create_new(&path)?, path };
        let version = Event {
            file_version: Some("brain.Event:2".to_owned()),
            source_metadata: Some(WRITER.to_owned()),
            ..Event::default()
        };
        let begin = Event { step: step as i64, session_log: Some(1), ..Event::default() };
        let begun = file.write(version).and_then(|()| file.write(begin));
        if begun.is_err() {
            let _ = fs::remove_file(&file.path); // nobody would know whose it is
        }
        begun.map(|()| file)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The graph, for the tab of that name: a serialized `GraphDef`.
    ///
    /// # Errors
    /// The file cannot be written, for example because the disk is full.
    pub fn graph(&mut self, graph_def: Vec<u8>) -> io::Result<()> {
        self.write(Event { graph_def: Some(graph_def), ..Event::default() })
    }

    /// What is known after `step`, counted from 0.
    ///
    /// # Errors
    /// As [`graph`](Self::graph).
    pub fn summaries(&mut self, step: u64, summaries: Vec<Summary>) -> io::Result<()> {
        let value = summaries.into_iter().map(|Summary(value)| value).collect();
        self.write(Event { step: step as i64, summary: Some(Values { value }), ..Event::default() })
    }

    fn write(&mut self, event: Event) -> io::Result<()> {
        let event = Event { wall_time: now(), ..event };
        let mut record = Vec::new();
        let written = RecordWriter::new(&mut record).write_record(&event.encode_to_vec());
        written.map_err(io::Error::other)?;
        self.file.write_all(&record)
    }

    /// The event files in `folder` that this program wrote.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn own_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
        Ok(files(folder)?.into_iter().filter(|path| Self::is_own(path)).collect())
    }

    fn is_own(path: &Path) -> bool {
        // A record: its length, a checksum of that, and what it holds. The first has some 50 bytes.
        let read = || -> Option<Event> {
            let mut record = Vec::new();
            regular_file::open(path).ok()?.take(256).read_to_end(&mut record).ok()?;
            let length = usize::try_from(u64::from_le_bytes(record.get(..8)?.try_into().ok()?)).ok()?;
            Event::decode(record.get(12..)?.get(..length)?).ok()
        };
        let is_ours = |event: Event| event.source_metadata.is_some_and(|writer| writer == WRITER);
        // A run writes no links.
        path.symlink_metadata().is_ok_and(|there| there.is_file()) && read().is_some_and(is_ours)
    }
}

/// The event files of a folder.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX)) {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// Seconds since 1970.
pub(super) fn now() -> f64 {
    SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs_f64()
}
