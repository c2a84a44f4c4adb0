//! `tf-mnist train`, `baseline` and `optimized`: from options to a trained, tested and saved network.

use super::cluster;
use super::conclusion::{conclude, failed, interrupted};
use super::failure::{advised, usage};
use super::options;
use super::published_lines::{Console, Line, baseline_line, optimized_line};
use super::resume::{Resumed, is_typed};
use super::session::{Run, Setup, open_session};
use super::{data, failure, output, places, signals, tensorflow};
use crate::cli::{GlobalArgs, TrainingArgs};
use anyhow::{Context, Result, anyhow};
use clap::ArgMatches;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::AtomicUsize;
use std::time::Instant;
use tf_mnist::dataset::{BatchPlan, Dataset, Order};
use tf_mnist::graph::{CheckpointManager, Precision};
use tf_mnist::networks::Validate;
use tf_mnist::training::{
    BackupAndRestore, Ending, Event, ModelCheckpoint, Observer, RunConfig, RunDirectory, SavedState,
    TensorBoard, TrainingError, TrainingSession, TrainingState, fit,
};

/// Where runs go that are given no folder.
const RUNS: &str = "runs";

/// Trains, tests and saves; the exit code is 0, or that of the signal that ended the run early.
pub fn run(
    global: &GlobalArgs,
    args: &TrainingArgs,
    network: Option<&Path>,
    typed: &ArgMatches,
) -> Result<ExitCode> {
    let started = Instant::now();
    let work = || match &args.resume {
        Some(run) => Resumed::for_worker(run, global, typed),
        None => Ok((global.clone(), args.replicas.replicas, args.reproducible)),
    };
    let Some(plan) = cluster::plan(&args.replicas, work)? else { return Ok(ExitCode::SUCCESS) };
    match &args.out_dir {
        Some(folder) => places::check_out_dir(folder, args.overwrite)?,
        None if args.resume.is_none() => places::check_place(Path::new(RUNS))?,
        None => {}
    }
    if args.reproducible && args.precision != Precision::F32 {
        return Err(usage("--reproducible computes in f32; leave out --precision bf16"));
    }
    let resumed = args.resume.as_deref().map(Resumed::open).transpose()?;
    let mut config = options::resolve(global, args, network, resumed.as_ref(), typed)?;
    let own = if plan.has_workers() { 1 } else { config.session.replicas }; // those, at least
    options::check_replicas(&config, own)?;
    let onednn = match &resumed {
        Some(_) => Some(config.onednn),
        None => tensorflow::onednn(global, config.reproducible),
    };
    plan.prepare(global, &config.session, config.data_dir.as_deref())?;
    let runtime = tensorflow::load(global, &config.session, onednn)?;
    let replicas = match &resumed {
        Some(resumed) => Some(resumed.config.session.replicas),
        None => args.replicas.replicas,
    };
    let place = plan.join(global, &args.replicas, &config.session, replicas, config.reproducible)?;
    config.session.replicas = place.replicas();
    options::check_replicas(&config, place.own_replicas())?;
    options::record_runtime(&mut config, runtime, &place, resumed.is_some())?;
    // Read and verified while the graph is built. Not before the library is open: for that
    // environment variables are set, which no other thread may read meanwhile.
    let dataset = data::start_loading(global, &config);

    let saved = resumed.as_ref().and_then(|resumed| resumed.saved.clone());
    // Before the run folder is cleared: the checkpoint may lie in there.
    let opened = open_session(&config, &place, saved.as_ref());
    let dataset = dataset.join().map_err(|_| anyhow!("reading the data set failed; this is a bug"))?;
    let dataset = match &resumed {
        Some(resumed) => resumed.check_dataset(dataset, typed)?,
        None => dataset?,
    };
    let mut setup = Setup { config, dataset, place, saved, max_restarts: args.max_restarts };
    let (session, lost) = setup.compared_through_losses(opened, None)?;
    let Setup { config, dataset, saved, .. } = &mut setup;
    if let Some(missing) = dataset.missing_classes(config.network.first_label) {
        log::warn!(
            "{missing}: accuracies will not tell how good the network is; shuffle the training files, images and labels alike"
        );
    }
    config.data_sha256 = dataset.files.iter().map(|file| file.sha256.to_string()).collect();
    let steps_per_epoch = steps_per_epoch(config, dataset, is_typed(typed, "batch_size"))?;
    let total = config.schedule().total_steps(steps_per_epoch);
    settle_learning_rate(config, total, saved.as_ref().map_or(0, |saved| saved.state.step));
    if saved.as_ref().is_some_and(|saved| is_finished(config, saved, steps_per_epoch)) {
        return Ok(ExitCode::SUCCESS);
    }
    let directory = match (resumed, &args.out_dir) {
        (Some(resumed), _) => resumed.directory,
        // Another process may have begun a run there meanwhile.
        (None, Some(path)) => RunDirectory::create(path, args.overwrite)?,
        (None, None) => RunDirectory::create_next(Path::new(RUNS), &config.network.name)?,
    };
    if let Err(error) = directory.write_config(config) {
        let folder = output::shell_path(directory.path());
        let advice =
            format!("once that is settled, run the same command again; nothing was saved in {folder}");
        return Err(advised(error.into(), advice));
    }
    // As it was typed, where that is a command.
    let typed = network.and_then(Path::to_str);
    let command = typed.filter(|name| ["baseline", "optimized"].contains(name)).unwrap_or("train");
    let again = format!("tf-mnist {command} --resume {}", output::shell_path(directory.path()));
    let mut run = Run { setup, directory, again, started, tensorboard: !args.no_tensorboard, lost };
    // Only now: before the first step there is nothing to save, and Ctrl-C may simply end the program.
    let interrupt = signals::interrupt().context("cannot watch for signals")?;
    run.train_through(session, total, global.quiet, &interrupt).map_err(|error| failed(&run, error))
}

/// The steps of an epoch, if there is one with batches of this size.
fn steps_per_epoch(config: &RunConfig, dataset: &Dataset, size_is_typed: bool) -> Result<u64> {
    let batch_size = config.network.training.batch_size;
    match BatchPlan::new(dataset.train.len(), batch_size, Order::File) {
        Ok(plan) => Ok(plan.steps_per_epoch() as u64),
        Err(error) if size_is_typed => Err(usage(format!("--batch-size {batch_size}: {error}"))),
        Err(error) => Err(usage(format!(
            "the batch_size {batch_size} of {}: {error}; --batch-size sets another",
            config.network.name
        ))),
    }
}

/// A resumed run keeps the length that its learning rate falls over, whatever is added to it.
fn settle_learning_rate(config: &mut RunConfig, total: u64, step: u64) {
    let learning_rate = &mut config.network.training.adam.learning_rate;
    learning_rate.settle(total);
    if step < total && learning_rate.at(step) == 0.0 {
        log::warn!(
            "the learning rate fell to zero by step {step}, where the run was to end, so that further steps change no weight; \
             a new run with more epochs trains longer"
        );
    }
}

/// Whether there is nothing left to do, which is said.
fn is_finished(config: &RunConfig, SavedState { state, .. }: &SavedState, steps_per_epoch: u64) -> bool {
    let finished = state.finished && config.schedule().is_over(&state.training_state(), steps_per_epoch);
    if finished {
        log::info!(
            "the run is finished after {} steps: nothing left to do (larger --epochs, --max-steps or --patience go on)",
            state.step
        );
    }
    finished
}

impl Run {
    /// Trains to the end, through losses of workers: from the last saved state each time.
    fn train_through(
        &mut self,
        mut session: TrainingSession,
        total: u64,
        quiet: bool,
        interrupt: &AtomicUsize,
    ) -> Result<ExitCode> {
        loop {
            let error = match self.train(session, total, quiet, interrupt) {
                Ok(code) => return Ok(code),
                Err(error) => error,
            };
            let cause = failure::text(&error);
            let first = cause.lines().next().unwrap_or_default().trim_end_matches([':', ' ']);
            let last = || {
                log::info!("interrupted while workers were waited for, after: {first}");
                log::info!("go on with: {}", self.again);
            };
            let recover = || self.setup.compared_through_losses(Err(error), Some(&self.directory));
            (session, self.lost) = signals::or_end(interrupt, last, recover)??;
            let step = self.setup.saved.as_ref().map_or(0, |saved| saved.state.step);
            log::info!("all workers are there again: the run goes on after {step} steps");
        }
    }

    fn train(
        &self,
        mut session: TrainingSession,
        total: u64,
        quiet: bool,
        interrupt: &AtomicUsize,
    ) -> Result<ExitCode> {
        let Setup { config, dataset, place, saved, .. } = &self.setup;
        let (directory, saved) = (&self.directory, saved.as_ref());
        let start = saved.map_or_else(TrainingState::default, |saved| saved.state.training_state());
        log::info!("run folder: {}", directory.path().display());
        if saved.is_some() {
            log::info!("resumed after {} steps", start.step);
        }
        let mut metrics = directory.rewind(saved)?;
        if place.has_restarted() {
            let workers = self.lost.iter().map(|worker| worker.address.to_string()).collect();
            metrics.write(&Event::WorkerLost { step: start.step, workers })?;
        }
        let manager = CheckpointManager::open(directory.path(), CheckpointManager::DEFAULT_MAX_TO_KEEP)?;
        let mut checkpoints = ModelCheckpoint::new(manager, config.keeps_best());
        let mut backup = BackupAndRestore::new(directory.path(), config.save_every, saved);
        if saved.is_none() && config.warm_start.is_some() {
            // The checkpoint may change or go, and with it the start of this run.
            backup.save(&start, &session)?;
        }
        let mut tensorboard = match self.tensorboard {
            true => Some(TensorBoard::new(directory.path(), config, &start, &session)?),
            false => None,
        };
        let line: Line = match config.network.training.validate {
            Validate::EverySteps(_) => optimized_line,
            Validate::EveryEpoch | Validate::EvenEpochsAndLast => baseline_line,
        };
        let mut console = Console::new(line, self.started, [start.step, total], place.in_short(), quiet);

        let mut observers: Vec<&mut dyn Observer> = vec![&mut metrics];
        if let Some(tensorboard) = &mut tensorboard {
            observers.push(tensorboard);
        }
        observers.extend([&mut checkpoints as &mut dyn Observer, &mut console, &mut backup]);
        let schedule = config.schedule();
        let outcome = fit(&mut session, dataset, &schedule, &start, interrupt, &mut observers);
        if let Err(TrainingError::Diverged { step, .. }) = outcome {
            let told = metrics.write(&Event::Diverged { step });
            let told = told.and_then(|()| tensorboard.as_mut().map_or(Ok(()), TensorBoard::failed_to_train));
            if let Err(error) = told {
                log::warn!("{error}");
            }
        }
        let outcome = outcome?;
        if outcome.state.step > 0 {
            backup.save(&outcome.state, &session)?;
        }
        if let Some(tensorboard) = &tensorboard {
            log::debug!("telling TensorBoard took {:.4} s", tensorboard.cost().as_secs_f64());
        }
        console.finish(&outcome)?;
        if outcome.ending == Ending::Interrupted {
            return interrupted(self, &session, &mut checkpoints, &outcome, interrupt);
        }
        conclude(self, session, &outcome, &mut metrics, &mut tensorboard, &mut checkpoints)?;
        backup.mark_finished()?;
        log::info!("see what it learned: tf-mnist report {}", output::shell_path(directory.path()));
        Ok(ExitCode::SUCCESS)
    }
}
