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
    /// A variable of that name is there already.
    pub fn new(scope: &Scope, name: &str, inputs: u64, outputs: u64, config: Conv2dConfig) -> Result<Self> {
        let Pair([height, width]) = config.kernel_size;
        let variable = |variable: &str, shape: &[u64], initializer| {
            Variable::new(scope, &format!("{name}/{variable}"), shape, initializer)
        };
        let kernel = variable("kernel", &[height, width, inputs, outputs], Initializer::GlorotUniform)?;
        let bias = config.use_bias.then(|| variable("bias", &[outputs], Initializer::Zeros)).transpose()?;
        Ok(Self { name: name.to_owned(), kernel, bias, config })
    }

    /// Convolves float32 `[rows, height, width, in]` to `[rows, height', width', out]`, adds the bias and applies the
    /// activation.
    pub fn apply(&self, scope: &Scope, x: &Output) -> Result<Output> {
        self.apply_with(scope, x, self.kernel.read(), self.bias.as_ref().map(Variable::read))
    }

    /// Whether it has no activation of its own.
    pub fn is_linear(&self) -> bool {
        self.config.activation.is_none()
    }

    /// The same with a kernel and bias of one's own, such as those that a batch norm was folded into.
    pub fn apply_with(
        &self,
        scope: &Scope,
        x: &Output,
        kernel: &Output,
        bias: Option<&Output>,
    ) -> Result<Output> {
        let scope = scope.name_scope(&self.name);
        let sums = to_f32(&scope, &self.convolve(&scope, x, kernel)?)?;
        finish(&scope, sums, bias, self.config.activation)
    }

    /// The sums alone, without bias and activation, of the dtype of the layer's precision.
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
            .inputs([&x, &kernel])
            .ints("strides", &self.config.strides.nhwc())
            .string("padding", self.config.padding.as_str())
            .string("data_format", "NHWC")
            .output()
    }
}

/// `sums` with a bias and an activation, as far as there are any.
pub(crate) fn finish(
    scope: &Scope,
    sums: Output,
    bias: Option<&Output>,
    activation: Option<Activation>,
) -> Result<Output> {
    let sums = match bias {
        Some(bias) => bias_add(scope, &sums, bias)?,
        None => sums,
    };
    match activation {
        Some(activation) => activation.apply(scope, &sums),
        None => Ok(sums),
    }
}

/// `x` as float32: itself, or converted.
pub fn to_f32(scope: &Scope, x: &Output) -> Result<Output> {
    match x.operation.output_type(x.index as usize) {
        DataType::Float => Ok(x.clone()),
        _ => cast(scope, "Cast", x, DataType::Float),
    }
}

/// Adds `bias`, float32 `[channels]`, to float32 `[..., channels]`; `tf.nn.bias_add`.
pub fn bias_add(scope: &Scope, x: &Output, bias: &Output) -> Result<Output> {
    scope.op("BiasAdd", "BiasAdd").input(x).input(bias).string("data_format", "NHWC").output()
}
