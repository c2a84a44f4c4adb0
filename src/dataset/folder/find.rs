//! Where in a folder the files of a data set are: under MNIST's names and those that other publishers and archives give.

use super::file_name::role;
use crate::dataset::{DatasetError, ForeignFile, NAMES};
use std::collections::BTreeMap;
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
    if !named.is_dir()
        && let Some(found) = prefixed(named, wanted)
    {
        return Ok(found);
    }
    if named.is_file() {
        let name = named.file_name().unwrap_or_default().to_string_lossy();
        return Err(DatasetError::NoFolder {
            path: named.to_path_buf(),
            foreign: ForeignFile::by_name(&name),
        });
    }
    let contents =
        look(named).map_err(|source| DatasetError::Folder { folder: named.to_path_buf(), source })?;
    let here = complete(named, &contents, wanted);
    if let Some(plain) = here.iter().find(|(prefix, _, _)| prefix.is_empty()) {
        return Ok((named.to_path_buf(), plain.2.clone()));
    }
    let has_some = contents.sets.values().any(|set| wanted.iter().any(|&file| set[file].is_some()));
    let below = if here.is_empty() { search(&contents, wanted) } else { Vec::new() };
    let mut choice = if here.is_empty() && !has_some { below.clone() } else { here };
    if choice.len() > 1 {
        return Err(DatasetError::Several {
            folder: named.to_path_buf(),
            places: choice.into_iter().map(|(prefix, folder, _)| place(&folder, &prefix)).collect(),
        });
    }
    match choice.pop() {
        Some((prefix, folder, files)) => {
            log::info!("data files: {}", place(&folder, &prefix).display());
            warn_of_turned(&prefix);
            Ok((folder, files))
        }
        None => Err(missing(named, contents, wanted, below)),
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
    let mut level = contents.folders.clone();
    let mut seen = 0;
    for _ in 0..DEEPEST {
        let mut next = Vec::new();
        for folder in level {
            seen += 1;
            if seen > MOST_FOLDERS {
                return found;
            }
            if let Ok(contents) = look(&folder) {
                found.extend(complete(&folder, &contents, wanted));
                next.extend(contents.folders);
            }
        }
        level = next;
    }
    found
}

/// The set that `named` means as a folder and a prefix.
fn prefixed(named: &Path, wanted: &[usize]) -> Option<(PathBuf, Vec<PathBuf>)> {
    let prefix = named.file_name()?.to_str()?;
    let parent = named.parent()?;
    let folder = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let sets = complete(folder, &look(folder).ok()?, wanted);
    let (prefix, folder, files) =
        sets.into_iter().find(|(found, _, _)| !found.is_empty() && found == prefix)?;
    warn_of_turned(&prefix);
    Some((folder, files))
}

/// What is to be named for a set.
fn place(folder: &Path, prefix: &str) -> PathBuf {
    if prefix.is_empty() { folder.to_path_buf() } else { folder.join(prefix) }
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

fn missing(named: &Path, contents: Contents, wanted: &[usize], below: Vec<Found>) -> DatasetError {
    let empty = Files::default();
    let set = contents.sets.get("").or_else(|| contents.sets.values().next()).unwrap_or(&empty);
    let looked_for = wanted.iter().filter(|&&file| set[file].is_none()).map(|&file| {
        let name = NAMES[file];
        let dotted = name.replace("-idx", ".idx");
        format!("{name}, {dotted}, {name}.gz, {dotted}.gz")
    });
    let foreign = contents
        .others
        .iter()
        .find_map(|name| Some(Box::new((named.join(name), ForeignFile::by_name(name)?))));
    let mut others = contents.others;
    if others.len() > NAMES_TOLD {
        let more = others.len() - NAMES_TOLD;
        others.truncate(NAMES_TOLD);
        others.push(format!("{more} more"));
    }
    DatasetError::Missing {
        folder: named.to_path_buf(),
        looked_for: looked_for.collect(),
        others,
        below: below.into_iter().map(|(prefix, folder, _)| place(&folder, &prefix)).collect(),
        foreign,
    }
}
