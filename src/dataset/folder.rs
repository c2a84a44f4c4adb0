//! A data set in a folder that the user fills: raw or gzipped IDX files.

use super::idx::{IdxError, Images, Kind, Labels};
use super::{Dataset, DatasetError, Form, Loaded, Origin, Pair, Part, Split, find, unpack};
use crate::fetch::Digest;
use crate::regular_file;
use std::io::BufReader;
use std::panic;
use std::path::{Path, PathBuf};
use std::thread;

/// The data set in `folder`, of MNIST's form: `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and
/// `t10k-labels-idx1-ubyte`, each also with `.idx` for `-idx`, each raw or gzipped (`.gz`); of two, the raw one. They may
/// also be where and as Kaggle, torchvision, EMNIST and QMNIST have them, as long as there is one such set.
///
/// # Errors
/// [`DatasetError`]: a file is missing or unsound, counts differ, or too few training rows.
pub fn load_from(folder: &Path) -> Result<Dataset, DatasetError> {
    load_from_as(folder, &Form::default())
}

/// As [`load_from`], of images and labels as `form` says.
///
/// # Errors
/// As [`load_from`]; or the files are of another form.
pub fn load_from_as(folder: &Path, form: &Form) -> Result<Dataset, DatasetError> {
    let (folder, paths) = find::files(folder, &[0, 1, 2, 3])?;
    thread::scope(|scope| {
        // The large training images keep one thread busy, all others together another.
        let train_images = scope.spawn(|| load(&paths[0], Kind::Images, form, Images::from_bytes));
        let train_labels = load(&paths[1], Kind::Labels, form, Labels::from_bytes);
        let test = pair(&paths[2..], form);
        let train_images = train_images.join().unwrap_or_else(|panicked| panic::resume_unwind(panicked));
        Dataset::assemble(
            form,
            Origin::Folder(folder),
            Pair { images: train_images?, labels: train_labels? },
            test?,
        )
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
    let pair = pair(&paths, form)?;
    match part {
        Part::Test => pair.test(),
        Part::Train => pair.train(form).map(|(train, _)| train),
        Part::Validation => pair.train(form).map(|(_, validation)| validation),
    }
}

/// Images and labels.
fn pair(paths: &[PathBuf], form: &Form) -> Result<Pair, DatasetError> {
    Ok(Pair {
        images: load(&paths[0], Kind::Images, form, Images::from_bytes)?,
        labels: load(&paths[1], Kind::Labels, form, Labels::from_bytes)?,
    })
}

fn load<T>(
    path: &Path,
    kind: Kind,
    form: &Form,
    check: fn(Vec<u8>, &Form) -> Result<T, IdxError>,
) -> Result<Loaded<T>, DatasetError> {
    let attempt = || {
        let file = regular_file::open(path).map_err(IdxError::Io)?;
        let bytes = unpack::read(BufReader::with_capacity(256 * 1024, file), kind, form)?;
        let sha256 = Digest::of(&bytes);
        Ok((sha256, check(bytes, form)?))
    };
    match attempt() {
        Ok((sha256, contents)) => Ok(Loaded { path: path.to_path_buf(), sha256, contents }),
        Err(source) => Err(DatasetError::File { path: path.to_path_buf(), source }),
    }
}
