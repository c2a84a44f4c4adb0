//! `tf-mnist describe MODEL`: a network layer by layer, and its training graph as a file.

mod gpu_memory;
mod graph_def;
mod number;
mod padding;
mod table;
mod variables;
mod work;

use super::{options, output};
use crate::cli::{DescribeArgs, GlobalArgs};
use anyhow::Result;
use std::process::ExitCode;
use tf_mnist::dataset::Form;
use tf_mnist::model::summary::Summary;
use tf_mnist::networks;

/// Rows of the sets that are evaluated.
const VALIDATION_ROWS: u64 = Form::VALIDATION_ROWS as u64;
const TEST_ROWS: u64 = 10_000;

/// # Errors
/// The graph cannot be built or written, or stdout cannot.
pub fn run(global: &GlobalArgs, args: &DescribeArgs) -> Result<ExitCode> {
    let table = options::find_network(&args.network)?;
    if let Some(file) = &args.graph_def {
        graph_def::write(global, &table, file)?;
    }
    let summary = Summary::of(&table);
    if args.toml {
        output::print(&networks::text_of(&args.network)?)?;
    } else if args.json {
        output::print_json(&summary)?;
    } else {
        output::print(&text(&summary))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn text(summary: &Summary) -> String {
    let table = table::Table(summary);
    let padding = padding::PaddingExplained(summary);
    let memory = gpu_memory::GpuMemory(summary);
    let variables = variables::Variables(summary);
    let work = work::Work(summary);
    format!("{table}\n{padding}\n{memory}\n{variables}\n{work}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_wider_than_100_columns_or_ends_in_blanks() {
        for (_, table) in networks::BUILT_IN {
            let table = networks::Table::parse(table).unwrap();
            for line in text(&Summary::of(&table)).lines() {
                assert!(line.chars().count() <= 100, "{line}");
                assert_eq!(line, line.trim_end());
            }
        }
    }
}
