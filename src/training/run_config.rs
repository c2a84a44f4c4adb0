//! `config.json`: everything that made a run what it is.

use crate::runtime::SessionConfig;
use serde::Serialize;
use std::path::PathBuf;

/// The options of a run as they were resolved, and what it ran on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunConfig {
    /// Version of this file's form.
    pub version: u32,
    /// Name of the network.
    pub model: String,
    /// Times through the training set.
    pub epochs: u32,
    /// Rows a step.
    pub batch_size: usize,
    /// Adam's step size.
    pub learning_rate: f32,
    /// Most steps, if bounded.
    pub max_steps: Option<u64>,
    /// Rows evaluated at a time.
    pub eval_chunk: usize,
    /// Seed of start values and shuffles.
    pub seed: u64,
    /// Whether the rows are shuffled anew in every epoch.
    pub shuffle: bool,
    /// The checkpoint whose values the run started from.
    pub warm_start: Option<PathBuf>,
    /// One thread, no oneDNN, no graph optimizer.
    pub reproducible: bool,
    /// The user's own data set; none for MNIST itself.
    pub data_dir: Option<PathBuf>,
    /// Device, threads and memory of the session.
    pub session: SessionConfig,
    /// Whether oneDNN's kernels are on.
    pub onednn: bool,
    /// What it ran on.
    pub versions: Versions,
}

impl RunConfig {
    /// The form that is written.
    pub const VERSION: u32 = 1;
}

/// The programs that made a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Versions {
    /// This crate.
    pub tf_mnist: String,
    /// The TensorFlow library.
    pub tensorflow: String,
    /// The file of that library.
    pub library: PathBuf,
}
