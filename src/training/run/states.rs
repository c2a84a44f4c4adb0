//! The states saved in a run folder: `resume/step-NNNNNNNN/`, each whole or absent.
//!
//! The links in `kept` cost no room, and keep the best weights when the run goes on to better ones, or to rotate its
//! checkpoints, and then crashes: going on from step 500 needs the best of step 500.

use super::{RESUME, checkpoint_of_file, digits, entries, is_file, read_own, step_of_checkpoint};
use crate::graph::{Checkpoint, CheckpointManager};
use crate::staging::{self, Aside};
use crate::training::early_stopping::Best;
use crate::training::error::{Result, TrainingError};
use crate::training::observer::TrainingState;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fs;
use std::io;
use std::iter;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(super) const STATE: &str = "state.json";
/// The checkpoint of all variables.
pub(super) const VARIABLES: &str = "model.ckpt";
/// The folder with the run's kept checkpoints.
pub(super) const KEPT: &str = "kept";

/// Everything but the variables that a run is continued from.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RunState {
    /// Steps done.
    pub step: u64,
    /// The best validation so far.
    pub best: Option<Best>,
    /// Time spent on training.
    pub elapsed_seconds: f64,
    /// How long `metrics.jsonl` was.
    pub metrics_bytes: u64,
    /// Names of the checkpoints that were kept, such as `model.ckpt-90`; the newest last.
    pub checkpoints: Vec<String>,
    /// The run went to its end, the test included.
    pub finished: bool,
}

/// `state.json`: the version first, so that any program can tell whether it knows the rest.
#[derive(Serialize, Deserialize)]
struct StateFile {
    version: u32,
    state: RunState,
    /// Of `state` as compact JSON. A digit that rotted on the disk would otherwise pass for another step.
    crc32c: u32,
}

impl RunState {
    /// The form that is written.
    pub const VERSION: u32 = 1;

    /// The bytes of the file.
    ///
    /// # Errors
    /// A number that JSON has no form for.
    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        let (version, state, crc32c) = (Self::VERSION, self.clone(), self.checksum()?);
        let mut text = serde_json::to_vec_pretty(&StateFile { version, state, crc32c })?;
        text.push(b'\n');
        Ok(text)
    }

    /// Reads the bytes of a file, which may hold anything.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let in_words = |error: serde_json::Error| error.to_string();
        let file: Value = serde_json::from_slice(bytes).map_err(in_words)?;
        if let Some(version) = file["version"].as_u64().filter(|version| *version > Self::VERSION.into()) {
            return Err(format!(
                "it is of version {version}, written by a newer tf-mnist; this one reads up to {}",
                Self::VERSION
            ));
        }
        let StateFile { state, crc32c, .. } = StateFile::deserialize(file).map_err(in_words)?;
        if state.checksum().ok() != Some(crc32c) {
            return Err("its checksum is wrong".into());
        }
        // The names become paths that are linked and deleted.
        if let Some(name) = state.checkpoints.iter().find(|name| step_of_checkpoint(name).is_none()) {
            return Err(format!("{name:?} is no name of a checkpoint"));
        }
        if state.best.is_some_and(|best| !(0.0..=1.0).contains(&best.accuracy)) {
            return Err("its best accuracy is not within 0 and 1".into());
        }
        Duration::try_from_secs_f64(state.elapsed_seconds).map_err(|error| error.to_string())?;
        Ok(state)
    }

    /// What the loop goes on from.
    pub fn training_state(&self) -> TrainingState {
        let elapsed = Duration::try_from_secs_f64(self.elapsed_seconds).unwrap_or_default();
        TrainingState { step: self.step, best: self.best, elapsed }
    }

    fn checksum(&self) -> serde_json::Result<u32> {
        Ok(crc32c::crc32c(&serde_json::to_vec(self)?))
    }
}

/// A state that was read and found whole.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedState {
    /// Its folder.
    pub(super) folder: PathBuf,
    /// Where the run was.
    pub state: RunState,
}

impl SavedState {
    /// The checkpoint of all variables.
    pub fn variables(&self) -> PathBuf {
        self.folder.join(VARIABLES)
    }
}

/// A state that was not read whole.
#[derive(Debug)]
pub(super) struct State {
    /// The steps that its name tells.
    pub step: u64,
    pub folder: PathBuf,
    /// What its file says, or what is wrong with that.
    pub said: Result<RunState, String>,
}

impl State {
    /// Reads every byte that belongs to it.
    fn verify(self) -> Result<SavedState, String> {
        let Self { step, folder, said } = self;
        let in_file = |reason: String| format!("{}: {reason}", folder.join(STATE).display());
        let state = said.map_err(in_file)?;
        if state.step != step {
            let reason = format!("it is the state after {} steps, in a folder of another name", state.step);
            return Err(in_file(reason));
        }
        let checkpoints = state.checkpoints.iter().map(|name| folder.join(KEPT).join(name));
        for prefix in iter::once(folder.join(VARIABLES)).chain(checkpoints) {
            let verified = Checkpoint::open(&prefix).and_then(|checkpoint| checkpoint.verify());
            verified.map_err(|error| error.to_string())?;
        }
        Ok(SavedState { folder, state })
    }
}

/// The newest sound state of the run in `run`; `None` if none was ever saved. What is damaged is warned of and passed
/// over.
pub(super) fn newest(run: &Path) -> Result<Option<SavedState>> {
    let mut reasons = Vec::new();
    for state in of(run)?.0.into_iter().rev() {
        match state.verify() {
            Ok(saved) => {
                if let Some(reason) = reasons.first() {
                    log::warn!("a saved state cannot be used: {reason}");
                    log::warn!("going back to the state before it, after {} steps", saved.state.step);
                }
                return Ok(Some(saved));
            }
            Err(reason) => reasons.push(reason),
        }
    }
    match reasons.is_empty() {
        true => Ok(None),
        false => Err(TrainingError::NoSoundState { path: run.to_path_buf(), reasons }),
    }
}

/// The states of the run folder `run`, sound or not, the newest last, and what somebody else wrote under their names.
pub(super) fn of(run: &Path) -> Result<(Vec<State>, Vec<PathBuf>)> {
    let states = run.join(RESUME);
    let found = || {
        let (mut own, mut foreign) = (Vec::new(), Vec::new());
        for entry in entries(&states)? {
            let (name, folder) = (entry.file_name(), entry.path());
            let Some(step) = name.to_str().and_then(|name| digits(name.strip_prefix("step-")?)) else {
                continue;
            };
            if !entry.file_type()?.is_dir() {
                foreign.push(folder);
            } else if !files(&folder)?.0.is_empty() {
                match said_in(&folder) {
                    Some(said) => own.push(State { step, folder, said }),
                    None => foreign.push(folder.join(STATE)),
                }
            }
        }
        own.sort_unstable_by_key(|state| state.step);
        Ok((own, foreign))
    };
    found().map_err(TrainingError::file("read", &states))
}

/// What the file of the state in `folder` says; none where it is somebody else's. One that is missing, cut off or
/// otherwise no JSON any more was a run's, as nobody else has files of those names below `resume/step-N`; one that is
/// sound JSON says itself what it is.
fn said_in(folder: &Path) -> Option<Result<RunState, String>> {
    let path = folder.join(STATE);
    let bytes = match read_own(&path) {
        Ok(bytes) => bytes,
        Err(error) => {
            let is_own = is_file(&path) || path.symlink_metadata().is_err();
            return is_own.then(|| Err(error.to_string()));
        }
    };
    let json = serde_json::from_slice::<Value>(&bytes);
    let is_other = json.is_ok_and(|file| !file["version"].is_u64() || file["state"].is_null());
    (!is_other).then(|| RunState::parse(&bytes))
}

/// What the run wrote in the folder of a state, the state file first, and whether nothing else is there.
fn files(folder: &Path) -> io::Result<(Vec<PathBuf>, bool)> {
    let variables = CheckpointManager::SUFFIXES.map(|suffix| format!("{VARIABLES}{suffix}"));
    let (mut own, mut alone) = (Vec::new(), true);
    for (folder, in_kept) in [(folder, false), (&folder.join(KEPT), true)] {
        for entry in entries(folder)? {
            let (name, kind) = (entry.file_name(), entry.file_type()?);
            let name = name.to_str().unwrap_or_default();
            let is_own = match in_kept {
                true => checkpoint_of_file(name).is_some(),
                false => name == STATE || variables.iter().any(|file| file == name),
            };
            if is_own && kind.is_file() {
                own.push(entry.path());
            } else {
                alone &= !in_kept && name == KEPT && kind.is_dir();
            }
        }
    }
    own.sort_by_key(|path| !path.ends_with(STATE));
    Ok((own, alone))
}

/// Deletes the state in `folder` so that no part of it can pass for a damaged one; what the run did not write stays,
/// and with it the folder.
pub(super) fn delete(folder: &Path) -> io::Result<()> {
    let (own, alone) = files(folder)?;
    if alone {
        return staging::remove_folder(folder);
    }
    own.iter().try_for_each(fs::remove_file)?;
    let _ = fs::remove_dir(folder.join(KEPT)); // unless something else is in it
    Ok(())
}

/// Makes `aside`, complete and synced, the state after `step` steps in the folder `states`, and returns its folder.
/// Where something of the user's has that name, the number gets more zeros.
pub(super) fn publish(aside: Aside, states: &Path, step: u64) -> io::Result<PathBuf> {
    let mut width = 8;
    let folder = loop {
        let folder = states.join(format!("step-{step:0width$}"));
        // Only after a crash between a save and the pruning before it, or of a damaged state that was passed over.
        if folder.is_dir() && !folder.is_symlink() {
            delete(&folder)?;
        }
        if folder.symlink_metadata().is_err() {
            break folder;
        }
        width += 1;
    };
    aside.publish(&folder)?;
    Ok(folder)
}

#[cfg(test)]
#[test]
fn newer_versions_and_names_that_lead_elsewhere_are_refused() {
    let newer = r#"{"version": 2, "state": {"anything": [1]}}"#;
    assert!(RunState::parse(newer.as_bytes()).unwrap_err().contains("newer tf-mnist"));
    for name in ["../model.ckpt-1", "model.ckpt-", "model.ckpt-+1", "model.ckpt-1/../x", "/model.ckpt-1"] {
        let state = RunState { checkpoints: vec![name.into()], ..RunState::default() };
        let error = RunState::parse(&state.to_json().unwrap()).unwrap_err();
        assert!(error.contains("no name of a checkpoint"), "{error}");
    }
}
