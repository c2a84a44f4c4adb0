//! Places that are none on this machine: addresses, which would become folders named `gs:`, and a `~` that no shell
//! expanded.

use super::failure::usage;
use super::terminal;
use crate::cli::{Cli, Command};
use anyhow::{Result, anyhow};
use clap::{Arg, ArgMatches, CommandFactory};
use std::env;
use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::path::{self, Path, PathBuf};
use tf_mnist::staging;
use tf_mnist::training::RunDirectory;

/// Variables that name a folder or file.
const VARIABLES: [&str; 5] =
    ["TF_MNIST_CACHE", "XDG_CACHE_HOME", "TENSORFLOW_DIR", "SSL_CERT_FILE", "SSL_CERT_DIR"];

/// Refuses addresses and literal `~`s wherever a place is named: in any value that was typed, none of which is ever an
/// address, and in the variables that are looked at.
///
/// # Errors
/// A usage error that names the option or variable, the value, and what to write.
pub fn check(cli: &Cli, matches: &ArgMatches) -> Result<()> {
    let mut command = Cli::command();
    command.build(); // gives global options to every subcommand
    if let Some((name, matches)) = matches.subcommand()
        && let Some(subcommand) = command.find_subcommand(name)
    {
        for argument in subcommand.get_arguments() {
            let values = matches.try_get_raw(argument.get_id().as_str()).ok().flatten();
            for value in values.into_iter().flatten() {
                check_value(&named(argument), value, wanted(argument.get_id().as_str()))?;
            }
        }
    }
    if matches!(cli.command, Command::Completions { .. } | Command::Man) {
        return Ok(());
    }
    let set = |name| env::var_os(name).filter(|value| !value.is_empty());
    for variable in VARIABLES {
        // Looked at only where the first says nothing.
        let is_used = variable != "XDG_CACHE_HOME" || set("TF_MNIST_CACHE").is_none();
        if let Some(value) = set(variable).filter(|_| is_used) {
            check_value(variable, &value, "name a local folder")?;
        }
    }
    Ok(())
}

/// Whether the run can go into `folder`, by what is in it, and whether it can be made and written to.
///
/// # Errors
/// A usage error that says why not and what to do, or the folder cannot be made, read or written to.
pub fn check_out_dir(folder: &Path, overwrite: bool) -> Result<()> {
    if folder.exists() && !folder.is_dir() {
        return Err(usage(format!("--out-dir {} is no folder; name another", folder.display())));
    }
    if folder.is_dir() {
        RunDirectory::check(folder, overwrite)?;
    }
    if let Some(run) = RunDirectory::that_owns(&resolved(folder)) {
        return Err(usage(format!(
            "--out-dir {} is where the run {} keeps its states; name another folder",
            folder.display(),
            run.display()
        )));
    }
    staging::try_folders(folder).map_err(|error| match error.kind() {
        ErrorKind::NotADirectory => usage(out_of_place(folder, &error)),
        _ => anyhow!(out_of_place(folder, &error)),
    })
}

/// Whether `folder`, which stands for that of `--out-dir`, can be made and written to.
///
/// # Errors
/// It cannot.
pub fn check_place(folder: &Path) -> Result<()> {
    staging::try_folders(folder).map_err(|error| anyhow!(out_of_place(folder, &error)))
}

fn out_of_place(folder: &Path, error: &io::Error) -> String {
    format!("--out-dir {}: {error}; name another", folder.display())
}

/// `path` from the root on, without links and `..` as far as it is there.
fn resolved(path: &Path) -> PathBuf {
    let whole = path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let there = whole.ancestors().find_map(|above| {
        let rest = whole.strip_prefix(above).ok()?;
        Some(above.canonicalize().ok()?.join(rest))
    });
    there.unwrap_or(whole)
}

fn check_value(name: &str, value: &OsStr, wanted: &str) -> Result<()> {
    let bytes = value.as_encoded_bytes();
    let shown = terminal::name(value);
    if is_address(bytes) {
        return Err(usage(format!("{name} {shown} is an address; {wanted}")));
    }
    if bytes == b"~" || bytes.starts_with(b"~/") {
        let rest = shown.trim_start_matches('~');
        return Err(usage(format!(
            "{name} {shown} begins with a ~ that no shell expanded; write $HOME{rest}, or ./{shown} for a folder of that name"
        )));
    }
    Ok(())
}

/// Whether it begins with the scheme of an address, such as `gs://` or `file:///`.
fn is_address(value: &[u8]) -> bool {
    let Some(colon) = value.windows(3).position(|three| three == b"://") else {
        return false;
    };
    let is_of_scheme = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
    value[0].is_ascii_alphabetic() && value[..colon].iter().all(is_of_scheme)
}

/// As the user knows it: `--out-dir`, `EXPORT_BASE`.
fn named(argument: &Arg) -> String {
    match argument.get_long() {
        Some(long) => format!("--{long}"),
        None => match argument.get_value_names() {
            Some([name, ..]) => name.to_string(),
            _ => argument.get_id().as_str().to_uppercase(),
        },
    }
}

fn wanted(id: &str) -> &'static str {
    match id {
        "images" => "download it, and name the local file",
        "graph_def" => "name a local file",
        "model" | "warm_start" => "name a local folder or file",
        _ => "name a local folder",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_paths() {
        for address in
            ["gs://b/run", "s3://b", "file:///tmp/x", "hdfs://h:1/x", "svn+ssh://x", "HTTPS://x/a.png#0"]
        {
            assert!(is_address(address.as_bytes()), "{address}");
        }
        for path in ["", "://", "a:/b", "./gs://b", "runs/gs://b", "1s://b", "a b://c", "C:\\x", "gs:"] {
            assert!(!is_address(path.as_bytes()), "{path}");
        }
    }
}
