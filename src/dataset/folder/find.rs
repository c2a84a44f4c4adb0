//! Where in a folder the files of a data set are: under MNIST's names and those that other publishers and archives give.

use super::file_name::role;
use crate::dataset::idx::ForeignFile;
use crate::dataset::{DatasetError, NAMES};
use crate::staging::folder_of;
use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

/// Folders within folders that are looked through, torchvision's `MNIST/raw` being two deep.
const DEEPEST: usize = 3;
/// So many folders are looked through at most.
const MOST_FOLDERS: usize = 500;
/// So many names of other files are told.
const NAMES_TOLD: usize = 8;

/// The files of one data set, in the order of [`NAMES`].
type Files = [Option<(u8, PathBuf)>; 4];

/// What a folder holds.
#[derive(Default)]
struct Contents {
    /// Data sets by what stands before the files' names: nothing, or `emnist-digits` and the like.
    sets: BTreeMap<String, Files>,
    folders: Vec<PathBuf>,
    /// Names of what is no data file.
    others: Vec<String>,
}

/// The `wanted` files, by their places in [`NAMES`], of the data set in the folder `named`, and the folder they are in. The
/// folder may hold them in folders of their own names (Kaggle), further down (torchvision), or with a prefix (EMNIST,
/// QMNIST), as long as there is one such set; `named` may also be a folder and a prefix, as `gzip/emnist-digits`.
///
/// # Errors
/// There is no such set, or several.
pub(super) fn files(named: &Path, wanted: &[usize]) -> Result<(PathBuf, Vec<PathBuf>), DatasetError> {
    let (unusable, folder) = (DatasetError::Unusable, named.display());
    if !named.is_dir()
        && let Some(found) = prefixed(named, wanted)
    {
        return Ok(found);
    }
    if named.is_file() {
        let name = named.file_name().unwrap_or_default().to_string_lossy();
        let foreign = converted(named, &name);
        return Err(unusable(format!("{folder} is a file; name the folder with the data files{foreign}")));
    }
    let unreadable = |error| unusable(format!("{folder} cannot be read as a data folder: {error}"));
    let contents = look(named).map_err(unreadable)?;
    let here = complete(named, &contents, wanted);
    if let Some(plain) = here.iter().find(|(prefix, _, _)| prefix.is_empty()) {
        return Ok((named.to_path_buf(), plain.2.clone()));
    }
    let has_some = contents.sets.values().any(|set| wanted.iter().any(|&file| set[file].is_some()));
    let below = if here.is_empty() { search(&contents, wanted) } else { Vec::new() };
    let mut choice = if here.is_empty() && !has_some { below.clone() } else { here };
    if choice.len() > 1 {
        let places = lines(choice.iter().map(shown));
        return Err(unusable(format!(
            "{folder} holds {} data sets; name one of them:{places}",
            choice.len()
        )));
    }
    match choice.pop() {
        Some(found) => {
            log::info!("data files: {}", shown(&found));
            warn_of_turned(&found.0);
            Ok((found.1, found.2))
        }
        None => Err(unusable(missing(named, contents, wanted, &below))),
    }
}

type Found = (String, PathBuf, Vec<PathBuf>);

/// The sets of a folder that have all `wanted` files.
fn complete(folder: &Path, contents: &Contents, wanted: &[usize]) -> Vec<Found> {
    let found = |(prefix, set): (&String, &Files)| {
        let files = wanted.iter().map(|&file| Some(set[file].as_ref()?.1.clone()));
        Some((prefix.clone(), folder.to_path_buf(), files.collect::<Option<_>>()?))
    };
    contents.sets.iter().filter_map(found).collect()
}

/// The complete sets in the folders below.
fn search(contents: &Contents, wanted: &[usize]) -> Vec<Found> {
    let mut found = Vec::new();
    let mut waiting: VecDeque<_> = contents.folders.iter().map(|folder| (folder.clone(), 1)).collect();
    for _ in 0..MOST_FOLDERS {
        let Some((folder, depth)) = waiting.pop_front() else { break };
        let Ok(contents) = look(&folder) else { continue };
        found.extend(complete(&folder, &contents, wanted));
        if depth < DEEPEST {
            waiting.extend(contents.folders.into_iter().map(|folder| (folder, depth + 1)));
        }
    }
    found
}

/// The set that `named` means as a folder and a prefix.
fn prefixed(named: &Path, wanted: &[usize]) -> Option<(PathBuf, Vec<PathBuf>)> {
    let prefix = named.file_name()?.to_str()?;
    let folder = folder_of(named);
    let sets = complete(folder, &look(folder).ok()?, wanted);
    let (prefix, folder, files) =
        sets.into_iter().find(|(found, _, _)| !found.is_empty() && found == prefix)?;
    warn_of_turned(&prefix);
    Some((folder, files))
}

/// What is to be named for a set.
fn shown((prefix, folder, _): &Found) -> String {
    let place = if prefix.is_empty() { folder } else { &folder.join(prefix) };
    place.display().to_string()
}

fn warn_of_turned(prefix: &str) {
    if prefix.to_ascii_lowercase().starts_with("emnist") {
        log::warn!(
            "EMNIST's images are published with rows and columns exchanged, and are taken as they are: a network trained on \
             them does not read upright pictures, nor one trained on MNIST them"
        );
    }
}

fn look(folder: &Path) -> std::io::Result<Contents> {
    let mut contents = Contents::default();
    let mut entries: Vec<_> = fs::read_dir(folder)?.flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // Archives made on a Mac have a hidden companion beside every file.
        if name.starts_with('.') || name == "__MACOSX" {
            continue;
        }
        let is_folder = path.is_dir();
        let known = role(&name).and_then(|(prefix, file, rank)| {
            if is_folder {
                Some((prefix, file, rank + 10, only_file(&path, file)?))
            } else {
                path.exists().then(|| (prefix, file, rank, path.clone()))
            }
        });
        match known {
            Some((prefix, file, rank, path)) => {
                let slot = &mut contents.sets.entry(prefix).or_default()[file];
                if slot.as_ref().is_none_or(|(other, _)| rank < *other) {
                    *slot = Some((rank, path));
                }
            }
            None => contents.others.push(if is_folder { format!("{name}/") } else { name }),
        }
        if is_folder {
            contents.folders.push(path);
        }
    }
    Ok(contents)
}

/// The data file in a folder that has its name.
fn only_file(folder: &Path, file: usize) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    let is_it = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        path.is_file() && role(&name).is_some_and(|(_, found, _)| found == file)
    };
    let mut files: Vec<_> = entries.filter(is_it).collect();
    files.sort();
    (files.len() == 1).then(|| files.remove(0))
}

/// What the folder `named` lacks, and what is there instead.
fn missing(named: &Path, contents: Contents, wanted: &[usize], below: &[Found]) -> String {
    let empty = Files::default();
    let set = contents.sets.get("").or_else(|| contents.sets.values().next()).unwrap_or(&empty);
    let looked_for = wanted.iter().filter(|&&file| set[file].is_none()).map(|&file| {
        let name = NAMES[file];
        let dotted = name.replace("-idx", ".idx");
        format!("{name}, {dotted}, {name}.gz, {dotted}.gz")
    });
    let mut text = format!("{} lacks data files:{}", named.display(), lines(looked_for));
    let mut others = contents.others;
    let foreign: String = others
        .iter()
        .map(|name| converted(&named.join(name), name))
        .find(|text| !text.is_empty())
        .unwrap_or_default();
    if others.len() > NAMES_TOLD {
        let more = others.len() - NAMES_TOLD;
        others.truncate(NAMES_TOLD);
        others.push(format!("{more} more"));
    }
    let below: Vec<_> = below.iter().map(shown).collect();
    for (before, items) in [("the folder holds", others), ("all of them are in", below)] {
        if !items.is_empty() {
            text.push_str(&format!("\n{before} {}", items.join(", ")));
        }
    }
    text + &foreign
}

/// How the file `path` becomes IDX files, if it is of a kind that its `name` tells; else nothing.
fn converted(path: &Path, name: &str) -> String {
    let kind = ForeignFile::by_name(name);
    kind.map_or_else(String::new, |kind| {
        format!("\n{} is {}; {}", path.display(), kind.name, kind.advice(path))
    })
}

fn lines(items: impl Iterator<Item = String>) -> String {
    items.map(|item| format!("\n  - {item}")).collect()
}
