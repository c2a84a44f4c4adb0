//! Makes the completion scripts and the man page from the command line's own definition.

#[allow(dead_code)] // only clap's view of the types is used here
#[path = "src/cli.rs"]
mod cli;

use clap::CommandFactory;
use clap_complete::{Shell, generate_to};
use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=src/cli.rs");
    println!("cargo::rerun-if-changed=build.rs");
    let Some(out) = env::var_os("OUT_DIR").map(PathBuf::from) else {
        return Err(io::Error::other("OUT_DIR is not set; run this through cargo"));
    };
    let mut command = cli::Cli::command();
    for shell in [
        Shell::Bash,
        Shell::Elvish,
        Shell::Fish,
        Shell::PowerShell,
        Shell::Zsh,
    ] {
        generate_to(shell, &mut command, "tf-mnist", &out)?;
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    fs::write(out.join("tf-mnist.1"), page)
}
