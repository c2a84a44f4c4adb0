//! From the command line to the options of a run: a new one's, or those that a resumed one had.

use super::cluster::Place;
use super::failure::usage;
use super::resume::Resumed;
use super::tensorflow;
use crate::cli::{GlobalArgs, TrainingArgs};
use anyhow::{Context, Result};
use clap::ArgMatches;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};
use tf_mnist::classifier::{self, ClassifierError, Location};
use tf_mnist::graph::{Checkpoint, Precision};
use tf_mnist::model::{AccuracyOn, Convolutions, has_own_kernels, own_kernels_normalize};
use tf_mnist::networks::{self, LearningRate, Table, Validate};
use tf_mnist::runtime::Runtime;
use tf_mnist::session::{Host, SessionConfig};
use tf_mnist::training::{RunConfig, Versions};

/// The options of the run; what only the opened library and the data set tell is not in them yet. `network` is what was
/// typed as NETWORK.
///
/// # Errors
/// A usage error, or `--warm-start` names no checkpoint.
pub fn resolve(
    global: &GlobalArgs,
    args: &TrainingArgs,
    network: Option<&Path>,
    resumed: Option<&Resumed>,
    typed: &ArgMatches,
) -> Result<RunConfig> {
    let named = network.map(find_network).transpose()?;
    if let (Some(resumed), Some(named)) = (resumed, &named) {
        resumed.check_network(named)?;
    }
    let own = resumed.map(|resumed| resumed.config.network.clone());
    let network =
        own.or(named).ok_or_else(|| usage("name a network: baseline, optimized, accurate, or a TOML file"));
    let mut network = network?;
    override_table(&mut network, args)?;
    // Threads are bound by the mode that the run is in, whether it was typed again or not.
    let reproducible = resumed.map_or(args.reproducible, |resumed| resumed.config.reproducible);
    let session = tensorflow::session_config(global, reproducible)?;
    let session = SessionConfig { replicas: args.replicas.replicas.unwrap_or(1), ..session };
    let warm_start = args.warm_start.as_deref().map(find_checkpoint).transpose()?;
    // Paths are kept whole: the run may be resumed from elsewhere.
    let absolute = |path: &Path| {
        std::path::absolute(path).with_context(|| format!("cannot make {} absolute", path.display()))
    };
    let seed = args.seed.unwrap_or_else(|| if args.reproducible { 0 } else { draw_seed() });
    let data_dir = global.data_dir.as_deref().map(absolute).transpose()?;
    let mut asked = RunConfig {
        version: RunConfig::VERSION,
        network,
        accuracy_on: args.accuracy_on,
        validation: args.validation,
        validation_rows: args.validation_rows,
        max_steps: args.max_steps,
        eval_chunk: args.eval_chunk,
        seed,
        shuffle: !args.no_shuffle,
        warm_start: warm_start.as_deref().map(absolute).transpose()?,
        reproducible: args.reproducible,
        save_every: args.save_every,
        convolutions: Convolutions::default(), // see `record_runtime`
        precision: args.precision,
        sync_batch_norm: args.sync_batch_norm,
        data_dir: None,
        data_dir_bytes: None,
        data_sha256: Vec::new(),
        onednn: tensorflow::onednn(global, args.reproducible).unwrap_or(true),
        session,
        versions: Versions::default(),
    };
    asked.set_data_dir(data_dir);
    match resumed {
        Some(resumed) => resumed.change(&asked, typed),
        None => Ok(asked),
    }
}

/// Whether every replica has a device and rows of its own, `own` of them in this process.
///
/// # Errors
/// A usage error: not every one has.
pub fn check_replicas(config: &RunConfig, own: u16) -> Result<()> {
    let (replicas, batch_size) = (config.session.replicas, config.network.training.batch_size);
    tensorflow::with_replicas(config.session.clone(), own)?;
    match batch_size < replicas.into() {
        true => Err(usage(format!(
            "--replicas {replicas}: a batch of {batch_size} rows leaves some of them without any; take fewer, or a larger \
             --batch-size"
        ))),
        false => Ok(()),
    }
}

/// The network that `network` names.
///
/// # Errors
/// A usage error: there is none of that name, or the file holds none.
pub fn find_network(network: &Path) -> Result<Table> {
    networks::find(network).map_err(|error| usage(error.to_string()))
}

/// Puts the numbers that were typed in place of the table's.
fn override_table(table: &mut Table, args: &TrainingArgs) -> Result<()> {
    for (flag, row, rate) in
        [("--pool-dropout", "pool3", args.pool_dropout), ("--fc-dropout", "fc1", args.fc_dropout)]
    {
        if let Some(rate) = rate
            && !table.set_dropout(row, rate)
        {
            return Err(usage(format!(
                "{flag}: {} has no dropout in a row {row}; leave it out, or set the rate in the network's file",
                table.name
            )));
        }
    }
    if args.accuracy_on == AccuracyOn::Logits && !table.ends_in_batch_norm() {
        return Err(usage(format!(
            "--accuracy-on logits: {} has no batch norm behind its logits; leave it out",
            table.name
        )));
    }
    let training = &mut table.training;
    training.epochs = args.epochs.unwrap_or(training.epochs);
    training.batch_size = args.batch_size.unwrap_or(training.batch_size);
    training.patience = args.patience.or(training.patience);
    if let Some(steps) = args.validate_every {
        training.validate = Validate::EverySteps(steps);
    }
    if let Some(rate) = args.learning_rate {
        training.adam.learning_rate = LearningRate::Constant(rate);
    }
    Ok(())
}

/// Adds what is known once TensorFlow is open.
///
/// # Errors
/// A GPU is asked for and there is none.
pub fn record_runtime(config: &mut RunConfig, runtime: &Runtime, place: &Place, resumed: bool) -> Result<()> {
    let versions = Versions {
        tf_mnist: env!("CARGO_PKG_VERSION").into(),
        commit: env!("TF_MNIST_COMMIT").into(),
        target: env!("TF_MNIST_TARGET").into(),
        compiler: env!("TF_MNIST_COMPILER").into(),
        processor: Host::this().processor.unwrap_or_default(),
        tensorflow: runtime.version.clone(),
        library: runtime.library.clone(),
    };
    if resumed && versions.tensorflow != config.versions.tensorflow {
        log::warn!(
            "the run was made with TensorFlow {}, and goes on with {}: the last bits of its numbers may differ",
            config.versions.tensorflow,
            versions.tensorflow
        );
    }
    let mut convolutions = match config.reproducible || place.has_gpu() {
        true => Convolutions::TensorFlow,
        false => tensorflow::fastest_convolutions(runtime, &place.alone_of(&config.session))?,
    };
    if convolutions == Convolutions::Own && !has_own_kernels(&config.network) {
        log::info!(
            "{}: TensorFlow's convolutions, as there are no kernels of our own for its first layers",
            config.network.name
        );
        convolutions = Convolutions::TensorFlow;
    }
    if resumed && convolutions != config.convolutions {
        log::warn!(
            "the run was made with {}, and goes on here with {}: the last bits of its numbers may differ",
            config.convolutions,
            convolutions
        );
    }
    config.convolutions = convolutions;
    if config.precision == Precision::Bf16 {
        warn_of_bf16(config, place, runtime)?;
    }
    if config.sync_batch_norm {
        tell_of_sync_batch_norm(config);
    }
    config.onednn = runtime.onednn;
    config.versions = versions;
    Ok(())
}

/// Says where bfloat16 gains nothing.
fn warn_of_bf16(config: &RunConfig, place: &Place, runtime: &Runtime) -> Result<()> {
    if config.convolutions == Convolutions::Own {
        log::warn!(
            "numbers rounded to bfloat16 are multiplied as float32 on this CPU: --precision f32 is as fast, and more accurate"
        );
    } else if !place.alone_of(&config.session).uses_gpu(runtime)? && !Host::this().computes_bf16() {
        log::warn!(
            "this processor has no instructions for bfloat16 (AVX512_BF16 or AMX): it will be slower than --precision f32"
        );
    }
    Ok(())
}

/// Says where `--sync-batch-norm` changes nothing, or who computes.
fn tell_of_sync_batch_norm(config: &RunConfig) {
    let name = &config.network.name;
    if !config.network.has_batch_norm() {
        log::info!("--sync-batch-norm changes nothing: {name} has no batch norm");
    } else if !config.session.has_replicas() {
        log::info!("--sync-batch-norm changes nothing: there is one replica, whose rows are all");
    } else if config.convolutions == Convolutions::Own && own_kernels_normalize(&config.network) {
        log::info!(
            "--sync-batch-norm trains {name} by TensorFlow's ops alone: kernels of our own normalize over a replica's rows"
        );
    }
}

/// The prefix of the checkpoint that `--warm-start` means: any MODEL of the other commands will do.
fn find_checkpoint(path: &Path) -> Result<PathBuf> {
    let location = match classifier::locate(path) {
        // The reader says what it looked for.
        Err(ClassifierError::NotFound { path }) => Location::Checkpoint(path),
        located => located.context("--warm-start")?,
    };
    let prefix = classifier::values_of(location).context("--warm-start")?;
    Checkpoint::open(&prefix).context("--warm-start")?;
    Ok(prefix)
}

/// A seed that reads well in a config and on a command line. It need not be secret.
fn draw_seed() -> u64 {
    RandomState::new().build_hasher().finish() >> 32
}
