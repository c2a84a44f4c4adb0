//! `tf-mnist evaluate`: how good a trained network is.

use super::cluster::{self, Place};
use super::failure::advised;
use super::{data, model, output, terminal};
use crate::cli::{EvaluateArgs, GlobalArgs};
use anyhow::Result;
use serde::Serialize;
use std::borrow::Cow;
use std::fmt::Write;
use tf_mnist::classifier::{self, Classifier, ClassifierError, Evaluation};
use tf_mnist::dataset::Part;
use tf_mnist::graph::{GraphError, is_out_of_memory};

pub fn run(global: &GlobalArgs, args: &EvaluateArgs) -> Result<()> {
    let work = || Ok((global.clone(), args.replicas.replicas, false));
    let Some(plan) = cluster::plan(&args.replicas, work)? else { return Ok(()) };
    let is_alone = !plan.has_workers() && args.replicas.replicas.is_none_or(|replicas| replicas == 1);
    let (classifier, place) = match is_alone {
        true => (model::classifier(global, &args.model)?, Place::alone(Vec::new())),
        false => model::replicated(global, &args.model, &args.replicas, plan)?,
    };
    let split = data::load_part(global, args.split, &classifier.data_form(args.validation_rows))?;
    let evaluation = classifier::evaluate(&classifier, &split, args.eval_chunk).map_err(|error| {
        let has_no_room = matches!(
            &error,
            ClassifierError::Graph(GraphError::Run { status, .. }) if is_out_of_memory(status)
        );
        let less = args.eval_chunk / 2;
        place.explained(match has_no_room && less > 0 {
            true => advised(
                error.into(),
                format!("a smaller --eval-chunk needs less memory, such as --eval-chunk {less}"),
            ),
            false => error.into(),
        })
    })?;
    output::report(&Report::new(&classifier, args.split, &evaluation), args.json, Report::text)
}

#[derive(Serialize)]
struct Report<'a> {
    /// The checkpoint's prefix or the SavedModel's folder.
    model: Cow<'a, str>,
    /// Its name, or null for a SavedModel.
    network: Option<&'a str>,
    split: Part,
    images: u64,
    correct: u64,
    accuracy: f64,
    mean_loss: f64,
    digits: Vec<Digit>,
    /// Row: the true digit; column: what it was taken for.
    confusion_matrix: &'a [Vec<u64>],
}

#[derive(Serialize)]
struct Digit {
    /// Its label in the files.
    digit: usize,
    images: u64,
    /// Null where nothing was taken for this digit.
    precision: Option<f64>,
    /// Null where there is no such digit.
    recall: Option<f64>,
}

impl<'a> Report<'a> {
    fn new(classifier: &'a Classifier, split: Part, evaluation: &'a Evaluation) -> Self {
        let first_label = usize::from(classifier.data_form(1).first_label);
        let digit = |digit| Digit {
            digit: first_label + digit,
            images: evaluation.count(digit),
            precision: evaluation.precision(digit),
            recall: evaluation.recall(digit),
        };
        Self {
            model: classifier.path().to_string_lossy(),
            network: classifier.table().map(|table| table.name.as_str()),
            split,
            images: evaluation.rows(),
            correct: evaluation.correct(),
            accuracy: evaluation.accuracy(),
            mean_loss: evaluation.mean_loss(),
            digits: (0..classifier.classes()).map(digit).collect(),
            confusion_matrix: &evaluation.confusion,
        }
    }

    fn text(&self) -> String {
        let network = self.network.unwrap_or("SavedModel");
        let mut text = format!("{network}, {}\n", terminal::name(&*self.model));
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "Accuracy on the {} {} images: {:.2}%, {} wrong; mean loss {:.4}\n",
            self.images,
            match self.split {
                Part::Train => "training",
                Part::Validation => "validation",
                Part::Test => "test",
            },
            100.0 * self.accuracy,
            self.images - self.correct,
            self.mean_loss,
        );
        let _ = writeln!(text, "  digit  images  precision   recall");
        for digit in &self.digits {
            let _ = writeln!(
                text,
                "  {:>5}  {:>6}  {:>9}  {:>7}",
                digit.digit,
                digit.images,
                percent(digit.precision),
                percent(digit.recall)
            );
        }
        text.push_str("\n         taken for\n   true");
        for Digit { digit, .. } in &self.digits {
            let _ = write!(text, "  {digit:>5}");
        }
        text.push('\n');
        for (Digit { digit, .. }, row) in self.digits.iter().zip(self.confusion_matrix) {
            let _ = write!(text, "  {digit:>5}");
            for &count in row {
                // Mistakes are to stand out, so nothing is shown as a dot.
                let _ = match count {
                    0 => write!(text, "  {:>5}", "."),
                    count => write!(text, "  {count:>5}"),
                };
            }
            text.push('\n');
        }
        text
    }
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{:.2}%", 100.0 * share))
}
