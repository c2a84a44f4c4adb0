//! A model opened as a SavedModel, ours or another's.

use super::{Classifier, ClassifierError, Result, signature};
use crate::dataset::Form;
use crate::graph::proto::SavedModel;
use crate::graph::{Checkpoint, GraphError, LiteralPath};
use crate::networks::{self, Pictures, Table};
use crate::staging::regular_file;
use prost::Message;
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
        let shown = folder.display();
        let cannot_load = |why: String| {
            ClassifierError::Unusable(format!(
                "TensorFlow cannot load the SavedModel {shown}: {why}; export it again, or name another model"
            ))
        };
        let mut graph = Graph::new();
        let place = LiteralPath::of(folder)
            .map_err(|error| ClassifierError::Unusable(format!("cannot read {shown}: {error}")))?;
        let bundle = SavedModelBundle::load(options, ["serve"], &mut graph, place.path());
        let bundle = bundle.map_err(|status| {
            cannot_load(damage(folder, false).unwrap_or_else(|| place.named_in(status).to_string()))
        })?;
        // Our own exports say what they are; another's is taken for one of digits if its images are of MNIST's size.
        let own = networks::of_export(folder);
        let known = own.as_ref().map(Table::image_size);
        let tensors = signature::tensors(bundle.meta_graph_def(), &graph, known).map_err(|reason| {
            ClassifierError::Unusable(format!(
                "the SavedModel {shown} does not fit: {reason}. What fits has a signature serving_default with one \
                 float32 input of [-1, height * width], [-1, height, width] or [-1, height, width, 1], of 1024 pixels a \
                 side at most, and a float32 output of [-1, classes]"
            ))
        })?;
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
            ClassifierError::Graph(GraphError::Run { .. }) => damage(folder, true).map_or(error, cannot_load),
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

/// The file of the SavedModel in `folder` that is damaged or missing, and how; `None` if all look whole. A model may
/// have no variables, unless it `lacks_values`: TensorFlow loads one whose values are gone, and fails when it runs
/// it.
fn damage(folder: &Path, lacks_values: bool) -> Option<String> {
    let graph = folder.join("saved_model.pb");
    if graph.exists() {
        let reason = match regular_file::read(&graph).map(|bytes| SavedModel::decode(&bytes[..])) {
            Ok(Ok(model)) if !model.meta_graphs.is_empty() => None,
            Ok(Ok(_)) => Some("is damaged: it holds no graph".to_owned()),
            Ok(Err(error)) => Some(format!("is damaged: {error}")),
            Err(error) => Some(format!("cannot be read: {error}")),
        };
        if let Some(reason) = reason {
            return Some(format!("{} {reason}", graph.display()));
        }
    }
    let variables = folder.join("variables");
    if !variables.is_dir() && !lacks_values {
        return None;
    }
    Checkpoint::open(&variables.join("variables"))
        .and_then(|checkpoint| checkpoint.verify())
        .err()
        .map(|error| error.to_string())
}

/// exp(x_i) / sum_j exp(x_j), the largest taken off first, so that nothing overflows.
pub(super) fn softmax_in_place(row: &mut [f32]) {
    let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    row.iter_mut().for_each(|score| *score = (*score - largest).exp());
    let sum: f32 = row.iter().sum();
    row.iter_mut().for_each(|score| *score /= sum);
}

/// Whether they are probabilities already.
fn is_distribution(row: &[f32]) -> bool {
    row.iter().all(|score| (0.0..=1.0).contains(score)) && (row.iter().sum::<f32>() - 1.0).abs() < 1e-3
}

#[cfg(test)]
mod tests {
    use super::softmax_in_place;

    #[test]
    fn softmax_takes_large_scores() {
        let mut row = [1000.0, 1000.0, -1000.0];
        softmax_in_place(&mut row);
        assert_eq!(row, [0.5, 0.5, 0.0]);
    }
}
