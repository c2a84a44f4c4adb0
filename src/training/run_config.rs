//! `config.json`: everything that made a run what it is.

use super::error::Result;
use super::fit::{Schedule, Validate};
use super::validation::ValidationMode;
use crate::dataset::Order;
use crate::graph::Precision;
use crate::lossy_path;
use crate::model::{
    AccuracyOn, BaselineConfig, Convolutions, Kind, Network, OptimizedConfig, Towers, baseline, optimized,
};
use crate::runtime::SessionConfig;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The options of a run as they were resolved, and what it ran on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunConfig {
    /// Version of this file's form.
    pub version: u32,
    /// The network, and the options that only it has.
    #[serde(flatten)]
    pub model: ModelConfig,
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
    #[serde(serialize_with = "lossy_path::serialize")]
    pub warm_start: Option<PathBuf>,
    /// One thread, no oneDNN, no graph optimizer.
    pub reproducible: bool,
    /// The run's state is saved after every so many steps; 0: only at its end.
    pub save_every: u64,
    /// The user's own data set; none for MNIST itself.
    #[serde(serialize_with = "lossy_path::serialize")]
    pub data_dir: Option<PathBuf>,
    /// SHA-256 of the data set's four files, in the order of [`Dataset::files`](crate::dataset::Dataset::files).
    pub data_sha256: Vec<String>,
    /// What convolutions are computed in.
    pub precision: Precision,
    /// Whose convolutions they are; always TensorFlow's in a reproducible run.
    #[serde(default)]
    pub convolutions: Convolutions,
    /// Device, threads and memory of the session.
    pub session: SessionConfig,
    /// Whether oneDNN's kernels are on.
    pub onednn: bool,
    /// What it ran on.
    pub versions: Versions,
}

/// The network of a run, and the options that only it has.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "model", rename_all = "snake_case")]
pub enum ModelConfig {
    /// The baseline network.
    Baseline,
    /// The optimized network.
    Optimized {
        /// Stop so many steps after the last improvement.
        patience: u64,
        /// Validate after every so many steps.
        validate_every: u64,
        /// Share of units dropped behind the pool.
        pool_dropout: f32,
        /// Share of units dropped behind fc1.
        fc_dropout: f32,
        /// Which logits accuracy is measured on.
        accuracy_on: AccuracyOn,
        /// How much of a validation is done.
        validation: ValidationMode,
    },
}

#[derive(Deserialize)]
struct AnyVersion {
    version: u32,
}

impl RunConfig {
    /// The form that is written.
    pub const VERSION: u32 = 1;

    /// Reads the bytes of a `config.json`, which may hold anything.
    ///
    /// # Errors
    /// What is wrong with them: no JSON, a newer version, or an option that the command line would not take either.
    pub fn parse(bytes: &[u8]) -> std::result::Result<Self, String> {
        let AnyVersion { version } = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if version > Self::VERSION {
            return Err(format!(
                "it is of version {version}, written by a newer tf-mnist; this one reads up to {}: use that newer one",
                Self::VERSION
            ));
        }
        let config: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        match config.out_of_range() {
            Some(option) => Err(format!("its {option} is out of range")),
            None => Ok(config),
        }
    }

    /// The first option whose value the command line would not take.
    fn out_of_range(&self) -> Option<&'static str> {
        let rate = |rate: f32| (0.0..1.0).contains(&rate);
        let own = match self.model {
            ModelConfig::Baseline => [("", true); 3],
            ModelConfig::Optimized {
                validate_every,
                pool_dropout,
                fc_dropout,
                ..
            } => [
                ("validate_every", validate_every > 0),
                ("pool_dropout", rate(pool_dropout)),
                ("fc_dropout", rate(fc_dropout)),
            ],
        };
        let shared = [
            ("epochs", self.epochs > 0),
            ("batch_size", self.batch_size > 0),
            ("eval_chunk", self.eval_chunk > 0),
            ("max_steps", self.max_steps != Some(0)),
            (
                "learning_rate",
                self.learning_rate.is_finite() && self.learning_rate > 0.0,
            ),
        ];
        let mut options = shared.into_iter().chain(own);
        options.find(|(_, sound)| !sound).map(|(option, _)| option)
    }

    /// Which network it is.
    pub fn kind(&self) -> Kind {
        match self.model {
            ModelConfig::Baseline => Kind::Baseline,
            ModelConfig::Optimized { .. } => Kind::Optimized,
        }
    }

    /// Builds the graph to train.
    ///
    /// # Errors
    /// TensorFlow refuses a node.
    pub fn build_network(&self) -> Result<Network> {
        let (learning_rate, seed) = (self.learning_rate, self.seed);
        let towers = match self.reproducible {
            true => Towers::AsPublished,
            false => Towers::Fast {
                precision: self.precision,
                convolutions: self.convolutions,
            },
        };
        Ok(match self.model {
            ModelConfig::Baseline => baseline(&BaselineConfig {
                learning_rate,
                seed: Some(seed),
                towers,
            })?,
            ModelConfig::Optimized {
                pool_dropout,
                fc_dropout,
                accuracy_on,
                ..
            } => optimized(&OptimizedConfig {
                learning_rate,
                pool_dropout,
                fc_dropout,
                accuracy_on,
                seed,
                towers,
            })?,
        })
    }

    /// How long to train, in what order, and when to validate and to stop.
    pub fn schedule(&self) -> Schedule {
        let (validate, validation, patience) = match self.model {
            ModelConfig::Baseline => (Validate::EvenEpochsAndLast, ValidationMode::Full, None),
            ModelConfig::Optimized {
                patience,
                validate_every,
                validation,
                ..
            } => (Validate::Every(validate_every), validation, Some(patience)),
        };
        let order = if self.shuffle {
            Order::Shuffled { seed: self.seed }
        } else {
            Order::File
        };
        let Self {
            epochs,
            batch_size,
            max_steps,
            eval_chunk,
            ..
        } = *self;
        Schedule {
            epochs,
            batch_size,
            order,
            max_steps,
            validate,
            validation,
            patience,
            eval_chunk,
        }
    }

    /// Whether the best checkpoint is what counts at the end, rather than the last weights.
    pub fn keeps_best(&self) -> bool {
        matches!(self.model, ModelConfig::Optimized { .. })
    }
}

/// The programs that made a run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Versions {
    /// This crate.
    pub tf_mnist: String,
    /// The TensorFlow library.
    pub tensorflow: String,
    /// The file of that library.
    #[serde(serialize_with = "lossy_path::serialize")]
    pub library: PathBuf,
}
