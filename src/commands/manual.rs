//! What is made from the command line's definition: the manual, one page for the program and its subcommands, and
//! completion scripts for shells.

use super::output;
use crate::cli::Cli;
use anyhow::Result;
use clap::CommandFactory;
use clap_complete::{Shell, generate};
use clap_mangen::Man;
use std::io::Write;

/// `tf-mnist completions SHELL`.
pub fn complete(shell: Shell) -> Result<()> {
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), "tf-mnist", &mut script);
    output::print(&String::from_utf8_lossy(&script))
}

/// `tf-mnist man`.
pub fn run() -> Result<()> {
    let mut command = Cli::command();
    command.build();
    let mut page = Vec::new();
    let man = Man::new(command.clone());
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    let subcommands = command.get_subcommands();
    for subcommand in subcommands.filter(|subcommand| subcommand.get_name() != "help") {
        writeln!(page, ".SH \"TF-MNIST {}\"", subcommand.get_name().to_uppercase())?;
        // Options that every subcommand takes stand above already.
        let hide_global = |arg: clap::Arg| match arg.is_global_set() {
            true => arg.hide(true),
            false => arg,
        };
        let man = Man::new(subcommand.clone().mut_args(hide_global));
        man.render_description_section(&mut page)?;
        man.render_synopsis_section(&mut page)?;
        man.render_options_section(&mut page)?;
    }
    output::print(&String::from_utf8_lossy(&page))
}
