//! `--resume RUN_DIR`: the run's own options, and which of them the command line may change.

use super::failure::{advised, usage};
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
const CHANGEABLE: [&str; 7] = [
    "data_dir", // the place; see `check_dataset`
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
                         --max-steps, --patience, --device, the numbers of threads and the place of the data set may change",
                        option.flag
                    )));
                }
            }
        }
        Ok(config)
    }

    /// The data set, if it is that of the run, wherever it lies now.
    ///
    /// # Errors
    /// It could not be loaded, or has other files; a usage error where the place was typed.
    pub fn check_dataset(&self, loaded: Result<Dataset>, typed: &[Typed]) -> Result<Dataset> {
        let checked = loaded.and_then(|dataset| self.is_own(&dataset).map(|()| dataset));
        checked.map_err(|error| match typed.iter().any(|option| option.id == "data_dir") {
            true => usage(format!("{error:#}")),
            false => advised(
                error,
                "if the run's data set was moved, --data-dir DIR names its new place",
            ),
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
        "data_dir" => config.data_dir.clone_from(&asked.data_dir),
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
