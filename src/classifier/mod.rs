//! A trained network in use: images in, probabilities out, whatever the model was kept as.
//!
//! ```no_run
//! use std::path::Path;
//! use tensorflow::SessionOptions;
//! use tf_mnist::classifier::Classifier;
//! use tf_mnist::model::Convolutions;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let classifier = Classifier::open(
//!     Path::new("runs/optimized-1"),
//!     None,
//!     &SessionOptions::new(),
//!     Convolutions::TensorFlow,
//! )?;
//! let probabilities = classifier.probabilities(&[0.0; 784])?;
//! assert_eq!(probabilities.len(), 10);
//! # Ok(())
//! # }
//! ```

mod error;
mod evaluation;
mod location;
mod saved_model;
mod signature;

pub use error::{ClassifierError, Result};
pub use evaluation::{CalibrationBin, Evaluation, Misclassified, evaluate, likeliest};
pub use location::{Location, locate, network_of, values_of};
pub(crate) use location::{is_saved_model, versions_in};

use crate::dataset::Form;
use crate::graph::{self, Checkpoint, GraphError, GraphSession, Saver, Scope, softmax};
use crate::model::{self, Convolutions};
use crate::networks::{Pictures, Table};
use saved_model::softmax_in_place;
use std::path::{Path, PathBuf};
use tensorflow::{Graph, Output, Session, SessionOptions, SessionRunArgs, Status, Tensor};

/// What opens a session on a graph.
pub type OpenSession<'a> = &'a dyn Fn(&Graph) -> Result<GraphSession>;

/// A network with its values, ready to be asked. It owns a TensorFlow session.
#[derive(Debug)]
pub struct Classifier {
    path: PathBuf,
    table: Option<Table>,
    session: GraphSession,
    images: Output,
    /// The dimensions that the network takes an image in.
    image: Vec<u64>,
    /// That of the images and labels.
    form: Form,
    pictures: Pictures,
    /// One a replica.
    scores: Vec<Output>,
    scores_are_logits: bool,
}

impl Classifier {
    /// Opens the model that `model` names; see [`locate`]. A checkpoint's network, see [`network_of`], is built of
    /// `convolutions`.
    ///
    /// # Errors
    /// There is no such model, it is damaged, or it does not fit.
    pub fn open(
        model: &Path,
        network: Option<&Table>,
        options: &SessionOptions,
        convolutions: Convolutions,
    ) -> Result<Self> {
        match locate(model)? {
            Location::Checkpoint(prefix) => {
                let session = |graph: &Graph| {
                    let session = Session::new(options, graph);
                    session.map(GraphSession::from).map_err(|status| failed("open a session", status))
                };
                Self::from_checkpoint(&[], &prefix, network, &session, convolutions)
            }
            Location::SavedModel(folder) => Self::from_saved_model(&folder, options),
        }
    }

    /// The checkpoint of `model`, as [`open`](Self::open), with a replica of the network on each of `devices`, such as
    /// `/device:GPU:1`, to [evaluate()] on all of them at once; `session` opens a session on the graph. Devices of another
    /// process are sent images as bytes, to which they are rounded.
    ///
    /// # Errors
    /// As there; [`ClassifierError::OneDevice`]: it is a SavedModel.
    pub fn open_on(
        devices: &[String],
        model: &Path,
        network: Option<&Table>,
        session: OpenSession,
        convolutions: Convolutions,
    ) -> Result<Self> {
        match locate(model)? {
            Location::Checkpoint(prefix) => {
                let own = Self::from_checkpoint(devices, &prefix, network, session, convolutions)?;
                // A device that cannot compute it says so now.
                own.scores
                    .iter()
                    .try_for_each(|scores| own.scores(scores, &vec![0.0; own.pixels()]).map(drop))?;
                Ok(own)
            }
            Location::SavedModel(folder) => Err(ClassifierError::OneDevice { path: folder }),
        }
    }

    fn from_checkpoint(
        devices: &[String],
        prefix: &Path,
        network: Option<&Table>,
        session: OpenSession,
        convolutions: Convolutions,
    ) -> Result<Self> {
        let table = network_of(&Checkpoint::open(prefix)?, network)?;
        let graph = Scope::new(Some(0));
        let x = graph.placeholder::<f32>("images", &[None, Some(table.pixels() as i64)])?;
        // A quarter of what goes from one process to another.
        let images = match model::spans_processes(devices) {
            true => model::to_bytes(&model::host_of(&graph, &devices[0]), &x)?,
            false => x.clone(),
        };
        let images = model::to_images(&table, &graph, &images)?;
        let logits = model::inference_on(devices, &table, &graph, &images, convolutions)?;
        let probabilities = logits.iter().map(|logits| softmax(&graph, "probabilities", logits));
        let probabilities = probabilities.collect::<graph::Result<_>>()?;
        let saver = Saver::new(&graph, &graph.variables())?;
        let session = session(&graph.graph())?;
        saver.restore(&session, prefix)?;
        Ok(Self {
            path: prefix.to_path_buf(),
            session,
            images: x,
            image: vec![table.pixels()],
            form: table.data_form(0),
            pictures: table.pictures,
            table: Some(table),
            scores: probabilities,
            scores_are_logits: false,
        })
    }

    /// The checkpoint's prefix or the SavedModel's folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The network, where a checkpoint told it.
    pub fn table(&self) -> Option<&Table> {
        self.table.as_ref()
    }

    /// What a data set has to be like, of which `validation_rows` are kept back for validation.
    pub fn data_form(&self, validation_rows: usize) -> Form {
        Form { validation_rows, ..self.form }
    }

    /// Pixels of an image.
    pub fn pixels(&self) -> usize {
        self.form.pixels()
    }

    /// How a picture is brought into the input's shape.
    pub fn pictures(&self) -> Pictures {
        self.pictures
    }

    /// Classes that are told apart.
    pub fn classes(&self) -> usize {
        self.form.classes
    }

    /// The probabilities of the classes for each of `images`, `[rows, pixels]` row-major in 0..=1: `[rows, classes]`, each
    /// row summing to 1. All rows are run at once.
    ///
    /// # Errors
    /// TensorFlow fails, for example because so many rows do not fit into memory; or the answers are no numbers.
    ///
    /// # Panics
    /// `images` is no whole number of images.
    pub fn probabilities(&self, images: &[f32]) -> Result<Vec<f32>> {
        self.probabilities_by(&self.scores[0], images)
    }

    /// As [`probabilities`](Self::probabilities), by the replica that gives `scores`.
    fn probabilities_by(&self, scores: &Output, images: &[f32]) -> Result<Vec<f32>> {
        let mut scores = self.scores(scores, images)?;
        if self.scores_are_logits {
            scores.chunks_exact_mut(self.classes()).for_each(softmax_in_place);
        }
        Ok(scores)
    }

    fn scores(&self, scores: &Output, images: &[f32]) -> Result<Vec<f32>> {
        assert!(images.len().is_multiple_of(self.pixels()), "images must be [rows, pixels]");
        let rows = images.len() / self.pixels();
        if rows == 0 {
            return Ok(Vec::new());
        }
        let shape: Vec<_> = std::iter::once(rows as u64).chain(self.image.iter().copied()).collect();
        let mut tensor = Tensor::<f32>::new(&shape);
        tensor.copy_from_slice(images);
        let mut args = SessionRunArgs::new();
        args.add_feed(&self.images.operation, self.images.index, &tensor);
        let token = args.request_fetch(&scores.operation, scores.index);
        let action = || format!("classify {rows} images with {}", self.path.display());
        self.session.run(&mut args).map_err(|status| failed(&action(), status))?;
        let scores = args.fetch::<f32>(token).map_err(|status| failed(&action(), status))?;
        if scores.len() != rows * self.classes() {
            let (path, found, classes) = (self.path.display(), scores.len(), self.classes());
            return Err(ClassifierError::Unusable(format!(
                "the model {path} gave {found} numbers for {rows} images, not {classes} each"
            )));
        }
        if scores.iter().any(|score| score.is_nan()) {
            return Err(ClassifierError::NotANumber { path: self.path.clone() });
        }
        Ok(scores.to_vec())
    }
}

fn failed(action: &str, status: Status) -> ClassifierError {
    ClassifierError::Graph(GraphError::Run { action: action.to_owned(), status })
}
