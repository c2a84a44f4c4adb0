//! The session of a run: opened, given its first values, and compared among its replicas.

use super::cluster::Place;
use super::failure::usage;
use anyhow::{Context, Result};
use tf_mnist::dataset::Dataset;
use tf_mnist::model::Convolutions;
use tf_mnist::session::cluster::LostWorker;
use tf_mnist::training::{RunConfig, RunDirectory, SavedState, TrainingSession};

/// A session with the values that the run begins with, or goes on with.
///
/// # Errors
/// TensorFlow refuses the graph, a worker is not there, or a checkpoint cannot be read.
pub fn open_session(
    config: &RunConfig,
    place: &Place,
    saved: Option<&SavedState>,
) -> Result<TrainingSession> {
    let network = config.build_network(&place.devices)?;
    let session = place.open(&config.session, &network.graph.graph())?;
    let session = TrainingSession::on(session, network);
    give_values(config, &session, saved)?;
    warn_of_single_rows(config);
    Ok(session)
}

/// Gives the variables the values that the run begins with, or goes on with.
fn give_values(config: &RunConfig, session: &TrainingSession, saved: Option<&SavedState>) -> Result<()> {
    match (saved, &config.warm_start) {
        (Some(saved), _) => session.restore(&saved.variables())?,
        (None, Some(prefix)) => {
            if !session.warm_start(prefix).context("--warm-start")? {
                log::info!(
                    "--warm-start: {} gives the weights; it has no state of Adam for all of them, so the optimizer begins afresh",
                    prefix.display()
                );
            }
        }
        (None, None) => session.initialize()?,
    }
    Ok(())
}

/// The session that was `opened`, compared as by [`compare_replicas`]; where a worker was or is lost, another one once all are
/// there again, at most `most` times, with the values that were `saved` last, in `folder` if there is one. With it the workers
/// that were lost last.
///
/// # Errors
/// As [`open_session`] and [`compare_replicas`]; or they are lost too often, or do not come back.
pub fn compared_through_losses(
    mut opened: Result<TrainingSession>,
    config: &mut RunConfig,
    place: &mut Place,
    saved: &mut Option<SavedState>,
    folder: Option<&RunDirectory>,
    dataset: &Dataset,
    most: u32,
) -> Result<(TrainingSession, Vec<LostWorker>)> {
    let mut lost = Vec::new();
    loop {
        let compare = |session| compare_replicas(config, place, session, saved.as_ref(), dataset);
        let error = match opened.and_then(compare) {
            Ok(session) => return Ok((session, lost)),
            Err(error) => error,
        };
        lost = match place.lost_by(&error) {
            Some(lost) => lost,
            None => return Err(error),
        };
        log::warn!("lost: {}", Place::told_of(&lost, &error));
        place.recover(&lost, &error, most)?;
        if let Some(folder) = folder {
            // What is in the old session's variables is half of a step, perhaps.
            *saved = folder.saved_state(config)?;
        }
        let again = place.check_both_ways(&config.session).map_err(Into::into);
        opened = again.and_then(|()| open_session(config, place, saved.as_ref()));
    }
}

/// Has all replicas compute the same rows, before one on another processor or library spoils a run. Where a worker lacks our
/// ops, the session becomes one of TensorFlow's.
///
/// # Errors
/// One computes other bits, in a run that is to be reproducible; or TensorFlow fails.
fn compare_replicas(
    config: &mut RunConfig,
    place: &Place,
    mut session: TrainingSession,
    saved: Option<&SavedState>,
    dataset: &Dataset,
) -> Result<TrainingSession> {
    let odd = |session: &TrainingSession| Ok(session.odd_replica(&dataset.train, 100)?);
    let odd = match odd(&session) {
        Err(error) if config.convolutions == Convolutions::Own && place.lacks_ops(&error) => {
            log::warn!("TensorFlow's convolutions, as not every worker has ours");
            config.convolutions = Convolutions::TensorFlow;
            session = open_session(config, place, saved)?;
            odd(&session)?
        }
        odd => odd?,
    };
    let Some(odd) = odd else {
        return Ok(session);
    };
    let told = format!(
        "{} computes other bits than this process from the same rows: another processor, TensorFlow, oneDNN setting or number \
         of threads",
        place.name_of(odd)
    );
    if config.reproducible {
        return Err(usage(format!(
            "--reproducible: {told}; start workers with --reproducible, on processors of one kind"
        )));
    }
    log::warn!("{told}; the run is sound, and its last bits are those of this very cluster");
    Ok(session)
}

/// Says where batch norm cannot work.
fn warn_of_single_rows(config: &RunConfig) {
    let (batch_size, replicas) = (config.network.training.batch_size, config.session.replicas);
    let parts = if config.sync_batch_norm { 1 } else { usize::from(replicas.max(1)) };
    if batch_size / parts > 1 || !config.network.has_batch_norm() {
        return;
    }
    let rows = match replicas {
        1 => format!("--batch-size {batch_size}"),
        _ => format!("--batch-size {batch_size} --replicas {replicas}"),
    };
    let of = if replicas > 1 { "a replica's" } else { "the" };
    log::warn!(
        "{rows}: batch norm subtracts the mean over {of} rows, which of a single row leaves nothing behind a dense layer, \
         so the network will not learn; take some 20 rows or more"
    );
}
