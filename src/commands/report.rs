//! `tf-mnist report RUN...`: runs as one HTML page that needs nothing else.

mod chart;
mod comparison;
mod figures;
mod page;
mod subject;
mod test;

use super::failure::usage;
use super::output;
use crate::cli::{GlobalArgs, ReportArgs};
use anyhow::{Context, Result};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;
use subject::Subject;
use tf_mnist::staging;

/// What tells a page of ours, which may be replaced, from any other file.
const GENERATOR: &str = "tf-mnist report";

/// # Errors
/// A folder holds no run, or the page cannot be written. What a page lacks (a checkpoint, the data set) it says itself.
pub fn run(global: &GlobalArgs, args: &ReportArgs) -> Result<()> {
    check_output(&args.output)?;
    let subjects = Subject::read_all(global, &args.runs, args.eval_chunk)?;
    let page = page::page(&subjects)?.into_string();
    let failed = || format!("cannot write {}", args.output.display());
    staging::write(&args.output, page.as_bytes()).with_context(failed)?;
    output::print(&format!("{}\n", args.output.display()))?;
    if args.open {
        let shown = std::path::absolute(&args.output)?;
        if let Err(error) = open::that_detached(shown) {
            log::warn!("--open: no browser could be started: {error}");
        }
    }
    Ok(())
}

/// Only a page that was written here is replaced.
fn check_output(path: &Path) -> Result<()> {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(1000).read_to_end(&mut start));
    match read {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("cannot use --output {}", path.display())),
        Ok(_) if String::from_utf8_lossy(&start).contains(GENERATOR) => Ok(()),
        Ok(_) => Err(usage(format!(
            "--output {} is there already and is no report; name another file, or move that away",
            path.display()
        ))),
    }
}
