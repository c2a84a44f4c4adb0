//! What is asked of trained networks.

use super::replicas::ReplicaArgs;
use super::values::{EVAL_CHUNK, FILE, FOLDER, MODEL, PICTURE, SPLIT, one_of, place, rows};
use clap::{Args, value_parser};
use std::path::PathBuf;
use tf_mnist::dataset::{Form, Part};

/// What `evaluate` and `predict` use.
#[derive(Debug, Args)]
pub struct ModelArgs {
    /// A run folder, a checkpoint's prefix (Python's too), a SavedModel, or a folder of its versions
    #[arg(id = "model", value_name = "MODEL", value_parser = place(MODEL))]
    pub path: PathBuf,
    /// The network of a checkpoint that is neither in a run folder nor of a built-in network: a name or a TOML file
    #[arg(long, value_name = "NETWORK", value_parser = place(FILE))]
    pub network: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Run folders; several are compared
    #[arg(required = true, value_name = "RUN", value_parser = place(FOLDER))]
    pub runs: Vec<PathBuf>,
    /// Where to write the page
    #[arg(long, value_name = "FILE", default_value = "report.html", value_parser = place(FILE))]
    pub output: PathBuf,
    /// Show it in the browser
    #[arg(long)]
    pub open: bool,
    /// Rows evaluated at a time
    #[arg(long, value_name = "ROWS", default_value_t = EVAL_CHUNK, value_parser = rows, allow_negative_numbers = true)]
    pub eval_chunk: usize,
}

#[derive(Debug, Args)]
pub struct EvaluateArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    /// Rows at the head of the training files that are the validation split
    #[arg(long, value_name = "ROWS", default_value_t = Form::VALIDATION_ROWS, value_parser = rows, allow_negative_numbers = true)]
    pub validation_rows: usize,
    /// Which images to measure on
    #[arg(long, default_value = SPLIT[0].0, value_parser = one_of::<Part>(SPLIT))]
    pub split: Part,
    /// Rows evaluated at a time
    #[arg(long, value_name = "ROWS", default_value_t = EVAL_CHUNK, value_parser = rows, allow_negative_numbers = true)]
    pub eval_chunk: usize,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub replicas: ReplicaArgs,
}

#[derive(Debug, Args)]
#[command(after_help = PREDICT_HELP)]
pub struct PredictArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    /// PNG or JPEG pictures of one digit each, - for one on standard input, or FILE#INDEX for an image of an IDX file, counted
    /// from 0
    #[arg(required = true, value_name = "IMAGE", value_parser = place(PICTURE))]
    pub images: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct DrawArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    /// Port of the page on this machine; 0: any that is free
    #[arg(long, value_name = "N", default_value_t = 8028, allow_negative_numbers = true)]
    pub port: u16,
    /// Print the page's address, and start no browser
    #[arg(long)]
    pub no_open: bool,
}

const PREDICT_HELP: &str = "\
How a picture is read: a digit may be drawn anywhere on it, in any size and colour, with any pen, dark on light or light \
on dark (the border tells which is the paper; dark on light is inverted). The dark border of a scan, what lies around a \
sheet of paper, and a printed frame are left out. As MNIST's own images were made, the picture is \
cropped to the ink, fitted into 20 x 20 pixels with its aspect ratio kept, and put into 28 x 28 pixels with its centre \
of mass in the middle. Strokes much thinner or thicker than MNIST's are evened out, specks are left out. Images of an \
IDX file are taken as they are.

A picture that cannot be used is named on stderr, the others are still predicted, and the exit code is 1. Where what is \
drawn looks like several digits or like none, a warning says so (with --json, in warnings).";

#[derive(Debug, Args)]
#[command(disable_version_flag = true)] // here --version is the model's
pub struct ExportArgs {
    /// A run folder or a checkpoint's prefix, ours or Python's
    #[arg(value_parser = place(MODEL))]
    pub model: PathBuf,
    /// The network of a checkpoint that is neither in a run folder nor of a built-in network: a name or a TOML file
    #[arg(long, value_name = "NETWORK", value_parser = place(FILE))]
    pub network: Option<PathBuf>,
    /// The folder that TensorFlow Serving watches; the model goes into a folder N in it
    #[arg(value_parser = place(FOLDER))]
    pub export_base: PathBuf,
    /// The version N, which must not be there yet [default: one more than the highest, 1 for the first]
    #[arg(long, value_name = "N", value_parser = value_parser!(i64).range(0..), allow_negative_numbers = true)]
    pub version: Option<i64>,
}
