//! A data set in a folder that the user fills: raw or gzipped IDX files.

use super::idx::{self, IdxError, Images, Kind, Labels};
use super::{Dataset, DatasetError, Loaded, NAMES, Origin, Pair};
use crate::fetch::Digest;
use crate::regular_file;
use std::fs;
use std::io::BufReader;
use std::panic;
use std::path::{Path, PathBuf};
use std::thread;

/// The data set in `folder`: `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and
/// `t10k-labels-idx1-ubyte`, each also with `.idx` for `-idx`, each raw or gzipped (`.gz`); of two, the raw one.
///
/// # Errors
/// [`DatasetError`]: a file is missing or unsound, counts differ, or too few training rows.
pub fn load_from(folder: &Path) -> Result<Dataset, DatasetError> {
    fs::read_dir(folder).map_err(|source| DatasetError::Folder {
        folder: folder.to_path_buf(),
        source,
    })?;
    let mut looked_for = Vec::new();
    let paths = NAMES.map(|name| {
        find(folder, name).unwrap_or_else(|names| {
            looked_for.push(names);
            PathBuf::new()
        })
    });
    if !looked_for.is_empty() {
        return Err(DatasetError::Missing {
            folder: folder.to_path_buf(),
            looked_for,
        });
    }
    let [train_images, train_labels, test_images, test_labels] = paths;
    thread::scope(|scope| {
        // The large training images keep one thread busy, all others together another.
        let train_images = scope.spawn(|| load(train_images, Kind::Images, Images::from_bytes));
        let train_labels = load(train_labels, Kind::Labels, Labels::from_bytes);
        let test_images = load(test_images, Kind::Images, Images::from_bytes);
        let test_labels = load(test_labels, Kind::Labels, Labels::from_bytes);
        let train_images = train_images
            .join()
            .unwrap_or_else(|panicked| panic::resume_unwind(panicked));
        Dataset::assemble(
            Origin::Folder(folder.to_path_buf()),
            Pair {
                images: train_images?,
                labels: train_labels?,
            },
            Pair {
                images: test_images?,
                labels: test_labels?,
            },
        )
    })
}

/// The file that goes by `name` or a variant of it, or the names that would have done.
fn find(folder: &Path, name: &str) -> Result<PathBuf, String> {
    let dotted = name.replace("-idx", ".idx");
    let names = [
        name.to_owned(),
        dotted.clone(),
        format!("{name}.gz"),
        format!("{dotted}.gz"),
    ];
    match names
        .iter()
        .map(|name| folder.join(name))
        .find(|path| path.exists())
    {
        Some(path) => Ok(path),
        None => Err(names.join(", ")),
    }
}

fn load<T>(
    path: PathBuf,
    kind: Kind,
    check: fn(Vec<u8>) -> Result<T, IdxError>,
) -> Result<Loaded<T>, DatasetError> {
    let attempt = || {
        let file = regular_file::open(&path).map_err(IdxError::Io)?;
        let bytes = idx::read(BufReader::with_capacity(256 * 1024, file), kind)?;
        let sha256 = Digest::of(&bytes);
        Ok((sha256, check(bytes)?))
    };
    match attempt() {
        Ok((sha256, contents)) => Ok(Loaded {
            path,
            sha256,
            contents,
        }),
        Err(source) => Err(DatasetError::File { path, source }),
    }
}
