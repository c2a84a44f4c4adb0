//! Telling what a run wrote from what only has such a name: by what the files say.

use super::config::Versions;
use super::layout::{self, CONFIG, LOCK, METRICS, RESUME};
use super::metrics;
use super::saved_states::{self, State, States};
use crate::graph::CheckpointManager;
use crate::graph::checkpoint::{STATE_FILE, meta_graph};
use crate::staging::regular_file;
use crate::staging::{self, Lock};
use crate::tensorboard::EventFile;
use crate::training::error::{Result, TrainingError};
use serde::Deserialize;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What lies in a folder under the names of a run's files. Whatever else lies there, or below, is no concern of a run.
#[derive(Debug, Default)]
pub(in crate::training) struct Contents {
    /// Whether the folder has the options.
    config: bool,
    /// The files of the run's own checkpoints, also of one half written or half deleted.
    pub checkpoints: Vec<PathBuf>,
    /// What else the run wrote beside its options, lock and states.
    rest: Vec<PathBuf>,
    /// Its states, sound or not.
    pub states: Vec<State>,
    /// What is in the way of a run: it has the name of one of its files, and none wrote it.
    pub foreign: Vec<PathBuf>,
}

impl Contents {
    /// Looks at the folder `run`, which need not be there.
    ///
    /// # Errors
    /// Something in it cannot be read.
    pub fn of(run: &Path) -> Result<Self> {
        let named = named(run).map_err(TrainingError::file("read", run))?;
        let at = |name: &str| named.iter().find(|path| path.ends_with(name)).cloned();
        let mut contents = Self::default();
        let mut foreign = Vec::new();
        let mut own = |path: Option<PathBuf>, is_own: bool| match is_own {
            true => path,
            false => {
                foreign.extend(path);
                None
            }
        };

        let config = at(CONFIG);
        let is_config = config.as_deref().is_some_and(is_config);
        contents.config = own(config.clone(), is_config).is_some();
        let metrics = at(METRICS);
        let told = match metrics.as_deref().filter(|path| is_file(path)) {
            Some(path) => Some(metrics::account(path).map_err(TrainingError::file("read", path))?),
            None => None,
        };
        let lock = run.join(LOCK);
        own(Some(lock.clone()), Lock::is_one(&lock));

        // A link to a folder on another disk will do.
        let resume = at(RESUME).filter(|path| path.is_dir());
        let States { own: states, foreign: foreign_states } = States::of(run)?;
        let saved: Vec<_> = states.iter().filter_map(|state| state.said.as_ref()).collect();

        // Python's checkpoints have the same names. Only beside what nobody else writes are they a run's.
        let told_own = told.as_ref().is_some_and(|told| told.begins_with_event);
        if !is_config && (config.is_some() || !told_own && saved.is_empty()) {
            foreign.extend(named.into_iter().filter(|path| !path.ends_with(CONFIG)));
            return Ok(Self { foreign, ..Self::default() });
        }
        let is_metrics = told.as_ref().is_some_and(|told| told.begins_with_event || told.is_empty);
        contents.rest.extend(own(metrics, is_metrics));
        // Those of others are in nobody's way: every event file has a name of its own.
        contents.rest.extend(EventFile::own_in(run).map_err(TrainingError::file("read", run))?);
        let state = at(STATE_FILE);
        let listed = state.as_deref().and_then(checkpoints_listed);
        // The run came so far, or it says that it is its own and Python did not write a graph beside it.
        let steps = told.map_or(0, |told| told.steps);
        let meta = |name: &str| run.join(format!("{name}{}", CheckpointManager::META));
        let is_known = |name: &str| {
            let came_so_far = layout::step_of_checkpoint(name).is_some_and(|step| step < steps);
            came_so_far || !meta(name).exists() || meta_graph::is_own(&meta(name))
        };
        let listed = listed.filter(|names| names.iter().all(|name| is_known(name)));
        contents.rest.extend(own(state, listed.is_some()));
        own(at(RESUME), resume.is_some());
        let listed_in_states = saved.into_iter().flat_map(|state| &state.checkpoints);
        let kept: Vec<_> = listed.iter().flatten().chain(listed_in_states).collect();
        for path in &named {
            let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if let Some(name) = layout::checkpoint_of_file(file) {
                // Python's have such names too, with no graph of ours beside them. Without an index it is half of one, as
                // a crash leaves it, which may cost metrics.jsonl its end besides.
                let is_half = || !run.join(format!("{name}.index")).exists();
                let is_listed = || kept.iter().any(|kept| *kept == name);
                let is_own = is_file(path)
                    && (meta_graph::is_own(&meta(name)) || is_known(name) && (is_listed() || is_half()))
                    && (!file.ends_with(CheckpointManager::META) || meta_graph::is_own(path));
                contents.checkpoints.extend(own(Some(path.clone()), is_own));
            }
        }
        foreign.extend(foreign_states);
        Ok(Self { states, foreign, ..contents })
    }

    /// Whether there is anything of a run.
    pub fn is_run(&self) -> bool {
        let Self { config, checkpoints, rest, states, .. } = self;
        *config || !(checkpoints.is_empty() && rest.is_empty() && states.is_empty())
    }

    /// Deletes what the run in `run` wrote; whatever else lies there, or below, stays. The options are left to be
    /// replaced by the next run's, so that at every moment the folder counts as a run, which may be deleted again.
    pub fn delete(&self, run: &Path) -> Result<()> {
        for State { folder, .. } in &self.states {
            saved_states::delete(folder).map_err(TrainingError::file("delete", folder))?;
        }
        let _ = fs::remove_dir(run.join(RESUME)); // unless something else is in it
        for file in self.checkpoints.iter().rev().chain(&self.rest) {
            fs::remove_file(file).map_err(TrainingError::file("delete", file))?;
        }
        Ok(())
    }
}

/// Everything in `run` that has the name of a file or folder that a run writes there, in the order of the names.
fn named(run: &Path) -> io::Result<Vec<PathBuf>> {
    let mut named = Vec::new();
    for entry in layout::entries(run)? {
        let (name, path) = (entry.file_name(), entry.path());
        let name = name.to_str().unwrap_or_default();
        let is_named = [CONFIG, METRICS, STATE_FILE, RESUME].contains(&name)
            || layout::checkpoint_of_file(name).is_some();
        // An empty folder is in nobody's way where a folder will be.
        let is_empty = name == RESUME && fs::read_dir(&path).is_ok_and(|mut inside| inside.next().is_none());
        if is_named && !is_empty {
            named.push(path);
        }
    }
    named.sort();
    Ok(named)
}

/// A run writes no links, and no folders of these names.
fn is_file(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|there| there.is_file())
}

/// Whether a file holds a run's options, of whatever version: it names the programs that made the run, and its data.
fn is_config(path: &Path) -> bool {
    #[derive(Deserialize)]
    #[allow(dead_code)] // only whether they are there counts
    struct Mark {
        version: u32,
        seed: u64,
        data_sha256: Vec<String>,
        versions: Versions,
    }
    let sound = |bytes: Vec<u8>| serde_json::from_slice::<Mark>(&bytes).is_ok();
    is_file(path) && regular_file::read_first_mib(path).is_ok_and(sound)
}

/// The checkpoints that the state file `checkpoint` lists, if it is as a run writes it.
fn checkpoints_listed(path: &Path) -> Option<Vec<String>> {
    let bytes = is_file(path).then(|| regular_file::read_first_mib(path))?.ok()?;
    let names = CheckpointManager::names_written(&bytes)?;
    names.iter().all(|name| layout::step_of_checkpoint(name).is_some()).then_some(names)
}

/// Deletes what killed processes left half done in the run folder `run`, and in the folders of its states.
pub(in crate::training) fn sweep(run: &Path) -> Result<()> {
    let states = States::of(run)?.own.into_iter().map(|state| state.folder);
    for folder in [run.to_path_buf(), run.join(RESUME)].into_iter().chain(states) {
        staging::sweep(&folder).map_err(|(path, error)| TrainingError::file("delete", &path)(error))?;
    }
    Ok(())
}
