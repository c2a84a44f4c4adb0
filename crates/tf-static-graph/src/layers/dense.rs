//! Fully connected layers, and the flattening in front of them.

use crate::error::Result;
use crate::initializer::Initializer;
use crate::layers::activation::Activation;
use crate::layers::convolution::finish;
use crate::scope::Scope;
use crate::variable::Variable;
use tensorflow::Output;

/// A fully connected layer with its variables, y = x·kernel + bias; `tf.layers.dense`.
#[derive(Debug, Clone)]
pub struct Dense {
    name: String,
    /// float32 [in, out], glorot uniform at first.
    pub kernel: Variable,
    /// float32 `[out]`, zero at first, if there is one.
    pub bias: Option<Variable>,
    activation: Option<Activation>,
}

impl Dense {
    /// Makes the variables `name/kernel` and `name/bias`.
    ///
    /// # Errors
    /// A variable of that name is there already.
    pub fn new(
        scope: &Scope,
        name: &str,
        inputs: u64,
        outputs: u64,
        activation: Option<Activation>,
    ) -> Result<Self> {
        let layer = Self::without_bias(scope, name, inputs, outputs, activation)?;
        let bias = Variable::new(scope, &format!("{name}/bias"), &[outputs], Initializer::Zeros)?;
        Ok(Self { bias: Some(bias), ..layer })
    }

    /// As [`new`](Self::new), y = x·kernel: without the variable `name/bias`.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn without_bias(
        scope: &Scope,
        name: &str,
        inputs: u64,
        outputs: u64,
        activation: Option<Activation>,
    ) -> Result<Self> {
        let shape = [inputs, outputs];
        let kernel = Variable::new(scope, &format!("{name}/kernel"), &shape, Initializer::GlorotUniform)?;
        Ok(Self { name: name.to_owned(), kernel, bias: None, activation })
    }

    /// Maps float32 `[rows, in]` to `[rows, out]`.
    pub fn apply(&self, scope: &Scope, x: &Output) -> Result<Output> {
        self.apply_with(scope, x, self.kernel.read(), self.bias.as_ref().map(Variable::read))
    }

    /// Whether it has no activation of its own.
    pub fn is_linear(&self) -> bool {
        self.activation.is_none()
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
        let product = scope
            .op("MatMul", "MatMul")
            .inputs([x, kernel])
            .boolean("transpose_a", false)
            .boolean("transpose_b", false)
            .output()?;
        finish(&scope, product, bias, self.activation)
    }

    /// What follows the product x·kernel, float32 `[rows, out]`, made elsewhere: bias and activation.
    pub fn complete(&self, scope: &Scope, product: Output) -> Result<Output> {
        let bias = self.bias.as_ref().map(Variable::read);
        finish(&scope.name_scope(&self.name), product, bias, self.activation)
    }
}

/// Gives `x` the shape `dims`, where -1 stands for the rest, in row-major order; `tf.reshape`. Flattening
/// [rows, height, width, channels] is `reshape(scope, &x, &[-1, height * width * channels])`.
pub fn reshape(scope: &Scope, x: &Output, dims: &[i32]) -> Result<Output> {
    // The shape belongs below the node's own name, which is not known before it is made unique.
    let inner = scope.name_scope("Reshape");
    let shape = inner.constant("shape", &[dims.len() as u64], dims)?;
    inner.op_named_as_scope("Reshape").input(x).input(&shape).output()
}
