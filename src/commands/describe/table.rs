//! The table: one row a layer, what it computes below.

use super::number::{bytes, grouped};
use std::fmt::{self, Write};
use tf_mnist::graph::Pair;
use tf_mnist::model::summary::{LayerSummary, OperationSummary, Summary};
use tf_mnist::networks::shown;

/// Width of the table, and of every other line.
const WIDTH: usize = 98;

/// The title, the table and how to read its columns.
pub fn write(f: &mut impl Write, summary: &Summary) -> fmt::Result {
    let totals = &summary.totals;
    let rule = "─".repeat(WIDTH);
    let logits = summary.layers.last().map_or(&summary.input_shape, |layer| &layer.output_shape);
    writeln!(
        f,
        "{}: images {}, that is n of height, width, channels, to logits {logits}\n",
        summary.network, summary.input_shape
    )?;
    writeln!(f, "{:43}{:─^19}  {:>11}  {:─^19}", "", " parameters ", "multiply-", " output ")?;
    writeln!(
        f,
        "{:6}  {:12}  {:6}  {:>6}  {:9}{:>9}  {:>6}  {:>11}  {:>8}  {:>9}",
        "layer",
        "output",
        "kernel",
        "stride",
        "padding",
        "trainable",
        "moving",
        "adds a row",
        format!("n = {}", summary.batch_rows),
        format!("n = {}", summary.chunk_rows)
    )?;
    writeln!(f, "{rule}")?;
    for layer in &summary.layers {
        row(f, layer)?;
    }
    writeln!(f, "{rule}")?;
    writeln!(
        f,
        "{:43}{:>11}  {:>6}  {:>11}  {:>8}  {:>9}",
        "total",
        grouped(totals.trainable_parameters),
        grouped(totals.moving_averages),
        grouped(totals.multiply_adds_per_row),
        bytes(totals.output_bytes.batch),
        bytes(totals.output_bytes.chunk)
    )?;
    write!(
        f,
        "\n  n = {}: a batch, the rows of one training step. n = {}: a chunk, the rows evaluated at a time.\n  \
             Output is the float32 tensor that a layer hands on; MB = 10^6 bytes. A training step holds all of\n  \
             them at once, for the gradients; an evaluation frees each when the next layer is done with it.\n",
        summary.batch_rows, summary.chunk_rows
    )
}

fn row(f: &mut impl Write, layer: &LayerSummary) -> fmt::Result {
    let [window, stride, padding] = match layer.window {
        Some(window) => [
            shown(&window.kernel_size.0),
            one_or_two(window.strides),
            format!(
                "{} {}+{}",
                window.padding.as_str(),
                one_or_two(window.padding_before),
                one_or_two(window.padding_after)
            ),
        ],
        None => Default::default(),
    };
    writeln!(
        f,
        "{:6}  {:12}  {window:6}  {stride:>6}  {padding:9}{:>9}  {:>6}  {:>11}  {:>8}  {:>9}",
        layer.name,
        layer.output_shape,
        grouped(layer.trainable_parameters),
        grouped(layer.moving_averages),
        grouped(layer.multiply_adds_per_row),
        bytes(layer.output_bytes.batch),
        bytes(layer.output_bytes.chunk)
    )?;
    writeln!(f, "        {}", operations(layer))
}

/// What the layer computes; a shape stands where it differs from the one before and is not the layer's own.
fn operations(layer: &LayerSummary) -> String {
    let mut shape = &layer.input_shape;
    let mut words = Vec::new();
    for step in &layer.operations {
        let passing = step.output_shape != *shape && step.output_shape != layer.output_shape;
        words.push(match passing {
            true => format!("{} to {}", words_for(step), step.output_shape),
            false => words_for(step),
        });
        shape = &step.output_shape;
    }
    words.join(", ")
}

/// `2`, or, where down and across differ, `1,2`.
fn one_or_two(Pair([down, across]): Pair) -> String {
    match down == across {
        true => down.to_string(),
        false => format!("{down},{across}"),
    }
}

/// What a layer is called in prose.
fn words_for(step: &OperationSummary) -> String {
    let bias = match step.arguments.get("use_bias") {
        Some(serde_json::Value::Bool(false)) => "",
        _ => " + bias",
    };
    match step.op.as_str() {
        "conv2d" => format!("convolution{bias}"),
        "dense" => format!("matrix product{bias}"),
        "max_pooling2d" => "max pool".into(),
        "average_pooling2d" => "average pool".into(),
        "batch_normalization" => "batch norm".into(),
        "relu" => "ReLU".into(),
        "selu" | "elu" => step.op.to_uppercase(),
        "dropout" => {
            let rate = step.arguments["rate"].as_f64().unwrap_or_default() as f32;
            format!("dropout {rate} (in training only)")
        }
        op => op.replace('_', " "),
    }
}
