//! What `baseline` and `optimized` share: from options to a trained, tested and saved network.

use super::console::{self, Console, Lines};
use super::failure::usage;
use super::{data, output, tensorflow};
use crate::cli::{self, GlobalArgs, TrainingArgs};
use anyhow::{Context, Result, anyhow};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread::{self, JoinHandle};
use tf_mnist::dataset::{BatchPlan, Dataset};
use tf_mnist::graph::{Checkpoint, CheckpointManager, Precision, latest_checkpoint};
use tf_mnist::model::Kind;
use tf_mnist::runtime::{self, Runtime, SessionConfig};
use tf_mnist::training::{
    Ending, Event, Interrupt, MetricsFile, ModelCheckpoint, ModelConfig, Outcome, ProgressDisplay, RunConfig,
    RunDirectory, TrainingError, TrainingSession, Versions, fit,
};

/// What tells the trainings of the two networks apart.
pub struct Request {
    pub kind: Kind,
    pub model: ModelConfig,
    pub default_epochs: u32,
    pub default_learning_rate: f32,
}

/// Trains, tests and saves; the exit code is 0, or that of the signal that ended the run early.
pub fn run(global: &GlobalArgs, args: &TrainingArgs, request: &Request) -> Result<ExitCode> {
    if let Some(path) = args
        .out_dir
        .as_deref()
        .filter(|path| RunDirectory::refuses(path, args.overwrite))
    {
        return Err(usage(
            TrainingError::HoldsRun {
                path: path.to_path_buf(),
            }
            .to_string(),
        ));
    }
    if args.reproducible && args.precision != cli::Precision::F32 {
        return Err(usage(
            "--reproducible computes in f32; leave out --precision bf16",
        ));
    }
    let session_config = tensorflow::session_config(global, args.reproducible)?;
    let warm_start = args.warm_start.as_deref().map(find_checkpoint).transpose()?;
    let runtime = tensorflow::load(global, &session_config, args.reproducible)?;
    // Read and verified while the graph is built. Not before the library is open: that sets environment variables,
    // which no other thread may read meanwhile.
    let dataset = start_loading(global);
    let config = resolve(global, args, request, session_config, runtime, warm_start);

    if config.session.device.requires_gpu() {
        runtime::devices(&config.session)?;
    }
    let options = config.session.session_options()?;
    let mut session = TrainingSession::new(config.build_network()?, &options)?;
    // Before the run folder is cleared: the checkpoint may lie in there.
    match &config.warm_start {
        Some(prefix) => session.restore(prefix).context("--warm-start")?,
        None => session.initialize()?,
    }
    let dataset = dataset
        .join()
        .map_err(|_| anyhow!("reading the data set failed; this is a bug"))??;
    let plan = BatchPlan::new(dataset.train.len(), config.batch_size, config.schedule().order)
        .map_err(|error| usage(format!("--batch-size {}: {error}", config.batch_size)))?;

    let folder = match &args.out_dir {
        Some(path) => RunDirectory::create(path, args.overwrite)?,
        None => RunDirectory::create_next(Path::new("runs"), request.kind.name())?,
    };
    folder.write_config(&config)?;
    log::info!("run folder: {}", folder.path().display());
    let mut metrics = folder.create_metrics()?;
    let manager = folder.checkpoints(CheckpointManager::DEFAULT_MAX_TO_KEEP)?;
    let mut checkpoints = ModelCheckpoint::new(manager, config.keeps_best());
    let steps = config.schedule().total_steps(plan.steps_per_epoch() as u64);
    let lines = if config.keeps_best() {
        Lines::Optimized
    } else {
        Lines::Baseline
    };
    let mut console = Console::new(lines, ProgressDisplay::new(steps, global.quiet));

    // Only now: before the first step there is nothing to save, and Ctrl-C may simply end the program.
    let interrupt = Interrupt::on_signals().context("cannot watch for signals")?;
    let outcome = fit(
        &mut session,
        &dataset,
        &config.schedule(),
        &interrupt,
        &mut [&mut metrics, &mut checkpoints, &mut console],
    )?;
    console.finish(&outcome)?;
    if outcome.ending == Ending::Interrupted {
        return interrupted(&session, &mut checkpoints, &outcome, &interrupt);
    }
    let session = if config.keeps_best() {
        session.reopen(&options)?
    } else {
        session
    };
    conclude(
        session,
        &config,
        &dataset,
        &outcome,
        &mut metrics,
        &mut checkpoints,
    )?;
    Ok(ExitCode::SUCCESS)
}

/// Measures the accuracy on the test set: of the best weights, or of the last.
fn conclude(
    mut session: TrainingSession,
    config: &RunConfig,
    dataset: &Dataset,
    outcome: &Outcome,
    metrics: &mut MetricsFile,
    checkpoints: &mut ModelCheckpoint,
) -> Result<()> {
    if let (Ending::EarlyStopped, Some(best)) = (outcome.ending, outcome.best) {
        metrics.write(&Event::EarlyStop {
            step: outcome.steps,
            best_accuracy: best.accuracy,
        })?;
    }
    let tested = if config.keeps_best() {
        let best = checkpoints.newest();
        if let Some(prefix) = best {
            session.restore(prefix)?;
        }
        best
    } else {
        checkpoints.save_last(&session, outcome.steps)?
    };
    let checkpoint = tested
        .and_then(Path::file_name)
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let accuracy = session.evaluate(&dataset.test, config.eval_chunk)?.accuracy();
    metrics.write(&Event::Test { accuracy, checkpoint })?;
    output::print(&console::test_accuracy(accuracy))
}

/// Saves what there is of a run that a signal ended.
fn interrupted(
    session: &TrainingSession,
    checkpoints: &mut ModelCheckpoint,
    outcome: &Outcome,
    interrupt: &Interrupt,
) -> Result<ExitCode> {
    match checkpoints.save_last(session, outcome.steps)? {
        Some(prefix) => log::info!(
            "interrupted after {} steps; saved {}",
            outcome.steps,
            prefix.display()
        ),
        None => log::info!("interrupted before the first step; there is nothing to save"),
    }
    Ok(ExitCode::from(interrupt.exit_code()))
}

/// The prefix that `--warm-start` means: itself, or the newest checkpoint of a run folder.
fn find_checkpoint(path: &Path) -> Result<PathBuf> {
    let prefix = if path.is_dir() {
        latest_checkpoint(path)
            .with_context(|| format!("cannot read {}", path.join("checkpoint").display()))?
            .unwrap_or_else(|| path.to_path_buf())
    } else {
        path.to_path_buf()
    };
    Checkpoint::open(&prefix).context("--warm-start")?;
    Ok(prefix)
}

/// Loads the data set on a thread of its own.
fn start_loading(global: &GlobalArgs) -> JoinHandle<Result<Dataset>> {
    let global = global.clone();
    thread::spawn(move || data::load(&global))
}

fn resolve(
    global: &GlobalArgs,
    args: &TrainingArgs,
    request: &Request,
    session: SessionConfig,
    runtime: &Runtime,
    warm_start: Option<PathBuf>,
) -> RunConfig {
    let seed = args
        .seed
        .unwrap_or_else(|| if args.reproducible { 0 } else { draw_seed() });
    RunConfig {
        version: RunConfig::VERSION,
        model: request.model,
        epochs: args.epochs.unwrap_or(request.default_epochs),
        batch_size: args.batch_size,
        learning_rate: args.learning_rate.unwrap_or(request.default_learning_rate),
        max_steps: args.max_steps,
        eval_chunk: args.eval_chunk,
        seed,
        shuffle: !args.no_shuffle,
        warm_start,
        reproducible: args.reproducible,
        data_dir: global.data_dir.clone(),
        precision: match args.precision {
            cli::Precision::F32 => Precision::F32,
            cli::Precision::Bf16 => Precision::Bf16,
        },
        session,
        onednn: runtime.onednn,
        versions: Versions {
            tf_mnist: env!("CARGO_PKG_VERSION").into(),
            tensorflow: runtime.version.clone(),
            library: runtime.library.clone(),
        },
    }
}

/// A seed that reads well in a config and on a command line.
fn draw_seed() -> u64 {
    // A seed need not be secret: where the system gives no random bytes, the clock will do.
    let drawn = getrandom::u32().unwrap_or_else(|_| {
        let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since_epoch.map_or(0, |time| time.subsec_nanos())
    });
    u64::from(drawn)
}
