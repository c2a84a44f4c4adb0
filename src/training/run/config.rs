//! `config.json`: everything that made a run what it is.

use super::CONFIG;
use crate::dataset::Form;
use crate::graph::{Precision, export_meta_graph};
use crate::lossy_path;
use crate::model::{AccuracyOn, BuildOptions, Convolutions, MAX_REPLICAS, Network, Towers};
use crate::networks::{self, Keep, Table};
use crate::session::SessionConfig;
use crate::staging::regular_file;
use crate::training::error::{Result, TrainingError};
use crate::training::fit::Schedule;
use crate::training::validation::ValidationMode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// The options of a run as they were resolved, and what it ran on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunConfig {
    /// Version of this file's form.
    pub version: u32,
    /// The network, and the numbers of its training as they were used.
    #[serde(deserialize_with = "networks::checked")]
    pub network: Table,
    /// Which logits accuracy is measured on.
    pub accuracy_on: AccuracyOn,
    /// How much of a validation is done.
    pub validation: ValidationMode,
    /// Rows at the head of the training files that are kept back for validation.
    pub validation_rows: usize,
    /// Most steps, if bounded.
    pub max_steps: Option<u64>,
    /// Rows evaluated at a time.
    pub eval_chunk: usize,
    /// Seed of start values, shuffles, dropout and translations.
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
    /// The bytes of its path, where that is not UTF-8, of which JSON cannot carry all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_dir_bytes: Option<Vec<u8>>,
    /// SHA-256 of the data set's four files, in the order of [`Dataset::files`](crate::dataset::Dataset::files).
    pub data_sha256: Vec<String>,
    /// What convolutions are computed in.
    pub precision: Precision,
    /// Whether batch norms train by the rows of all replicas; see [`BuildOptions::sync_batch_norm`].
    #[serde(default)]
    pub sync_batch_norm: bool,
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

impl RunConfig {
    /// The form that is written.
    pub const VERSION: u32 = 2;

    /// Sets the place of the data set.
    pub fn set_data_dir(&mut self, folder: Option<PathBuf>) {
        let bytes = folder.as_ref().filter(|folder| folder.to_str().is_none());
        self.data_dir_bytes = bytes.map(|folder| folder.as_os_str().as_bytes().to_vec());
        self.data_dir = folder;
    }

    /// Reads the `config.json` of the run folder `run`.
    ///
    /// # Errors
    /// The file cannot be read, is of a newer version, or holds no sound options.
    pub fn read(run: &Path) -> Result<Self> {
        let path = run.join(CONFIG);
        let text = regular_file::read_first_mib(&path).map_err(TrainingError::file("read", &path))?;
        let unusable = |reason| TrainingError::Unusable(format!("cannot use {}: {reason}", path.display()));
        Self::parse(&text).map_err(unusable)
    }

    /// Reads the bytes of a `config.json`, which may hold anything. Version 1, which named one of two networks in place of
    /// a table, is read too.
    ///
    /// # Errors
    /// What is wrong with them: no JSON, a newer version, or an option that the command line would not take either.
    pub fn parse(bytes: &[u8]) -> std::result::Result<Self, String> {
        let in_words = |error: serde_json::Error| error.to_string();
        let mut value: Value = serde_json::from_slice(bytes).map_err(in_words)?;
        match value.get("version").and_then(Value::as_u64) {
            None => return Err("it has no version".into()),
            Some(1) => value = from_version_1(value)?,
            Some(version) if version > u64::from(Self::VERSION) => {
                return Err(format!(
                    "it is of version {version}, written by a newer tf-mnist; this one reads up to {}: use that newer one",
                    Self::VERSION
                ));
            }
            Some(_) => {}
        }
        let mut config: Self = serde_json::from_value(value).map_err(in_words)?;
        if let Some(bytes) = config.data_dir_bytes.clone() {
            config.data_dir = Some(OsString::from_vec(bytes).into());
        }
        let options = [
            ("eval_chunk", config.eval_chunk > 0),
            ("validation_rows", config.validation_rows > 0),
            ("max_steps", config.max_steps != Some(0)),
            ("replicas", (1..=MAX_REPLICAS).contains(&config.session.replicas)),
        ];
        match options.into_iter().find(|(_, sound)| !sound) {
            Some((option, _)) => Err(format!("its {option} is out of range")),
            None => Ok(config),
        }
    }

    /// The options that runs are compared by, by their names: not where they ran, what wrote them, or the layers.
    pub fn options(&self) -> BTreeMap<String, Value> {
        // By way of text, in which 0.001 is not 0.0010000000474974513, as it is among float64 numbers.
        let text = serde_json::to_string(self).unwrap_or_default();
        let mut whole: Value = serde_json::from_str(&text).unwrap_or_default();
        let (name, training) = (whole["network"]["name"].take(), whole["network"]["training"].take());
        let mut options = BTreeMap::new();
        let left_out = ["version", "versions", "data_sha256", "data_dir_bytes", "session", "network"];
        if let Some(whole) = whole.as_object_mut() {
            whole.retain(|option, _| !left_out.contains(&option.as_str()));
            whole.insert("network".to_owned(), name);
            whole.insert("replicas".to_owned(), json!(self.session.replicas));
        }
        flatten("", whole, &mut options);
        flatten("", training, &mut options);
        options
    }

    /// Builds the graph to train, on those devices; see [`Network::build_on`]. Beside its checkpoints goes the graph as published, whatever form trains.
    ///
    /// # Errors
    /// TensorFlow refuses a node.
    pub fn build_network(&self, devices: &[String]) -> Result<Network> {
        let towers = match self.reproducible {
            true => Towers::AsPublished,
            false => Towers::Fast { precision: self.precision, convolutions: self.convolutions },
        };
        let &Self { seed, accuracy_on, sync_batch_norm, .. } = self;
        let options = BuildOptions { seed: Some(seed), towers, accuracy_on, sync_batch_norm };
        let mut network = Network::build_on(devices, &self.network, &options)?;
        let towers = Towers::AsPublished;
        let published = Network::build(&self.network, &BuildOptions { towers, ..options })?;
        let published = export_meta_graph(&published.graph, &published.saver, &published.train)?;
        network.saver.write_meta_graph(published);
        Ok(network)
    }

    /// How long to train, in what order, and when to validate and to stop.
    pub fn schedule(&self) -> Schedule {
        Schedule {
            training: self.network.training.clone(),
            shuffle: self.shuffle,
            seed: self.seed,
            max_steps: self.max_steps,
            validation: self.validation,
            eval_chunk: self.eval_chunk,
        }
    }

    /// What the data set has to be like.
    pub fn data_form(&self) -> Form {
        self.network.data_form(self.validation_rows)
    }

    /// Whether the best checkpoint is what counts at the end, rather than the last weights.
    pub fn keeps_best(&self) -> bool {
        self.network.training.keep == Keep::Best
    }
}

/// What objects in `value` hold under `outer.inner`.
fn flatten(name: &str, value: Value, into: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(fields) => {
            for (field, value) in fields {
                let name = if name.is_empty() { field } else { format!("{name}.{field}") };
                flatten(&name, value, into);
            }
        }
        Value::Null => {}
        value => drop(into.insert(name.to_owned(), value)),
    }
}

/// What stood in version 1 as the name of a network and its options, as a table.
fn from_version_1(mut config: Value) -> std::result::Result<Value, String> {
    let name = config["model"].as_str().unwrap_or_default().to_owned();
    let known = ["baseline", "optimized"].contains(&&*name);
    let table = known.then(|| networks::find(Path::new(&name)).ok()).flatten();
    let Some(mut table) = table else {
        return Err(format!("its model is {}, not baseline or optimized", config["model"]));
    };
    for (row, option) in [("pool3", "pool_dropout"), ("fc1", "fc_dropout")] {
        if let Some(rate) = config[option].as_f64() {
            table.set_dropout(row, rate as f32);
        }
    }
    let mut network = json!(table);
    let training = &mut network["training"];
    for option in ["epochs", "batch_size", "patience"] {
        if !config[option].is_null() {
            training[option] = config[option].take();
        }
    }
    training["adam"]["learning_rate"] = config["learning_rate"].take();
    if !config["validate_every"].is_null() {
        training["validate"] = json!({ "every_steps": config["validate_every"].take() });
    }
    let defaults = [
        ("accuracy_on", json!(AccuracyOn::default())),
        ("validation", json!(ValidationMode::default())),
        ("validation_rows", json!(crate::dataset::Form::VALIDATION_ROWS)),
    ];
    for (option, default) in defaults {
        if config[option].is_null() {
            config[option] = default;
        }
    }
    config["network"] = network;
    config["version"] = json!(RunConfig::VERSION);
    Ok(config)
}

/// The programs that made a run, and the processor.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Versions {
    /// This crate.
    pub tf_mnist: String,
    /// The commit it was built from, empty where that is not known.
    #[serde(default)]
    pub commit: String,
    /// What it was built for, as `x86_64-unknown-linux-gnu`.
    #[serde(default)]
    pub target: String,
    /// The compiler.
    #[serde(default)]
    pub compiler: String,
    /// The processor's name, empty where that is not known.
    #[serde(default)]
    pub processor: String,
    /// The TensorFlow library.
    pub tensorflow: String,
    /// The file of that library.
    #[serde(serialize_with = "lossy_path::serialize")]
    pub library: PathBuf,
}
