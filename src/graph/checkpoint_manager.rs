//! The checkpoints of one folder: the state file `checkpoint`, and which of them are kept.

use super::checkpoint::{CheckpointError, with_suffix};
use super::error::{GraphError, Result};
use super::saver::Saver;
use crate::staging;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use tensorflow::Session;

/// Saves `FOLDER/model.ckpt-STEP`, names the newest in `FOLDER/checkpoint` as `tf.train.latest_checkpoint` reads it,
/// and deletes the oldest beyond a number.
#[derive(Debug)]
pub struct CheckpointManager {
    folder: PathBuf,
    max_to_keep: usize,
    kept: Vec<String>,
}

const STATE: &str = CheckpointManager::STATE;

impl CheckpointManager {
    /// Name of the state file.
    pub const STATE: &str = "checkpoint";
    /// What the step follows in the name of a checkpoint.
    pub const PREFIX: &str = "model.ckpt-";
    /// As many checkpoints as `tf.train.Saver` keeps.
    pub const DEFAULT_MAX_TO_KEEP: usize = 5;
    /// What follows the prefix in the names of a checkpoint's files, in the order in which they are written.
    pub const SUFFIXES: [&str; 2] = [".data-00000-of-00001", ".index"];

    /// Manages the checkpoints of `folder`, which exists; those in it that its state file names count among the kept
    /// ones. Names that lead out of the folder, as Python's absolute ones do in a copy of a folder, are left alone.
    ///
    /// # Errors
    /// There is a state file that cannot be read.
    pub fn open(folder: &Path, max_to_keep: usize) -> Result<Self> {
        Ok(Self {
            folder: folder.to_path_buf(),
            max_to_keep: max_to_keep.max(1),
            kept: Self::names_in(folder)?,
        })
    }

    /// The names of the checkpoints in `folder` that its state file lists, the newest last.
    ///
    /// # Errors
    /// There is a state file that cannot be read.
    pub fn names_in(folder: &Path) -> Result<Vec<String>> {
        let path = folder.join(STATE);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(own_names(folder, parse_state(&text).all)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(source) => Err(CheckpointError::Io { file: path, source }.into()),
        }
    }

    /// Writes the state file of `folder` anew, to list `names`, the newest last; with none, there is no file.
    ///
    /// # Errors
    /// The file cannot be written or deleted.
    pub fn write_names(folder: &Path, names: &[String]) -> Result<()> {
        let path = folder.join(STATE);
        let written = if names.is_empty() {
            fs::remove_file(&path).or_else(|error| match error.kind() {
                io::ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            })
        } else {
            staging::write(&path, write_state(names).as_bytes())
        };
        written.map_err(|source| GraphError::Save { path, source })
    }

    /// The names in the bytes of a state file, if they are as [`write_names`](Self::write_names) writes them.
    pub fn names_written(bytes: &[u8]) -> Option<Vec<String>> {
        let text = std::str::from_utf8(bytes).ok()?.replace("\r\n", "\n");
        let names = parse_state(&text).all;
        (!names.is_empty() && write_state(&names) == text).then_some(names)
    }

    /// Saves the variables as they are after training step `step`, counted from 0, and returns the new prefix.
    ///
    /// # Errors
    /// The checkpoint or the state file cannot be written; those before are still in force.
    pub fn save(&mut self, saver: &Saver, session: &Session, step: u64) -> Result<PathBuf> {
        let name = format!("{}{step}", Self::PREFIX);
        let prefix = self.folder.join(&name);
        saver.save(session, &prefix)?;

        let mut kept = self.kept.clone();
        kept.retain(|other| *other != name);
        kept.push(name);
        let dropped: Vec<_> = kept
            .drain(..kept.len().saturating_sub(self.max_to_keep))
            .collect();
        Self::write_names(&self.folder, &kept)?;
        self.kept = kept;
        for name in dropped {
            delete(&self.folder.join(name));
        }
        Ok(prefix)
    }

    /// The prefixes of the kept checkpoints, the newest last.
    pub fn checkpoints(&self) -> Vec<PathBuf> {
        self.kept.iter().map(|name| self.folder.join(name)).collect()
    }
}

/// The newest checkpoint of a folder by its state file, ours or Python's; `tf.train.latest_checkpoint`. `None`: there is
/// no state file.
///
/// # Errors
/// The state file cannot be read, or names no checkpoint that is there.
pub fn latest_checkpoint(folder: &Path) -> std::result::Result<Option<PathBuf>, CheckpointError> {
    let file = folder.join(STATE);
    let text = match fs::read(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(CheckpointError::Io { file, source }),
    };
    let damaged = |reason: String| CheckpointError::State {
        newest: newest_in(folder),
        file,
        reason,
    };
    let Ok(text) = String::from_utf8(text) else {
        return Err(damaged("it is no text".to_owned()));
    };
    let Some(name) = parse_state(&text).latest else {
        return Err(damaged("it names no model_checkpoint_path".to_owned()));
    };
    // An absolute name in the file replaces the folder. Python may have written one, and the folder was moved since: the
    // checkpoints are still beside the file.
    let named = folder.join(&name);
    let beside = named.file_name().map(|name| folder.join(name));
    let found = std::iter::once(named)
        .chain(beside)
        .find(|prefix| with_suffix(prefix, ".index").is_file());
    match found {
        Some(prefix) => Ok(Some(prefix)),
        None => Err(damaged(format!("it names {name:?}, which is not there"))),
    }
}

/// The checkpoint `model.ckpt-STEP` of the latest step whose files are all in `folder`.
fn newest_in(folder: &Path) -> Option<PathBuf> {
    let names = fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.file_name());
    let (_, newest) = names
        .filter_map(|name| {
            let prefix = name.to_str()?.strip_suffix(".index")?;
            let step: u64 = prefix.strip_prefix(CheckpointManager::PREFIX)?.parse().ok()?;
            Some((step, folder.join(prefix)))
        })
        .filter(|(_, prefix)| {
            CheckpointManager::SUFFIXES
                .iter()
                .all(|suffix| with_suffix(prefix, suffix).is_file())
        })
        .max()?;
    Some(newest)
}

/// The names, within `folder`, of the checkpoints that are in `folder`; each once, where it stands last.
fn own_names(folder: &Path, listed: Vec<String>) -> Vec<String> {
    let Ok(folder) = folder.canonicalize() else {
        return Vec::new();
    };
    let mut own: Vec<String> = Vec::new();
    for name in listed {
        // An absolute name replaces the folder.
        let prefix = folder.join(name);
        let here = prefix
            .parent()
            .and_then(|parent| parent.canonicalize().ok())
            .is_some_and(|parent| parent == folder)
            && with_suffix(&prefix, ".index").is_file();
        if let (true, Some(name)) = (here, prefix.file_name().and_then(|name| name.to_str())) {
            own.retain(|other| other != name);
            own.push(name.to_owned());
        }
    }
    own
}

/// Removes the files of a checkpoint, the index first: without it the rest counts for nothing.
fn delete(prefix: &Path) {
    for suffix in CheckpointManager::SUFFIXES.into_iter().rev() {
        let file = with_suffix(prefix, suffix);
        match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                log::warn!(
                    "cannot delete the old checkpoint file {}: {error}",
                    file.display()
                );
            }
            _ => {}
        }
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct State {
    latest: Option<String>,
    all: Vec<String>,
}

/// `CheckpointState` (TensorFlow's `checkpoint_state.proto`) in protobuf's text format.
fn write_state(kept: &[String]) -> String {
    let quote = |name: &String| format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
    let mut text = String::new();
    if let Some(latest) = kept.last() {
        text.push_str(&format!("model_checkpoint_path: {}\n", quote(latest)));
    }
    for name in kept {
        text.push_str(&format!("all_model_checkpoint_paths: {}\n", quote(name)));
    }
    text
}

fn parse_state(text: &str) -> State {
    let mut state = State::default();
    for line in text.lines() {
        let Some((key, value)) = line.split_once(':') else {
            continue;
        };
        let quoted = value
            .trim()
            .strip_prefix('"')
            .and_then(|value| value.strip_suffix('"'));
        let Some(name) = quoted.map(unescape) else {
            continue;
        };
        match key.trim() {
            "model_checkpoint_path" => state.latest = Some(name),
            "all_model_checkpoint_paths" => state.all.push(name),
            _ => {}
        }
    }
    state
}

fn unescape(quoted: &str) -> String {
    let mut name = String::with_capacity(quoted.len());
    let mut chars = quoted.chars();
    while let Some(char) = chars.next() {
        name.extend(if char == '\\' { chars.next() } else { Some(char) });
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_reads_back() {
        let kept = vec!["model.ckpt-1".to_owned(), "a \"b\\".to_owned()];
        let state = parse_state(&write_state(&kept));
        assert_eq!(
            state,
            State {
                latest: Some(kept[1].clone()),
                all: kept
            }
        );
    }

    #[test]
    fn python_s_state_is_read() {
        let text = "model_checkpoint_path: \"/tmp/m/model.ckpt-20\"\n\
                    all_model_checkpoint_paths: \"/tmp/m/model.ckpt-10\"\n\
                    all_model_checkpoint_paths: \"/tmp/m/model.ckpt-20\"\n\
                    all_model_checkpoint_timestamps: 1700000000.5\n\
                    last_preserved_timestamp: 1699999999.25\n";
        let state = parse_state(text);
        assert_eq!(state.latest.as_deref(), Some("/tmp/m/model.ckpt-20"));
        assert_eq!(state.all.len(), 2);
    }

    #[test]
    fn a_folder_without_a_state_has_no_latest_checkpoint() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(latest_checkpoint(folder.path()).unwrap(), None);
    }

    #[test]
    fn a_state_that_leads_nowhere_is_named_with_a_way_round() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["model.ckpt-9", "model.ckpt-10"] {
            for suffix in CheckpointManager::SUFFIXES {
                fs::write(at(&format!("{name}{suffix}")), "").unwrap();
            }
        }
        fs::write(at("model.ckpt-11.index"), "").unwrap();
        for (text, reason) in [
            (&b""[..], "names no"),
            (b"model_checkpoint_pa", "names no"),
            (b"model_checkpoint_path: \"model.ck", "names no"),
            (b"model_checkpoint_path: \"\xff\"", "is no text"),
            (
                b"model_checkpoint_path: \"model.ckpt-8\"",
                "model.ckpt-8\", which is not there",
            ),
        ] {
            fs::write(at(STATE), text).unwrap();
            let error = latest_checkpoint(folder.path()).unwrap_err().to_string();
            let way = format!(
                "name a checkpoint itself, such as {}",
                at("model.ckpt-10").display()
            );
            assert!(
                error.starts_with(&at(STATE).display().to_string())
                    && error.contains(reason)
                    && error.ends_with(&way),
                "{error}"
            );
        }
    }
}
