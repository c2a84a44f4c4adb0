//! What a user names as MODEL, and what it turns out to be.

use super::error::{ClassifierError, Result};
use crate::graph::{Checkpoint, latest_checkpoint};
use crate::networks::{self, Table};
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

/// Finds the model that `model` names: a run folder (its newest checkpoint by the state file `checkpoint`), a
/// checkpoint's prefix, a SavedModel's folder, or a folder of numbered SavedModels (the highest number).
///
/// # Errors
/// There is none, or a folder cannot be read.
pub fn locate(model: &Path) -> Result<Location> {
    if has_index(model) {
        return Ok(Location::Checkpoint(model.to_path_buf()));
    }
    if !model.is_dir() {
        let named = model.file_name().unwrap_or_default();
        if SAVED_MODEL_FILES.iter().any(|file| named == *file) && model.is_file() {
            return Ok(Location::SavedModel(
                crate::staging::folder_of(model).to_path_buf(),
            ));
        }
        // A checkpoint's file in place of its prefix: the reader says so.
        if model.exists() {
            return Ok(Location::Checkpoint(model.to_path_buf()));
        }
        return Err(ClassifierError::NotFound {
            path: model.to_path_buf(),
        });
    }
    if is_saved_model(model) {
        return Ok(Location::SavedModel(model.to_path_buf()));
    }
    let unreadable = |source| ClassifierError::Io {
        path: model.to_path_buf(),
        source,
    };
    if let Some(prefix) = latest_checkpoint(model)? {
        return Ok(Location::Checkpoint(prefix));
    }
    let versions = versions_in(model).map_err(unreadable)?;
    match versions
        .into_iter()
        .rev()
        .find(|(_, folder)| is_saved_model(folder))
    {
        Some((_, folder)) => Ok(Location::SavedModel(folder)),
        None => Err(ClassifierError::NoModelIn {
            path: model.to_path_buf(),
        }),
    }
}

/// The network of a checkpoint: `named`, or that of the run that it lies in, or the built-in one that its keys and
/// shapes fit.
///
/// # Errors
/// It is not of the named one, or of none that is known.
pub fn network_of(checkpoint: &Checkpoint, named: Option<&Table>) -> Result<Table> {
    if let Some(table) = named {
        return match table.misfit(checkpoint) {
            None => Ok(table.clone()),
            Some(reason) => Err(ClassifierError::AnotherNetwork {
                prefix: checkpoint.prefix().to_path_buf(),
                network: table.name.clone(),
                reason,
            }),
        };
    }
    networks::of_checkpoint(checkpoint).ok_or_else(|| {
        let missing = ["conv1/kernel", "output/kernel"]
            .into_iter()
            .filter(|key| checkpoint.get(key).is_none())
            .collect();
        let mut holds: Vec<_> = checkpoint.tensors().map(|(name, _)| name).take(5).collect();
        if checkpoint.tensors().count() > holds.len() {
            holds.push("...");
        }
        ClassifierError::UnknownNetwork {
            prefix: checkpoint.prefix().to_path_buf(),
            missing,
            holds: if holds.is_empty() {
                "nothing".into()
            } else {
                holds.join(", ")
            },
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
        let digits = name
            .to_str()
            .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
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

fn has_index(prefix: &Path) -> bool {
    crate::graph::with_suffix(prefix, ".index").is_file()
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
        touch(
            "moved/checkpoint",
            "model_checkpoint_path: \"/gone/model.ckpt-8\"\n",
        );
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
        assert!(matches!(
            locate(&at("base/11")),
            Err(ClassifierError::NoModelIn { .. })
        ));
        assert!(matches!(
            locate(&at("torn")),
            Err(ClassifierError::Graph(GraphError::Checkpoint(
                CheckpointError::State { .. }
            )))
        ));
        assert!(matches!(
            locate(&at("nothing")),
            Err(ClassifierError::NotFound { .. })
        ));
    }
}
