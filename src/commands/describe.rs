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
use std::fmt;
use tf_mnist::dataset::Form;
use tf_mnist::model::summary::Summary;
use tf_mnist::networks;

/// Rows of the sets that are evaluated.
const VALIDATION_ROWS: u64 = Form::VALIDATION_ROWS as u64;
const TEST_ROWS: u64 = 10_000;

/// # Errors
/// The graph cannot be built or written, or stdout cannot.
pub fn run(global: &GlobalArgs, args: &DescribeArgs) -> Result<()> {
    let table = options::find_network(&args.network)?;
    if let Some(file) = &args.graph_def {
        graph_def::write(global, &table, file)?;
    }
    let summary = Summary::of(&table);
    match args.toml {
        true => output::print(&networks::text_of(&args.network)?),
        false => output::report(&summary, args.json, text),
    }
}

fn text(summary: &Summary) -> String {
    let mut text = String::new();
    let _ = write_sections(&mut text, summary); // writing to a string cannot fail
    text
}

fn write_sections(text: &mut String, summary: &Summary) -> fmt::Result {
    table::write(text, summary)?;
    text.push('\n');
    padding::write(text, summary)?;
    text.push('\n');
    gpu_memory::write(text, summary)?;
    text.push('\n');
    variables::write(text, summary)?;
    text.push('\n');
    work::write(text, summary)
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
