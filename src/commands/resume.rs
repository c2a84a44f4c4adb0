//! `--resume RUN_DIR`: the run's own options, and which of them the command line may change.

use super::cluster::Work;
use super::failure::{self, advised, usage};
use crate::cli::GlobalArgs;
use anyhow::{Result, ensure};
use clap::ArgMatches;
use clap::parser::ValueSource;
use serde_json::{Value, json};
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

/// Takes over what an option sets in the options that were asked for.
type Change = fn(&mut RunConfig, &RunConfig);
/// What an option sets.
type Get = fn(&RunConfig) -> Value;

/// Options that may change from one part of a run to the next, and how. Those of this process alone are not kept.
const MAY_CHANGE: [(&str, Change); 7] = [
    ("epochs", |run, asked| run.network.training.epochs = asked.network.training.epochs),
    ("patience", |run, asked| run.network.training.patience = asked.network.training.patience),
    ("max_steps", |run, asked| run.max_steps = asked.max_steps),
    ("data_dir", |run, asked| run.set_data_dir(asked.data_dir.clone())), // the place; see `check_dataset`
    ("device", |run, asked| run.session.device = asked.session.device),
    ("intra_op_threads", |run, asked| run.session.intra_op_threads = asked.session.intra_op_threads),
    ("inter_op_threads", |run, asked| run.session.inter_op_threads = asked.session.inter_op_threads),
];

/// Options that may be typed again, but not change.
const MAY_NOT_CHANGE: [(&str, Get); 19] = [
    ("batch_size", |run| json!(run.network.training.batch_size)),
    ("replicas", |run| json!(run.session.replicas)),
    ("sync_batch_norm", |run| json!(run.sync_batch_norm)),
    ("learning_rate", |run| json!(run.network.training.adam.learning_rate)),
    ("validate_every", |run| json!(run.network.training.validate)),
    ("validation", |run| json!(run.validation)),
    ("validation_rows", |run| json!(run.validation_rows)),
    ("accuracy_on", |run| json!(run.accuracy_on)),
    ("pool_dropout", |run| json!(run.network.rows)),
    ("fc_dropout", |run| json!(run.network.rows)),
    ("eval_chunk", |run| json!(run.eval_chunk)),
    ("seed", |run| json!(run.seed)),
    ("no_shuffle", |run| json!(run.shuffle)),
    ("warm_start", |run| json!(run.warm_start.as_deref().map(Path::to_string_lossy))),
    ("precision", |run| json!(run.precision)),
    ("reproducible", |run| json!(run.reproducible)),
    ("save_every", |run| json!(run.save_every)),
    ("no_onednn", |run| json!(run.onednn)),
    ("gpu_memory_limit", |run| json!(run.session.gpu_memory_limit_mib)),
];

impl Resumed {
    /// Takes the run in `path`.
    ///
    /// # Errors
    /// It is no run, another process uses it, or its options or all of its states are damaged.
    pub fn open(path: &Path) -> Result<Self> {
        let directory = RunDirectory::open(path)?;
        let config = RunConfig::read(path)?;
        Ok(Self { saved: directory.saved_state(&config)?, config, directory })
    }

    /// What a worker that goes on with the run in `path` computes with, as its chief does. No other process is kept from the run.
    ///
    /// # Errors
    /// A usage error: the run's options are not to be read here.
    pub fn for_worker(path: &Path, global: &GlobalArgs, typed: &ArgMatches) -> Result<Work> {
        let run = RunConfig::read(path).map_err(|error| {
            usage(format!(
                "--resume: {error}; a worker of --cluster computes as the run's config.json says: copy that file here, into a \
                 folder of that name, or start tf-mnist worker in place of this and name it in --workers"
            ))
        })?;
        let session = &run.session;
        let global = GlobalArgs {
            device: if is_typed(typed, "device") { global.device } else { session.device },
            intra_op_threads: global.intra_op_threads.or(Some(session.intra_op_threads)),
            inter_op_threads: global.inter_op_threads.or(Some(session.inter_op_threads)),
            gpu_memory_limit: session.gpu_memory_limit_mib,
            no_onednn: !run.onednn,
            ..global.clone()
        };
        Ok((global, Some(session.replicas), run.reproducible))
    }

    /// The run's options with the changes that were typed; `asked` is what the command line would make of a new run.
    ///
    /// # Errors
    /// A usage error: a typed option that disagrees and may not change.
    pub fn change(&self, asked: &RunConfig, typed: &ArgMatches) -> Result<RunConfig> {
        let disagrees = |get: Get| get(&self.config) != get(asked);
        let mut kept = MAY_NOT_CHANGE.iter().filter(|(id, _)| is_typed(typed, id));
        if let Some((id, get)) = kept.find(|(_, get)| disagrees(*get)) {
            let stored = match get(&self.config) {
                value @ (Value::Number(_) | Value::String(_)) => format!(": it has {value}"),
                _ => String::new(),
            };
            return Err(usage(format!(
                "--{} disagrees with the run in {}{stored}; with --resume leave it out, as only --epochs, \
                 --max-steps, --patience, --device, the numbers of threads, --no-tensorboard, the place of the data set and \
                 where replicas run may change",
                id.replace('_', "-"),
                self.directory.path().display()
            )));
        }
        let mut config = self.config.clone();
        for (_, change) in MAY_CHANGE.iter().filter(|(id, _)| is_typed(typed, id)) {
            change(&mut config, asked);
        }
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
    pub fn check_dataset(&self, loaded: Result<Dataset>, typed: &ArgMatches) -> Result<Dataset> {
        let is_own = |dataset: Dataset| {
            for (file, stored) in dataset.files.iter().zip(&self.config.data_sha256) {
                let found = file.sha256.to_string();
                ensure!(
                    found == *stored,
                    "{} is not what the run in {} was trained on: its SHA-256 is {found}, not {stored}",
                    file.path.display(),
                    self.directory.path().display()
                );
            }
            Ok(dataset)
        };
        loaded.and_then(is_own).map_err(|error| match is_typed(typed, "data_dir") {
            true => usage(failure::text(&error)),
            false => advised(error, "if the run's data set was moved, --data-dir DIR names its new place"),
        })
    }
}

/// Whether an option of the subcommand, or a global one, was typed rather than left at its default.
pub fn is_typed(matches: &ArgMatches, id: &str) -> bool {
    matches.value_source(id) == Some(ValueSource::CommandLine)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::CommandFactory;

    #[test]
    fn only_what_was_typed_counts_wherever_it_stands() {
        let line = ["tf-mnist", "-q", "--device", "cpu", "baseline", "--batch-size", "100"];
        let matches = Cli::command().get_matches_from(line);
        let (_, matches) = matches.subcommand().unwrap();
        let ids = matches.ids().map(|id| id.as_str()).filter(|id| is_typed(matches, id));
        let mut options: Vec<_> = ids.filter(|id| !id.ends_with("Args")).collect();
        options.sort_unstable();
        assert_eq!(options, ["batch_size", "device", "quiet"]);
    }

    #[test]
    fn of_every_option_it_is_said_whether_it_may_change() {
        let mut command = Cli::command();
        command.build();
        // They say nothing about the run, or name it.
        let mut said = vec!["resume", "out_dir", "overwrite", "quiet", "verbose", "help", "version"];
        // Of the process that goes on with it, and not kept.
        said.extend(["no_tensorboard", "workers", "address", "cluster", "processes", "trust_network"]);
        said.extend(["peer_timeout", "step_timeout", "wait", "max_restarts"]);
        said.extend(MAY_CHANGE.map(|(id, _)| id));
        said.extend(MAY_NOT_CHANGE.map(|(id, _)| id));
        said.sort_unstable();
        let baseline = command.find_subcommand("baseline").unwrap();
        let mut options: Vec<_> = baseline.get_arguments().map(|option| option.get_id().as_str()).collect();
        options.sort_unstable();
        assert_eq!(said, options);
    }
}
