//! MNIST, or any data set of grey images like it: four IDX files, split into train, validation and test, in shuffled batches.
//!
//! [`load_default`] gives MNIST itself, fetched once, cached, and verified against pinned digests at every start.
//! [`load_from`] reads a folder that someone else filled, such as Fashion-MNIST. Pixels stay bytes, 55 MB in all, and
//! become floats batch by batch.

mod batches;
mod classes;
mod error;
mod folder;
mod form;
mod idx;
mod mnist;
mod split;
mod translation;

pub use batches::{BatchError, BatchPlan, Epoch, Order};
pub use error::DatasetError;
pub use folder::{load_from, load_part_from};
pub use form::Form;
pub use idx::read_image;
pub use mnist::{MIRROR_VARIABLE, load_default};
pub use split::{Pixel, Split};
pub use translation::RandomTranslation;

use crate::fetch::Digest;
use crate::lossy_path;
use idx::{Contents, Kind};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Four IDX files, read and checked.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// The training files from row [`Form::validation_rows`] on.
    pub train: Split,
    /// The first [`Form::validation_rows`] rows of the training files.
    pub validation: Split,
    /// The test files.
    pub test: Split,
    /// Where the files came from.
    pub origin: Origin,
    /// The files, in the order train images, train labels, test images, test labels.
    pub files: [DataFile; 4],
}

/// One of the three parts of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// [`Dataset::train`].
    Train,
    /// [`Dataset::validation`].
    Validation,
    /// [`Dataset::test`].
    Test,
}

/// Where a data set came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// MNIST itself, verified, in this cache folder.
    Mnist(PathBuf),
    /// Whatever the user keeps in this folder.
    Folder(PathBuf),
}

/// One of the four files.
#[derive(Debug, Clone, Serialize)]
pub struct DataFile {
    /// Its name as published, without `.gz`: `train-images-idx3-ubyte` and so on.
    pub name: &'static str,
    /// Where it is.
    #[serde(serialize_with = "lossy_path::serialize")]
    pub path: PathBuf,
    /// Images or labels in it.
    pub count: usize,
    /// SHA-256 of its raw bytes; of a gzipped file, of what it unpacks to, and of another form of IDX, of MNIST's own.
    pub sha256: Digest,
}

/// The four files' names as published, in the order of [`Dataset::files`].
const NAMES: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];

/// A file and its contents.
struct Loaded {
    file: DataFile,
    contents: Contents,
}

impl Loaded {
    /// Of the bytes of the file that has the place `place` in [`NAMES`].
    fn new(
        place: usize,
        path: PathBuf,
        sha256: Digest,
        bytes: Vec<u8>,
        form: &Form,
    ) -> Result<Self, DatasetError> {
        let contents = Contents::new(bytes, Kind::at(place), form);
        let contents = contents.map_err(|why| DatasetError::in_file(&path, &why))?;
        let file = DataFile { name: NAMES[place], path, count: contents.count, sha256 };
        Ok(Self { file, contents })
    }
}

/// All rows of a file of images and of one of labels, which are as many.
fn all_rows(form: &Form, images: Loaded, labels: Loaded) -> Result<Split, DatasetError> {
    if images.file.count == labels.file.count {
        return Ok(Split::new(images.contents, labels.contents, form.image_size));
    }
    Err(DatasetError::Unusable(format!(
        "{} holds {} images, but {} holds {} labels",
        images.file.path.display(),
        images.file.count,
        labels.file.path.display(),
        labels.file.count
    )))
}

/// The training and the validation rows, of the training files.
fn training_rows(form: &Form, images: Loaded, labels: Loaded) -> Result<(Split, Split), DatasetError> {
    let path = images.file.path.clone();
    let all = all_rows(form, images, labels)?;
    let (rows, validation_rows) = (all.len(), form.validation_rows);
    if rows <= validation_rows {
        let why = "of the training files, so there must be more";
        return Err(DatasetError::Unusable(format!(
            "{} holds {rows} images; validation takes the first {validation_rows} {why}",
            path.display()
        )));
    }
    Ok((all.part(validation_rows..rows), all.part(0..validation_rows)))
}

impl Dataset {
    /// Of the four files in the order of [`NAMES`].
    fn assemble(form: &Form, origin: Origin, loaded: [Loaded; 4]) -> Result<Self, DatasetError> {
        let files = loaded.each_ref().map(|loaded| loaded.file.clone());
        let [images, labels, test_images, test_labels] = loaded;
        let (train, validation) = training_rows(form, images, labels)?;
        let test = all_rows(form, test_images, test_labels)?;
        Ok(Self { train, validation, test, origin, files })
    }

    /// One of the three parts.
    pub fn part(&self, part: Part) -> &Split {
        match part {
            Part::Train => &self.train,
            Part::Validation => &self.validation,
            Part::Test => &self.test,
        }
    }
}
