//! One file a subcommand: turns options into calls of the library and prints the results.

mod completions;
mod describe;
pub mod failure;
pub mod log;
mod output;

use crate::cli::{Cli, Command, Model};
use anyhow::Result;
use std::process::ExitCode;
use tf_mnist::model::Kind;

/// Runs the subcommand.
///
/// # Errors
/// What the subcommand met; [`failure::report`] tells the user and picks the exit code.
pub fn run(cli: &Cli) -> Result<ExitCode> {
    match &cli.command {
        Command::Completions { shell } => completions::run(*shell),
        Command::Describe(args) => describe::run(args, &cli.global),
        _ => Err(failure::usage("not here yet")),
    }
}

impl From<Model> for Kind {
    fn from(model: Model) -> Self {
        match model {
            Model::Baseline => Self::Baseline,
            Model::Optimized => Self::Optimized,
        }
    }
}
