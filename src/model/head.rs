//! The first layers of the two published networks by the ops of [`crate::kernels`]: from the images to the pooled features,
//! forwards and backwards.

use crate::graph::{
    BatchNorm, Conv2d, Dense, Dropout, Loss, OpBuilder, Result, Scope, Variable, gradients_at,
};
use crate::kernels::OpTypes;
use tensorflow::{DataType, Output};

/// Convolutions that the kernels are written for, 28 x 28 pixels in.
#[derive(Debug, Clone)]
pub(super) struct Head {
    pub ops: OpTypes,
    pub conv1: Conv2d,
    pub conv2: Conv2d,
    /// The batch norms behind them, which `optimized` has.
    pub norms: Option<[BatchNorm; 2]>,
    /// In training, with batch norms: a dense layer of the features, and the dropout in front of it.
    pub dense: Option<(Dropout, Dense)>,
}

/// From the gradient of a loss in the features to its gradients in variables.
type TakeGradients = dyn Fn(&Scope, &Output) -> Result<Vec<(Variable, Output)>>;

/// A head in training.
pub(super) struct TrainedHead {
    /// float32 `[rows, 7, 7, 32]`, or, with batch norms, `[rows, 14, 14, 32]`; or a dense layer's products, `[rows, 32]`.
    pub features: Output,
    /// All variables that a gradient may be asked of.
    variables: Vec<Variable>,
    gradients: Box<TakeGradients>,
}

impl Head {
    /// The features of `images`, float32 `[rows, 28, 28, 1]`, in use.
    pub fn apply(&self, scope: &Scope, images: &Output) -> Result<Output> {
        let Some(norms) = &self.norms else {
            return Ok(self.train_plain(scope, images)?.features);
        };
        let fold = |conv: &Conv2d, norm: &BatchNorm| norm.fold(scope, &conv.kernel, conv.bias.as_ref());
        let ((kernel1, bias1), (kernel2, bias2)) =
            (fold(&self.conv1, &norms[0])?, fold(&self.conv2, &norms[1])?);
        let inputs = [images.clone(), kernel1, bias1, kernel2, bias2];
        with_inputs(scope.op(self.ops.features, "features"), &inputs).output()
    }

    /// The same in training; with batch norms by the statistics of the batch, towards which the moving averages are moved
    /// ([`Scope::update_ops`]). A dense layer's dropout draws its masks by `step`, int64 [].
    pub fn train(&self, scope: &Scope, images: &Output, step: Option<&Output>) -> Result<TrainedHead> {
        let Some(norms) = &self.norms else {
            return self.train_plain(scope, images);
        };
        let head = self.train_normed(scope, images, norms)?;
        match &self.dense {
            Some((dropout, dense)) => {
                self.train_dense(&scope.name_scope("dense"), head, dropout, dense, step)
            }
            None => Ok(head),
        }
    }

    /// From the `features` of the trained head to what it comes to: behind a dense layer's products, bias and activation.
    pub fn complete(&self, scope: &Scope, features: Output) -> Result<Output> {
        match &self.dense {
            Some((_, dense)) => dense.complete(scope, features),
            None => Ok(features),
        }
    }

    fn train_plain(&self, scope: &Scope, images: &Output) -> Result<TrainedHead> {
        let variables = [kernel_and_bias(&self.conv1), kernel_and_bias(&self.conv2)].concat();
        let inputs = images_and_reads(images, &variables);
        let made = with_inputs(scope.op(self.ops.baseline_features, "features"), &inputs).build()?;
        let (op, learned) = (self.ops.baseline_features_grad, cloned(&variables));
        Ok(TrainedHead {
            features: made.output(0),
            variables: learned.clone(),
            gradients: Box::new(move |scope, gradient| {
                let node = scope.op(op, "features").input(gradient).input(&made.output(1));
                // All but the last, conv2's bias.
                let found = with_inputs(node, &inputs[..4]).build()?;
                Ok(learned.iter().cloned().zip((0..).map(|port| found.output(port))).collect())
            }),
        })
    }

    fn train_normed(&self, scope: &Scope, images: &Output, norms: &[BatchNorm; 2]) -> Result<TrainedHead> {
        let [conv1, conv2] = [&self.conv1, &self.conv2].map(kernel_and_bias);
        let [norm1, norm2] = norms.each_ref().map(|norm| vec![&norm.gamma, &norm.beta]);
        // None in the biases: the batch norms behind take those out again.
        let learned = cloned(&[&conv1[..1], &norm1, &conv2[..1], &norm2].concat());
        let variables = [conv1, norm1, conv2, norm2].concat();
        let inputs = images_and_reads(images, &variables);
        let made = with_inputs(scope.op(self.ops.layers, "layers"), &inputs).build()?;
        // Behind what the gradients are taken from.
        norms[0].update_moving_averages(scope, &made.output(4), &made.output(8))?;
        norms[1].update_moving_averages(scope, &made.output(6), &made.output(9))?;

        let op = self.ops.layers_grad;
        Ok(TrainedHead {
            features: made.output(0),
            variables: cloned(&variables),
            gradients: Box::new(move |scope, gradient| {
                let node = with_inputs(scope.op(op, "features").input(gradient), &inputs);
                let outputs: Vec<_> = (0..8).map(|port| made.output(port)).collect();
                let found = with_inputs(node, &outputs).build()?;
                Ok(learned.iter().cloned().zip((0..).map(|port| found.output(port))).collect())
            }),
        })
    }

    fn train_dense(
        &self,
        scope: &Scope,
        head: TrainedHead,
        dropout: &Dropout,
        dense: &Dense,
        step: Option<&Output>,
    ) -> Result<TrainedHead> {
        let (ops, kernel) = (self.ops, dense.kernel.clone());
        let key = match step {
            Some(step) => dropout.key(scope, step)?,
            None => dropout.key(scope, &scope.scalar("no_step", 0i64)?)?,
        };
        // The ops take float32 alone: these hold the key's bits.
        let key = scope.op("Bitcast", "key_bits").input(&key).data_type("type", DataType::Float).output()?;
        let inputs = [head.features, kernel.read().clone(), scope.scalar("rate", dropout.rate())?, key];
        let features = with_inputs(scope.op(ops.dense, "products"), &inputs).output()?;
        Ok(TrainedHead {
            features,
            variables: [head.variables, vec![kernel.clone()]].concat(),
            gradients: Box::new(move |scope, gradient| {
                let node = scope.op(ops.dense_grad, "dense").input(gradient);
                let dense = with_inputs(node, &inputs).build()?;
                let mut gradients = (head.gradients)(scope, &dense.output(0))?;
                gradients.push((kernel.clone(), dense.output(1)));
                Ok(gradients)
            }),
        })
    }
}

impl TrainedHead {
    /// The gradients of `loss` in `variables`: behind the features by TensorFlow's registry, which knows no gradient of
    /// the head's ops; before them, those that the head takes from the gradient in its features.
    pub fn gradients(
        &self,
        scope: &Scope,
        loss: &Loss,
        variables: &[Variable],
    ) -> Result<(Vec<Variable>, Vec<Output>)> {
        let is_own = |variable: &&Variable| self.variables.iter().any(|own| own.name() == variable.name());
        let behind: Vec<_> = variables.iter().filter(|variable| !is_own(variable)).cloned().collect();
        let mut ends: Vec<_> = behind.iter().map(|variable| variable.read().clone()).collect();
        ends.push(self.features.clone());
        let mut gradients = gradients_at(scope, loss, &ends)?;
        let in_features = gradients.swap_remove(behind.len()); // the last
        let own = (self.gradients)(&scope.name_scope("conv"), &in_features)?;
        let (own, own_gradients): (Vec<_>, Vec<_>) = own.into_iter().unzip();
        Ok(([behind, own].concat(), [gradients, own_gradients].concat()))
    }
}

/// Adds inputs to a node.
fn with_inputs<'a>(node: OpBuilder<'a>, inputs: &[Output]) -> OpBuilder<'a> {
    inputs.iter().fold(node, |node, input| node.input(input))
}

/// Kernel and bias of a convolution, whose pattern says that it has one.
fn kernel_and_bias(conv: &Conv2d) -> Vec<&Variable> {
    std::iter::once(&conv.kernel).chain(&conv.bias).collect()
}

fn images_and_reads(images: &Output, variables: &[&Variable]) -> Vec<Output> {
    std::iter::once(images).chain(variables.iter().map(|variable| variable.read())).cloned().collect()
}

fn cloned(variables: &[&Variable]) -> Vec<Variable> {
    variables.iter().copied().cloned().collect()
}
