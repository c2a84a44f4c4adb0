//! What a user names as MODEL, and what it turns out to be.

use super::error::{ClassifierError, Result};
use crate::graph::checkpoint::{STATE_FILE, foreign_file, foreign_shard, meta_graph};
use crate::graph::{Checkpoint, CheckpointManager, checkpoints_in, existing_prefix, latest_checkpoint};
use crate::networks::{self, Table};
use crate::training::RunConfig;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where a model is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A checkpoint's prefix.
    Checkpoint(PathBuf),
    /// A SavedModel's folder.
    SavedModel(PathBuf),
}

const SAVED_MODEL_FILES: [&str; 2] = ["saved_model.pb", "saved_model.pbtxt"];

/// Finds the model that `model` names: a run folder (its newest checkpoint by the state file `checkpoint`, or without that
/// file its only one) or that file, a checkpoint's prefix or one of its files, a SavedModel's folder, or a folder of
/// numbered SavedModels (the highest number).
///
/// # Errors
/// There is none, a folder cannot be read, or it is not said which of its checkpoints is meant.
pub fn locate(model: &Path) -> Result<Location> {
    if let Some(prefix) = existing_prefix(model) {
        return Ok(Location::Checkpoint(prefix));
    }
    if model.is_dir() {
        return in_folder(model);
    }
    let path = model.to_path_buf();
    if !model.exists() {
        return Err(foreign_shard(model).map_or(ClassifierError::NotFound { path }, Into::into));
    }
    let folder = crate::staging::folder_of(model);
    match model.file_name().and_then(|name| name.to_str()) {
        Some(name) if SAVED_MODEL_FILES.contains(&name) => Ok(Location::SavedModel(folder.to_path_buf())),
        Some(STATE_FILE) => in_folder(folder),
        // The reader says what it is.
        _ => Ok(Location::Checkpoint(path)),
    }
}

fn in_folder(folder: &Path) -> Result<Location> {
    if is_saved_model(folder) {
        return Ok(Location::SavedModel(folder.to_path_buf()));
    }
    if let Some(prefix) = latest_checkpoint(folder)? {
        return Ok(Location::Checkpoint(prefix));
    }
    let unreadable = |source| ClassifierError::Io { path: folder.to_path_buf(), source };
    let mut versions = versions_in(folder).map_err(unreadable)?.into_iter().rev();
    if let Some((_, version)) = versions.find(|(_, version)| is_saved_model(version)) {
        return Ok(Location::SavedModel(version));
    }
    let mut checkpoints = checkpoints_in(folder).map_err(unreadable)?;
    match (checkpoints.pop(), checkpoints.len()) {
        (Some(only), 0) => return Ok(Location::Checkpoint(only)),
        (Some(newest), _) => {
            checkpoints.push(newest);
            return Err(ClassifierError::SeveralCheckpoints { path: folder.to_path_buf(), checkpoints });
        }
        (None, _) => {}
    }
    let is_run = || RunConfig::read(folder).is_ok();
    match foreign_file(folder).map_err(unreadable)? {
        Some(error) => Err(error.into()),
        None if is_run() => Err(ClassifierError::NoCheckpointYet { path: folder.to_path_buf() }),
        None => Err(ClassifierError::NoModelIn { path: folder.to_path_buf() }),
    }
}

/// The checkpoint with the values of the model at `location`, a SavedModel's included.
///
/// # Errors
/// It is a SavedModel without variables.
pub fn values_of(location: Location) -> Result<PathBuf> {
    match location {
        Location::Checkpoint(prefix) => Ok(prefix),
        Location::SavedModel(folder) => existing_prefix(&folder.join("variables/variables"))
            .ok_or(ClassifierError::NoVariables { path: folder }),
    }
}

/// The network of a checkpoint: `named`, or that of the run that it lies in, or the built-in one that its keys and
/// shapes fit.
///
/// # Errors
/// It is not of the named one, or of none that is known.
pub fn network_of(checkpoint: &Checkpoint, named: Option<&Table>) -> Result<Table> {
    if let Some(table) = named {
        if networks::of_run_around(checkpoint).is_some_and(|own| !own.is_same_graph(table)) {
            log::warn!(
                "{}: the run that it lies in is of another network than {}, which is used as it was named",
                checkpoint.prefix().display(),
                table.name
            );
        }
        return match table.misfit(checkpoint) {
            None => Ok(table.clone()),
            Some(reason) => Err(ClassifierError::AnotherNetwork {
                prefix: checkpoint.prefix().to_path_buf(),
                network: table.name.clone(),
                reason,
            }),
        };
    }
    let found = networks::of_checkpoint(checkpoint);
    // Python's are of the published networks; of ours there are others.
    let mut meta = checkpoint.prefix().as_os_str().to_owned();
    meta.push(CheckpointManager::META);
    if let (Some(table), None, true) =
        (&found, networks::of_run_around(checkpoint), meta_graph::is_own(Path::new(&meta)))
    {
        log::info!(
            "{}: taken for {}, by its names and shapes; another network may have the same",
            checkpoint.prefix().display(),
            table.name
        );
    }
    found.ok_or_else(|| {
        let missing = ["conv1/kernel", "output/kernel"]
            .into_iter()
            .filter(|key| checkpoint.get(key).is_none())
            .collect();
        let mut holds = checkpoint.first_names();
        if checkpoint.is_of_objects() {
            holds += ". It is a checkpoint of TensorFlow 2's objects, as Keras and tf.train.Checkpoint write: restore it in \
                      Python, and export the model as a SavedModel";
        }
        ClassifierError::UnknownNetwork {
            prefix: checkpoint.prefix().to_path_buf(),
            missing,
            holds,
        }
    })
}

/// The versions in an export folder with their folders, the lowest first. As in TensorFlow Serving, any name that is
/// all digits is one.
pub(crate) fn versions_in(base: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut versions = Vec::new();
    for entry in fs::read_dir(base)? {
        let entry = entry?;
        let name = entry.file_name();
        let digits = name.to_str().filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
        // An int64 there.
        let version = digits.and_then(|digits| digits.parse::<i64>().ok());
        versions.extend(version.map(|version| (version.unsigned_abs(), entry.path())));
    }
    versions.sort();
    Ok(versions)
}

pub(crate) fn is_saved_model(folder: &Path) -> bool {
    SAVED_MODEL_FILES.iter().any(|file| folder.join(file).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{CheckpointError, GraphError};

    #[test]
    fn every_kind_of_model_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let touch = |name: &str, text: &str| {
            fs::create_dir_all(at(name).parent().unwrap()).unwrap();
            fs::write(at(name), text).unwrap();
        };
        touch("run/checkpoint", "model_checkpoint_path: \"model.ckpt-7\"\n");
        touch("run/model.ckpt-7.index", "");
        touch("torn/checkpoint", "model_checkpoint_pa");
        touch("torn/model.ckpt-7.index", "");
        touch("moved/checkpoint", "model_checkpoint_path: \"/gone/model.ckpt-8\"\n");
        touch("moved/model.ckpt-8.index", "");
        touch("base/2/saved_model.pb", "");
        touch("base/10/saved_model.pb", "");
        touch("base/11/unfinished", "");

        let checkpoint = |name: &str| Location::Checkpoint(at(name));
        let saved_model = |name: &str| Location::SavedModel(at(name));
        for (name, expected) in [
            ("run", checkpoint("run/model.ckpt-7")),
            ("moved", checkpoint("moved/model.ckpt-8")),
            ("moved/model.ckpt-8", checkpoint("moved/model.ckpt-8")),
            ("base", saved_model("base/10")),
            ("base/2", saved_model("base/2")),
            ("base/2/saved_model.pb", saved_model("base/2")),
        ] {
            assert_eq!(locate(&at(name)).unwrap(), expected, "{name}");
        }
        assert!(matches!(locate(&at("base/11")), Err(ClassifierError::NoModelIn { .. })));
        assert!(matches!(
            locate(&at("torn")),
            Err(ClassifierError::Graph(GraphError::Checkpoint(CheckpointError::Damaged { .. })))
        ));
        assert!(matches!(locate(&at("nothing")), Err(ClassifierError::NotFound { .. })));
    }
}
