//! Parses the command line, starts the log, dispatches, and turns the outcome into an exit code.

mod cli;
mod commands;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    commands::log::start(&cli.global);
    match commands::run(&cli) {
        Ok(code) => code,
        Err(error) => commands::failure::report(&error),
    }
}
