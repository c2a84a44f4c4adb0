//! One file a subcommand: turns options into calls of the library and prints the results.

mod cluster;
mod conclusion;
mod console;
mod data;
mod describe;
mod draw;
mod evaluate;
mod export;
mod manual;
mod model;
mod options;
mod places;
mod predict;
mod report;
mod resume;
mod runtime;
mod session;
mod tensorflow;
mod train;
mod worker;

use crate::cli::{Cli, Command};
use anyhow::Result;
use clap::ArgMatches;
use console::{download_bar, output, published_lines, quiet, signals};
pub use console::{failure, log, terminal};
use std::path::Path;
use std::process::ExitCode;

/// Runs the subcommand; `matches` is what `cli` was made from.
///
/// # Errors
/// What the subcommand met; [`failure::report`] tells the user and picks the exit code.
pub fn run(cli: &Cli, matches: &ArgMatches) -> Result<ExitCode> {
    if !matches!(cli.command, Command::Completions { .. } | Command::Man) {
        places::check_variables()?;
    }
    signals::survive_file_size_limit();
    let typed = matches.subcommand().map_or(matches, |(_, matches)| matches);
    let train = |network: Option<&Path>, args| train::run(&cli.global, args, network, typed);
    match &cli.command {
        Command::Train(args) => return train(args.network.as_deref(), &args.training),
        Command::Baseline(args) => return train(Some(Path::new("baseline")), args),
        Command::Optimized(args) => return train(Some(Path::new("optimized")), args),
        Command::Draw(args) => draw::run(&cli.global, args)?,
        Command::Predict(args) => return predict::run(&cli.global, args),
        Command::Report(args) => report::run(&cli.global, args)?,
        Command::Evaluate(args) => evaluate::run(&cli.global, args)?,
        Command::Export(args) => export::run(&cli.global, args)?,
        Command::Completions { shell } => manual::complete(*shell)?,
        Command::Man => manual::run()?,
        Command::Data(args) => data::run(&cli.global, args)?,
        Command::Describe(args) => describe::run(&cli.global, args)?,
        Command::Worker(args) => worker::run(&cli.global, args)?,
        Command::Runtime { json } => runtime::run(&cli.global, *json)?,
    }
    Ok(ExitCode::SUCCESS)
}
