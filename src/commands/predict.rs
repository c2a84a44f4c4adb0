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
use tf_mnist::picture;

/// How many of the likeliest digits are shown.
const SHOWN: usize = 3;
/// Pictures run at a time.
const CHUNK: usize = 1000;

/// # Errors
/// The model cannot be had, or TensorFlow fails. A picture that cannot be used is no error of the rest.
pub fn run(global: &GlobalArgs, args: &PredictArgs) -> Result<ExitCode> {
    // A checkpoint's network is known before anything is fetched; a SavedModel has to be opened.
    let (form, pictures, opened) = match classifier::locate(&args.model.path)? {
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
    let mut code = ExitCode::SUCCESS;
    let read = args.images.iter().map(|name| match picture::read(name, &target) {
        Ok(prepared) => {
            for doubt in &prepared.doubts {
                log::warn!("{}: {doubt}", name.display());
            }
            Ok(prepared)
        }
        Err(error) => {
            output::notice(&format!("error: {error}"));
            code = ExitCode::FAILURE;
            Err(error.to_string())
        }
    });
    let read: Vec<_> = read.collect();
    let images: Vec<_> = read.iter().flatten().flat_map(|prepared| &prepared.image).copied().collect();
    let mut probabilities = Vec::new();
    if !images.is_empty() {
        let classifier = match opened {
            Some(classifier) => classifier,
            None => model::classifier(global, &args.model)?,
        };
        for chunk in images.chunks(CHUNK * classifier.pixels()) {
            probabilities.extend(classifier.probabilities(chunk)?);
        }
    }
    let mut rows = probabilities.chunks_exact(form.classes);
    let mut predictions = Vec::new();
    for (name, read) in args.images.iter().zip(read) {
        let (warnings, outcome) = match read {
            Ok(prepared) => {
                let row = rows.next().unwrap_or_default(); // there is one for each that was read
                (prepared.doubts, Outcome::predicted(row, usize::from(form.first_label)))
            }
            Err(error) => (Vec::new(), Outcome::Failed { error }),
        };
        predictions.push(Prediction { image: name.to_string_lossy(), warnings, outcome });
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
