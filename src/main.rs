//! Parses the command line, starts the log, dispatches, and turns the outcome into an exit code.

mod cli;
mod commands;

use clap::{CommandFactory, FromArgMatches};
use std::process::ExitCode;

fn main() -> ExitCode {
    commands::terminal::note_typed();
    // As `Cli::parse` does, but the matches tell besides which options were typed.
    let matches = cli::Cli::command().try_get_matches();
    let matches = matches.unwrap_or_else(|error| commands::failure::exit(&error));
    let cli = cli::Cli::from_arg_matches(&matches);
    let cli = cli.unwrap_or_else(|error| commands::failure::exit(&error));
    commands::log::start(&cli.global);
    match commands::run(&cli, &matches) {
        Ok(code) => code,
        Err(error) => commands::failure::report(&error),
    }
}
