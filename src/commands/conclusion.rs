//! How a run ends: with a test, or with what a signal or a fault leaves.

use super::failure::advised;
use super::session::{Run, Setup};
use super::{output, published_lines, signals};
use anyhow::Result;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::AtomicUsize;
use tf_mnist::classifier::Evaluation;
use tf_mnist::dataset::Split;
use tf_mnist::drawing::{Picture, heat_map};
use tf_mnist::tensorboard::Summary;
use tf_mnist::training::{
    Ending, Event, MetricsFile, ModelCheckpoint, Outcome, TensorBoard, TrainingError, TrainingSession,
};

/// Measures the accuracy on the test set: of the best weights, or of the last.
pub fn conclude(
    run: &Run,
    session: TrainingSession,
    outcome: &Outcome,
    metrics: &mut MetricsFile,
    tensorboard: &mut Option<TensorBoard>,
    checkpoints: &mut ModelCheckpoint,
) -> Result<()> {
    let Setup { config, dataset, place, .. } = &run.setup;
    if let (Ending::EarlyStopped, Some(best)) = (outcome.ending, outcome.state.best) {
        metrics.write(&Event::EarlyStop { step: outcome.state.step, best_accuracy: best.accuracy })?;
    }
    let (session, tested) = match checkpoints.newest() {
        Some(best) if config.keeps_best() => {
            let session = session.reopen(|graph| place.open(&config.session, graph))?;
            session.restore(&best)?;
            (session, Some(best))
        }
        // Where nothing ever improved, the last weights are all there is.
        _ => {
            let last = checkpoints.save_last(&session, outcome.state.step)?;
            (session, last)
        }
    };
    let checkpoint =
        tested.as_deref().and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned();
    let test = &dataset.test;
    let mut evaluation = Evaluation::of(config.network.classes as usize);
    let accuracy = session
        .test(test, config.eval_chunk, |labels, probabilities| evaluation.add_rows(labels, probabilities))?
        .accuracy();
    if let Some(tensorboard) = tensorboard {
        let pictures = test_pictures(&evaluation, test, config.network.first_label);
        tensorboard.test(outcome.state.step, accuracy, pictures)?;
    }
    metrics.write(&Event::Test { accuracy, checkpoint })?;
    output::print(&published_lines::test_accuracy(accuracy))
}

/// As many misread images are shown.
const SHOWN: usize = 100;
/// Pixels that a small image is enlarged to.
const SIDE: usize = 112;

/// What TensorBoard shows of a test: the confusion matrix, and the images that were taken for what they are not.
fn test_pictures(evaluation: &Evaluation, test: &Split, first_label: u8) -> Vec<Summary> {
    let label = |class: usize| class + usize::from(first_label);
    let legend = "Each row: images of one class; each column: what they were taken for. Errors are red.";
    let matrix = heat_map(&evaluation.confusion, u64::from(first_label));
    let mut summaries = vec![Summary::image("confusion_matrix", &matrix, legend)];
    let size = test.image_size();
    let scale = (SIDE / size[0].max(size[1]).max(1)).max(1);
    let errors = evaluation.most_confident_errors();
    summaries.extend(errors.into_iter().take(SHOWN).enumerate().map(|(place, error)| {
        let (row, is, predicted) = (error.row, label(error.label), label(error.predicted));
        let percent = 100.0 * error.confidence();
        let legend = format!("Test image {row}: a {is}, taken for a {predicted} with {percent:.1}%");
        let picture = Picture::of_gray(test.image(row), size, scale);
        // One tag for each place, so that another test takes it over.
        Summary::image(&format!("misread/{:03}", place + 1), &picture, &legend)
    }));
    summaries
}

/// Says how to go on with a run that a signal ended, whose state is saved. Where the best weights do not count, or there
/// are none yet, the last ones are saved to be used besides.
pub fn interrupted(
    run: &Run,
    session: &TrainingSession,
    checkpoints: &mut ModelCheckpoint,
    outcome: &Outcome,
    interrupt: &AtomicUsize,
) -> Result<ExitCode> {
    let usable = match checkpoints.newest() {
        Some(best) if run.setup.config.keeps_best() => Some(best),
        _ => checkpoints.save_last(session, outcome.state.step)?,
    };
    match usable {
        Some(prefix) => {
            log::info!("interrupted after {} steps; saved {}", outcome.state.step, prefix.display())
        }
        None => log::info!("interrupted before the first step"),
    }
    log::info!("go on with: {}", run.again);
    Ok(ExitCode::from(signals::exit_code(interrupt)))
}

/// The error of a run that failed, and how the run goes on.
pub fn failed(run: &Run, error: anyhow::Error) -> anyhow::Error {
    let again = &run.again;
    let advice = match error.downcast_ref() {
        // It would diverge again.
        Some(TrainingError::Diverged { .. }) => return error,
        Some(&TrainingError::OutOfMemory { rows, evaluated, .. }) => {
            // Of a step each replica takes a row at least.
            let least = if evaluated { 1 } else { usize::from(run.setup.config.session.replicas) };
            out_of_memory(rows, least, evaluated, again)
        }
        _ => match run.directory.saved_state(&run.setup.config) {
            Ok(Some(_)) => {
                format!("once that is settled, the run goes on from its last saved state: {again}")
            }
            Ok(None) => format!(
                "no state was saved yet: once that is settled, the run begins anew by: {again}\n\
                 with other options it does by --out-dir {} --overwrite, or in another folder",
                output::shell_path(run.directory.path())
            ),
            // Which says itself what to do.
            Err(_) => return error,
        },
    };
    advised(error, advice)
}

/// What to do where so many rows at once do not fit. The same run cannot go on: its batch is part of it.
fn out_of_memory(rows: usize, least: usize, evaluated: bool, again: &str) -> String {
    let option = if evaluated { "--eval-chunk" } else { "--batch-size" };
    match rows / 2 {
        half if half < least => {
            format!("no fewer rows can be taken at once; free memory, and go on with the run: {again}")
        }
        half => format!(
            "start anew with a smaller {option}, such as {option} {half}: --resume would go on with the {rows} rows of this run"
        ),
    }
}
