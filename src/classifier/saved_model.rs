//! A model opened as a SavedModel, ours or another's.

use super::logits::is_distribution;
use super::{Classifier, ClassifierError, Result, damage, signature};
use crate::dataset::Form;
use crate::graph::{GraphError, LiteralPath};
use crate::networks::{self, Pictures, Table};
use std::path::Path;
use tensorflow::{Graph, SavedModelBundle, SessionOptions};

impl Classifier {
    /// Opens the SavedModel in `folder`, ours or another's, by its `serving_default`: one float32 input of
    /// `[-1, height * width]`, `[-1, height, width]` or `[-1, height, width, 1]`, and a float32 output of `[-1, classes]`,
    /// probabilities or logits.
    ///
    /// # Errors
    /// TensorFlow cannot load it, it has another signature, or it does not run.
    pub fn from_saved_model(folder: &Path, options: &SessionOptions) -> Result<Self> {
        let mut graph = Graph::new();
        let place = LiteralPath::of(folder)
            .map_err(|source| ClassifierError::Io { path: folder.to_path_buf(), source })?;
        let bundle = SavedModelBundle::load(options, ["serve"], &mut graph, place.path());
        let bundle = bundle.map_err(|status| ClassifierError::Load {
            path: folder.to_path_buf(),
            damage: damage::find(folder, false),
            status: place.named_in(status),
        })?;
        // Our own exports say what they are; another's is taken for one of digits if its images are of MNIST's size.
        let own = networks::of_export(folder);
        let known = own.as_ref().map(Table::image_size);
        let tensors = signature::tensors(bundle.meta_graph_def(), &graph, known)
            .map_err(|reason| ClassifierError::Signature { path: folder.to_path_buf(), reason })?;
        let (image_size, classes) = (tensors.image_size, tensors.classes);
        let own = own.filter(|table| (table.image_size(), table.classes as usize) == (image_size, classes));
        let first_label = own.as_ref().map_or(0, |table| table.first_label);
        let pictures = match image_size {
            [28, 28] => Pictures::CentredByMass,
            _ => Pictures::Fitted,
        };
        let mut classifier = Self {
            path: folder.to_path_buf(),
            table: None,
            session: bundle.session.into(),
            images: tensors.images,
            image: tensors.image,
            form: Form { image_size, classes, first_label, validation_rows: 0 },
            pictures: own.map_or(pictures, |table| table.pictures),
            scores: vec![tensors.scores],
            scores_are_logits: false,
        };
        classifier.scores_are_logits = classifier.gives_logits().map_err(|error| match error {
            ClassifierError::Graph(GraphError::Run { action, status }) => match damage::find(folder, true) {
                Some(damage) => {
                    ClassifierError::Load { path: folder.to_path_buf(), damage: Some(damage), status }
                }
                None => GraphError::Run { action, status }.into(),
            },
            other => other,
        })?;
        Ok(classifier)
    }

    /// Whether the scores are no probabilities, as in a Keras model that ends without a softmax.
    fn gives_logits(&self) -> Result<bool> {
        let pixels = self.pixels();
        let mut probe = vec![0.0; 2 * pixels];
        probe[pixels + pixels / 4..][..pixels / 2].fill(1.0);
        let scores = self.scores(&self.scores[0], &probe)?;
        Ok(!scores.chunks_exact(self.classes()).all(is_distribution))
    }
}
