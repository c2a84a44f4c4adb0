//! Parses the command line, starts the log, dispatches, and turns the outcome into an exit code.

mod cli;
mod commands;

use clap::{CommandFactory, FromArgMatches};
use std::process::ExitCode;

fn main() -> ExitCode {
    // As `Cli::parse` does, but the matches tell besides which options were typed.
    let matches = cli::Cli::command().get_matches();
    let cli = cli::Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    commands::log::start(&cli.global);
    match commands::run(&cli, &matches) {
        Ok(code) => code,
        Err(error) => commands::failure::report(&error),
    }
}
