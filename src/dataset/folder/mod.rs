//! A data set in a folder that the user fills: raw or gzipped IDX files.

mod file_name;
mod find;

use super::idx::{self, Kind};
use super::{Dataset, DatasetError, Form, Loaded, Origin, Part, Split, all_rows, training_rows};
use crate::fetch::Digest;
use crate::staging::regular_file;
use std::io::BufReader;
use std::panic;
use std::path::Path;
use std::thread;

/// The data set in `folder`, of images and labels as `form` says: `train-images-idx3-ubyte`,
/// `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and `t10k-labels-idx1-ubyte`, each also with `.idx` for `-idx`,
/// each raw or gzipped (`.gz`); of two, the raw one. They may also be where and as Kaggle, torchvision, EMNIST and QMNIST
/// have them, as long as there is one such set.
///
/// # Errors
/// [`DatasetError`]: a file is missing, unsound or of another form, counts differ, or too few training rows.
pub fn load_from(folder: &Path, form: &Form) -> Result<Dataset, DatasetError> {
    let (folder, paths) = find::files(folder, &[0, 1, 2, 3])?;
    let load = |place: usize| load(place, &paths[place], form);
    thread::scope(|scope| {
        // The large training images keep one thread busy, all others together another.
        let images = scope.spawn(|| load(0));
        let [labels, test_images, test_labels] = [1, 2, 3].map(load);
        let images = images.join().unwrap_or_else(|panicked| panic::resume_unwind(panicked));
        Dataset::assemble(form, Origin::Folder(folder), [images?, labels?, test_images?, test_labels?])
    })
}

/// One part of the data set in `folder`, of which the other files may be missing: the test files for [`Part::Test`], the
/// training files for the others.
///
/// # Errors
/// As [`load_from`].
pub fn load_part_from(folder: &Path, part: Part, form: &Form) -> Result<Split, DatasetError> {
    let wanted = match part {
        Part::Train | Part::Validation => [0, 1],
        Part::Test => [2, 3],
    };
    let (_, paths) = find::files(folder, &wanted)?;
    let (images, labels) = (load(wanted[0], &paths[0], form)?, load(wanted[1], &paths[1], form)?);
    match part {
        Part::Test => all_rows(form, images, labels),
        Part::Train => training_rows(form, images, labels).map(|(train, _)| train),
        Part::Validation => training_rows(form, images, labels).map(|(_, validation)| validation),
    }
}

fn load(place: usize, path: &Path, form: &Form) -> Result<Loaded, DatasetError> {
    let file = regular_file::open(path).map(|file| BufReader::with_capacity(256 * 1024, file));
    let bytes = idx::read(path, file, Kind::at(place), form)?;
    Loaded::new(place, path.to_path_buf(), Digest::of(&bytes), bytes, form)
}
