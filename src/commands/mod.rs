//! One file a subcommand: turns options into calls of the library and prints the results.

mod completions;
mod data;
mod evaluate;
mod export;
pub mod failure;
pub mod log;
mod output;
mod predict;
mod progress;
mod runtime;
mod tensorflow;

use crate::cli::{Cli, Command};
use anyhow::Result;
use std::process::ExitCode;

/// Runs the subcommand.
///
/// # Errors
/// What the subcommand met; [`failure::report`] tells the user and picks the exit code.
pub fn run(cli: &Cli) -> Result<ExitCode> {
    match &cli.command {
        Command::Completions { shell } => completions::run(*shell),
        Command::Evaluate(args) => evaluate::run(&cli.global, args),
        Command::Export(args) => export::run(&cli.global, args),
        Command::Predict(args) => predict::run(&cli.global, args),
        Command::Data(args) => data::run(&cli.global, args),
        Command::Runtime(args) => runtime::run(&cli.global, args),
        _ => Err(failure::usage("not here yet")),
    }
}
