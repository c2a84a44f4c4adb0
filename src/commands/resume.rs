//! `--resume RUN_DIR`: the run's own options, and which of them the command line may change.

use super::failure::{self, advised, usage};
use super::typed::Typed;
use anyhow::Result;
use serde_json::Value;
use std::path::Path;
use tf_mnist::dataset::Dataset;
use tf_mnist::networks::{self, Table};
use tf_mnist::training::{RunConfig, RunDirectory, SavedState};

/// A run to go on with; no other process may write to it meanwhile.
pub struct Resumed {
    pub directory: RunDirectory,
    /// As the run was started or last resumed.
    pub config: RunConfig,
    /// Where it was; nowhere if it ended before a state was saved.
    pub saved: Option<SavedState>,
}

/// Options that say nothing about the run, or that name it.
const FREE: [&str; 3] = ["resume", "quiet", "verbose"];

/// Where `config.json` has what an option sets, and whether that may change from one part of a run to the next. An option
/// that is not listed stands under its own name, and may not.
const OPTIONS: [(&str, &str, bool); 15] = [
    ("data_dir", "/data_dir", true), // the place; see `check_dataset`
    ("epochs", "/network/training/epochs", true),
    ("max_steps", "/max_steps", true),
    ("patience", "/network/training/patience", true),
    ("device", "/session/device", true),
    ("intra_op_threads", "/session/intra_op_threads", true),
    ("inter_op_threads", "/session/inter_op_threads", true),
    ("batch_size", "/network/training/batch_size", false),
    ("learning_rate", "/network/training/adam/learning_rate", false),
    ("validate_every", "/network/training/validate", false),
    ("pool_dropout", "/network/rows", false),
    ("fc_dropout", "/network/rows", false),
    ("no_shuffle", "/shuffle", false),
    ("no_onednn", "/onednn", false),
    ("gpu_memory_limit", "/session/gpu_memory_limit_mib", false),
];

impl Resumed {
    /// Takes the run in `path`.
    ///
    /// # Errors
    /// It is no run, another process uses it, or its options or all of its states are damaged.
    pub fn open(path: &Path) -> Result<Self> {
        let directory = RunDirectory::open(path)?;
        let config = directory.read_config()?;
        Ok(Self { saved: directory.saved_state(&config)?, config, directory })
    }

    /// The run's options with the changes that were typed; `asked` is what the command line would make of a new run.
    ///
    /// # Errors
    /// A usage error: a typed option that disagrees and may not change.
    pub fn change(&self, asked: &RunConfig, typed: &[Typed]) -> Result<RunConfig> {
        let path = self.directory.path().display();
        let (mut stored, wanted) = (serde_json::to_value(&self.config)?, serde_json::to_value(asked)?);
        for option in typed.iter().filter(|option| !FREE.contains(&option.id.as_str())) {
            let own_name = format!("/{}", option.id);
            let listed = OPTIONS.iter().find(|(id, ..)| option.id == *id);
            let (place, may_change) = listed.map_or((&*own_name, false), |(_, place, free)| (place, *free));
            match (stored.pointer_mut(place), wanted.pointer(place)) {
                (Some(stored), Some(wanted)) if may_change || stored == wanted => stored.clone_from(wanted),
                (stored, _) => {
                    let shown = stored.filter(|stored| stored.is_number() || stored.is_string());
                    let stored =
                        shown.map_or_else(String::new, |value: &mut Value| format!(": it has {value}"));
                    return Err(usage(format!(
                        "{} disagrees with the run in {path}{stored}; with --resume leave it out, as only --epochs, \
                         --max-steps, --patience, --device, the numbers of threads and the place of the data set may change",
                        option.flag
                    )));
                }
            }
        }
        let mut config: RunConfig = serde_json::from_value(stored)?;
        // JSON does not carry every path.
        let moved = typed.iter().any(|option| option.id == "data_dir");
        config.set_data_dir(if moved { asked } else { &self.config }.data_dir.clone());
        Ok(config)
    }

    /// Whether the run is of the network that was named, too.
    ///
    /// # Errors
    /// A usage error: it is not.
    pub fn check_network(&self, named: &Table) -> Result<()> {
        let own = &self.config.network;
        let path = self.directory.path().display();
        if !named.is_same_graph(own) {
            return Err(usage(format!(
                "--resume: {path} holds a run of {}, of other layers or sizes; go on with it by tf-mnist train --resume {path}",
                own.name
            )));
        }
        let (asked, kept) = (&named.training, &own.training);
        let differs = asked.batch_size != kept.batch_size
            || asked.adam.learning_rate.initial() != kept.adam.learning_rate.initial();
        if differs && !networks::is_built_in(&named.name) {
            log::warn!(
                "--resume: the run in {path} keeps its own numbers of training; those of the file are not taken"
            );
        }
        Ok(())
    }

    /// The data set, if it is that of the run, wherever it lies now.
    ///
    /// # Errors
    /// It could not be loaded, or has other files; a usage error where the place was typed.
    pub fn check_dataset(&self, loaded: Result<Dataset>, typed: &[Typed]) -> Result<Dataset> {
        let checked = loaded.and_then(|dataset| self.is_own(&dataset).map(|()| dataset));
        checked.map_err(|error| match typed.iter().any(|option| option.id == "data_dir") {
            true => usage(failure::text(&error)),
            false => advised(error, "if the run's data set was moved, --data-dir DIR names its new place"),
        })
    }

    fn is_own(&self, dataset: &Dataset) -> Result<()> {
        for (file, stored) in dataset.files.iter().zip(&self.config.data_sha256) {
            let found = file.sha256.to_string();
            if found != *stored {
                anyhow::bail!(
                    "{} is not what the run in {} was trained on: its SHA-256 is {found}, not {stored}",
                    file.path.display(),
                    self.directory.path().display()
                );
            }
        }
        Ok(())
    }
}
