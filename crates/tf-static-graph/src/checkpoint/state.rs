//! The file `checkpoint` beside the checkpoints of a folder: `CheckpointState` (TensorFlow's `checkpoint_state.proto`) in
//! protocol buffers' text format.

use crate::checkpoint::error::CheckpointError;
use crate::checkpoint::file_names::{INDEX, with_suffix};
use crate::checkpoint::text_format::strings;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use whole_files::regular_file;

/// Name of the state file.
pub const STATE_FILE: &str = "checkpoint";

/// The newest checkpoint of a folder by its state file, ours or Python's; `tf.train.latest_checkpoint`. `None`: there is
/// no state file.
///
/// # Errors
/// The state file cannot be read, or names no checkpoint that is there.
pub fn latest_checkpoint(folder: &Path) -> Result<Option<PathBuf>, CheckpointError> {
    let Some(text) = read(folder)? else {
        return Ok(None);
    };
    let (State { latest, .. }, read) = State::parse(&text);
    let Some(name) = latest else {
        let why = read.err().map_or_else(String::new, |why| format!(": {why}"));
        return Err(damaged(folder, &format!("it names no model_checkpoint_path{why}")));
    };
    // An absolute name replaces the folder. Where the folder was moved since, perhaps from Windows, the checkpoint is still
    // beside the file, by its last name.
    let last = name.rsplit(|byte| b"/\\".contains(byte)).next().unwrap_or_default();
    let named = [&name[..], last].map(|name| folder.join(OsStr::from_bytes(name)));
    // A file of the bare name is a checkpoint of TensorFlow's first format, of which the reader says so.
    let found = (named.iter().find(|prefix| has_index(prefix)))
        .or_else(|| named.iter().find(|prefix| prefix.is_file()));
    match found {
        Some(prefix) => Ok(Some(prefix.clone())),
        None => {
            let name = String::from_utf8_lossy(&name);
            Err(damaged(folder, &format!("it names {name:?}, which is not there")))
        }
    }
}

/// The text of the state file of `folder`, if it has one.
pub(crate) fn read(folder: &Path) -> Result<Option<String>, CheckpointError> {
    let file = folder.join(STATE_FILE);
    match regular_file::read(&file) {
        Ok(bytes) => String::from_utf8(bytes).map(Some).map_err(|_| damaged(folder, "it is no text")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(CheckpointError::Io { file, cause }),
    }
}

/// That the state file of `folder` leads nowhere, and the way round it.
fn damaged(folder: &Path, reason: &str) -> CheckpointError {
    let way_round = match checkpoints_in(folder).unwrap_or_default().pop() {
        Some(newest) => format!("name a checkpoint itself, such as {}", newest.display()),
        None => "there is no whole checkpoint beside it".to_owned(),
    };
    CheckpointError::Damaged { file: folder.join(STATE_FILE), reason: format!("{reason}; {way_round}") }
}

/// The prefixes of the checkpoints in `folder` that have an index and values; that of the latest step last.
///
/// # Errors
/// The folder cannot be read.
pub fn checkpoints_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut with_values = BTreeSet::new();
    let mut with_index = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        match prefix_of_file(&path) {
            Some((prefix, "index")) => with_index.push(prefix),
            Some((prefix, "data")) => drop(with_values.insert(prefix)),
            _ => {}
        }
    }
    with_index.retain(|prefix| with_values.contains(prefix));
    with_index.sort_by_cached_key(|prefix| (step_of(prefix), prefix.clone()));
    Ok(with_index)
}

/// The prefix of the checkpoint that `path` means: `path` itself, one of the files that belong to it, or what a shell
/// completes of their names, which ends in a dot. `None` if there is no such checkpoint.
pub fn existing_prefix(path: &Path) -> Option<PathBuf> {
    if has_index(path) {
        return Some(path.to_path_buf());
    }
    let (prefix, _) = prefix_of_file(path)?;
    has_index(&prefix).then_some(prefix)
}

/// Of the name of a checkpoint's file, its prefix and which file it is: `index`, `data`, `meta`, or nothing yet.
pub(crate) fn prefix_of_file(path: &Path) -> Option<(PathBuf, &'static str)> {
    let name = path.file_name()?.as_bytes();
    let data = name.windows(6).rposition(|six| six == b".data-").map(|at| &name[..at]);
    let (stem, kind) = data.map(|stem| (stem, "data")).or_else(|| {
        let ends = [(".index", "index"), (".meta", "meta"), (".", "")];
        ends.iter().find_map(|(end, kind)| Some((name.strip_suffix(end.as_bytes())?, *kind)))
    })?;
    (!stem.is_empty()).then(|| (path.with_file_name(OsStr::from_bytes(stem)), kind))
}

fn has_index(prefix: &Path) -> bool {
    with_suffix(prefix, INDEX).is_file()
}

/// The step in a checkpoint's name: the number behind the last `-`.
fn step_of(prefix: &Path) -> Option<u64> {
    prefix.to_str()?.rsplit_once('-')?.1.parse().ok()
}

/// What a state file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    latest: Option<Vec<u8>>,
    pub all: Vec<String>,
}

impl State {
    /// What stands in `text`, and whether all of it could be read.
    pub fn parse(text: &str) -> (Self, Result<(), String>) {
        let mut state = Self::default();
        let (strings, read) = strings(text);
        for (field, name) in strings {
            match field {
                b"model_checkpoint_path" => state.latest = Some(name),
                b"all_model_checkpoint_paths" => state.all.extend(String::from_utf8(name)),
                _ => {}
            }
        }
        (state, read)
    }

    /// The names, within `folder`, of the checkpoints listed that are in `folder`; each once, where it stands last.
    pub fn names_in(self, folder: &Path) -> Vec<String> {
        let Ok(folder) = folder.canonicalize() else {
            return Vec::new();
        };
        let mut own: Vec<String> = Vec::new();
        for name in self.all {
            // An absolute name replaces the folder.
            let prefix = folder.join(name);
            let here = prefix
                .parent()
                .and_then(|parent| parent.canonicalize().ok())
                .is_some_and(|parent| parent == folder)
                && has_index(&prefix);
            if let (true, Some(name)) = (here, prefix.file_name().and_then(OsStr::to_str)) {
                own.retain(|other| other != name);
                own.push(name.to_owned());
            }
        }
        own
    }

    /// The text that lists the checkpoints `kept`, the newest last.
    pub fn write(kept: &[String]) -> String {
        let escaped = |char: char| match char {
            '"' | '\\' => format!("\\{char}"),
            _ if char.is_ascii_control() => format!("\\{:03o}", u32::from(char)),
            _ => char.to_string(),
        };
        let quote = |name: &String| format!("\"{}\"", name.chars().map(escaped).collect::<String>());
        let latest = kept.last().map(|name| ("model_checkpoint_path", name));
        let all = kept.iter().map(|name| ("all_model_checkpoint_paths", name));
        latest.into_iter().chain(all).map(|(field, name)| format!("{field}: {}\n", quote(name))).collect()
    }
}

#[cfg(test)]
#[test]
fn the_state_reads_back() {
    let kept = ["model.ckpt-1", "größe-2", "a\nb\t\u{7f}-3", "a \"b\\"].map(str::to_owned).to_vec();
    let (state, read) = State::parse(&State::write(&kept));
    assert_eq!(read, Ok(()));
    assert_eq!(state, State { latest: kept.last().map(|name| name.clone().into_bytes()), all: kept });
}
