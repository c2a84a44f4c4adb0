//! When to save: a policy apart from the loop.

use super::layout::step_of_checkpoint;
use crate::graph::CheckpointManager;
use crate::training::error::Result;
use crate::training::observer::{Observer, ValidationReport};
use crate::training::session::TrainingSession;
use std::path::{Path, PathBuf};

/// Saves a checkpoint after validations: after each, or only after those that improved.
#[derive(Debug)]
pub struct ModelCheckpoint {
    manager: CheckpointManager,
    save_best_only: bool,
    newest: Option<(u64, PathBuf)>,
}

impl ModelCheckpoint {
    /// Saves through `manager`, whose newest checkpoint is that of the run so far.
    pub fn new(manager: CheckpointManager, save_best_only: bool) -> Self {
        let newest = manager.checkpoints().pop().and_then(|prefix| {
            let step = step_of_checkpoint(prefix.file_name()?.to_str()?)?;
            Some((step, prefix))
        });
        Self { manager, save_best_only, newest }
    }

    /// Saves the weights as they are after `steps` steps, unless that is done, and returns the prefix; `None` if there
    /// was no step.
    ///
    /// # Errors
    /// A file cannot be written; earlier checkpoints are still in force.
    pub fn save_last(&mut self, session: &TrainingSession, steps: u64) -> Result<Option<&Path>> {
        if let Some(last) = steps.checked_sub(1)
            && self.newest.as_ref().is_none_or(|(step, _)| *step != last)
        {
            self.save(session, last)?;
        }
        Ok(self.newest())
    }

    /// The newest checkpoint: with `save_best_only`, the best.
    pub fn newest(&self) -> Option<&Path> {
        self.newest.as_ref().map(|(_, prefix)| prefix.as_path())
    }

    fn save(&mut self, session: &TrainingSession, step: u64) -> Result<()> {
        let saved = self.manager.save(&session.network.saver, &session.session, step)?;
        self.newest = Some((step, saved));
        Ok(())
    }
}

impl Observer for ModelCheckpoint {
    fn validation(&mut self, report: &ValidationReport, session: &TrainingSession) -> Result<()> {
        if report.improved || !self.save_best_only { self.save(session, report.step) } else { Ok(()) }
    }
}
