//! The kinds of layers, with Keras's argument names, and what each does to a row's shape and adds to its variables.

use super::{NetworkVariable, Range};
use crate::graph::{Activation, BatchNormConfig, Padding, Pair};
use serde::{Deserialize, Serialize};

/// One layer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Layer {
    /// A two-dimensional convolution, `[rows, height, width, channels]` to `[rows, height', width', filters]`.
    Conv2d(Conv2d),
    /// A fully connected layer, `[rows, inputs]` to `[rows, units]`.
    Dense(Dense),
    /// Batch normalization over all axes but the last.
    BatchNormalization(BatchNormConfig),
    /// An element-wise function.
    Activation(Activation),
    /// The greatest value of each window.
    MaxPooling2d(Pooling2d),
    /// The mean of each window; of what lies in the image, where it is padded.
    AveragePooling2d(Pooling2d),
    /// `[rows, height, width, channels]` to `[rows, height * width * channels]`.
    Flatten {},
    /// Inverted dropout, in training only.
    Dropout {
        /// Share of the values that are dropped, `0 <= rate < 1`.
        rate: f32,
    },
}

/// The arguments of [`Layer::Conv2d`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv2d {
    /// Output channels.
    pub filters: u64,
    /// Height and width of the kernel.
    pub kernel_size: Pair,
    /// Steps of the window, downwards and to the right.
    #[serde(default)]
    pub strides: Pair,
    /// Treatment of the borders.
    #[serde(default)]
    pub padding: Padding,
    /// Whether a bias is added.
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    pub use_bias: bool,
}

/// The arguments of [`Layer::Dense`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dense {
    /// Length of the output.
    pub units: u64,
    /// Whether a bias is added.
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    pub use_bias: bool,
}

/// The arguments of [`Layer::MaxPooling2d`] and [`Layer::AveragePooling2d`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pooling2d {
    /// Height and width of the window.
    pub pool_size: Pair,
    /// Steps of the window; without them, the windows lie side by side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strides: Option<Pair>,
    /// Treatment of the borders.
    #[serde(default)]
    pub padding: Padding,
}

fn yes() -> bool {
    true
}

/// A window that moves over an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Its height and width.
    pub size: Pair,
    /// Its steps.
    pub strides: Pair,
    /// Treatment of the borders.
    pub padding: Padding,
}

impl Pooling2d {
    /// Its window.
    pub fn window(&self) -> Window {
        Window {
            size: self.pool_size,
            strides: self.strides.unwrap_or(self.pool_size),
            padding: self.padding,
        }
    }
}

impl Layer {
    /// Its name in a table: `conv2d`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Conv2d(_) => "conv2d",
            Self::Dense(_) => "dense",
            Self::BatchNormalization(_) => "batch_normalization",
            Self::Activation(_) => "activation",
            Self::MaxPooling2d(_) => "max_pooling2d",
            Self::AveragePooling2d(_) => "average_pooling2d",
            Self::Flatten {} => "flatten",
            Self::Dropout { .. } => "dropout",
        }
    }

    /// The window of a convolution or a pool.
    pub fn window(&self) -> Option<Window> {
        match self {
            Self::Conv2d(conv) => {
                Some(Window { size: conv.kernel_size, strides: conv.strides, padding: conv.padding })
            }
            Self::MaxPooling2d(pool) | Self::AveragePooling2d(pool) => Some(pool.window()),
            _ => None,
        }
    }

    /// The shape of a row behind the layer, `[height, width, channels]` or `[values]`, given that before it.
    ///
    /// # Errors
    /// Why the layer cannot take such a row.
    pub fn output(&self, input: &[u64]) -> Result<Vec<u64>, String> {
        match (self, input, self.window()) {
            (_, &[height, width, channels], Some(window)) => {
                let Pair([h, w]) = window.output_size(height, width)?;
                let channels = match self {
                    Self::Conv2d(conv) => conv.filters,
                    _ => channels,
                };
                Ok(vec![h, w, channels])
            }
            (_, _, Some(_)) => Err(format!(
                "it takes images, and is handed {} values a row; it belongs in front of `flatten`",
                input.iter().product::<u64>()
            )),
            (Self::Dense(dense), [_], _) => Ok(vec![dense.units]),
            (Self::Dense(_), _, _) => Err(format!(
                "it takes rows of values, and is handed images of {}; put a `flatten` in front of it",
                crate::networks::shown(input)
            )),
            (Self::Flatten {}, [_, _, _], _) => Ok(vec![input.iter().product()]),
            (Self::Flatten {}, ..) => Err("its input is flat already; leave it out".into()),
            _ => Ok(input.to_vec()),
        }
    }

    /// The variables that the layer, by the name `of`, makes for rows of shape `input`, in order.
    pub fn variables(&self, of: &str, input: &[u64]) -> Vec<NetworkVariable> {
        let variable = |name: &str, shape: &[u64]| NetworkVariable {
            name: format!("{of}/{name}"),
            shape: shape.to_vec(),
            trainable: !name.starts_with("moving_"),
        };
        let channels = input.last().copied().unwrap_or(1);
        let (kernel, units, use_bias) = match *self {
            Self::Conv2d(Conv2d { kernel_size: Pair([height, width]), filters, use_bias, .. }) => {
                (vec![height, width, channels, filters], filters, use_bias)
            }
            Self::Dense(dense) => (vec![channels, dense.units], dense.units, dense.use_bias),
            Self::BatchNormalization(_) => {
                let names = ["gamma", "beta", "moving_mean", "moving_variance"];
                return names.map(|name| variable(name, &[channels])).into();
            }
            _ => return Vec::new(),
        };
        let bias = use_bias.then(|| variable("bias", &[units]));
        [variable("kernel", &kernel)].into_iter().chain(bias).collect()
    }

    /// Multiply-adds for one row of shape `input`: for each output value, one a weight that it is summed over.
    pub fn multiply_adds(&self, input: &[u64]) -> u64 {
        let (Self::Conv2d(_) | Self::Dense(_)) = self else {
            return 0;
        };
        let weights: u64 = self.variables("", input)[0].shape.iter().product();
        let output = self.output(input).unwrap_or_default();
        weights * (output.iter().product::<u64>() / output.last().copied().unwrap_or(1).max(1))
    }

    /// What no table may hold, whatever the layer is handed.
    pub(super) fn check(&self) -> Result<(), String> {
        let within = |name: &str, value: u64, most: u64| match value {
            0 => Err(format!("{name} is 0; it is at least 1")),
            value if value > most => Err(format!("{name} is {value}; it is at most {most}")),
            _ => Ok(()),
        };
        if let Some(window) = self.window() {
            let named = if matches!(self, Self::Conv2d(_)) { "kernel_size" } else { "pool_size" };
            for (name, Pair(sizes)) in [(named, window.size), ("strides", window.strides)] {
                sizes.into_iter().try_for_each(|size| within(name, size, MOST_PIXELS))?;
            }
        }
        match *self {
            Self::Conv2d(conv) => within("filters", conv.filters, MOST_UNITS),
            Self::Dense(dense) => within("units", dense.units, MOST_UNITS),
            Self::Dropout { rate } if !Range::SHARE.contains(rate) => {
                Err(format!("rate is {rate}; it is {}", Range::SHARE.words))
            }
            Self::BatchNormalization(norm) if !Range::SHARE.contains(norm.momentum) => {
                Err(format!("momentum is {}; it is {}", norm.momentum, Range::SHARE.words))
            }
            Self::BatchNormalization(norm) if !Range::ABOVE_ZERO.contains(norm.epsilon) => {
                Err(format!("epsilon is {}; it is a number above 0", norm.epsilon))
            }
            _ => Ok(()),
        }
    }
}

/// The most filters or units of a layer.
const MOST_UNITS: u64 = 65_536;
/// The most rows or columns of an image or a window.
pub(super) const MOST_PIXELS: u64 = 1024;

impl Window {
    /// Positions of the window over an image, downwards and to the right.
    fn output_size(&self, height: u64, width: u64) -> Result<Pair, String> {
        let Pair([h, w]) = self.size;
        if self.padding == Padding::Valid && (h > height || w > width) {
            return Err(format!(
                "its window of {h}x{w} is larger than the {height}x{width} image that it is handed; \
                 make it smaller, or say padding = \"same\""
            ));
        }
        let Pair([down, right]) = self.strides;
        let count = |size, window, stride| self.padding.windows(size, window, stride).0;
        Ok(Pair([count(height, h, down), count(width, w, right)]))
    }
}
