//! `--resume RUN_DIR`: the run's own options, and which of them the command line may change.

use super::failure::usage;
use super::typed::Typed;
use anyhow::Result;
use std::path::Path;
use tf_mnist::dataset::Dataset;
use tf_mnist::training::{ModelConfig, RunConfig, RunDirectory, SavedState};

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
/// Options that may change from one part of a run to the next.
const CHANGEABLE: [&str; 6] = [
    "epochs",
    "max_steps",
    "patience",
    "device",
    "intra_op_threads",
    "inter_op_threads",
];

impl Resumed {
    /// Takes the run in `path`.
    ///
    /// # Errors
    /// It is no run, another process uses it, or its options or all of its states are damaged.
    pub fn open(path: &Path) -> Result<Self> {
        let directory = RunDirectory::open(path)?;
        let config = directory.read_config()?;
        Ok(Self {
            saved: directory.saved_state(&config)?,
            config,
            directory,
        })
    }

    /// The run's options with the changes that were typed; `asked` is what the command line would make of a new run.
    ///
    /// # Errors
    /// A usage error: another network, or a typed option that disagrees and may not change.
    pub fn change(&self, asked: &RunConfig, typed: &[Typed]) -> Result<RunConfig> {
        let path = self.directory.path().display();
        let (model, own) = (asked.kind().name(), self.config.kind().name());
        if model != own {
            return Err(usage(format!(
                "--resume: {path} holds a run of {own}; go on with it by tf-mnist {own} --resume {path}"
            )));
        }
        let mut config = self.config.clone();
        let (stored, wanted) = (serde_json::to_value(&self.config)?, serde_json::to_value(asked)?);
        for option in typed {
            let id = option.id.as_str();
            if CHANGEABLE.contains(&id) {
                change(&mut config, asked, id);
            } else if !FREE.contains(&id) {
                let (stored, wanted) = (stored.pointer(&key_of(id)), wanted.pointer(&key_of(id)));
                if stored.is_none() || stored != wanted {
                    let stored = stored.map_or_else(String::new, |value| format!(": it has {value}"));
                    return Err(usage(format!(
                        "{} disagrees with the run in {path}{stored}; with --resume leave it out, as only --epochs, \
                         --max-steps, --patience, --device and the numbers of threads may change",
                        option.flag
                    )));
                }
            }
        }
        Ok(config)
    }

    /// Whether `dataset` is that of the run.
    ///
    /// # Errors
    /// It has other files.
    pub fn check_dataset(&self, dataset: &Dataset) -> Result<()> {
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

/// Where `config.json` has an option.
fn key_of(id: &str) -> String {
    match id {
        "no_shuffle" => "/shuffle".into(),
        "no_onednn" => "/onednn".into(),
        "gpu_memory_limit" => "/session/gpu_memory_limit_mib".into(),
        id => format!("/{id}"),
    }
}

fn change(config: &mut RunConfig, asked: &RunConfig, id: &str) {
    let (session, new) = (&mut config.session, &asked.session);
    match id {
        "epochs" => config.epochs = asked.epochs,
        "max_steps" => config.max_steps = asked.max_steps,
        "device" => session.device = new.device,
        "intra_op_threads" => session.intra_op_threads = new.intra_op_threads,
        "inter_op_threads" => session.inter_op_threads = new.inter_op_threads,
        _ => {
            if let (ModelConfig::Optimized { patience, .. }, ModelConfig::Optimized { patience: new, .. }) =
                (&mut config.model, asked.model)
            {
                *patience = new;
            }
        }
    }
}
