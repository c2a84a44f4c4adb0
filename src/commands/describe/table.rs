//! The table: one row a layer, what it computes below.

use super::{bytes, grouped};
use tf_mnist::graph::Pair;
use tf_mnist::model::summary::{LayerSummary, OperationSummary, Summary};
use tf_mnist::networks::shown;

/// Width of the table, and of every other line.
const WIDTH: usize = 98;

/// The title, the table and how to read its columns.
pub fn section(summary: &Summary) -> String {
    let totals = &summary.totals;
    let rule = "─".repeat(WIDTH);
    let logits = summary.layers.last().map_or(&summary.input_shape, |layer| &layer.output_shape);
    let [batch, chunk] = [summary.batch_rows, summary.chunk_rows].map(|rows| format!("n = {rows}"));
    let names = ["layer", "output", "kernel", "stride", "padding", "trainable", "moving", "adds a row"];
    let heading = line(names, [&batch, &chunk]);
    let layers: String = summary.layers.iter().map(row).collect();
    let [trainable, moving, adds] =
        [totals.trainable_parameters, totals.moving_averages, totals.multiply_adds_per_row].map(grouped);
    let [batch, chunk] = [totals.output_bytes.batch, totals.output_bytes.chunk].map(bytes);
    let total = line(["total", "", "", "", "", &trainable, &moving, &adds], [&batch, &chunk]);
    format!(
        "{}: images {}, that is n of height, width, channels, to logits {logits}\n\n\
         {:47}{:─^17}  {:>11}  {:─^19}\n\
         {heading}{rule}\n{layers}{rule}\n{total}\n  \
         n = {}: a batch, the rows of one training step. n = {}: a chunk, the rows evaluated at a time.\n  \
         Output is the float32 tensor that a layer hands on; MB = 10^6 bytes. A training step holds all of\n  \
         them at once, for the gradients; an evaluation frees each when the next layer is done with it.\n",
        summary.network,
        summary.input_shape,
        "",
        " parameters ",
        "multiply-",
        " output ",
        summary.batch_rows,
        summary.chunk_rows
    )
}

fn line(columns: [&str; 8], [batch, chunk]: [&str; 2]) -> String {
    let [name, output, window, stride, padding, trainable, moving, adds] = columns;
    format!(
        "{name:6}  {output:12}  {window:6}  {stride:>6}  {padding:9}{trainable:>9}  {moving:>6}  {adds:>11}  {batch:>8}  \
         {chunk:>9}\n"
    )
}

fn row(layer: &LayerSummary) -> String {
    let [window, stride, padding] = match layer.window {
        Some(window) => {
            let [before, after] = [window.padding_before, window.padding_after].map(one_or_two);
            let padding = format!("{} {before}+{after}", window.padding.as_str());
            [shown(&window.kernel_size.0), one_or_two(window.strides), padding]
        }
        None => Default::default(),
    };
    let output = layer.output_shape.to_string();
    let [trainable, moving, adds] =
        [layer.trainable_parameters, layer.moving_averages, layer.multiply_adds_per_row].map(grouped);
    let [batch, chunk] = [layer.output_bytes.batch, layer.output_bytes.chunk].map(bytes);
    let columns = [&layer.name, &output, &window, &stride, &padding, &trainable, &moving, &adds];
    let numbers = line(columns.map(String::as_str), [&batch, &chunk]);
    format!("{numbers}        {}\n", operations(layer))
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
