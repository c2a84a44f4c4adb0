//! The states saved in a run folder: `resume/step-NNNNNNNN/`, each whole or absent; see [`layout`](super::layout).
//!
//! The links in `kept` cost no room, and keep the best weights when the run goes on to better ones, or to rotate its
//! checkpoints, and then crashes: going on from step 500 needs the best of step 500.

use super::layout::{KEPT, RESUME, STATE, VARIABLES, checkpoint_of_file, entries, step_of_state};
use super::state::RunState;
use crate::graph::{Checkpoint, CheckpointManager};
use crate::staging::regular_file;
use crate::staging::{self, Aside};
use crate::training::error::{Result, TrainingError};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// A state that was read and found whole.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedState {
    /// Its folder.
    pub(in crate::training) folder: PathBuf,
    /// Where the run was.
    pub state: RunState,
}

impl SavedState {
    /// The checkpoint of all variables.
    pub fn variables(&self) -> PathBuf {
        self.folder.join(VARIABLES)
    }

    /// Reads the state in `folder` and every byte that belongs to it.
    fn read(folder: &Path) -> std::result::Result<Self, String> {
        let path = folder.join(STATE);
        let in_file = |reason: String| format!("{}: {reason}", path.display());
        let bytes = read_state_file(folder).map_err(|error| in_file(error.to_string()))?;
        let state = RunState::parse(&bytes).map_err(in_file)?;
        let named = folder.file_name().and_then(|name| name.to_str()).and_then(step_of_state);
        if named != Some(state.step) {
            let reason = format!("it is the state after {} steps, in a folder of another name", state.step);
            return Err(in_file(reason));
        }
        let kept = folder.join(KEPT);
        let checkpoints = state.checkpoints.iter().map(|name| kept.join(name));
        for prefix in std::iter::once(folder.join(VARIABLES)).chain(checkpoints) {
            Checkpoint::open(&prefix)
                .and_then(|checkpoint| checkpoint.verify())
                .map_err(|error| error.to_string())?;
        }
        Ok(Self { folder: folder.to_path_buf(), state })
    }
}

/// The bytes of the state file in `folder`, as far as one may have them.
fn read_state_file(folder: &Path) -> io::Result<Vec<u8>> {
    let path = folder.join(STATE);
    if !path.symlink_metadata()?.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is no regular file"));
    }
    regular_file::read_first_mib(&path)
}

/// The newest sound state of the run in `run`; `None` if none was ever saved. What is damaged is warned of and passed
/// over.
pub(in crate::training) fn newest(run: &Path) -> Result<Option<SavedState>> {
    let mut damaged = Vec::new();
    for State { step, folder, .. } in States::of(run)?.own.into_iter().rev() {
        match SavedState::read(&folder) {
            Ok(saved) => {
                if let Some(reason) = damaged.first() {
                    log::warn!("a saved state cannot be used: {reason}");
                    log::warn!("going back to the state before it, after {step} steps");
                }
                return Ok(Some(saved));
            }
            Err(reason) => damaged.push(reason),
        }
    }
    if damaged.is_empty() {
        Ok(None)
    } else {
        Err(TrainingError::NoSoundState { path: run.to_path_buf(), reasons: damaged })
    }
}

/// What has the names of states in a run folder.
#[derive(Debug, Default)]
pub(in crate::training) struct States {
    /// The run's, sound or not, the newest last.
    pub own: Vec<State>,
    /// What somebody else wrote.
    pub foreign: Vec<PathBuf>,
}

/// A state that was not read whole.
#[derive(Debug)]
pub(in crate::training) struct State {
    /// The steps that its name tells.
    pub step: u64,
    pub folder: PathBuf,
    /// What its file says, if that is whole.
    pub said: Option<RunState>,
}

impl States {
    /// Those of the run folder `run`.
    ///
    /// # Errors
    /// A folder cannot be read.
    pub fn of(run: &Path) -> Result<Self> {
        let folder = run.join(RESUME);
        let found = || {
            let mut states = Self::default();
            for entry in entries(&folder)? {
                let (name, folder) = (entry.file_name(), entry.path());
                let Some(step) = name.to_str().and_then(step_of_state) else {
                    continue;
                };
                if !entry.file_type()?.is_dir() {
                    states.foreign.push(folder);
                } else if !Files::of(&folder)?.own.is_empty() {
                    match said_in(&folder) {
                        Ok(said) => states.own.push(State { step, folder, said }),
                        Err(file) => states.foreign.push(file),
                    }
                }
            }
            states.own.sort_unstable_by_key(|state| state.step);
            Ok(states)
        };
        found().map_err(TrainingError::file("read", &folder))
    }
}

/// What the file of the state in `folder` says, if that is whole, or which file is somebody else's. One that is
/// missing, cut off or otherwise no JSON any more was a run's, as nobody else has files of those names below
/// `resume/step-N`; one that is sound JSON says itself what it is.
fn said_in(folder: &Path) -> std::result::Result<Option<RunState>, PathBuf> {
    #[derive(Deserialize)]
    #[allow(dead_code)] // only whether they are there counts
    struct Mark {
        version: u32,
        state: IgnoredAny,
    }
    let path = folder.join(STATE);
    let is_own = match read_state_file(folder) {
        Ok(bytes) => match RunState::parse(&bytes) {
            Ok(state) => return Ok(Some(state)),
            Err(_) => {
                let is_json = serde_json::from_slice::<IgnoredAny>(&bytes).is_ok();
                !is_json || serde_json::from_slice::<Mark>(&bytes).is_ok()
            }
        },
        Err(_) => !path.symlink_metadata().is_ok_and(|there| !there.is_file()),
    };
    if is_own { Ok(None) } else { Err(path) }
}

/// What lies in the folder of a state.
struct Files {
    /// What the run wrote, the state file first.
    own: Vec<PathBuf>,
    /// Whether there is nothing else.
    alone: bool,
}

impl Files {
    fn of(folder: &Path) -> io::Result<Self> {
        let variables = CheckpointManager::SUFFIXES.map(|suffix| format!("{VARIABLES}{suffix}"));
        let mut files = Self { own: Vec::new(), alone: true };
        let kept = folder.join(KEPT);
        for (folder, in_kept) in [(folder, false), (&kept, true)] {
            for entry in entries(folder)? {
                let name = entry.file_name();
                let name = name.to_str().unwrap_or_default();
                let kind = entry.file_type()?;
                let own = match in_kept {
                    true => checkpoint_of_file(name).is_some(),
                    false => name == STATE || variables.iter().any(|file| file == name),
                };
                if own && kind.is_file() {
                    files.own.push(entry.path());
                } else if in_kept || name != KEPT || !kind.is_dir() {
                    files.alone = false;
                }
            }
        }
        files.own.sort_by_key(|path| !path.ends_with(STATE));
        Ok(files)
    }
}

/// Deletes the state in `folder` so that no part of it can pass for a damaged one; what the run did not write stays, and
/// with it the folder.
pub(in crate::training) fn delete(folder: &Path) -> io::Result<()> {
    let Files { own, alone } = Files::of(folder)?;
    if alone {
        return staging::remove_folder(folder);
    }
    own.iter().try_for_each(fs::remove_file)?;
    let _ = fs::remove_dir(folder.join(KEPT)); // unless something else is in it
    Ok(())
}

/// Makes `aside`, complete and synced, the state `folder`.
pub(in crate::training) fn publish(aside: Aside, folder: &Path) -> io::Result<()> {
    // Only after a crash between a save and the pruning before it, or of a damaged state that was passed over.
    if folder.is_dir() {
        delete(folder)?;
    }
    if !folder.is_dir() {
        return aside.publish(folder);
    }
    // Something of the user's lies there: in between, with the state file last. Without that, it is no sound state.
    let (kept, mut files) = (folder.join(KEPT), Files::of(aside.path())?.own);
    staging::create_folders(&kept)?;
    files.rotate_left(1);
    for file in files {
        let inside = file.strip_prefix(aside.path()).map_err(io::Error::other)?;
        if inside.ends_with(STATE) {
            staging::sync_folder(&kept)?;
            staging::sync_folder(folder)?;
        }
        fs::rename(&file, folder.join(inside))?;
    }
    staging::sync_folder(folder)
}
