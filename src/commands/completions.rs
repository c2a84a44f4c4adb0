//! `tf-mnist completions SHELL` and `tf-mnist man`: what `build.rs` made of the command line's definition.

use super::output;
use crate::cli::Shell;
use anyhow::Result;
use std::process::ExitCode;

pub fn run(shell: Shell) -> Result<ExitCode> {
    output::print(match shell {
        Shell::Bash => include_str!(concat!(env!("OUT_DIR"), "/tf-mnist.bash")),
        Shell::Elvish => include_str!(concat!(env!("OUT_DIR"), "/tf-mnist.elv")),
        Shell::Fish => include_str!(concat!(env!("OUT_DIR"), "/tf-mnist.fish")),
        Shell::Powershell => include_str!(concat!(env!("OUT_DIR"), "/_tf-mnist.ps1")),
        Shell::Zsh => include_str!(concat!(env!("OUT_DIR"), "/_tf-mnist")),
    })?;
    Ok(ExitCode::SUCCESS)
}

pub fn print_manual() -> Result<ExitCode> {
    output::print(include_str!(concat!(env!("OUT_DIR"), "/tf-mnist.1")))?;
    Ok(ExitCode::SUCCESS)
}
