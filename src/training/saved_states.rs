//! The states saved in a run folder: `resume/step-NNNNNNNN/`, each whole or absent.
//!
//! ```text
//! resume/step-00000500/state.json             see RunState
//! resume/step-00000500/model.ckpt.{index,data-00000-of-00001}
//! resume/step-00000500/kept/model.ckpt-490.*  hard links to the checkpoints that the run kept at that time
//! ```
//! The links cost no room, and keep the best weights when the run goes on to better ones, or to rotate its checkpoints,
//! and then crashes: going on from step 500 needs the best of step 500.

use super::error::{Result, TrainingError};
use super::run_state::RunState;
use crate::graph::Checkpoint;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// Name of the folder, in a run folder, that holds the states.
pub(super) const RESUME: &str = "resume";
/// Name of a state's own file.
pub(super) const STATE_FILE: &str = "state.json";
/// Name of the checkpoint of all variables, in a state.
pub(super) const VARIABLES: &str = "model.ckpt";
/// Name of the folder, in a state, with the run's kept checkpoints.
pub(super) const KEPT: &str = "kept";

/// More bytes than any state file has.
const MAX_STATE_BYTES: u64 = 1 << 20;

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

    /// Reads the state in `folder` and every byte that belongs to it.
    fn read(folder: &Path) -> std::result::Result<Self, String> {
        let path = folder.join(STATE_FILE);
        let in_file = |reason: String| format!("{}: {reason}", path.display());
        let mut bytes = Vec::new();
        File::open(&path)
            .and_then(|file| file.take(MAX_STATE_BYTES).read_to_end(&mut bytes))
            .map_err(|error| in_file(error.to_string()))?;
        let state = RunState::parse(&bytes).map_err(in_file)?;
        let kept = folder.join(KEPT);
        let checkpoints = state.checkpoints.iter().map(|name| kept.join(name));
        for prefix in std::iter::once(folder.join(VARIABLES)).chain(checkpoints) {
            Checkpoint::open(&prefix)
                .and_then(|checkpoint| checkpoint.verify())
                .map_err(|error| error.to_string())?;
        }
        Ok(Self {
            folder: folder.to_path_buf(),
            state,
        })
    }
}

/// The newest sound state of the run in `run`; `None` if none was ever saved. What is damaged is warned of and passed
/// over.
pub(super) fn newest(run: &Path) -> Result<Option<SavedState>> {
    let mut damaged = Vec::new();
    for (step, folder) in list(run)?.into_iter().rev() {
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
        Err(TrainingError::NoSoundState {
            path: run.to_path_buf(),
            reasons: damaged,
        })
    }
}

/// The steps and folders of all states in `run`, sound or not, the newest last.
pub(super) fn list(run: &Path) -> Result<Vec<(u64, PathBuf)>> {
    let folder = run.join(RESUME);
    let failed = TrainingError::file("read", &folder);
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(&failed)?,
    };
    let mut states = Vec::new();
    for entry in entries {
        let entry = entry.map_err(&failed)?;
        if let Some(step) = entry.file_name().to_str().and_then(step_of) {
            states.push((step, entry.path()));
        }
    }
    states.sort_unstable();
    Ok(states)
}

/// The folder of the state after `step` steps.
pub(super) fn folder_of(run: &Path, step: u64) -> PathBuf {
    run.join(RESUME).join(format!("step-{step:08}"))
}

fn step_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("step-")?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| plain)
}

/// Deletes the state in `folder` so that no part of it can pass for a damaged one: first it loses its name.
pub(super) fn delete(folder: &Path) -> io::Result<()> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let removing = folder.with_file_name(format!(".removing-{name}"));
    fs::rename(folder, &removing)?;
    fs::remove_dir_all(&removing)
}
