//! Saving the state of a run every so many steps, aside of its checkpoints.

use super::states::{self, KEPT, RunState, STATE, SavedState, VARIABLES};
use super::{METRICS, RESUME, if_there};
use crate::graph::{CheckpointManager, GraphError};
use crate::staging::{self, Aside};
use crate::tensorboard::EventFile;
use crate::training::error::{Result, TrainingError};
use crate::training::observer::{Observer, TrainingState};
use crate::training::session::TrainingSession;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// As many states as are kept: should the newest be damaged, there is one before it.
const KEPT_STATES: usize = 2;

/// Saves what a run is continued from, as Keras's callback of that name does; here the continued run is the same run.
///
/// A state takes force by one rename, when every byte of it is on the disk: a process killed at any moment, or a disk
/// that fills up, leaves the state before it. It must stand last among the observers, as it saves what they wrote.
#[derive(Debug)]
pub struct BackupAndRestore {
    run: PathBuf,
    every: u64,
    saved: Option<SavedState>,
}

impl BackupAndRestore {
    /// Saves into the run folder `run` after every `every` steps; 0: only when told to. `restored` is the state that
    /// the run goes on from, if any.
    pub fn new(run: &Path, every: u64, restored: Option<&SavedState>) -> Self {
        Self { run: run.to_path_buf(), every, saved: restored.cloned() }
    }

    /// Saves the state, unless that of this very step is there already.
    ///
    /// # Errors
    /// A file cannot be written; the state before is still in force.
    pub fn save(&mut self, state: &TrainingState, session: &TrainingSession) -> Result<()> {
        if self.saved.as_ref().is_none_or(|saved| saved.state.step != state.step) {
            self.saved = Some(self.write(state, session)?);
            self.prune();
        }
        Ok(())
    }

    /// Notes that the run went to its end, the test included. To be called after [`save`](Self::save).
    ///
    /// # Errors
    /// The file cannot be written; the run then counts as not finished.
    pub fn mark_finished(&mut self) -> Result<()> {
        let Some(SavedState { folder, state }) = &mut self.saved else {
            return Ok(());
        };
        state.finished = true;
        let path = folder.join(STATE);
        let written = state.to_json().map_err(Into::into).and_then(|text| staging::write(&path, &text));
        written.map_err(TrainingError::file("write", &path))
    }

    /// Writes the whole state into a folder aside, then renames that.
    fn write(&self, state: &TrainingState, session: &TrainingSession) -> Result<SavedState> {
        let states = self.run.join(RESUME);
        let metrics = self.run.join(METRICS);
        let metrics_bytes = synced_length(&metrics).map_err(TrainingError::file("sync", &metrics))?;
        let events = EventFile::own_in(&self.run).map_err(TrainingError::file("read", &self.run))?;
        if let Some(newest) = events.iter().max() {
            synced_length(newest).map_err(TrainingError::file("sync", newest))?;
        }
        let state = RunState {
            step: state.step,
            best: state.best,
            elapsed_seconds: state.elapsed.as_secs_f64(),
            metrics_bytes,
            checkpoints: CheckpointManager::names_in(&self.run)?,
            finished: false,
        };

        staging::create_folders(&states).map_err(TrainingError::file("create", &states))?;
        let failed = TrainingError::file("save the state", &states.join(format!("step-{:08}", state.step)));
        let aside = Aside::folder_in(&states).map_err(&failed)?;
        let saved = session.network.saver.save(&session.session, aside.path().join(VARIABLES));
        saved.map_err(|error| match error {
            GraphError::Save { cause, .. } => failed(cause),
            other => other.into(),
        })?;
        self.write_rest(aside.path(), &state).map_err(&failed)?;
        let folder = states::publish(aside, &states, state.step).map_err(failed)?;
        Ok(SavedState { folder, state })
    }

    fn write_rest(&self, aside: &Path, state: &RunState) -> io::Result<()> {
        let kept = aside.join(KEPT);
        fs::create_dir(&kept)?;
        for name in &state.checkpoints {
            put(name, &self.run, &kept).map_err(|(_, error)| error)?;
        }
        staging::sync_folder(&kept)?;
        let mut file = File::create_new(aside.join(STATE))?;
        file.write_all(&state.to_json()?)?;
        file.sync_all()
    }

    /// Deletes all but the newest states. What cannot be deleted costs only room.
    fn prune(&self) {
        let (states, _) = states::of(&self.run).unwrap_or_default();
        for state in states.iter().rev().skip(KEPT_STATES) {
            if let Err(error) = states::delete(&state.folder) {
                log::warn!("cannot delete the old state {}: {error}", state.folder.display());
            }
        }
    }
}

impl Observer for BackupAndRestore {
    fn after_step(&mut self, state: &TrainingState, session: &TrainingSession) -> Result<()> {
        match self.every > 0 && state.step.is_multiple_of(self.every) {
            true => self.save(state, session),
            false => Ok(()),
        }
    }
}

/// The length of a file, every byte of which is on the disk.
fn synced_length(path: &Path) -> io::Result<u64> {
    let file = File::open(path)?;
    file.sync_data()?;
    Ok(file.metadata()?.len())
}

/// Puts the checkpoint `name` of the folder `from` into `to`, which is to be synced then; nothing to do where both
/// names are of one file.
///
/// # Errors
/// The file that cannot be put there, and why.
pub(super) fn put(name: &str, from: &Path, to: &Path) -> Result<(), (PathBuf, io::Error)> {
    // The data first: an index beside no data would pass for a damaged checkpoint.
    for suffix in CheckpointManager::SUFFIXES {
        let file = format!("{name}{suffix}");
        let (source, target) = (from.join(&file), to.join(&file));
        // It may be missing, and one that is there is as good, or somebody else's.
        if suffix == CheckpointManager::META && (!source.exists() || target.symlink_metadata().is_ok()) {
            continue;
        }
        put_file(&source, &target).map_err(|error| (target, error))?;
    }
    Ok(())
}

fn put_file(source: &Path, target: &Path) -> io::Result<()> {
    let there = if_there(fs::symlink_metadata(target))?;
    let wanted = fs::metadata(source)?;
    if there.is_none_or(|there| (there.dev(), there.ino()) != (wanted.dev(), wanted.ino())) {
        // Not by a rename over it: of two names of one file, POSIX keeps both.
        staging::remove_file(target)?;
        staging::link_or_copy(source, target)?;
    }
    Ok(())
}
