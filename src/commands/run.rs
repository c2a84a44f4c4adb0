//! A run under way: what its parts, from training to its end, have in common.

use super::cluster::Place;
use std::time::Instant;
use tf_mnist::dataset::Dataset;
use tf_mnist::session::cluster::LostWorker;
use tf_mnist::training::{RunConfig, RunDirectory, SavedState};

/// A run whose folder is taken.
pub struct Run {
    pub config: RunConfig,
    pub dataset: Dataset,
    pub directory: RunDirectory,
    pub saved: Option<SavedState>,
    /// The command that goes on with it.
    pub again: String,
    /// When the program started.
    pub started: Instant,
    /// Whether it tells TensorBoard how it goes.
    pub tensorboard: bool,
    /// Where its replicas run.
    pub place: Place,
    /// How often workers that were lost are waited for.
    pub max_restarts: u32,
    /// The workers that were lost last.
    pub lost: Vec<LostWorker>,
}
