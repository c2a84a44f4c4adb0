//! What a network consists of, in numbers: shapes, padding, parameters, work and memory, layer by layer. Plain
//! arithmetic, which needs no TensorFlow; `tests/describe.rs` holds it against the graphs that are really built.

mod operation;
mod recipe;
mod shape;

pub use operation::{Operation, VariableSummary, Window};
pub use shape::{Memory, RowShape};

use super::{Kind, SIDE};
use serde::Serialize;

/// Rows of a training step, unless the user says otherwise.
pub const BATCH_ROWS: u64 = 100;
/// Rows evaluated at a time, unless the user says otherwise.
pub const CHUNK_ROWS: u64 = 1000;

/// A network in numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// The network's name.
    pub network: &'static str,
    /// [`BATCH_ROWS`], which every `batch` below means.
    pub batch_rows: u64,
    /// [`CHUNK_ROWS`], which every `chunk` below means.
    pub chunk_rows: u64,
    /// The images that the first layer takes.
    pub input_shape: RowShape,
    /// The layers, from the images to the logits.
    pub layers: Vec<LayerSummary>,
    /// All layers together.
    pub totals: Totals,
}

/// One layer in numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LayerSummary {
    /// The layer's name, such as `conv1`.
    pub name: &'static str,
    /// What it is handed.
    pub input_shape: RowShape,
    /// What it computes, in order.
    pub operations: Vec<OperationSummary>,
    /// What it hands on.
    pub output_shape: RowShape,
    /// The window that moves over the input of a convolution or a pool.
    pub window: Option<Window>,
    /// Its variables, in the order in which the graph makes them.
    pub variables: Vec<VariableSummary>,
    /// Values that the optimizer changes.
    pub trainable_parameters: u64,
    /// Values that batch norm keeps for use after training.
    pub moving_averages: u64,
    /// Multiply-adds of the forward pass for one row, those with padding's zeros included. Only convolutions and
    /// matrix products count: what a bias, batch norm, an activation or a pool adds is a few operations a value.
    pub multiply_adds_per_row: u64,
    /// Memory of the output.
    pub output_bytes: Memory,
    /// The copy of its input that a convolution makes on a GPU, where the padding is lopsided.
    pub gpu_padded_copy: Option<PaddedCopy>,
}

/// One operation of a layer and what comes out of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OperationSummary {
    /// The operation.
    #[serde(flatten)]
    pub operation: Operation,
    /// Its output.
    pub output_shape: RowShape,
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

/// All layers of a network together.
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
    /// Computes the summary of a network with its default options.
    pub fn of(kind: Kind) -> Self {
        let input_shape = RowShape::new([SIDE, SIDE, 1]);
        let mut shape = input_shape.clone();
        let mut batch_norms = 0;
        let mut layers = Vec::new();
        for (name, operations) in recipe::layers(kind) {
            let layer = LayerSummary::of(name, &operations, shape, &mut batch_norms);
            shape = layer.output_shape.clone();
            layers.push(layer);
        }
        Self {
            network: kind.name(),
            batch_rows: BATCH_ROWS,
            chunk_rows: CHUNK_ROWS,
            input_shape,
            totals: Totals::of(&layers),
            layers,
        }
    }

    /// Floating point operations of a forward pass over `rows` rows: two a multiply-add.
    pub fn forward_flop(&self, rows: u64) -> u64 {
        forward_flop(self.totals.multiply_adds_per_row, rows)
    }

    /// Floating point operations of one training step on `rows` rows: the forward pass, and twice that for the way
    /// back, which computes a gradient for the weights and one for the input. (The first layer's input needs none:
    /// this customary count is that much too high, here a few per cent or less.)
    pub fn training_flop(&self, rows: u64) -> u64 {
        3 * self.forward_flop(rows)
    }

    /// The layer that takes the most memory while it runs.
    pub fn widest_layer(&self) -> Option<&LayerSummary> {
        self.layers.iter().max_by_key(|layer| layer.bytes_at_once(1))
    }
}

fn forward_flop(multiply_adds_per_row: u64, rows: u64) -> u64 {
    2 * multiply_adds_per_row * rows
}

impl LayerSummary {
    fn of(name: &'static str, operations: &[Operation], input: RowShape, batch_norms: &mut usize) -> Self {
        let mut shape = input.clone();
        let mut steps = Vec::new();
        let mut window = None;
        let mut variables = Vec::new();
        let mut multiply_adds_per_row = 0;
        let mut gpu_padded_copy = None;
        for &operation in operations {
            let here = operation.window(&shape);
            if let (Operation::Conv2d { .. }, Some(window)) = (operation, here) {
                gpu_padded_copy = PaddedCopy::of(&shape, window);
            }
            window = window.or(here);
            variables.extend(operation.variables(name, &shape, batch_norms));
            multiply_adds_per_row += operation.multiply_adds(&shape);
            shape = operation.output(&shape);
            steps.push(OperationSummary {
                operation,
                output_shape: shape.clone(),
            });
        }
        let count = |trainable| {
            let counted = variables
                .iter()
                .filter(|variable| variable.trainable == trainable);
            counted.map(VariableSummary::values).sum()
        };
        Self {
            name,
            input_shape: input,
            operations: steps,
            output_bytes: Memory::of(&shape),
            output_shape: shape,
            window,
            trainable_parameters: count(true),
            moving_averages: count(false),
            variables,
            multiply_adds_per_row,
            gpu_padded_copy,
        }
    }

    /// Bytes of GPU memory that `rows` rows need while the layer runs, at the least: its input, the padded copy of it
    /// if there is one, and its output.
    pub fn bytes_at_once(&self, rows: u64) -> u64 {
        let copy = self
            .gpu_padded_copy
            .as_ref()
            .map_or(0, |copy| copy.bytes.at(rows));
        Memory::of(&self.input_shape).at(rows) + copy + self.output_bytes.at(rows)
    }
}

impl PaddedCopy {
    fn of(input: &RowShape, window: Window) -> Option<Self> {
        let missing = window.padding_after.abs_diff(window.padding_before);
        let (&[height, width, channels], 1..) = (input.dims(), missing) else {
            return None;
        };
        let shape = RowShape::new([channels, height + missing, width + missing]);
        Some(Self {
            bytes: Memory::of(&shape),
            shape,
        })
    }
}

impl Totals {
    fn of(layers: &[LayerSummary]) -> Self {
        let sum = |of: fn(&LayerSummary) -> u64| layers.iter().map(of).sum::<u64>();
        let trainable_parameters = sum(|layer| layer.trainable_parameters);
        let multiply_adds_per_row = sum(|layer| layer.multiply_adds_per_row);
        Self {
            trainable_parameters,
            moving_averages: sum(|layer| layer.moving_averages),
            optimizer_values: 2 * trainable_parameters + 2,
            multiply_adds_per_row,
            training_step_flop: 3 * forward_flop(multiply_adds_per_row, BATCH_ROWS),
            evaluation_chunk_flop: forward_flop(multiply_adds_per_row, CHUNK_ROWS),
            output_bytes: Memory::per_row(sum(|layer| layer.output_bytes.per_row)),
        }
    }
}

#[cfg(test)]
mod tests;
