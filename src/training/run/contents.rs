//! Telling what a run wrote from what only has such a name: by what the files say.

use super::metrics::{self, Line};
use super::states::{self, State};
use super::{CONFIG, LOCK, METRICS, RESUME, checkpoint_of_file, entries, is_file, read_own};
use super::{Event, RunState, step_of_checkpoint};
use crate::graph::CheckpointManager;
use crate::graph::checkpoint::{STATE_FILE, meta_graph};
use crate::staging::{self, Lock};
use crate::tensorboard::EventFile;
use crate::training::error::{Result, TrainingError};
use serde_json::Value;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What lies in a folder under the names of a run's files. Whatever else lies there, or below, is no concern of a run.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// Whether the folder has the options, whole.
    config: bool,
    /// The files of the run's own checkpoints, also of one half written or half deleted.
    pub checkpoints: Vec<PathBuf>,
    /// What else the run wrote beside its options, lock and states, and what is left of options that were cut off; last
    /// what a run without options is known by.
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
        let at = |name: &str| named.iter().find(|path| path.ends_with(name));
        let lines = match at(METRICS).filter(|path| is_file(path)) {
            Some(path) => Some(metrics::read(path).map_err(TrainingError::file("read", path))?),
            None => None,
        };
        let begins_with_event = lines.iter().flatten().next().is_some_and(|line| line.event.is_some());
        let (states, foreign) = states::of(run)?;
        let saved: Vec<&RunState> = states.iter().filter_map(|state| state.said.as_ref().ok()).collect();
        let is_told_of = begins_with_event || !saved.is_empty();
        let config = at(CONFIG).and_then(|path| read_own(path).ok());
        let is_whole = config.as_deref().is_some_and(is_config);
        let is_cut_off = is_told_of && config.as_deref().is_some_and(is_cut_off);
        let lock = Some(run.join(LOCK)).filter(|lock| !Lock::is_one(lock));

        // Python's checkpoints have the same names. Only beside what nobody else writes are they a run's.
        if !(is_whole || is_cut_off || is_told_of && at(CONFIG).is_none()) {
            return Ok(Self { foreign: named.into_iter().chain(lock).collect(), ..Self::default() });
        }
        let listed = at(STATE_FILE).and_then(|path| checkpoints_listed(path));
        // The run came so far, or it says that it is its own and Python did not write a graph beside it.
        let is_step = |line: &&Line| matches!(line.event, Some(Event::Step(_)));
        let steps = lines.iter().flatten().filter(is_step).count() as u64;
        let meta = |name: &str| run.join(format!("{name}{}", CheckpointManager::META));
        let is_known = |name: &str| {
            let came_so_far = step_of_checkpoint(name).is_some_and(|step| step < steps);
            came_so_far || !meta(name).exists() || meta_graph::is_own(&meta(name))
        };
        let listed = listed.filter(|names| names.iter().all(|name| is_known(name)));
        let listed_in_states = saved.into_iter().flat_map(|state| &state.checkpoints);
        let kept: Vec<_> = listed.iter().flatten().chain(listed_in_states).collect();
        // Python's have such names too, with no graph of ours beside them. Without an index it is half of one, as a
        // crash leaves it, which may cost metrics.jsonl its end besides.
        let is_checkpoint = |path: &Path, file: &str, name: &str| {
            let is_half = || !run.join(format!("{name}.index")).exists();
            let is_listed = || kept.iter().any(|kept| *kept == name);
            is_file(path)
                && (meta_graph::is_own(&meta(name)) || is_known(name) && (is_listed() || is_half()))
                && (!file.ends_with(CheckpointManager::META) || meta_graph::is_own(path))
        };

        // Those of others are in nobody's way: every event file has a name of its own.
        let mut rest = EventFile::own_in(run).map_err(TrainingError::file("read", run))?;
        let (mut checkpoints, mut foreign) =
            (Vec::new(), foreign.into_iter().chain(lock).collect::<Vec<_>>());
        for path in named {
            let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let (is_own, list) = match (file, checkpoint_of_file(file)) {
                (_, Some(name)) => (is_checkpoint(&path, file, name), Some(&mut checkpoints)),
                (CONFIG, _) => (true, is_cut_off.then_some(&mut rest)),
                (METRICS, _) => {
                    (begins_with_event || lines.as_ref().is_some_and(Vec::is_empty), Some(&mut rest))
                }
                (STATE_FILE, _) => (listed.is_some(), Some(&mut rest)),
                // A link to a folder on another disk will do.
                _ => (path.is_dir(), None),
            };
            match list {
                _ if !is_own => foreign.push(path),
                Some(list) => list.push(path),
                None => {}
            }
        }
        Ok(Self { config: is_whole, checkpoints, rest, states, foreign })
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
            states::delete(folder).map_err(TrainingError::file("delete", folder))?;
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
    for entry in entries(run)? {
        let (name, path) = (entry.file_name(), entry.path());
        let name = name.to_str().unwrap_or_default();
        let is_named =
            [CONFIG, METRICS, STATE_FILE, RESUME].contains(&name) || checkpoint_of_file(name).is_some();
        // An empty folder is in nobody's way where a folder will be.
        let is_empty = name == RESUME && fs::read_dir(&path).is_ok_and(|mut inside| inside.next().is_none());
        if is_named && !is_empty {
            named.push(path);
        }
    }
    named.sort();
    Ok(named)
}

/// Whether these are a run's options, of whatever version: they name the program that made the run, and its data.
fn is_config(bytes: &[u8]) -> bool {
    let config: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let made_by = &config["versions"]["tf_mnist"];
    config["version"].is_u64()
        && config["seed"].is_u64()
        && config["data_sha256"].is_array()
        && made_by.is_string()
}

/// What is read of a file by [`read_own`].
const MOST_READ: usize = 1 << 20;

/// Whether they are what a fault of the disk left of options: they begin as such do, and end too early.
fn is_cut_off(bytes: &[u8]) -> bool {
    const BEGINNING: &[u8] = br#"{"version":"#;
    let dense = bytes.iter().filter(|byte| !byte.is_ascii_whitespace()).copied();
    let beginning: Vec<u8> = dense.take(BEGINNING.len()).collect();
    bytes.len() < MOST_READ // a longer one ends where it was read no further
        && BEGINNING.starts_with(&beginning)
        && serde_json::from_slice::<Value>(bytes).is_err_and(|error| error.is_eof())
}

/// The checkpoints that the state file `checkpoint` lists, if it is as a run writes it.
fn checkpoints_listed(path: &Path) -> Option<Vec<String>> {
    let names = CheckpointManager::names_written(&read_own(path).ok()?)?;
    names.iter().all(|name| step_of_checkpoint(name).is_some()).then_some(names)
}

/// Deletes what killed processes left half done in the run folder `run`, and in the folders of its states.
pub(super) fn sweep(run: &Path) -> Result<()> {
    let states = states::of(run)?.0.into_iter().map(|state| state.folder);
    for folder in [run.to_path_buf(), run.join(RESUME)].into_iter().chain(states) {
        staging::sweep(&folder).map_err(|(path, error)| TrainingError::file("delete", &path)(error))?;
    }
    Ok(())
}

#[cfg(test)]
#[test]
fn options_that_were_not_read_to_their_end_are_not_cut_off() {
    let mut options = br#"{"version": 1, "notes": ""#.to_vec();
    assert!(is_cut_off(&options));
    options.resize(MOST_READ, b'x');
    assert!(!is_cut_off(&options));
}
