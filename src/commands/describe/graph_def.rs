//! `--graph-def FILE`: the training graph as TensorFlow itself stores it.

use crate::cli::GlobalArgs;
use crate::commands::tensorflow;
use anyhow::{Context, Result, bail};
use std::path::Path;
use tf_mnist::model::{BuildOptions, Network};
use tf_mnist::networks::Table;
use tf_mnist::staging;

/// Builds the network's training graph, with default options, and writes it to `file`: whole, or not at all,
/// or, if that is a device or a pipe, into it.
///
/// # Errors
/// TensorFlow cannot be loaded or refuses the graph, or the file cannot be written.
pub fn write(global: &GlobalArgs, table: &Table, file: &Path) -> Result<()> {
    check_place(file)?;
    tensorflow::open(global)?;
    let graph = Network::build(table, &BuildOptions::default())?.graph.graph_def()?;
    staging::write_to(file, &graph)
        .with_context(|| format!("cannot write the graph to {}", file.display()))?;
    log::info!(
        "wrote the training graph of {} to {}: a GraphDef of {} bytes",
        table.name,
        file.display(),
        graph.len()
    );
    Ok(())
}

/// What can be said before TensorFlow is looked for, which may take minutes the first time.
fn check_place(file: &Path) -> Result<()> {
    let shown = file.display();
    if file.is_dir() {
        bail!("cannot write the graph to {shown}: it is a folder; name a file, such as {shown}/graph.pb");
    }
    let target = staging::behind_links(file).with_context(|| format!("cannot write the graph to {shown}"))?;
    let folder = staging::folder_of(&target);
    if !folder.is_dir() {
        bail!("cannot write the graph to {shown}: there is no folder {}; make it first", folder.display());
    }
    match file.exists() {
        true => Ok(()), // perhaps a device
        false => staging::try_folders(folder).with_context(|| format!("cannot write the graph to {shown}")),
    }
}
