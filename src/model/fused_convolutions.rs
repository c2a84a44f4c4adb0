//! The convolutions of the networks by the ops of [`crate::kernels`]: from the images to the pooled features.

use crate::graph::{BatchNorm, Conv2d, Loss, Result, Scope, Variable, gradients_at};
use crate::kernels::{BATCH_NORM_EPSILON, OpTypes};
use tensorflow::{Operation, Output};

/// Variables and the gradient of a loss in each.
pub(super) type Gradients = (Vec<Variable>, Vec<Output>);

/// The gradients of `loss` in `variables`: behind `features` by TensorFlow's registry, which knows no gradient of the ops
/// that made them; before, those that `before` takes from the gradient in `features`. `layers` are all variables of the
/// layers before.
pub(super) fn gradients_across(
    scope: &Scope,
    loss: &Loss,
    variables: &[Variable],
    features: &Output,
    layers: &[&Variable],
    before: impl FnOnce(&Output) -> Result<Vec<(Variable, Output)>>,
) -> Result<Gradients> {
    let is_before = |variable: &&Variable| layers.iter().any(|layer| layer.name() == variable.name());
    let behind: Vec<_> = variables
        .iter()
        .filter(|variable| !is_before(variable))
        .cloned()
        .collect();
    let mut outputs: Vec<_> = behind.iter().map(|variable| variable.read().clone()).collect();
    outputs.push(features.clone());
    let mut gradients = gradients_at(scope, loss, &outputs)?;
    let in_features = gradients.swap_remove(behind.len()); // the last
    let pairs = before(&in_features)?;
    let (own, own_gradients): Gradients = pairs.into_iter().unzip();
    Ok(([behind, own].concat(), [gradients, own_gradients].concat()))
}

/// conv1 and conv2 with their batch norms, SELU and the pool.
#[derive(Debug, Clone, Copy)]
pub(super) struct FusedConvolutions<'a> {
    pub ops: OpTypes,
    pub conv1: &'a Conv2d,
    pub norm1: &'a BatchNorm,
    pub conv2: &'a Conv2d,
    pub norm2: &'a BatchNorm,
}

/// What a pass in training leaves for its gradients.
#[derive(Debug, Clone)]
pub(super) struct Pass {
    images: Output,
    first: Operation,
    second: Operation,
    /// float32 `[rows, 14, 14, 32]`.
    pub features: Output,
}

impl<'a> FusedConvolutions<'a> {
    /// The features of `images`, float32 `[rows, 28, 28, 1]`, in use: float32 `[rows, 14, 14, 32]`.
    pub fn apply(&self, scope: &Scope, images: &Output) -> Result<Output> {
        let scope = scope.name_scope("conv");
        let first = self
            .norm1
            .fold(&scope, self.conv1.kernel.read(), self.conv1.bias.read())?;
        let second = self
            .norm2
            .fold(&scope, self.conv2.kernel.read(), self.conv2.bias.read())?;
        scope
            .op(self.ops.features, "features")
            .input(images)
            .input(&first.kernel)
            .input(&first.bias)
            .input(&second.kernel)
            .input(&second.bias)
            .output()
    }

    /// The same in training, by the statistics of the batch, towards which the moving averages are moved
    /// ([`Scope::update_ops`]).
    pub fn train(&self, scope: &Scope, images: &Output) -> Result<Pass> {
        for norm in [self.norm1, self.norm2] {
            assert_eq!(norm.epsilon(), BATCH_NORM_EPSILON, "the kernels have it built in");
        }
        let scope = scope.name_scope("conv");
        let first = scope
            .op(self.ops.first_layer, "conv1")
            .input(images)
            .input(self.conv1.kernel.read())
            .input(self.conv1.bias.read())
            .input(self.norm1.gamma.read())
            .input(self.norm1.beta.read())
            .build()?;
        self.norm1
            .update_moving_averages(&scope, &first.output(1), &first.output(3))?;
        let second = scope
            .op(self.ops.second_layer, "conv2")
            .input(&first.output(0))
            .input(self.conv2.kernel.read())
            .input(self.conv2.bias.read())
            .build()?;
        self.norm2
            .update_moving_averages(&scope, &second.output(1), &second.output(3))?;
        let features = scope
            .op(self.ops.pool_layer, "pool3")
            .input(&second.output(0))
            .input(&second.output(1))
            .input(&second.output(2))
            .input(self.norm2.gamma.read())
            .input(self.norm2.beta.read())
            .output()?;
        Ok(Pass {
            images: images.clone(),
            first,
            second,
            features,
        })
    }

    /// All variables that a gradient may be asked of.
    pub fn variables(&self) -> [&'a Variable; 8] {
        [
            &self.conv1.kernel,
            &self.conv1.bias,
            &self.norm1.gamma,
            &self.norm1.beta,
            &self.conv2.kernel,
            &self.conv2.bias,
            &self.norm2.gamma,
            &self.norm2.beta,
        ]
    }

    /// The gradients of a loss whose gradient in `pass.features` is `gradient`. None in the biases: the batch norms behind
    /// take those out again.
    pub fn gradients(
        &self,
        scope: &Scope,
        pass: &Pass,
        gradient: &Output,
    ) -> Result<Vec<(Variable, Output)>> {
        let scope = scope.name_scope("conv");
        let pool = scope
            .op(self.ops.pool_layer_grad, "pool3")
            .input(gradient)
            .input(&pass.features)
            .input(&pass.second.output(0))
            .input(&pass.second.output(1))
            .input(&pass.second.output(2))
            .input(self.norm2.gamma.read())
            .input(self.norm2.beta.read())
            .build()?;
        let kernel2 = scope
            .op(self.ops.second_layer_kernel_grad, "conv2_kernel")
            .input(&pool.output(0))
            .input(&pass.first.output(0))
            .output()?;
        let hidden = scope
            .op(self.ops.second_layer_input_grad, "conv2_input")
            .input(&pool.output(0))
            .input(self.conv2.kernel.read())
            .output()?;
        let first = scope
            .op(self.ops.first_layer_grad, "conv1")
            .input(&hidden)
            .input(&pass.first.output(0))
            .input(&pass.images)
            .input(self.conv1.kernel.read())
            .input(self.conv1.bias.read())
            .input(self.norm1.gamma.read())
            .input(&pass.first.output(1))
            .input(&pass.first.output(2))
            .input(&pass.first.output(4))
            .build()?;
        Ok([
            (&self.conv1.kernel, first.output(0)),
            (&self.norm1.gamma, first.output(1)),
            (&self.norm1.beta, first.output(2)),
            (&self.conv2.kernel, kernel2),
            (&self.norm2.gamma, pool.output(1)),
            (&self.norm2.beta, pool.output(2)),
        ]
        .map(|(variable, gradient)| (variable.clone(), gradient))
        .into())
    }
}

/// The baseline's convolutions with ReLU and the pool.
#[derive(Debug, Clone, Copy)]
pub(super) struct FusedBaseline<'a> {
    pub ops: OpTypes,
    pub conv1: &'a Conv2d,
    pub conv2: &'a Conv2d,
}

impl<'a> FusedBaseline<'a> {
    /// From `images`, float32 `[rows, 28, 28, 1]`: output 0 is the features, float32 `[rows, 7, 7, 32]`.
    pub fn apply(&self, scope: &Scope, images: &Output) -> Result<Operation> {
        let scope = scope.name_scope("conv");
        scope
            .op(self.ops.baseline_features, "features")
            .input(images)
            .input(self.conv1.kernel.read())
            .input(self.conv1.bias.read())
            .input(self.conv2.kernel.read())
            .input(self.conv2.bias.read())
            .build()
    }

    pub fn variables(&self) -> [&'a Variable; 4] {
        [
            &self.conv1.kernel,
            &self.conv1.bias,
            &self.conv2.kernel,
            &self.conv2.bias,
        ]
    }

    /// The gradients of a loss whose gradient in the features is `gradient`.
    pub fn gradients(
        &self,
        scope: &Scope,
        images: &Output,
        features: &Operation,
        gradient: &Output,
    ) -> Result<Vec<(Variable, Output)>> {
        let scope = scope.name_scope("conv");
        let found = scope
            .op(self.ops.baseline_features_grad, "features")
            .input(gradient)
            .input(&features.output(0))
            .input(&features.output(1))
            .input(images)
            .input(self.conv1.kernel.read())
            .input(self.conv1.bias.read())
            .input(self.conv2.kernel.read())
            .build()?;
        let variables = self.variables().into_iter().zip(0..);
        Ok(variables
            .map(|(variable, number)| (variable.clone(), found.output(number)))
            .collect())
    }
}
