//! Taking a run folder back to a saved state: what happened after it is undone, and happens again.

use super::error::{Result, TrainingError};
use super::run_state::{RunState, step_of};
use super::saved_states::{self, KEPT, RESUME, SavedState};
use crate::atomic_file;
use crate::graph::CheckpointManager;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// How names of files and folders in the making, or on their way out, begin.
const LEFTOVERS: [&str; 3] = [".saving-", ".writing-", ".removing-"];

/// Makes the states and checkpoints of the folder `run` those of `saved`, or of a run without a first step. A crash on
/// the way does no harm: the state is still there to be taken up again.
pub(super) fn rewind(run: &Path, saved: Option<&SavedState>) -> Result<()> {
    let state = saved.map_or_else(RunState::default, |saved| saved.state.clone());
    remove_leftovers(run)?;
    for (step, folder) in saved_states::list(run)? {
        if saved.is_none() || step > state.step {
            saved_states::delete(&folder).map_err(TrainingError::file("delete", &folder))?;
        }
    }
    if let Some(saved) = saved {
        for name in &state.checkpoints {
            restore(&saved.folder.join(KEPT), run, name)?;
        }
    }
    // Named only now that they are there, and the others deleted only when no longer named.
    CheckpointManager::write_names(run, &state.checkpoints)?;
    for path in checkpoint_files(run)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !state
            .checkpoints
            .iter()
            .any(|kept| prefix_of(&name) == Some(kept))
        {
            fs::remove_file(&path).map_err(TrainingError::file("delete", &path))?;
        }
    }
    Ok(())
}

/// Deletes what killed processes left half done.
pub(super) fn remove_leftovers(run: &Path) -> Result<()> {
    let states = saved_states::list(run)?.into_iter().map(|(_, folder)| folder);
    for folder in [run.to_path_buf(), run.join(RESUME)].into_iter().chain(states) {
        for path in entries(&folder)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if LEFTOVERS.iter().any(|prefix| name.starts_with(prefix)) {
                log::debug!("removing the leftover {}", path.display());
                let removed = if path.is_dir() {
                    fs::remove_dir_all(&path)
                } else {
                    fs::remove_file(&path)
                };
                removed.map_err(TrainingError::file("delete", &path))?;
            }
        }
    }
    Ok(())
}

/// Puts the checkpoint `name` of the folder `from` into `to`; nothing to do where both names are of one file.
fn restore(from: &Path, to: &Path, name: &str) -> Result<()> {
    // The data first: an index beside no data would pass for a damaged checkpoint.
    for suffix in CheckpointManager::SUFFIXES {
        let file = format!("{name}{suffix}");
        let (source, target) = (from.join(&file), to.join(&file));
        let restored = is_one_file(&source, &target).and_then(|one| match one {
            true => Ok(()),
            false => {
                // Not by a rename over it: of two names of one file, POSIX keeps both.
                match fs::remove_file(&target) {
                    Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
                atomic_file::link_or_copy(&source, &target)
            }
        });
        restored.map_err(TrainingError::file("restore", &target))?;
    }
    atomic_file::sync_folder(to).map_err(TrainingError::file("sync", to))
}

fn is_one_file(a: &Path, b: &Path) -> io::Result<bool> {
    let a = fs::metadata(a)?;
    match fs::symlink_metadata(b) {
        Ok(b) => Ok((a.dev(), a.ino()) == (b.dev(), b.ino())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The files of the run's own checkpoints, `model.ckpt-STEP.*`, also of one half written or half deleted.
fn checkpoint_files(run: &Path) -> Result<Vec<PathBuf>> {
    let mut files = entries(run)?;
    files.retain(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        prefix_of(&name).is_some_and(|prefix| step_of(prefix).is_some())
    });
    Ok(files)
}

fn prefix_of(file: &str) -> Option<&str> {
    CheckpointManager::SUFFIXES
        .iter()
        .find_map(|suffix| file.strip_suffix(suffix))
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let listed = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        listed => listed.and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect()),
    };
    listed.map_err(TrainingError::file("read", folder))
}
