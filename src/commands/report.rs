//! `tf-mnist report RUN...`: runs as one HTML page that needs nothing else.

mod chart;
mod comparison;
mod figures;
mod page;
mod subject;
mod test;

use super::failure::usage;
use super::{output, places};
use crate::cli::{GlobalArgs, ReportArgs};
use anyhow::{Context, Result};
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;
use subject::Subject;
use tf_mnist::staging;

/// # Errors
/// A folder holds no run, or the page cannot be written. What a page lacks (a checkpoint, the data set) it says itself.
pub fn run(global: &GlobalArgs, args: &ReportArgs) -> Result<()> {
    check_output(&args.output)?;
    let subjects = Subject::read_all(global, &args.runs, args.eval_chunk)?;
    let page = page::page(&subjects)?.into_string();
    check_output(&args.output)?; // testing takes a while
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
    let is_report = || -> io::Result<bool> {
        let mut start = vec![0; page::START.len()];
        File::open(path)?.read_exact(&mut start)?;
        Ok(start == page::START.as_bytes())
    };
    let cannot = || format!("cannot use --output {}", path.display());
    match path.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => places::check_file(path).with_context(cannot),
        Err(error) => Err(error).with_context(cannot),
        Ok(there) if there.is_file() && is_report().unwrap_or(false) => Ok(()),
        Ok(_) => Err(usage(format!(
            "--output {} is there already and is no report; name another file, or move that away",
            path.display()
        ))),
    }
}
