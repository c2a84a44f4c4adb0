//! Taking a run folder back to a saved state: what happened after it is undone, and happens again.

use super::contents::{self, Contents};
use super::layout::{KEPT, checkpoint_of_file, if_there};
use super::saved_states::{self, SavedState, State};
use super::state::RunState;
use crate::graph::CheckpointManager;
use crate::staging;
use crate::training::error::{Result, TrainingError};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Makes the states and checkpoints of the folder `run` those of `saved`, or of a run without a first step. A crash on
/// the way does no harm: the state is still there to be taken up again.
pub(in crate::training) fn rewind(run: &Path, saved: Option<&SavedState>) -> Result<()> {
    let state = saved.map_or_else(RunState::default, |saved| saved.state.clone());
    contents::sweep(run)?;
    let Contents { checkpoints, states, .. } = Contents::of(run)?; // before the list of checkpoints is written anew
    for State { step, folder, .. } in states {
        if saved.is_none_or(|saved| step > state.step && folder != saved.folder) {
            saved_states::delete(&folder).map_err(TrainingError::file("delete", &folder))?;
        }
    }
    if let Some(saved) = saved {
        for name in &state.checkpoints {
            put(name, &saved.folder.join(KEPT), run)
                .map_err(TrainingError::file("restore", &run.join(name)))?;
        }
        staging::sync_folder(run).map_err(TrainingError::file("sync", run))?;
    }
    // Named only now that they are there, and the others deleted only when no longer named.
    CheckpointManager::write_names(run, &state.checkpoints)?;
    for path in checkpoints {
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let checkpoint = checkpoint_of_file(&file);
        if !state.checkpoints.iter().any(|kept| checkpoint == Some(kept.as_str())) {
            staging::remove_file(&path).map_err(TrainingError::file("delete", &path))?;
        }
    }
    Ok(())
}

/// Puts the checkpoint `name` of the folder `from` into `to`, which is to be synced then; nothing to do where both
/// names are of one file.
pub(super) fn put(name: &str, from: &Path, to: &Path) -> io::Result<()> {
    // The data first: an index beside no data would pass for a damaged checkpoint.
    for suffix in CheckpointManager::SUFFIXES {
        let file = format!("{name}{suffix}");
        let (source, target) = (from.join(&file), to.join(&file));
        // It may be missing, and one that is there is as good, or somebody else's.
        if suffix == CheckpointManager::META && (!source.exists() || target.symlink_metadata().is_ok()) {
            continue;
        }
        if !is_one_file(&source, &target)? {
            // Not by a rename over it: of two names of one file, POSIX keeps both.
            staging::remove_file(&target)?;
            staging::link_or_copy(&source, &target)?;
        }
    }
    Ok(())
}

fn is_one_file(a: &Path, b: &Path) -> io::Result<bool> {
    let a = fs::metadata(a)?;
    let b = if_there(fs::symlink_metadata(b))?;
    Ok(b.is_some_and(|b| (a.dev(), a.ino()) == (b.dev(), b.ino())))
}
