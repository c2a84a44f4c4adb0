//! Where files go, and whether they can: a run's folder, and what variables name.

use super::failure::usage;
use super::terminal;
use crate::cli::{FOLDER, fault};
use anyhow::{Result, anyhow, bail};
use std::env;
use std::io::{self, ErrorKind};
use std::path::{self, Path, PathBuf};
use tf_mnist::staging;
use tf_mnist::training::RunDirectory;

/// Variables that name a folder or file.
const VARIABLES: [&str; 5] =
    ["TF_MNIST_CACHE", "XDG_CACHE_HOME", "TENSORFLOW_DIR", "SSL_CERT_FILE", "SSL_CERT_DIR"];

/// Refuses addresses and literal `~`s in the variables that are looked at.
///
/// # Errors
/// A usage error that names the variable, the value, and what to write.
pub fn check_variables() -> Result<()> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty());
    for variable in VARIABLES {
        // Looked at only where the first says nothing.
        let is_used = variable != "XDG_CACHE_HOME" || set("TF_MNIST_CACHE").is_none();
        if let Some(value) = set(variable).filter(|_| is_used)
            && let Some(fault) = fault(&value, FOLDER)
        {
            return Err(usage(format!("{variable} {}: {fault}", terminal::name(&value))));
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

/// Whether a file can be made at `path`.
///
/// # Errors
/// The folder that it would be in is not there, or takes none.
pub fn check_file(path: &Path) -> Result<()> {
    let folder = staging::folder_of(path);
    if !folder.is_dir() {
        bail!("there is no folder {}; make it first", folder.display());
    }
    Ok(staging::try_folders(folder)?)
}
