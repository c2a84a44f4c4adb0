//! Two-dimensional convolution.

use crate::error::Result;
use crate::initializer::Initializer;
use crate::layers::activation::Activation;
use crate::layers::window::{Padding, Pair};
use crate::loss::cast;
use crate::scope::Scope;
use crate::variable::Variable;
use serde::{Deserialize, Serialize};
use tensorflow::{DataType, Output};

/// What a [`Conv2d`] computes besides its weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv2dConfig {
    /// Height and width of the kernel.
    pub kernel_size: Pair,
    /// Steps of the window.
    pub strides: Pair,
    /// Treatment of the borders.
    pub padding: Padding,
    /// Whether a bias is added.
    pub use_bias: bool,
    /// Applied to the sum, if any.
    pub activation: Option<Activation>,
    /// What the products are computed in.
    pub precision: Precision,
}

/// What the products of a convolution are computed in; everything else is float32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// float32.
    #[default]
    F32,
    /// bfloat16 factors, float32 sums: faster on a processor with AVX512_BF16 or AMX, slower elsewhere.
    Bf16,
}

impl Default for Conv2dConfig {
    fn default() -> Self {
        Self {
            kernel_size: 3.into(),
            strides: 1.into(),
            padding: Padding::Same,
            use_bias: true,
            activation: None,
            precision: Precision::F32,
        }
    }
}
/// A convolution with its variables; `tf.layers.conv2d`.
#[derive(Debug, Clone)]
pub struct Conv2d {
    name: String,
    /// float32 `[kernel height, kernel width, in, out]`, glorot uniform at first.
    pub kernel: Variable,
    /// float32 `[out]`, zero at first, if there is one.
    pub bias: Option<Variable>,
    config: Conv2dConfig,
}

impl Conv2d {
    /// Makes the variables `name/kernel` and `name/bias`.
    ///
    /// # Errors
    /// A variable of that name is there already, or TensorFlow refuses a node.
    pub fn new(scope: &Scope, name: &str, inputs: u64, outputs: u64, config: Conv2dConfig) -> Result<Self> {
        let Pair([height, width]) = config.kernel_size;
        Ok(Self {
            name: name.to_owned(),
            kernel: Variable::new(
                scope,
                &format!("{name}/kernel"),
                &[height, width, inputs, outputs],
                Initializer::GlorotUniform,
            )?,
            bias: bias(scope, name, outputs, config.use_bias)?,
            config,
        })
    }

    /// Convolves float32 `[rows, height, width, in]` to `[rows, height', width', out]`, adds the bias and applies the
    /// activation.
    ///
    /// # Errors
    /// The shape of `x` does not fit.
    pub fn apply(&self, scope: &Scope, x: &Output) -> Result<Output> {
        self.apply_with(scope, x, self.kernel.read(), self.bias.as_ref().map(Variable::read))
    }

    /// Whether it has no activation of its own.
    pub fn is_linear(&self) -> bool {
        self.config.activation.is_none()
    }

    /// The same with a kernel and bias of one's own, such as those that a batch norm was folded into.
    ///
    /// # Errors
    /// A shape does not fit.
    pub fn apply_with(
        &self,
        scope: &Scope,
        x: &Output,
        kernel: &Output,
        bias: Option<&Output>,
    ) -> Result<Output> {
        let scope = scope.name_scope(&self.name);
        let sums = to_f32(&scope, &self.convolve(&scope, x, kernel)?)?;
        let h = add_bias(&scope, sums, bias)?;
        match self.config.activation {
            Some(activation) => activation.apply(&scope, &h),
            None => Ok(h),
        }
    }

    /// The sums alone, without bias and activation, of the dtype of the layer's precision.
    ///
    /// # Errors
    /// A shape does not fit.
    pub fn sums(&self, scope: &Scope, x: &Output, kernel: &Output) -> Result<Output> {
        self.convolve(&scope.name_scope(&self.name), x, kernel)
    }

    fn convolve(&self, scope: &Scope, x: &Output, kernel: &Output) -> Result<Output> {
        let (x, kernel) = match self.config.precision {
            Precision::F32 => (x.clone(), kernel.clone()),
            Precision::Bf16 => {
                let to_bf16 = |x| cast(scope, "Cast", x, DataType::BFloat16);
                (to_bf16(x)?, to_bf16(kernel)?)
            }
        };
        scope
            .op("Conv2D", "Conv2D")
            .input(&x)
            .input(&kernel)
            .ints("strides", &self.config.strides.nhwc())
            .string("padding", self.config.padding.as_str())
            .string("data_format", "NHWC")
            .output()
    }
}

/// The variable `name/bias`, float32 `[outputs]`, if there is to be one.
pub(crate) fn bias(scope: &Scope, name: &str, outputs: u64, use_bias: bool) -> Result<Option<Variable>> {
    let bias = || Variable::new(scope, &format!("{name}/bias"), &[outputs], Initializer::Zeros);
    use_bias.then(bias).transpose()
}

/// `x` with a bias, if there is one.
pub(crate) fn add_bias(scope: &Scope, x: Output, bias: Option<&Output>) -> Result<Output> {
    match bias {
        Some(bias) => bias_add(scope, &x, bias),
        None => Ok(x),
    }
}

/// `x` as float32: itself, or converted.
///
/// # Errors
/// TensorFlow has no such conversion.
pub fn to_f32(scope: &Scope, x: &Output) -> Result<Output> {
    match x.operation.output_type(x.index as usize) {
        DataType::Float => Ok(x.clone()),
        _ => cast(scope, "Cast", x, DataType::Float),
    }
}

/// Adds `bias`, float32 `[channels]`, to float32 `[..., channels]`; `tf.nn.bias_add`.
///
/// # Errors
/// The shapes do not fit.
pub fn bias_add(scope: &Scope, x: &Output, bias: &Output) -> Result<Output> {
    scope.op("BiasAdd", "BiasAdd").input(x).input(bias).string("data_format", "NHWC").output()
}

#[cfg(test)]
mod tests {
    use super::Padding::{Same, Valid};

    #[test]
    fn same_padding_puts_the_odd_rest_behind() {
        // (windows, before, after), as TensorFlow computes them.
        assert_eq!(Same.windows(28, 3, 1), (28, 1, 1));
        assert_eq!(Same.windows(28, 3, 2), (14, 0, 1));
        assert_eq!(Same.windows(5, 2, 2), (3, 0, 1));
        assert_eq!(Same.windows(28, 1, 4), (7, 0, 0));
    }

    #[test]
    fn valid_padding_drops_the_rest() {
        assert_eq!(Valid.windows(28, 2, 2), (14, 0, 0));
        assert_eq!(Valid.windows(5, 2, 2), (2, 0, 0));
        assert_eq!(Valid.windows(2, 3, 1), (0, 0, 0));
    }
}
