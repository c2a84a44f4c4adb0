//! The names of the files in a run's folder, all in one place.
//!
//! ```text
//! config.json                                  see RunConfig
//! metrics.jsonl                                see Event
//! events.out.tfevents.SECONDS.HOST.PID.0       for TensorBoard, see EventFile
//! checkpoint, model.ckpt-490.{index,data-00000-of-00001,meta}
//! resume/step-00000500/state.json              see RunState
//! resume/step-00000500/model.ckpt.{index,data-00000-of-00001,meta}
//! resume/step-00000500/kept/model.ckpt-490.*   hard links to the checkpoints that the run kept at that time
//! .lock
//! ```

use crate::graph::CheckpointManager;
use std::fs::{self, DirEntry};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// The run's options.
pub(in crate::training) const CONFIG: &str = "config.json";
/// What happened, a line each.
pub(in crate::training) const METRICS: &str = "metrics.jsonl";
/// What keeps a second process out.
pub(in crate::training) const LOCK: &str = ".lock";
/// The folder of the saved states.
pub(in crate::training) const RESUME: &str = "resume";
/// A state's own file, in its folder.
pub(in crate::training) const STATE: &str = "state.json";
/// The checkpoint of all variables, in a state's folder.
pub(in crate::training) const VARIABLES: &str = "model.ckpt";
/// The folder, in a state's, with the run's kept checkpoints.
pub(in crate::training) const KEPT: &str = "kept";

/// The folder of the state after `step` steps.
pub(in crate::training) fn state_folder(run: &Path, step: u64) -> PathBuf {
    run.join(RESUME).join(format!("step-{step:08}"))
}

/// The step in the name of a state's folder; `None` for any other name.
pub(in crate::training) fn step_of_state(name: &str) -> Option<u64> {
    digits(name.strip_prefix("step-")?)
}

/// The step in the name of a checkpoint, `model.ckpt-STEP`; `None` for any other name.
pub(in crate::training) fn step_of_checkpoint(name: &str) -> Option<u64> {
    digits(name.strip_prefix(CheckpointManager::PREFIX)?)
}

/// The checkpoint, `model.ckpt-STEP`, that a file of this name belongs to; `None` for any other name.
pub(in crate::training) fn checkpoint_of_file(file: &str) -> Option<&str> {
    let name = CheckpointManager::SUFFIXES.iter().find_map(|suffix| file.strip_suffix(suffix))?;
    step_of_checkpoint(name).map(|_| name)
}

/// `parse` would take a sign.
fn digits(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

/// What lies in a folder; nothing, if there is no such folder.
pub(super) fn entries(folder: &Path) -> io::Result<Vec<DirEntry>> {
    match fs::read_dir(folder) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(Vec::new())
        }
        entries => entries?.collect(),
    }
}

/// `None` for a file or folder that is not there.
pub(super) fn if_there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}
