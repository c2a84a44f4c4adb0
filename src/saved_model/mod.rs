//! A trained network as a SavedModel that TensorFlow Serving loads, written so that Serving never sees half of one.
//!
//! | signature         | method                        | input                                         | outputs |
//! |-------------------|-------------------------------|-----------------------------------------------|---------|
//! | `serving_default` | `tensorflow/serving/predict`  | `images` float32 `[rows, height * width]` in 0..=1         | `probabilities` float32 `[rows, classes]`, `classes` int64 `[rows]` |
//! | `predict_bytes`   | `tensorflow/serving/predict`  | `images` uint8 `[rows, height, width]`                 | the same |
//! | `classify`        | `tensorflow/serving/classify` | `inputs` string `[rows]`, each a `tf.Example` with the feature `image`, height * width floats in 0..=1 | `classes` string `[rows, classes]`, `scores` float32 `[rows, classes]` |

mod error;
mod requests;
mod sample;
mod serving_graph;
mod versions;

pub use error::{Result, SavedModelError};
pub use requests::MODEL_NAME;
pub use serving_graph::{CLASSIFY, PREDICT_BYTES, SERVING_DEFAULT};
pub use versions::check_base;

use crate::classifier::{Classifier, network_of};
use crate::graph::{Checkpoint, GraphSession};
use crate::model::Convolutions;
use crate::networks::{self, Table};
use crate::staging;
use serving_graph::ServingGraph;
use std::fs;
use std::path::{Path, PathBuf};
use tensorflow::SessionOptions;
use versions::{Versions, failed};

const GRAPH: &str = "saved_model.pb";
const VARIABLES: &str = "variables";
const EXTRA: &str = "assets.extra";
const WARMUP: &str = "tf_serving_warmup_requests";
const REST_REQUEST: &str = "rest_request.json";

/// A version that was exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Its number.
    pub version: u64,
    /// Its folder, `EXPORT_BASE/VERSION`.
    pub path: PathBuf,
    /// The network's name.
    pub network: String,
}

impl Exported {
    /// A request for one image, to be posted to Serving's REST interface.
    pub fn rest_request(&self) -> PathBuf {
        self.path.join(EXTRA).join(REST_REQUEST)
    }
}

/// Exports the network in the checkpoint `prefix`, ours or Python's, as version `version` (without one, one more than
/// the highest) below the folder `base`, which is made if need be.
///
/// The version is written aside, loaded again and asked for a prediction, synced, and renamed into place. At every
/// moment the version's folder is whole or not there, and a version that is there is never touched.
///
/// # Errors
/// The checkpoint is missing, damaged or of another network; the version exists; a file cannot be written; or what was
/// written does not load. No version is there then that was not before.
pub fn export(
    prefix: &Path,
    network: Option<&Table>,
    base: &Path,
    version: Option<u64>,
    options: &SessionOptions,
) -> Result<Exported> {
    let table = network_of(&Checkpoint::open(prefix)?, network)?;
    let serving = ServingGraph::new(&table)?;
    let session = GraphSession::new(&serving.graph, options)?;
    serving.saver.restore(&session, prefix)?;

    let versions = Versions::open(base)?;
    let (version, path) = versions.next(version)?;
    let aside = versions.aside()?;
    write(&serving, &table, &session, aside.path())
        .and_then(|()| check(aside.path(), prefix, &table, options))
        .map_err(|error| error.in_place(aside.path(), &path))?;
    versions.publish(aside, &path)?;
    let network = table.name;
    Ok(Exported { version, path, network })
}

/// Writes all files of a version to `folder`, synced.
fn write(serving: &ServingGraph, table: &Table, session: &GraphSession, folder: &Path) -> Result<()> {
    let variables = folder.join(VARIABLES);
    let extra = folder.join(EXTRA);
    for folder in [&variables, &extra] {
        fs::create_dir(folder).map_err(failed("create", folder))?;
    }
    serving.saver.save(session, variables.join(VARIABLES))?;
    for (file, bytes) in [
        (extra.join(WARMUP), requests::warmup(table.image_size())),
        (extra.join(REST_REQUEST), requests::rest(table.image_size()).into_bytes()),
        // Strings and numbers: it cannot fail.
        (extra.join(networks::EXPORTED), serde_json::to_vec_pretty(table).unwrap_or_default()),
        (folder.join(GRAPH), serving.saved_model()?),
    ] {
        staging::write(&file, &bytes).map_err(failed("write", &file))?;
    }
    Ok(())
}

/// Loads the model in `folder` and compares its answer with that of the checkpoint it was made from.
fn check(folder: &Path, prefix: &Path, table: &Table, options: &SessionOptions) -> Result<()> {
    /// Far above what rounding can do, far below any mistake.
    const TOLERANCE: f32 = 1e-4;
    let image = sample::seven_as_floats(table.image_size());
    let expected =
        Classifier::open(prefix, Some(table), options, Convolutions::TensorFlow)?.probabilities(&image)?;
    let answer = Classifier::from_saved_model(folder, options)
        .and_then(|classifier| classifier.probabilities(&image))
        .map_err(|error| SavedModelError::Faulty(error.to_string()))?;
    let close = |(a, b): (&f32, &f32)| (a - b).abs() <= TOLERANCE;
    if answer.len() == expected.len() && answer.iter().zip(&expected).all(close) {
        return Ok(());
    }
    Err(SavedModelError::Faulty(format!("it answers {answer:?} where the checkpoint answers {expected:?}")))
}
