//! Why a data set could not be loaded.

use super::{ForeignFile, IdxError, MIRROR_VARIABLE};
use crate::fetch::FetchError;
use std::io;
use std::path::{Path, PathBuf};

/// Why a data set could not be loaded; names the file and the cause.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// A file is not a sound IDX file.
    #[error("{path}: {source}{}", advice(.path, .source))]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: IdxError,
    },
    /// A file has no image of the number asked for.
    #[error("{path} holds {count} images, numbered 0 to {}; there is none of the number asked for", count - 1)]
    NoSuchImage {
        /// The file.
        path: PathBuf,
        /// Images in it, at least one.
        count: usize,
    },
    /// The folder lacks files.
    #[error(
        "{folder} lacks data files:{}{}{}{}",
        lines(.looked_for),
        listed("\nthe folder holds ", .others),
        listed("\nall of them are in ", &displayed(.below)),
        foreign.as_deref().map(|(path, kind)| converted(path, kind)).unwrap_or_default()
    )]
    Missing {
        /// The folder.
        folder: PathBuf,
        /// For each missing file, the names that would have done.
        looked_for: Vec<String>,
        /// What is there and no data file.
        others: Vec<String>,
        /// Where whole sets are.
        below: Vec<PathBuf>,
        /// A file of another kind that may hold the data.
        foreign: Option<Box<(PathBuf, ForeignFile)>>,
    },
    /// The folder holds several data sets.
    #[error("{folder} holds {} data sets; name one of them:{}", .places.len(), lines(&displayed(.places)))]
    Several {
        /// The folder.
        folder: PathBuf,
        /// What to name.
        places: Vec<PathBuf>,
    },
    /// It is a file.
    #[error("{path} is a file; name the folder with the data files{}", .foreign.as_ref().map(|kind| converted(path, kind)).unwrap_or_default())]
    NoFolder {
        /// The file.
        path: PathBuf,
        /// What kind of file, where its name tells.
        foreign: Option<ForeignFile>,
    },
    /// The folder cannot be read.
    #[error("{folder} cannot be read as a data folder: {source}")]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Images and labels do not pair up.
    #[error("{images_path} holds {images} images, but {labels_path} holds {labels} labels")]
    CountsDiffer {
        /// The file with images.
        images_path: PathBuf,
        /// Images in it.
        images: usize,
        /// The file with labels.
        labels_path: PathBuf,
        /// Labels in it.
        labels: usize,
    },
    /// Validation takes all training rows that there are.
    #[error(
        "{path} holds {rows} images; validation takes the first {validation_rows} of the training files, so there must \
         be more"
    )]
    NothingToTrainOn {
        /// The file with the training images.
        path: PathBuf,
        /// Images in it.
        rows: usize,
        /// Rows that validation takes.
        validation_rows: usize,
    },
    /// MNIST itself does not fit the network.
    #[error(
        "MNIST has 28 x 28 pixels and the labels 0 to 9, but {} x {} pixels and the labels {} to {} are wanted: name the data \
         set's folder",
        .0.image_size[0], .0.image_size[1], .0.first_label, .0.last_label()
    )]
    NotMnist(super::Form),
    /// MNIST is not in the cache, and no source gave it; or there is no cache folder.
    #[error("{0}{help}", help = what_helps(.0))]
    Fetch(#[from] FetchError),
    /// The mirror that the user named is not an https URL.
    #[error("{MIRROR_VARIABLE} is {0:?}, which is no https URL such as https://mirror.example/mnist/")]
    Mirror(String),
}

/// What helps with a file that is no IDX file.
fn advice(path: &Path, error: &IdxError) -> String {
    match error {
        IdxError::Foreign { file, .. } => format!("; {}", file.advice(&path.display().to_string())),
        _ => String::new(),
    }
}

fn converted(path: &Path, kind: &ForeignFile) -> String {
    let path = path.display().to_string();
    format!("\n{path} is {}; {}", kind.name, kind.advice(&path))
}

fn displayed(paths: &[PathBuf]) -> Vec<String> {
    paths.iter().map(|path| path.display().to_string()).collect()
}

fn lines(items: &[String]) -> String {
    items.iter().map(|item| format!("\n  - {item}")).collect()
}

fn listed(before: &str, items: &[String]) -> String {
    if items.is_empty() { String::new() } else { format!("{before}{}", items.join(", ")) }
}

/// What helps where the sources are at fault; trouble with the cache says itself what helps.
fn what_helps(error: &FetchError) -> String {
    match error {
        FetchError::EverySourceFailed { .. } => format!(
            "\nWhat helps:\n  - check the network; HTTPS_PROXY is honoured, and behind a proxy that inspects TLS, name its \
             CA certificate in SSL_CERT_FILE\n  - name an https mirror of your own in {MIRROR_VARIABLE}, or install npm\n  \
             - copy the four files into the folder mnist of the cache, which TF_MNIST_CACHE moves"
        ),
        _ => String::new(),
    }
}
