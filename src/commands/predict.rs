//! `tf-mnist predict`: which digits are drawn on pictures.

use super::{model, options, output, terminal};
use crate::cli::{GlobalArgs, PredictArgs};
use anyhow::Result;
use serde::Serialize;
use std::borrow::Cow;
use std::fmt::Write;
use std::process::ExitCode;
use tf_mnist::classifier::{self, Location};
use tf_mnist::graph::Checkpoint;
use tf_mnist::picture::{self, Doubt};

/// How many of the likeliest digits are shown.
const SHOWN: usize = 3;
/// Pictures run at a time.
const CHUNK: usize = 1000;

/// # Errors
/// The model cannot be had, or TensorFlow fails. A picture that cannot be used is no error of the rest.
pub fn run(global: &GlobalArgs, args: &PredictArgs) -> Result<ExitCode> {
    // A checkpoint's network is known before anything is fetched; a SavedModel has to be opened.
    let (form, pictures, mut classifier) = match classifier::locate(&args.model.path)? {
        Location::Checkpoint(prefix) => {
            let named = args.model.network.as_deref().map(options::find_network).transpose()?;
            let table = classifier::network_of(&Checkpoint::open(&prefix)?, named.as_ref())?;
            (table.data_form(1), table.pictures, None)
        }
        Location::SavedModel(_) => {
            let classifier = model::classifier(global, &args.model)?;
            (classifier.data_form(1), classifier.pictures(), Some(classifier))
        }
    };
    let target = picture::target(&form, pictures);
    let mut images = Vec::new();
    let mut predictions = Vec::new();
    let mut code = ExitCode::SUCCESS;
    for name in &args.images {
        let mut warnings = Vec::new();
        let outcome = match picture::read(name, &target) {
            Ok(prepared) => {
                for doubt in &prepared.doubts {
                    log::warn!("{}: {doubt}", name.display());
                }
                images.extend(prepared.image);
                warnings = prepared.doubts.iter().map(Doubt::to_string).collect();
                Outcome::Pending
            }
            Err(error) => {
                output::notice(&format!("error: {error}"));
                code = ExitCode::from(1);
                Outcome::Failed { error: error.to_string() }
            }
        };
        predictions.push(Prediction { image: name.to_string_lossy(), warnings, outcome });
    }
    if !images.is_empty() {
        let classifier = match classifier.take() {
            Some(classifier) => classifier,
            None => model::classifier(global, &args.model)?,
        };
        let mut probabilities = Vec::new();
        for chunk in images.chunks(CHUNK * classifier.pixels()) {
            probabilities.extend(classifier.probabilities(chunk)?);
        }
        let pending =
            predictions.iter_mut().filter(|prediction| matches!(prediction.outcome, Outcome::Pending));
        for (prediction, row) in pending.zip(probabilities.chunks_exact(classifier.classes())) {
            prediction.outcome = Outcome::predicted(row, usize::from(form.first_label));
        }
    }
    output::report(&predictions, args.json, |predictions| text(predictions))?;
    Ok(code)
}

#[derive(Serialize)]
struct Prediction<'a> {
    image: Cow<'a, str>,
    /// Why what was read may not be what is drawn.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    #[serde(flatten)]
    outcome: Outcome,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Outcome {
    /// Read, and about to be asked about.
    Pending,
    Predicted {
        class: usize,
        /// The likeliest digits, the likeliest first.
        likeliest: Vec<Likely>,
        /// Of the classes in order.
        probabilities: Vec<f32>,
    },
    Failed {
        error: String,
    },
}

#[derive(Serialize)]
struct Likely {
    class: usize,
    probability: f32,
}

impl Outcome {
    fn predicted(probabilities: &[f32], first_label: usize) -> Self {
        let mut likeliest: Vec<_> = probabilities
            .iter()
            .zip(first_label..)
            .map(|(&probability, class)| Likely { class, probability })
            .collect();
        // A stable sort: of equal ones, the lower digit first, as everywhere.
        likeliest.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        likeliest.truncate(SHOWN);
        Self::Predicted {
            class: likeliest.first().map_or(0, |first| first.class),
            likeliest,
            probabilities: probabilities.to_vec(),
        }
    }
}

/// A line for each picture that could be used: its name, the digit, the likeliest with their probabilities.
fn text(predictions: &[Prediction]) -> String {
    let name = |prediction: &Prediction| terminal::name(&*prediction.image);
    let width =
        predictions.iter().map(|prediction| name(prediction).chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    for prediction in predictions {
        let Outcome::Predicted { class, likeliest, .. } = &prediction.outcome else {
            continue;
        };
        // Writing to a string cannot fail.
        let _ = write!(text, "{:width$}  {class}  ", name(prediction));
        for likely in likeliest {
            let _ = write!(text, "  {} {:>6.2}%", likely.class, 100.0 * likely.probability);
        }
        text.push('\n');
    }
    text
}
