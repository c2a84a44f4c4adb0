//! What a network consists of, in numbers: shapes, padding, parameters, work and memory, row by row. Plain arithmetic on
//! the table, which needs no TensorFlow; `tests/cli/describe.rs` holds it against the graphs that are really built.

mod shape;

pub use shape::{Memory, RowShape};

use crate::graph::{Padding, Pair};
use crate::networks::{Layer, NetworkVariable, Placed, Table};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use std::fmt::Write;

/// Rows evaluated at a time, unless the user says otherwise.
pub const CHUNK_ROWS: u64 = 1000;

/// A network in numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// The network's name.
    pub network: String,
    /// Rows of a training step, which every `batch` below means.
    pub batch_rows: u64,
    /// [`CHUNK_ROWS`], which every `chunk` below means.
    pub chunk_rows: u64,
    /// The images that the first layer takes.
    pub input_shape: RowShape,
    /// The rows of the table, from the images to the logits.
    pub layers: Vec<LayerSummary>,
    /// All of them together.
    pub totals: Totals,
}

/// One row of the table in numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LayerSummary {
    /// Its name, such as `conv1`.
    pub name: String,
    /// What it is handed.
    pub input_shape: RowShape,
    /// What it computes, in order.
    pub operations: Vec<OperationSummary>,
    /// What it hands on.
    pub output_shape: RowShape,
    /// The first window that moves over an image in it.
    pub window: Option<WindowSummary>,
    /// Its variables, in the order in which the graph makes them.
    pub variables: Vec<NetworkVariable>,
    /// Values that the optimizer changes.
    pub trainable_parameters: u64,
    /// Values that batch norm keeps for use after training.
    pub moving_averages: u64,
    /// Multiply-adds of the forward pass for one row, those with padding's zeros included. Only convolutions and matrix
    /// products count: what a bias, batch norm, an activation or a pool adds is a few operations a value.
    pub multiply_adds_per_row: u64,
    /// Memory of the output.
    pub output_bytes: Memory,
    /// The copy of its input that a convolution makes on a GPU, where the padding is lopsided.
    pub gpu_padded_copy: Option<PaddedCopy>,
}

impl LayerSummary {
    /// The kinds of what it computes, in order: `conv2d, relu`.
    pub fn computes(&self) -> String {
        let kinds: Vec<_> = self.operations.iter().map(|operation| operation.op.as_str()).collect();
        kinds.join(", ")
    }
}

/// One layer of a row and what comes out of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OperationSummary {
    /// The layer's kind in the table; of an activation, which one.
    pub op: String,
    /// Its arguments, as the table has them.
    #[serde(flatten)]
    pub arguments: Map<String, Value>,
    /// Its output.
    pub output_shape: RowShape,
}

/// A window on its way over an image: each pair is down and across, written as one number where they are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct WindowSummary {
    /// Height and width of the window.
    pub kernel_size: Pair,
    /// Its steps.
    #[serde(rename = "stride")]
    pub strides: Pair,
    /// Treatment of the borders.
    #[serde(serialize_with = "name_of")]
    pub padding: Padding,
    /// Height and width of the image.
    pub input_size: Pair,
    /// Rows of padding above the image and columns left of it.
    pub padding_before: Pair,
    /// Rows of padding below the image and columns right of it.
    pub padding_after: Pair,
    /// Height and width of the image with its padding.
    pub padded_size: Pair,
    /// Positions of the window, the height and width of the output.
    pub windows: Pair,
}

/// A padded copy of a convolution's input in a GPU's memory.
///
/// cuDNN pads opposite sides alike. Where they differ, TensorFlow's kernel (`LaunchConv2DOpImpl` in
/// `conv_ops_impl.h`) allocates a tensor larger by the difference, copies the input into it and convolves that.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PaddedCopy {
    /// Channels first, [channels, height, width], as convolutions run on a GPU (NCHW).
    pub shape: RowShape,
    /// Its memory, which is taken beside the input's.
    pub bytes: Memory,
}

/// All rows of a network together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Totals {
    /// Values that the optimizer changes.
    pub trainable_parameters: u64,
    /// Values that batch norm keeps for use after training.
    pub moving_averages: u64,
    /// Values that Adam keeps: two averages of every trainable parameter's gradient, and the powers of its two betas.
    pub optimizer_values: u64,
    /// Multiply-adds of the forward pass for one row.
    pub multiply_adds_per_row: u64,
    /// Floating point operations of one training step: see [`Summary::training_flop`].
    pub training_step_flop: u64,
    /// Floating point operations of evaluating one chunk: see [`Summary::forward_flop`].
    pub evaluation_chunk_flop: u64,
    /// Memory of all outputs, which a training step holds at once, for the backward pass.
    pub output_bytes: Memory,
}

impl Summary {
    /// Computes the summary of a network.
    pub fn of(table: &Table) -> Self {
        let batch_rows = table.training.batch_size as u64;
        let placed = table.layers();
        let rows = placed.chunk_by(|a, b| std::ptr::eq(a.row, b.row));
        let layers: Vec<_> = rows.map(|row| LayerSummary::of(row, batch_rows)).collect();
        let sum = |of: fn(&LayerSummary) -> u64| layers.iter().map(of).sum::<u64>();
        let trainable_parameters = sum(|layer| layer.trainable_parameters);
        let mut summary = Self {
            network: table.name.clone(),
            batch_rows,
            chunk_rows: CHUNK_ROWS,
            input_shape: RowShape::new(table.input_shape),
            totals: Totals {
                trainable_parameters,
                moving_averages: sum(|layer| layer.moving_averages),
                optimizer_values: 2 * trainable_parameters + 2,
                multiply_adds_per_row: sum(|layer| layer.multiply_adds_per_row),
                training_step_flop: 0,
                evaluation_chunk_flop: 0,
                output_bytes: Memory::per_row(sum(|layer| layer.output_bytes.per_row), batch_rows),
            },
            layers,
        };
        summary.totals.training_step_flop = summary.training_flop(batch_rows);
        summary.totals.evaluation_chunk_flop = summary.forward_flop(CHUNK_ROWS);
        summary
    }

    /// Floating point operations of a forward pass over `rows` rows: two a multiply-add.
    pub fn forward_flop(&self, rows: u64) -> u64 {
        2 * self.totals.multiply_adds_per_row * rows
    }

    /// Floating point operations of one training step on `rows` rows: the forward pass, and twice that for the way
    /// back, which computes a gradient for the weights and one for the input. (The first layer's input needs none:
    /// this customary count is that much too high, here a few per cent or less.)
    pub fn training_flop(&self, rows: u64) -> u64 {
        3 * self.forward_flop(rows)
    }

    /// As a table in Markdown, a row for each layer: its name, what it computes, its output and its parameters.
    pub fn to_markdown(&self) -> String {
        let mut text = format!("**{}**, from images {}\n\n", self.network, self.input_shape);
        text += "| layer | computes | output | trainable | moving averages |\n|---|---|---|--:|--:|\n";
        for layer in &self.layers {
            let (name, output) = (&layer.name, &layer.output_shape);
            let (trainable, moving) = (layer.trainable_parameters, layer.moving_averages);
            // Writing into a string cannot fail.
            let computes = layer.computes();
            let _ = writeln!(text, "| {name} | {computes} | {output} | {trainable} | {moving} |");
        }
        let (trainable, moving) = (self.totals.trainable_parameters, self.totals.moving_averages);
        let _ = writeln!(text, "| total | | | {trainable} | {moving} |");
        text
    }

    /// The row that takes the most memory while it runs.
    pub fn widest_layer(&self) -> Option<&LayerSummary> {
        self.layers.iter().max_by_key(|layer| layer.bytes_at_once(1))
    }
}

impl LayerSummary {
    fn of(row: &[Placed<'_>], batch_rows: u64) -> Self {
        let (first, name) = (&row[0].input, row[0].row.name.clone());
        let output_of = |placed: &Placed<'_>| placed.layer.output(&placed.input).unwrap_or_default();
        let output_shape = RowShape::new(row.last().map(output_of).unwrap_or_default());
        let variables: Vec<_> = row.iter().flat_map(Placed::variables).collect();
        let count = |trainable| {
            let counted = variables.iter().filter(|variable| variable.trainable == trainable);
            counted.map(|variable| variable.shape.iter().product::<u64>()).sum()
        };
        let windows = || row.iter().filter_map(|placed| Some((placed, WindowSummary::of(placed)?)));
        Self {
            name,
            input_shape: RowShape::new(first.clone()),
            operations: row
                .iter()
                .map(|placed| OperationSummary::of(&placed.layer, output_of(placed)))
                .collect(),
            output_bytes: Memory::of(&output_shape, batch_rows),
            output_shape,
            window: windows().next().map(|(_, window)| window),
            trainable_parameters: count(true),
            moving_averages: count(false),
            variables,
            multiply_adds_per_row: row.iter().map(|placed| placed.layer.multiply_adds(&placed.input)).sum(),
            gpu_padded_copy: windows()
                .filter(|(placed, _)| matches!(placed.layer, Layer::Conv2d(_)))
                .find_map(|(placed, window)| PaddedCopy::of(&placed.input, window, batch_rows)),
        }
    }

    /// Bytes of GPU memory that `rows` rows need while the row runs, at the least: its input, the padded copy of it if
    /// there is one, and its output.
    pub fn bytes_at_once(&self, rows: u64) -> u64 {
        let copy = self.gpu_padded_copy.as_ref().map_or(0, |copy| copy.bytes.at(rows));
        Memory::of(&self.input_shape, rows).at(rows) + copy + self.output_bytes.at(rows)
    }
}

impl OperationSummary {
    fn of(layer: &Layer, output: Vec<u64>) -> Self {
        let arguments = match serde_json::to_value(layer) {
            Ok(Value::Object(mut kinds)) => kinds.remove(layer.kind()),
            _ => None,
        };
        let (op, arguments) = match arguments {
            Some(Value::String(activation)) => (activation, Map::new()),
            Some(Value::Object(arguments)) => (layer.kind().to_owned(), arguments),
            _ => (layer.kind().to_owned(), Map::new()),
        };
        Self { op, arguments, output_shape: RowShape::new(output) }
    }
}

impl WindowSummary {
    fn of(placed: &Placed<'_>) -> Option<Self> {
        let (window, &[height, width, _]) = (placed.layer.window()?, placed.input.as_slice()) else {
            return None;
        };
        let along = |axis: usize, size: u64| {
            window.padding.windows(size, window.size.0[axis], window.strides.0[axis])
        };
        let (down, across) = (along(0, height), along(1, width));
        let padded = |size: u64, (_, before, after): (u64, u64, u64)| size + before + after;
        Some(Self {
            kernel_size: window.size,
            strides: window.strides,
            padding: window.padding,
            input_size: Pair([height, width]),
            padding_before: Pair([down.1, across.1]),
            padding_after: Pair([down.2, across.2]),
            padded_size: Pair([padded(height, down), padded(width, across)]),
            windows: Pair([down.0, across.0]),
        })
    }
}

/// A padding as TensorFlow's ops have it.
fn name_of<S: Serializer>(padding: &Padding, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(padding.as_str())
}

impl PaddedCopy {
    fn of(input: &[u64], window: WindowSummary, batch_rows: u64) -> Option<Self> {
        let missing = |axis: usize| window.padding_after.0[axis].abs_diff(window.padding_before.0[axis]);
        let &[height, width, channels] = input else {
            return None;
        };
        if missing(0) + missing(1) == 0 {
            return None;
        }
        let shape = RowShape::new([channels, height + missing(0), width + missing(1)]);
        let bytes = Memory::of(&shape, batch_rows);
        Some(Self { shape, bytes })
    }
}
