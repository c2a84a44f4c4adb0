//! What a user names as MODEL, and what it turns out to be.

use super::error::{ClassifierError, Result};
use crate::graph::checkpoint::{STATE_FILE, foreign_file, foreign_shard, meta_graph};
use crate::graph::{Checkpoint, CheckpointManager, checkpoints_in, existing_prefix, latest_checkpoint};
use crate::networks::{self, Table};
use crate::training::{RunConfig, TrainingError};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

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
    let shown = folder.display();
    let unusable = |reason: String| Err(ClassifierError::Unusable(reason));
    let unreadable = |error| ClassifierError::Unusable(format!("cannot read {shown}: {error}"));
    let mut versions = versions_in(folder).map_err(unreadable)?.into_iter().rev();
    if let Some((_, version)) = versions.find(|(_, version)| is_saved_model(version)) {
        return Ok(Location::SavedModel(version));
    }
    let mut checkpoints = checkpoints_in(folder).map_err(unreadable)?;
    if checkpoints.len() > 1 {
        let names: Vec<_> = checkpoints.iter().map(|prefix| prefix.display().to_string()).collect();
        return unusable(format!(
            "{shown} holds no model that could be told from others: it has several checkpoints, and no file \
             `checkpoint` that names the newest; name one: {}",
            names.join(", ")
        ));
    }
    if let Some(only) = checkpoints.pop() {
        return Ok(Location::Checkpoint(only));
    }
    if let Some(error) = foreign_file(folder).map_err(unreadable)? {
        return Err(error.into());
    }
    let of_run = match RunConfig::read(folder) {
        Ok(_) => return Err(ClassifierError::NoCheckpointYet { path: folder.to_path_buf() }),
        Err(error @ TrainingError::Unusable(_)) => format!("; {error}"),
        Err(_) => String::new(),
    };
    unusable(format!(
        "{shown} holds no model: a run folder has a file `checkpoint`, a SavedModel a file `saved_model.pb`, and an \
         export folder has SavedModels in folders whose names are numbers{of_run}"
    ))
}

/// The checkpoint with the values of the model at `location`, a SavedModel's included.
///
/// # Errors
/// It is a SavedModel without variables.
pub fn values_of(location: Location) -> Result<PathBuf> {
    match location {
        Location::Checkpoint(prefix) => Ok(prefix),
        Location::SavedModel(folder) => existing_prefix(&folder.join("variables/variables")).ok_or_else(|| {
            ClassifierError::Unusable(format!(
                "the SavedModel {} has no variables/variables.index to take values from: either they are constants in \
                 its graph, or the folder was not copied whole; name the checkpoint it was made from",
                folder.display()
            ))
        }),
    }
}

/// The network of a checkpoint: `named`, or that of the run that it lies in, or the built-in one that its keys and
/// shapes fit.
///
/// # Errors
/// It is not of the named one, or of none that is known.
pub fn network_of(checkpoint: &Checkpoint, named: Option<&Table>) -> Result<Table> {
    let prefix = checkpoint.prefix().display();
    if let Some(table) = named {
        if networks::of_run_around(checkpoint).is_some_and(|own| !own.is_same_graph(table)) {
            log::warn!(
                "{prefix}: the run that it lies in is of another network than {}, which is used as it was named",
                table.name
            );
        }
        return match table.misfit(checkpoint) {
            None => Ok(table.clone()),
            Some(reason) => Err(ClassifierError::Unusable(format!(
                "the checkpoint {prefix} is not of the network {}: {reason}",
                table.name
            ))),
        };
    }
    let Some(found) = networks::of_checkpoint(checkpoint) else {
        let keys = ["conv1/kernel", "output/kernel"].into_iter();
        let missing: Vec<_> = keys.filter(|key| checkpoint.get(key).is_none()).collect();
        let mut holds = checkpoint.first_names();
        if checkpoint.is_of_objects() {
            holds += ". It is a checkpoint of TensorFlow 2's objects, as Keras and tf.train.Checkpoint write: restore it in \
                      Python, and export the model as a SavedModel";
        }
        if let Some(error) = networks::fault_around(checkpoint) {
            holds += &format!(". The run that it lies in does not tell: {error}");
        }
        return Err(ClassifierError::Unusable(format!(
            "checkpoint {prefix} is of neither network, baseline or optimized: it lacks {}; it holds {holds}",
            missing.join(" and ")
        )));
    };
    // A command asks several times; it is told once.
    static TOLD: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    if TOLD.lock().unwrap_or_else(PoisonError::into_inner).insert(checkpoint.prefix().to_path_buf()) {
        // Python's are of the published networks; of ours there are others.
        let mut meta = checkpoint.prefix().as_os_str().to_owned();
        meta.push(CheckpointManager::META);
        let name = &found.name;
        if let Some(error) = networks::fault_around(checkpoint) {
            log::warn!("{prefix}: taken for {name}, as the run that it lies in does not tell: {error}");
        } else if networks::of_run_around(checkpoint).is_none() && meta_graph::is_own(Path::new(&meta)) {
            log::info!(
                "{prefix}: taken for {name}, by its names and shapes; another network may have the same"
            );
        }
    }
    Ok(found)
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
