//! What the user types. Only clap's types live here: `build.rs` includes this file for completions and the man page.

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Trains, evaluates and exports the classic MNIST network as a TensorFlow static graph built from Rust.
#[derive(Debug, Parser)]
#[command(name = "tf-mnist", version, max_term_width = 100, propagate_version = true)]
pub struct Cli {
    #[command(flatten)]
    pub global: GlobalArgs,
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every subcommand takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// Folder with the four IDX files, raw or gzipped, of MNIST or any data set of its shape [default: MNIST itself,
    /// fetched once and cached]
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Where to run: auto (a GPU if TensorFlow sees one), cpu, gpu, or gpu:N
    #[arg(long, global = true, value_name = "DEVICE", default_value = "auto")]
    pub device: String,
    /// Threads inside one operation, 0 for one a core
    #[arg(long, global = true, value_name = "N")]
    pub intra_op_threads: Option<u16>,
    /// Operations that run at once, 0 for one a core
    #[arg(long, global = true, value_name = "N")]
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
    /// No log and no progress, only results and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train the baseline network and print its test accuracy
    Baseline(TrainingArgs),
    /// Show a network layer by layer: shapes, padding, parameters, work and memory
    #[command(after_help = DESCRIBE_EXAMPLES)]
    Describe(DescribeArgs),
    /// Show where MNIST's files are, their counts and digests, fetching them first if need be
    Data(JsonArgs),
    /// Show which TensorFlow library is used, how it was found, and its devices
    Runtime(JsonArgs),
    /// Print a completion script for a shell
    Completions {
        /// The shell to complete for
        shell: Shell,
    },
}

/// How a network is trained.
#[derive(Debug, Args)]
#[command(next_help_heading = "Training options")]
pub struct TrainingArgs {
    /// Times through the training set [default: 10]
    #[arg(long, value_name = "N")]
    pub epochs: Option<u32>,
    /// Rows a step
    #[arg(long, value_name = "ROWS", default_value_t = 100)]
    pub batch_size: usize,
    /// Adam's learning rate [default: 0.001]
    #[arg(long, value_name = "RATE")]
    pub learning_rate: Option<f32>,
    /// Stop after this many steps
    #[arg(long, value_name = "N")]
    pub max_steps: Option<u64>,
    /// Rows evaluated at a time
    #[arg(long, value_name = "ROWS", default_value_t = 1000)]
    pub eval_chunk: usize,
    /// Seed of start values and shuffles [default: drawn anew, printed and kept in config.json]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Take the training rows in file order
    #[arg(long)]
    pub no_shuffle: bool,
    /// Folder of the run [default: the first free runs/<model>-N]
    #[arg(long, value_name = "DIR")]
    pub out_dir: Option<PathBuf>,
    /// Replace a run that --out-dir already holds
    #[arg(long)]
    pub overwrite: bool,
    /// Start from the values of a checkpoint, ours or Python's: a prefix such as runs/baseline-1/model.ckpt-5499
    #[arg(long, value_name = "CHECKPOINT")]
    pub warm_start: Option<PathBuf>,
    /// The same bits run after run: one thread, no oneDNN, no graph optimizer, seed 0 unless --seed says otherwise
    #[arg(long)]
    pub reproducible: bool,
}

const DESCRIBE_EXAMPLES: &str = "\
Examples:
  tf-mnist describe baseline
  tf-mnist describe optimized --json | jq '.layers[] | {name, output_shape, trainable_parameters}'
  tf-mnist describe baseline --graph-def baseline.pb";

#[derive(Debug, Args)]
pub struct DescribeArgs {
    /// Which network
    pub model: Model,
    /// Print JSON: shapes with null for the rows, counts, and bytes for one row, 100 and 1000
    #[arg(long)]
    pub json: bool,
    /// Write the training graph to this file too, as a serialized GraphDef (needs TensorFlow; nothing else here does)
    #[arg(long, value_name = "FILE")]
    pub graph_def: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct JsonArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// A network that this program builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Model {
    /// Two convolutions with ReLU, a pool, two dense layers
    Baseline,
    /// The same with batch norm, SELU and dropout, and no stride in the second convolution
    Optimized,
}

/// A shell that completions are made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    Bash,
    Elvish,
    Fish,
    Powershell,
    Zsh,
}
