//! What the user types.

mod models;
mod replicas;
mod values;

pub use models::{DrawArgs, EvaluateArgs, ExportArgs, ModelArgs, PredictArgs, ReportArgs};
pub use replicas::{ReplicaArgs, WorkerArgs};
pub use values::{FOLDER, fault};

use clap::{ArgAction, Args, Parser, Subcommand, value_parser};
use replicas::OTHERS;
use std::path::PathBuf;
use tf_mnist::dataset::Form;
use tf_mnist::graph::Precision;
use tf_mnist::model::AccuracyOn;
use tf_mnist::session::Device;
use tf_mnist::training::ValidationMode;
use values::{
    ACCURACY_ON, EVAL_CHUNK, FILE, MODEL, PRECISION, VALIDATION, dropout_rate, learning_rate, one_of, place,
    rows,
};

/// This program and how it was built; a build from a package has no commit.
const LONG_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\ncommit:   ",
    env!("TF_MNIST_COMMIT"),
    "\ntarget:   ",
    env!("TF_MNIST_TARGET"),
    "\ncompiler: ",
    env!("TF_MNIST_COMPILER")
);

/// Trains, evaluates and exports the classic MNIST network as a TensorFlow static graph built from Rust.
#[derive(Debug, Parser)]
#[command(name = "tf-mnist", version, long_version = LONG_VERSION, max_term_width = 100, propagate_version = true)]
pub struct Cli {
    #[command(flatten)]
    pub global: GlobalArgs,
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every subcommand takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// Folder with the four IDX files, raw or gzipped, of MNIST or any data set of its shape, as published or as Kaggle,
    /// torchvision, EMNIST (FOLDER/emnist-digits) or QMNIST have them [default: MNIST itself, fetched once and cached]
    #[arg(long, global = true, value_name = "DIR", value_parser = place(FOLDER))]
    pub data_dir: Option<PathBuf>,
    /// Where to run: auto (a GPU if TensorFlow sees one), cpu, gpu, or gpu:N
    #[arg(long, global = true, value_name = "DEVICE", default_value = "auto")]
    pub device: Device,
    /// Threads inside one operation, 0 for one a core
    #[arg(long, global = true, value_name = "N", value_parser = value_parser!(u16).range(..=1024), allow_negative_numbers = true)]
    pub intra_op_threads: Option<u16>,
    /// Operations that run at once, 0 for one a core; two at least where processes share a run
    #[arg(long, global = true, value_name = "N", value_parser = value_parser!(u16).range(..=1024), allow_negative_numbers = true)]
    pub inter_op_threads: Option<u16>,
    /// Run without oneDNN's kernels (on by default)
    #[arg(long, global = true)]
    pub no_onednn: bool,
    /// Most GPU memory to take, in MiB; without it, memory grows as needed
    #[arg(long, global = true, value_name = "MIB")]
    pub gpu_memory_limit: Option<u32>,
    /// More log: -v shows what TensorFlow itself says, -vv everything
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// No log and no progress, only results, errors, and the warning of a port that is open to others
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train a network and print its test accuracy
    #[command(after_help = TRAIN_EXAMPLES)]
    Train(TrainArgs),
    /// Train the baseline network and print its test accuracy
    Baseline(TrainingArgs),
    /// Train the optimized network until it stops improving, and print the test accuracy of its best weights
    Optimized(TrainingArgs),
    /// Measure a trained network: accuracy, loss, precision and recall of every digit, confusion matrix
    Evaluate(EvaluateArgs),
    /// Show runs as a page: curves, the test, the confusion matrix, misread digits, how sure the network was
    Report(ReportArgs),
    /// Tell which digits are drawn on pictures
    Predict(PredictArgs),
    /// Show a page to draw digits on, and what a trained network takes them for
    #[command(after_help = DRAW_HELP)]
    Draw(DrawArgs),
    /// Write a trained network as a SavedModel, whole or not at all, for TensorFlow Serving and Python
    Export(ExportArgs),
    /// Compute replicas for runs on other machines, until told to end
    #[command(after_help = WORKER_HELP)]
    Worker(WorkerArgs),
    /// Show a network layer by layer: shapes, padding, parameters, work and memory
    #[command(after_help = DESCRIBE_EXAMPLES)]
    Describe(DescribeArgs),
    /// Show where MNIST's files are, their counts and digests, fetching them first if need be
    Data(DataArgs),
    /// Show which TensorFlow library is used, how it was found, and its devices
    Runtime {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print a completion script for a shell
    Completions {
        /// The shell to complete for
        shell: clap_complete::Shell,
    },
    /// Print the manual page: tf-mnist man | man -l -
    Man,
}

const DRAW_HELP: &str = "\
Only this machine is served, at 127.0.0.1 and [::1], and only the page itself. Ctrl-C ends it.";

const WORKER_HELP: &str = "\
TensorFlow's server asks for no password, encrypts nothing, listens on every interface of the machine and runs whatever it is
sent, with the rights of this user. Run it only in networks that nobody else can reach, best in a container of its own.

Example:
  h1$ tf-mnist worker --port 2222
  h2$ tf-mnist worker --port 2222
  h0$ tf-mnist baseline --workers h1:2222,h2:2222";

const TRAIN_EXAMPLES: &str = "\
Examples:
  tf-mnist train accurate
  tf-mnist describe baseline --toml > mine.toml
  tf-mnist train mine.toml --epochs 3";

#[derive(Debug, Args)]
pub struct TrainArgs {
    /// baseline, optimized, accurate, or a TOML file; a run that is resumed has its own
    #[arg(required_unless_present = "resume", value_parser = place(FILE))]
    pub network: Option<PathBuf>,
    #[command(flatten)]
    pub training: TrainingArgs,
}

/// How a network is trained. What is left out is as the network's table says.
#[derive(Debug, Args)]
#[command(next_help_heading = "Training options")]
pub struct TrainingArgs {
    /// Times through the training set [default: baseline 10, optimized 20]
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..), allow_negative_numbers = true)]
    pub epochs: Option<u32>,
    /// Rows a step [default: the network's, 100]
    #[arg(long, value_name = "ROWS", value_parser = rows, allow_negative_numbers = true)]
    pub batch_size: Option<usize>,
    /// Adam's learning rate, the same in every step [default: baseline 0.001, optimized 0.01]
    #[arg(long, value_name = "RATE", value_parser = learning_rate, allow_negative_numbers = true)]
    pub learning_rate: Option<f32>,
    /// Stop so many steps after the last improvement [default: optimized 2000]
    #[arg(long, value_name = "STEPS", allow_negative_numbers = true)]
    pub patience: Option<u64>,
    /// Validate after every so many steps, from step 0 on [default: optimized 10]
    #[arg(long, value_name = "STEPS", value_parser = value_parser!(u64).range(1..), allow_negative_numbers = true)]
    pub validate_every: Option<u64>,
    /// How much of a validation is done: all of it, or, with the same decisions, until it is known not to be an improvement
    #[arg(long, value_name = "MODE", default_value = VALIDATION[0].0, value_parser = one_of::<ValidationMode>(VALIDATION))]
    pub validation: ValidationMode,
    /// Rows at the head of the training files that are kept back for validation
    #[arg(long, value_name = "ROWS", default_value_t = Form::VALIDATION_ROWS, value_parser = rows, allow_negative_numbers = true)]
    pub validation_rows: usize,
    /// Which logits accuracy is measured on, in a network that ends in a batch norm; `logits` is how the published program
    /// measured
    #[arg(long, value_name = "LOGITS", default_value = ACCURACY_ON[0].0, value_parser = one_of::<AccuracyOn>(ACCURACY_ON))]
    pub accuracy_on: AccuracyOn,
    /// With several replicas, let batch norm train by mean and variance over the rows of all of them, as one device would
    #[arg(long)]
    pub sync_batch_norm: bool,
    /// Share of values dropped in the row `pool3` [default: optimized 0.25]
    #[arg(long, value_name = "RATE", value_parser = dropout_rate, allow_negative_numbers = true)]
    pub pool_dropout: Option<f32>,
    /// Share of values dropped in the row `fc1` [default: optimized 0.5]
    #[arg(long, value_name = "RATE", value_parser = dropout_rate, allow_negative_numbers = true)]
    pub fc_dropout: Option<f32>,
    /// Stop after this many steps
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..), allow_negative_numbers = true)]
    pub max_steps: Option<u64>,
    /// Rows evaluated at a time
    #[arg(long, value_name = "ROWS", default_value_t = EVAL_CHUNK, value_parser = rows, allow_negative_numbers = true)]
    pub eval_chunk: usize,
    /// Seed of start values, shuffles and dropout [default: drawn anew, and kept in config.json]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub seed: Option<u64>,
    /// Take the training rows in file order
    #[arg(long)]
    pub no_shuffle: bool,
    /// Folder of the run [default: the first free runs/<network>-N]
    #[arg(long, value_name = "DIR", value_parser = place(FOLDER))]
    pub out_dir: Option<PathBuf>,
    /// Replace the run that --out-dir holds
    #[arg(long, requires = "out_dir")]
    pub overwrite: bool,
    /// Start from the values of a run folder, a checkpoint (a prefix such as runs/baseline-1/model.ckpt-5499) or a SavedModel,
    /// ours or Python's; of weights alone, the optimizer begins afresh
    #[arg(long, value_name = "CHECKPOINT", value_parser = place(MODEL))]
    pub warm_start: Option<PathBuf>,
    /// What convolutions multiply; bf16 saves memory on a GPU, and gains nothing over f32 on a CPU with AVX2 or AVX-512
    #[arg(long, value_name = "TYPE", default_value = PRECISION[0].0, value_parser = one_of::<Precision>(PRECISION))]
    pub precision: Precision,
    /// The same bits run after run: one thread, no oneDNN, no graph optimizer, seed 0 unless --seed says otherwise
    #[arg(long)]
    pub reproducible: bool,
    /// Save the run's state after every so many steps, to resume it from; 0: only at its end
    #[arg(long, value_name = "STEPS", default_value_t = 500, allow_negative_numbers = true)]
    pub save_every: u64,
    /// Write no events.out.tfevents.* for TensorBoard
    #[arg(long)]
    pub no_tensorboard: bool,
    /// Go on with the run in this folder where its state was last saved, as if it had never stopped; of its options only
    /// --epochs, --max-steps, --patience, --device, the numbers of threads, the place of the data set, where replicas run
    /// and --no-tensorboard may change
    #[arg(long, value_name = "RUN_DIR", value_parser = place(FOLDER), conflicts_with_all = ["out_dir", "overwrite"])]
    pub resume: Option<PathBuf>,
    #[command(flatten)]
    pub replicas: ReplicaArgs,
    /// How often workers that were lost are waited for, or started again, for the run to go on from its last saved state
    #[arg(long, value_name = "N", default_value_t = 3, allow_negative_numbers = true, requires = OTHERS)]
    pub max_restarts: u32,
}

const DESCRIBE_EXAMPLES: &str = "\
Examples:
  tf-mnist describe baseline
  tf-mnist describe optimized --json | jq '.layers[] | {name, output_shape, trainable_parameters}'
  tf-mnist describe baseline --graph-def baseline.pb
  tf-mnist describe optimized --toml > mine.toml";

#[derive(Debug, Args)]
pub struct DescribeArgs {
    /// baseline, optimized, accurate, a TOML file, or a run's folder
    #[arg(value_parser = place(FILE))]
    pub network: PathBuf,
    /// Print JSON: shapes with null for the rows, counts, and bytes for one row, 100 and 1000
    #[arg(long)]
    pub json: bool,
    /// Print the table itself, as a file to start from
    #[arg(long, conflicts_with = "json")]
    pub toml: bool,
    /// Write the training graph to this file too, as a serialized GraphDef (needs TensorFlow; nothing else here does)
    #[arg(long, value_name = "FILE", value_parser = place(FILE))]
    pub graph_def: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct DataArgs {
    /// The network that the data are for, a built-in one or a TOML file: it says the size of the images and the labels
    #[arg(long, value_name = "NETWORK", value_parser = place(FILE))]
    pub network: Option<PathBuf>,
    /// Rows at the head of the training files that are kept back for validation
    #[arg(long, value_name = "ROWS", default_value_t = Form::VALIDATION_ROWS, value_parser = rows, allow_negative_numbers = true)]
    pub validation_rows: usize,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[cfg(test)]
mod tests;
