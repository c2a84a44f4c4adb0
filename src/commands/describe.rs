//! `tf-mnist describe MODEL`: a network layer by layer, and its training graph as a file.

mod gpu_memory;
mod padding;
mod table;

use super::{options, output, places, tensorflow};
use crate::cli::{DescribeArgs, GlobalArgs};
use anyhow::{Context, Result, bail};
use indicatif::HumanCount;
use std::path::Path;
use tf_mnist::dataset::Form;
use tf_mnist::model::summary::Summary;
use tf_mnist::model::{BuildOptions, Network};
use tf_mnist::networks::{self, NetworkVariable, Table};
use tf_mnist::staging;

/// Rows of the sets that are evaluated.
const VALIDATION_ROWS: u64 = Form::VALIDATION_ROWS as u64;
const TEST_ROWS: u64 = 10_000;

pub fn run(global: &GlobalArgs, args: &DescribeArgs) -> Result<()> {
    let table = options::find_network(&args.network)?;
    if let Some(file) = &args.graph_def {
        write_graph(global, &table, file)?;
    }
    let summary = Summary::of(&table);
    match args.toml {
        true => output::print(&networks::text_of(&args.network)?),
        false => output::report(&summary, args.json, text),
    }
}

/// Builds the network's training graph, with default options, and writes it to `file`: whole, or not at all,
/// or, if that is a device or a pipe, into it.
fn write_graph(global: &GlobalArgs, table: &Table, file: &Path) -> Result<()> {
    let cannot = || format!("cannot write the graph to {}", file.display());
    if file.is_dir() {
        bail!("{}: it is a folder; name a file, such as {}", cannot(), file.join("graph.pb").display());
    }
    // Before TensorFlow is looked for, which may take minutes the first time. What is there may be a device.
    let target = staging::behind_links(file).with_context(cannot)?;
    if !file.exists() {
        places::check_file(&target).with_context(cannot)?;
    }
    tensorflow::open(global)?;
    let graph = Network::build(table, &BuildOptions::default())?.graph.graph_def()?;
    staging::write_to(file, &graph).with_context(cannot)?;
    log::info!(
        "wrote the training graph of {} to {}: a GraphDef of {} bytes",
        table.name,
        file.display(),
        graph.len()
    );
    Ok(())
}

fn text(summary: &Summary) -> String {
    let sections = [table::section, padding::section, gpu_memory::section, variables, work];
    sections.map(|section| section(summary)).join("\n")
}

/// The section on variables.
fn variables(summary: &Summary) -> String {
    let totals = &summary.totals;
    let mut text = String::from("Variables: their names are the keys of a checkpoint, scope/name\n");
    let parted = |variable: &NetworkVariable| {
        let (scope, name) = variable.name.rsplit_once('/').unwrap_or(("", &variable.name));
        (scope.to_owned(), format!("{name} {}", format!("{:?}", variable.shape).replace(' ', "")))
    };
    let variables: Vec<_> = summary.layers.iter().flat_map(|layer| &layer.variables).map(parted).collect();
    for of_scope in variables.chunk_by(|a, b| a.0 == b.0) {
        let names: Vec<_> = of_scope.iter().map(|(_, name)| name.as_str()).collect();
        text += &format!("  {:21}  {}\n", of_scope[0].0, names.join(", "));
    }
    let values = totals.trainable_parameters + totals.moving_averages + totals.optimizer_values;
    text + &format!(
        "\n  Adam keeps two averages of each trainable value, NAME/Adam and NAME/Adam_1, and two powers:\n  \
         {} values more. A checkpoint of a training holds {} float32 values, {}.\n",
        grouped(totals.optimizer_values),
        grouped(values),
        bytes(4 * values)
    )
}

/// The section on work.
fn work(summary: &Summary) -> String {
    let rows = [
        ("a training step, forward and back", summary.batch_rows, summary.training_flop(summary.batch_rows)),
        ("the validation set, forward", VALIDATION_ROWS, summary.forward_flop(VALIDATION_ROWS)),
        ("the test set, forward", TEST_ROWS, summary.forward_flop(TEST_ROWS)),
    ];
    let rows = rows.map(|(what, rows, flop)| format!("{rows:>9}{:>12.2}   {what}\n", flop as f64 / 1e9));
    format!(
        "Work: billions of floating point operations (GFLOP), two a multiply-add\n  \
         Convolutions and matrix products count; biases, batch norm, activations and pools add little.\n  \
         The way back counts as twice the way forward: a gradient for the weights, one for the input.\n\n\
         {:>9}{:>12}\n{}",
        "n",
        "GFLOP",
        rows.concat()
    )
}

/// Digits in groups of three: `1,066,560`.
fn grouped(number: u64) -> String {
    HumanCount(number).to_string()
}

/// Bytes in units of thousands, to one decimal: `538.2 MB`.
fn bytes(number: u64) -> String {
    let units = [(1_000_000, "MB"), (1_000, "kB")];
    match units.into_iter().find(|&(size, _)| number >= size) {
        Some((size, unit)) => format!("{:.1} {unit}", number as f64 / size as f64),
        None => format!("{number} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_take_the_unit_that_fits() {
        assert_eq!([40, 12_800, 1_003_520_000].map(bytes), ["40 B", "12.8 kB", "1003.5 MB"]);
    }

    #[test]
    fn no_line_is_wider_than_100_columns_or_ends_in_blanks() {
        for (_, table) in networks::BUILT_IN {
            let table = Table::parse(table).unwrap();
            for line in text(&Summary::of(&table)).lines() {
                assert!(line.chars().count() <= 100, "{line}");
                assert_eq!(line, line.trim_end());
            }
        }
    }
}
