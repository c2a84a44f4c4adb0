//! MNIST, or any data set of its shape: four IDX files, split into train, validation and test, in shuffled batches.
//!
//! [`load_default`] gives MNIST itself, fetched once, cached, and verified against pinned digests at every start.
//! [`load_from`] reads a folder that someone else filled, such as Fashion-MNIST. Pixels stay bytes, 55 MB in all, and
//! become floats batch by batch.

mod batches;
mod error;
mod folder;
mod idx;
mod image;
mod mnist;
mod split;
mod translation;

pub use batches::{BatchError, BatchPlan, Epoch, Order};
pub use error::DatasetError;
pub use folder::load_from;
pub use idx::IdxError;
pub use image::read_image;
pub use mnist::{MIRROR_VARIABLE, load_default};
pub use split::Split;
pub use translation::RandomTranslation;

use crate::fetch::Digest;
use idx::{Images, Labels};
use std::path::PathBuf;
use std::sync::Arc;

/// Height of an image in pixels.
pub const IMAGE_HEIGHT: usize = 28;
/// Width of an image in pixels.
pub const IMAGE_WIDTH: usize = 28;
/// Pixels of an image: the width of the network's input.
pub const IMAGE_PIXELS: usize = IMAGE_HEIGHT * IMAGE_WIDTH;
/// Classes: the digits 0 to 9.
pub const CLASSES: usize = 10;
/// Rows at the head of the training files that are kept back for validation.
pub const VALIDATION_ROWS: usize = 5000;

/// Four IDX files, read and checked.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// The training files from row [`VALIDATION_ROWS`] on.
    pub train: Split,
    /// The first [`VALIDATION_ROWS`] rows of the training files.
    pub validation: Split,
    /// The test files.
    pub test: Split,
    /// Where the files came from.
    pub origin: Origin,
    /// The files, in the order train images, train labels, test images, test labels.
    pub files: [DataFile; 4],
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
#[derive(Debug, Clone)]
pub struct DataFile {
    /// Its name as published, without `.gz`: `train-images-idx3-ubyte` and so on.
    pub name: &'static str,
    /// Where it is.
    pub path: PathBuf,
    /// Images or labels in it.
    pub count: usize,
    /// SHA-256 of its raw bytes; of a gzipped file, of what it unpacks to.
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

impl Dataset {
    fn assemble(origin: Origin, train: Pair, test: Pair) -> Result<Self, DatasetError> {
        for pair in [&train, &test] {
            let (images, labels) = (pair.images.contents.count(), pair.labels.contents.count());
            if images != labels {
                return Err(DatasetError::CountsDiffer {
                    images_path: pair.images.path.clone(),
                    images,
                    labels_path: pair.labels.path.clone(),
                    labels,
                });
            }
        }
        let rows = train.images.contents.count();
        if rows <= VALIDATION_ROWS {
            return Err(DatasetError::NothingToTrainOn {
                path: train.images.path,
                rows,
            });
        }
        let file = |index: usize, path: &PathBuf, count, sha256| DataFile {
            name: NAMES[index],
            path: path.clone(),
            count,
            sha256,
        };
        let files = [
            file(0, &train.images.path, rows, train.images.sha256),
            file(1, &train.labels.path, rows, train.labels.sha256),
            file(
                2,
                &test.images.path,
                test.images.contents.count(),
                test.images.sha256,
            ),
            file(
                3,
                &test.labels.path,
                test.labels.contents.count(),
                test.labels.sha256,
            ),
        ];
        let images = Arc::new(train.images.contents);
        let labels = Arc::new(train.labels.contents);
        Ok(Self {
            validation: Split::new(images.clone(), labels.clone(), 0..VALIDATION_ROWS),
            train: Split::new(images, labels, VALIDATION_ROWS..rows),
            test: Split::new(
                Arc::new(test.images.contents),
                Arc::new(test.labels.contents),
                0..files[2].count,
            ),
            origin,
            files,
        })
    }
}
