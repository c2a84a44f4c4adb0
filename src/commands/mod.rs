//! One file a subcommand: turns options into calls of the library and prints the results.

mod advice;
mod completions;
mod conclusion;
mod console;
mod data;
mod describe;
mod evaluate;
mod export;
pub mod failure;
mod file_size_limit;
pub mod log;
mod manual;
mod options;
mod output;
mod places;
mod predict;
mod progress;
mod quiet;
mod resume;
mod run;
mod runtime;
mod tensorflow;
pub mod terminal;
mod train;
mod typed;

use crate::cli::{Cli, Command, TrainingArgs};
use anyhow::Result;
use clap::ArgMatches;
use std::path::Path;
use std::process::ExitCode;

/// Runs the subcommand; `matches` is what `cli` was made from.
///
/// # Errors
/// What the subcommand met; [`failure::report`] tells the user and picks the exit code.
pub fn run(cli: &Cli, matches: &ArgMatches) -> Result<ExitCode> {
    places::check(cli, matches)?;
    file_size_limit::survive();
    let train = |network: Option<&Path>, args: &TrainingArgs| {
        train::run(&cli.global, args, network, &typed::options(matches))
    };
    match &cli.command {
        Command::Train(args) => train(args.network.as_deref(), &args.training),
        Command::Baseline(args) => train(Some(Path::new("baseline")), args),
        Command::Optimized(args) => train(Some(Path::new("optimized")), args),
        Command::Evaluate(args) => evaluate::run(&cli.global, args),
        Command::Export(args) => export::run(&cli.global, args),
        Command::Predict(args) => predict::run(&cli.global, args),
        Command::Completions { shell } => completions::run(*shell),
        Command::Man => manual::run(),
        Command::Data(args) => data::run(&cli.global, args),
        Command::Describe(args) => describe::run(&cli.global, args),
        Command::Runtime(args) => runtime::run(&cli.global, args),
    }
}
