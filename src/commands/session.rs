//! A run, and its session: opened, given its first values, and compared among its replicas.

use super::cluster::Place;
use super::failure::usage;
use anyhow::{Context, Result};
use std::time::Instant;
use tf_mnist::dataset::Dataset;
use tf_mnist::model::Convolutions;
use tf_mnist::session::cluster::LostWorker;
use tf_mnist::training::{RunConfig, RunDirectory, SavedState, TrainingSession};

/// What a run consists of before it has a folder.
pub struct Setup {
    pub config: RunConfig,
    pub dataset: Dataset,
    /// Where its replicas run.
    pub place: Place,
    pub saved: Option<SavedState>,
    /// How often workers that were lost are waited for.
    pub max_restarts: u32,
}

/// A run whose folder is taken.
pub struct Run {
    pub setup: Setup,
    pub directory: RunDirectory,
    /// The command that goes on with it.
    pub again: String,
    /// When the program started.
    pub started: Instant,
    /// Whether it tells TensorBoard how it goes.
    pub tensorboard: bool,
    /// The workers that were lost last.
    pub lost: Vec<LostWorker>,
}

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
    warn_of_single_rows(config);
    Ok(session)
}

impl Setup {
    /// The session that was `opened`, compared as by [`compare_replicas`](Self::compare_replicas); where a worker was or is lost,
    /// another one once all are there again, with the values that were saved last in `folder`, if there is one. With it the
    /// workers that were lost last.
    ///
    /// # Errors
    /// As [`open_session`] and [`compare_replicas`](Self::compare_replicas); or they are lost too often, or do not come back.
    pub fn compared_through_losses(
        &mut self,
        mut opened: Result<TrainingSession>,
        folder: Option<&RunDirectory>,
    ) -> Result<(TrainingSession, Vec<LostWorker>)> {
        let mut last = Vec::new();
        loop {
            let error = match opened.and_then(|session| self.compare_replicas(session)) {
                Ok(session) => return Ok((session, last)),
                Err(error) => error,
            };
            let Some(lost) = self.place.lost_by(&error) else { return Err(error) };
            log::warn!("lost: {}", Place::told_of(&lost, &error));
            self.place.recover(&lost, &error, self.max_restarts)?;
            last = lost;
            if let Some(folder) = folder {
                // What is in the old session's variables is half of a step, perhaps.
                self.saved = folder.saved_state(&self.config)?;
            }
            let again = self.place.check_both_ways(&self.config.session).map_err(Into::into);
            opened = again.and_then(|()| open_session(&self.config, &self.place, self.saved.as_ref()));
        }
    }

    /// Has all replicas compute the same rows, before one on another processor or library spoils a run. Where a worker lacks our
    /// ops, the session becomes one of TensorFlow's.
    ///
    /// # Errors
    /// One computes other bits, in a run that is to be reproducible; or TensorFlow fails.
    fn compare_replicas(&mut self, mut session: TrainingSession) -> Result<TrainingSession> {
        let Self { config, place, saved, dataset, .. } = self;
        let odd = |session: &TrainingSession| Ok(session.odd_replica(&dataset.train, 100)?);
        let odd = match odd(&session) {
            Err(error) if config.convolutions == Convolutions::Own && place.lacks_ops(&error) => {
                log::warn!("TensorFlow's convolutions, as not every worker has ours");
                config.convolutions = Convolutions::TensorFlow;
                session = open_session(config, place, saved.as_ref())?;
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
