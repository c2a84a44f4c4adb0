//! The convolutions of the optimized network by the ops of [`crate::kernels`]: from the images to the pooled features.

use crate::graph::{BatchNorm, Conv2d, Result, Scope, Variable};
use crate::kernels::op_type;
use tensorflow::{Operation, Output};

/// conv1 and conv2 with their batch norms, SELU and the pool.
#[derive(Debug, Clone, Copy)]
pub(super) struct FusedConvolutions<'a> {
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

impl FusedConvolutions<'_> {
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
            .op(op_type::FEATURES, "features")
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
        let scope = scope.name_scope("conv");
        let first = scope
            .op(op_type::FIRST_LAYER, "conv1")
            .input(images)
            .input(self.conv1.kernel.read())
            .input(self.conv1.bias.read())
            .input(self.norm1.gamma.read())
            .input(self.norm1.beta.read())
            .build()?;
        self.norm1
            .update_moving_averages(&scope, &first.output(1), &first.output(3))?;
        let second = scope
            .op(op_type::SECOND_LAYER, "conv2")
            .input(&first.output(0))
            .input(self.conv2.kernel.read())
            .input(self.conv2.bias.read())
            .build()?;
        self.norm2
            .update_moving_averages(&scope, &second.output(1), &second.output(3))?;
        let features = scope
            .op(op_type::POOL_LAYER, "pool3")
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

    /// Whether `variable` is one of these layers'.
    pub fn has(&self, variable: &Variable) -> bool {
        let biases = [&self.conv1.bias, &self.conv2.bias];
        let mut all = self.trained_variables().into_iter().chain(biases);
        all.any(|own| own.name() == variable.name())
    }

    /// The variables that are trained. The biases are not: the batch norms behind take them out again.
    pub fn trained_variables(&self) -> [&Variable; 6] {
        [
            &self.conv1.kernel,
            &self.norm1.gamma,
            &self.norm1.beta,
            &self.conv2.kernel,
            &self.norm2.gamma,
            &self.norm2.beta,
        ]
    }

    /// The gradients in [`Self::trained_variables`], in their order, of a loss whose gradient in `pass.features` is
    /// `gradient`.
    pub fn gradients(&self, scope: &Scope, pass: &Pass, gradient: &Output) -> Result<[Output; 6]> {
        let scope = scope.name_scope("conv");
        let pool = scope
            .op(op_type::POOL_LAYER_GRAD, "pool3")
            .input(gradient)
            .input(&pass.features)
            .input(&pass.second.output(0))
            .input(&pass.second.output(1))
            .input(&pass.second.output(2))
            .input(self.norm2.gamma.read())
            .input(self.norm2.beta.read())
            .build()?;
        let kernel2 = scope
            .op(op_type::SECOND_LAYER_KERNEL_GRAD, "conv2_kernel")
            .input(&pool.output(0))
            .input(&pass.first.output(0))
            .output()?;
        let hidden = scope
            .op(op_type::SECOND_LAYER_INPUT_GRAD, "conv2_input")
            .input(&pool.output(0))
            .input(self.conv2.kernel.read())
            .output()?;
        let first = scope
            .op(op_type::FIRST_LAYER_GRAD, "conv1")
            .input(&hidden)
            .input(&pass.first.output(0))
            .input(&pass.images)
            .input(self.conv1.kernel.read())
            .input(self.conv1.bias.read())
            .input(self.norm1.gamma.read())
            .input(&pass.first.output(1))
            .input(&pass.first.output(2))
            .build()?;
        Ok([
            first.output(0),
            first.output(1),
            first.output(2),
            kernel2,
            pool.output(1),
            pool.output(2),
        ])
    }
}
