//! The folder of a run: what is in it, how it is written, and how it is taken back to a saved state.
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

mod backup;
mod config;
mod contents;
mod directory;
mod metrics;
mod model_checkpoint;
mod states;
mod tensorboard;

pub use backup::BackupAndRestore;
pub use config::{RunConfig, Versions};
pub use directory::RunDirectory;
pub use metrics::{Event, MetricsFile};
pub use model_checkpoint::ModelCheckpoint;
pub use states::{RunState, SavedState};
pub use tensorboard::TensorBoard;

use crate::graph::CheckpointManager;
use crate::staging::regular_file;
use std::fs::{self, DirEntry};
use std::io::{self, ErrorKind};
use std::path::Path;

const CONFIG: &str = "config.json";
const METRICS: &str = "metrics.jsonl";
/// Keeps a second process out.
const LOCK: &str = ".lock";
/// The folder of the saved states.
const RESUME: &str = "resume";

/// The step in the name of a checkpoint, `model.ckpt-STEP`; `None` for any other name.
fn step_of_checkpoint(name: &str) -> Option<u64> {
    digits(name.strip_prefix(CheckpointManager::PREFIX)?)
}

/// The checkpoint, `model.ckpt-STEP`, that a file of this name belongs to; `None` for any other name.
fn checkpoint_of_file(file: &str) -> Option<&str> {
    let name = CheckpointManager::SUFFIXES.iter().find_map(|suffix| file.strip_suffix(suffix))?;
    step_of_checkpoint(name).map(|_| name)
}

/// `parse` would take a sign.
fn digits(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

/// What lies in a folder; nothing, if there is no such folder.
fn entries(folder: &Path) -> io::Result<Vec<DirEntry>> {
    if_there(fs::read_dir(folder))?.into_iter().flatten().collect()
}

/// `None` for a file or folder that is not there.
fn if_there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        result => result.map(Some),
    }
}

/// A run writes no links, and no folders where files belong.
fn is_file(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|there| there.is_file())
}

/// The bytes of a small file that a run may have written.
fn read_own(path: &Path) -> io::Result<Vec<u8>> {
    if !path.symlink_metadata()?.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is no regular file"));
    }
    regular_file::read_first_mib(path)
}
