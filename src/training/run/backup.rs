//! Saving the state of a run every so many steps, aside of its checkpoints.

use super::layout::{self, KEPT, METRICS, RESUME, STATE, VARIABLES};
use super::rewind::put;
use super::saved_states::{self, SavedState, State, States};
use super::state::RunState;
use crate::graph::{CheckpointManager, GraphError};
use crate::staging::{self, Aside};
use crate::tensorboard::EventFile;
use crate::training::error::{Result, TrainingError};
use crate::training::observer::{Observer, TrainingState};
use crate::training::session::TrainingSession;
use std::fs::{self, File};
use std::io::{self, Write};
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
    saved: Option<RunState>,
}

impl BackupAndRestore {
    /// Saves into the run folder `run` after every `every` steps; 0: only when told to. `restored` is the state that
    /// the run goes on from, if any.
    pub fn new(run: &Path, every: u64, restored: Option<&SavedState>) -> Self {
        let saved = restored.map(|restored| restored.state.clone());
        Self { run: run.to_path_buf(), every, saved }
    }

    /// Saves the state, unless that of this very step is there already.
    ///
    /// # Errors
    /// A file cannot be written; the state before is still in force.
    pub fn save(&mut self, state: &TrainingState, session: &TrainingSession) -> Result<()> {
        if self.saved.as_ref().is_some_and(|saved| saved.step == state.step) {
            return Ok(());
        }
        self.saved = Some(self.write(state, session)?);
        self.prune();
        Ok(())
    }

    /// Notes that the run went to its end, the test included. To be called after [`save`](Self::save).
    ///
    /// # Errors
    /// The file cannot be written; the run then counts as not finished.
    pub fn mark_finished(&mut self) -> Result<()> {
        let Some(saved) = &mut self.saved else {
            return Ok(());
        };
        saved.finished = true;
        let path = layout::state_folder(&self.run, saved.step).join(STATE);
        let failed = TrainingError::file("write", &path);
        let text = saved.to_json().map_err(|error| failed(error.into()))?;
        staging::write(&path, &text).map_err(failed)
    }

    /// Writes the whole state into a folder aside, then renames that.
    fn write(&self, state: &TrainingState, session: &TrainingSession) -> Result<RunState> {
        let folder = self.run.join(RESUME);
        let target = layout::state_folder(&self.run, state.step);
        let failed = TrainingError::file("save the state", &target);

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

        staging::create_folders(&folder).map_err(TrainingError::file("create", &folder))?;
        let aside = Aside::folder_in(&folder).map_err(&failed)?;
        let saved = session.network.saver.save(&session.session, aside.path().join(VARIABLES));
        saved.map_err(|error| match error {
            GraphError::Save { cause, .. } => failed(cause),
            other => other.into(),
        })?;
        self.write_rest(aside.path(), &state).map_err(&failed)?;
        saved_states::publish(aside, &target).map_err(&failed)?;
        Ok(state)
    }

    fn write_rest(&self, aside: &Path, state: &RunState) -> io::Result<()> {
        let kept = aside.join(KEPT);
        fs::create_dir(&kept)?;
        state.checkpoints.iter().try_for_each(|name| put(name, &self.run, &kept))?;
        staging::sync_folder(&kept)?;
        let mut file = File::create_new(aside.join(STATE))?;
        file.write_all(&state.to_json()?)?;
        file.sync_all()
    }

    /// Deletes all but the newest states. What cannot be deleted costs only room.
    fn prune(&self) {
        let States { own: mut states, .. } = States::of(&self.run).unwrap_or_default();
        states.truncate(states.len().saturating_sub(KEPT_STATES));
        for State { folder, .. } in states {
            if let Err(error) = saved_states::delete(&folder) {
                log::warn!("cannot delete the old state {}: {error}", folder.display());
            }
        }
    }
}

impl Observer for BackupAndRestore {
    fn after_step(&mut self, state: &TrainingState, session: &TrainingSession) -> Result<()> {
        if self.every > 0 && state.step.is_multiple_of(self.every) {
            self.save(state, session)
        } else {
            Ok(())
        }
    }
}

/// The length of a file, every byte of which is on the disk.
fn synced_length(path: &Path) -> io::Result<u64> {
    let file = File::open(path)?;
    file.sync_data()?;
    Ok(file.metadata()?.len())
}
