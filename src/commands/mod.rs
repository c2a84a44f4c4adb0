//! One file a subcommand: turns options into calls of the library and prints the results.

mod advice;
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

use crate::cli::{Cli, Command};
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
    let typed = matches.subcommand().map_or(matches, |(_, matches)| matches);
    let train = |network: Option<&Path>, args| train::run(&cli.global, args, network, typed);
    match &cli.command {
        Command::Train(args) => return train(args.network.as_deref(), &args.training),
        Command::Baseline(args) => return train(Some(Path::new("baseline")), args),
        Command::Optimized(args) => return train(Some(Path::new("optimized")), args),
        Command::Predict(args) => return predict::run(&cli.global, args),
        Command::Evaluate(args) => evaluate::run(&cli.global, args)?,
        Command::Export(args) => export::run(&cli.global, args)?,
        Command::Completions { shell } => manual::complete(*shell)?,
        Command::Man => manual::run()?,
        Command::Data(args) => data::run(&cli.global, args)?,
        Command::Describe(args) => describe::run(&cli.global, args)?,
        Command::Runtime(args) => runtime::run(&cli.global, args)?,
    }
    Ok(ExitCode::SUCCESS)
}
