//! MNIST, or any data set of grey images like it: four IDX files, split into train, validation and test, in shuffled batches.
//!
//! [`load_default`] gives MNIST itself, fetched once, cached, and verified against pinned digests at every start.
//! [`load_from`] reads a folder that someone else filled, such as Fashion-MNIST. Pixels stay bytes, 55 MB in all, and
//! become floats batch by batch.

mod batches;
mod classes;
mod error;
mod file_name;
mod find;
mod folder;
mod foreign;
mod form;
mod gunzip;
mod header;
mod idx;
mod image;
mod mnist;
mod split;
mod translation;
mod unpack;

pub use batches::{BatchError, BatchPlan, Epoch, Order};
pub use classes::MissingClasses;
pub use error::DatasetError;
pub use folder::{load_from, load_from_as, load_part_from};
pub use foreign::ForeignFile;
pub use form::Form;
pub use idx::IdxError;
pub use image::read_image;
pub use mnist::{MIRROR_VARIABLE, load_default, load_default_as};
pub use split::Split;
pub use translation::RandomTranslation;

use crate::fetch::Digest;
use crate::lossy_path;
use idx::{Images, Labels};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Arc;

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

/// A file's place, its digest and its contents.
struct Loaded<T> {
    path: PathBuf,
    sha256: Digest,
    contents: T,
}

/// The images and labels of the training or of the test files.
struct Pair {
    images: Loaded<Images>,
    labels: Loaded<Labels>,
}

impl Pair {
    /// The rows of both, which are as many.
    fn rows(&self) -> Result<usize, DatasetError> {
        let (images, labels) = (self.images.contents.count(), self.labels.contents.count());
        if images == labels {
            return Ok(images);
        }
        Err(DatasetError::CountsDiffer {
            images_path: self.images.path.clone(),
            images,
            labels_path: self.labels.path.clone(),
            labels,
        })
    }

    /// The training and the validation rows, of the training files.
    fn train(self, form: &Form) -> Result<(Split, Split), DatasetError> {
        let rows = self.rows()?;
        let validation_rows = form.validation_rows;
        if rows <= validation_rows {
            return Err(DatasetError::NothingToTrainOn { path: self.images.path, rows, validation_rows });
        }
        let images = Arc::new(self.images.contents);
        let labels = Arc::new(self.labels.contents);
        let validation = Split::new(images.clone(), labels.clone(), 0..validation_rows);
        Ok((Split::new(images, labels, validation_rows..rows), validation))
    }

    /// All rows, of the test files.
    fn test(self) -> Result<Split, DatasetError> {
        let rows = self.rows()?;
        Ok(Split::new(Arc::new(self.images.contents), Arc::new(self.labels.contents), 0..rows))
    }

    /// What is told of the two files, whose names are `NAMES[first]` and the next.
    fn files(&self, first: usize) -> [DataFile; 2] {
        let (images, labels) = (&self.images, &self.labels);
        let file = |index: usize, path: &PathBuf, count, sha256| DataFile {
            name: NAMES[index],
            path: path.clone(),
            count,
            sha256,
        };
        [
            file(first, &images.path, images.contents.count(), images.sha256),
            file(first + 1, &labels.path, labels.contents.count(), labels.sha256),
        ]
    }
}

impl Dataset {
    fn assemble(form: &Form, origin: Origin, train: Pair, test: Pair) -> Result<Self, DatasetError> {
        let [train_images, train_labels] = train.files(0);
        let [test_images, test_labels] = test.files(2);
        let test = test.test();
        let (train, validation) = train.train(form)?;
        Ok(Self {
            train,
            validation,
            test: test?,
            origin,
            files: [train_images, train_labels, test_images, test_labels],
        })
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
