//! When to save: a policy apart from the loop.

use crate::graph::CheckpointManager;
use crate::training::error::Result;
use crate::training::observer::{Observer, ValidationReport};
use crate::training::session::TrainingSession;
use std::path::PathBuf;

/// Saves a checkpoint after validations: after each, or only after those that improved.
#[derive(Debug)]
pub struct ModelCheckpoint {
    manager: CheckpointManager,
    save_best_only: bool,
}

impl ModelCheckpoint {
    /// Saves through `manager`, whose newest checkpoint is that of the run so far.
    pub fn new(manager: CheckpointManager, save_best_only: bool) -> Self {
        Self { manager, save_best_only }
    }

    /// Saves the weights as they are after `steps` steps, unless that is done, and returns the prefix; `None` if there
    /// was no step.
    ///
    /// # Errors
    /// A file cannot be written; earlier checkpoints are still in force.
    pub fn save_last(&mut self, session: &TrainingSession, steps: u64) -> Result<Option<PathBuf>> {
        if let Some(last) = steps.checked_sub(1) {
            let name = format!("{}{last}", CheckpointManager::PREFIX);
            if self.newest().is_none_or(|newest| !newest.ends_with(name)) {
                self.save(session, last)?;
            }
        }
        Ok(self.newest())
    }

    /// The newest checkpoint: with `save_best_only`, the best.
    pub fn newest(&self) -> Option<PathBuf> {
        self.manager.checkpoints().pop()
    }

    fn save(&mut self, session: &TrainingSession, step: u64) -> Result<()> {
        self.manager.save(&session.network.saver, &session.session, step)?;
        Ok(())
    }
}

impl Observer for ModelCheckpoint {
    fn validation(&mut self, report: &ValidationReport, session: &TrainingSession) -> Result<()> {
        if report.improved || !self.save_best_only { self.save(session, report.step) } else { Ok(()) }
    }
}
