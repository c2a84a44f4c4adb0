//! How a run ends: with a test, or with what a signal leaves.

use super::run::Run;
use super::{output, published_lines, signals};
use anyhow::Result;
use std::path::Path;
use std::process::ExitCode;
use tf_mnist::training::{Ending, Event, Interrupt, MetricsFile, ModelCheckpoint, Outcome, TrainingSession};

/// Measures the accuracy on the test set: of the best weights, or of the last.
pub fn conclude(
    run: &Run,
    session: TrainingSession,
    outcome: &Outcome,
    metrics: &mut MetricsFile,
    checkpoints: &mut ModelCheckpoint,
) -> Result<()> {
    let config = &run.config;
    if let (Ending::EarlyStopped, Some(best)) = (outcome.ending, outcome.best) {
        metrics.write(&Event::EarlyStop { step: outcome.steps, best_accuracy: best.accuracy })?;
    }
    let (mut session, tested) = match checkpoints.newest() {
        Some(best) if config.keeps_best() => {
            let session = session.reopen(&config.session.session_options()?)?;
            session.restore(best)?;
            (session, Some(best))
        }
        // Where nothing ever improved, the last weights are all there is.
        _ => {
            let last = checkpoints.save_last(&session, outcome.steps)?;
            (session, last)
        }
    };
    let checkpoint = tested.and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned();
    let accuracy = session.evaluate(&run.dataset.test, config.eval_chunk)?.accuracy();
    metrics.write(&Event::Test { accuracy, checkpoint })?;
    output::print(&published_lines::test_accuracy(accuracy))
}

/// Says how to go on with a run that a signal ended, whose state is saved. Where the best weights do not count, or there
/// are none yet, the last ones are saved to be used besides.
pub fn interrupted(
    run: &Run,
    session: &TrainingSession,
    checkpoints: &mut ModelCheckpoint,
    outcome: &Outcome,
    interrupt: &Interrupt,
) -> Result<ExitCode> {
    let usable = if run.config.keeps_best() && checkpoints.newest().is_some() {
        checkpoints.newest()
    } else {
        checkpoints.save_last(session, outcome.steps)?
    };
    match usable {
        Some(prefix) => log::info!("interrupted after {} steps; saved {}", outcome.steps, prefix.display()),
        None => log::info!("interrupted before the first step"),
    }
    log::info!("go on with: {}", run.again);
    Ok(ExitCode::from(signals::exit_code(interrupt)))
}
