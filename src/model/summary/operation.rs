//! What a layer is made of, and what each piece does to shapes, parameters and work.

use super::shape::RowShape;
use crate::graph::Padding;
use serde::{Serialize, Serializer};
use std::fmt;

/// A piece of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Operation {
    /// A two-dimensional convolution and its bias.
    Conv2d {
        /// Output channels.
        filters: u64,
        /// Height and width of the kernel.
        kernel_size: u64,
        /// Step of the window along both axes.
        stride: u64,
        /// Treatment of the borders.
        #[serde(serialize_with = "name_of")]
        padding: Padding,
    },
    /// The greatest value of each window.
    MaxPool {
        /// Height and width of the window.
        kernel_size: u64,
        /// Step of the window along both axes.
        stride: u64,
        /// Treatment of the borders.
        #[serde(serialize_with = "name_of")]
        padding: Padding,
    },
    /// [rows, height, width, channels] to [rows, height * width * channels].
    Flatten,
    /// A matrix product and its bias.
    Dense {
        /// Length of the output.
        units: u64,
    },
    /// Batch normalization over all axes but the last.
    BatchNorm,
    /// max(x, 0).
    Relu,
    /// The scaled exponential linear unit.
    Selu,
    /// Dropout; in training only.
    Dropout {
        /// How likely a value is dropped.
        rate: f32,
    },
}

/// A square window on its way over a square image, along either axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Window {
    /// Height and width of the window.
    pub kernel_size: u64,
    /// Its step.
    pub stride: u64,
    /// Treatment of the borders.
    #[serde(serialize_with = "name_of")]
    pub padding: Padding,
    /// Height and width of the image.
    pub input_size: u64,
    /// Rows of padding above the image and columns left of it.
    pub padding_before: u64,
    /// Rows of padding below the image and columns right of it.
    pub padding_after: u64,
    /// Height and width of the image with its padding.
    pub padded_size: u64,
    /// Positions of the window along an axis, the height and width of the output.
    pub windows: u64,
}

/// A variable of a layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VariableSummary {
    /// Its name, which is its key in a checkpoint.
    pub name: String,
    /// Its shape.
    pub shape: Vec<u64>,
    /// Whether the optimizer changes it; otherwise it is a moving average.
    pub trainable: bool,
}

impl VariableSummary {
    /// The number of values.
    pub fn values(&self) -> u64 {
        self.shape.iter().product()
    }
}

impl Window {
    fn new(input: &RowShape, kernel_size: u64, stride: u64, padding: Padding) -> Self {
        let input_size = input.side();
        let (windows, padding_before, padding_after) = padding.windows(input_size, kernel_size, stride);
        Self {
            kernel_size,
            stride,
            padding,
            input_size,
            padding_before,
            padding_after,
            padded_size: padding_before + input_size + padding_after,
            windows,
        }
    }
}

impl Operation {
    pub(super) fn window(self, input: &RowShape) -> Option<Window> {
        match self {
            Self::Conv2d {
                kernel_size,
                stride,
                padding,
                ..
            }
            | Self::MaxPool {
                kernel_size,
                stride,
                padding,
            } => Some(Window::new(input, kernel_size, stride, padding)),
            _ => None,
        }
    }

    pub(super) fn output(self, input: &RowShape) -> RowShape {
        match (self, self.window(input)) {
            (Self::Conv2d { filters, .. }, Some(Window { windows, .. })) => {
                RowShape::new([windows, windows, filters])
            }
            (_, Some(Window { windows, .. })) => RowShape::new([windows, windows, input.channels()]),
            (Self::Flatten, _) => RowShape::new([input.values()]),
            (Self::Dense { units }, _) => RowShape::new([units]),
            _ => input.clone(),
        }
    }

    /// The variables made, where `layer` gives them its name. TF1 numbers batch norms through the whole network.
    pub(super) fn variables(
        self,
        layer: &str,
        input: &RowShape,
        batch_norms: &mut usize,
    ) -> Vec<VariableSummary> {
        let variable = |scope: &str, name: &str, shape: &[u64], trainable| VariableSummary {
            name: format!("{scope}/{name}"),
            shape: shape.to_vec(),
            trainable,
        };
        let channels = input.channels();
        match self {
            Self::Conv2d {
                filters, kernel_size, ..
            } => vec![
                variable(
                    layer,
                    "kernel",
                    &[kernel_size, kernel_size, channels, filters],
                    true,
                ),
                variable(layer, "bias", &[filters], true),
            ],
            Self::Dense { units } => vec![
                variable(layer, "kernel", &[input.values(), units], true),
                variable(layer, "bias", &[units], true),
            ],
            Self::BatchNorm => {
                let scope = match *batch_norms {
                    0 => "batch_normalization".to_owned(),
                    number => format!("batch_normalization_{number}"),
                };
                *batch_norms += 1;
                vec![
                    variable(&scope, "gamma", &[channels], true),
                    variable(&scope, "beta", &[channels], true),
                    variable(&scope, "moving_mean", &[channels], false),
                    variable(&scope, "moving_variance", &[channels], false),
                ]
            }
            _ => Vec::new(),
        }
    }

    /// Multiply-adds for one row: for each output value, one a weight that it is summed over.
    pub(super) fn multiply_adds(self, input: &RowShape) -> u64 {
        let summed_over = match self {
            Self::Conv2d { kernel_size, .. } => kernel_size * kernel_size * input.channels(),
            Self::Dense { .. } => input.values(),
            _ => 0,
        };
        self.output(input).values() * summed_over
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conv2d { .. } => formatter.write_str("convolution + bias"),
            Self::MaxPool { .. } => formatter.write_str("max pool"),
            Self::Flatten => formatter.write_str("flatten"),
            Self::Dense { .. } => formatter.write_str("matrix product + bias"),
            Self::BatchNorm => formatter.write_str("batch norm"),
            Self::Relu => formatter.write_str("ReLU"),
            Self::Selu => formatter.write_str("SELU"),
            Self::Dropout { rate } => write!(formatter, "dropout {rate} (in training only)"),
        }
    }
}

fn name_of<S: Serializer>(padding: &Padding, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(padding.as_str())
}
