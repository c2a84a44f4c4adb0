//! Why a data set could not be loaded.

use super::{Form, MIRROR_VARIABLE};
use crate::fetch::FetchError;
use std::path::Path;

/// Why a data set could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// A file or folder that was named cannot be used: which, what is wrong with it, and what helps.
    #[error("{0}")]
    Unusable(String),
    /// MNIST itself does not fit the network.
    #[error(
        "MNIST has 28 x 28 pixels and the labels 0 to 9, but {} x {} pixels and the labels {} to {} are wanted: name the data \
         set's folder",
        .0.image_size[0], .0.image_size[1], .0.first_label, .0.last_label()
    )]
    NotMnist(Form),
    /// MNIST is not in the cache, and no source gave it; or there is no cache folder.
    #[error("{0}{help}", help = what_helps(.0))]
    Fetch(#[from] FetchError),
}

impl DatasetError {
    /// What is wrong with a file.
    pub(super) fn in_file(path: &Path, why: &str) -> Self {
        Self::Unusable(format!("{}: {why}", path.display()))
    }
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
