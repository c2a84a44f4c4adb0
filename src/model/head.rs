//! The first layers of the two published networks by the ops of [`crate::kernels`]: from the images to the pooled features,
//! forwards and backwards.

use crate::graph::{BatchNorm, Conv2d, Dense, Dropout, Loss, Result, Scope, Variable, gradients_at};
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

/// A head in training.
pub(super) struct TrainedHead {
    /// What it comes to: that of the last op, or of the dense layer whose products those are.
    pub output: Output,
    /// Of its last op: float32 `[rows, 7, 7, 32]`, or, with batch norms, `[rows, 14, 14, 32]`; or products, `[rows, 32]`.
    features: Output,
    /// All variables that a gradient may be asked of.
    variables: Vec<Variable>,
    /// The way back through its ops, from the images on.
    way_back: Vec<Gradient>,
}

/// The op that takes the gradient of a loss back through one of a head's.
struct Gradient {
    op: &'static str,
    name: &'static str,
    /// What it takes besides the gradient in the op's features.
    takes: Vec<Output>,
    /// What its outputs are the gradients of, behind that in the features of the op before, if there is one.
    variables: Vec<Variable>,
}

impl Head {
    /// The features of `images`, float32 `[rows, 28, 28, 1]`, in use.
    pub fn apply(&self, scope: &Scope, images: &Output) -> Result<Output> {
        let Some(norms) = &self.norms else {
            return Ok(self.train(scope, images, None)?.output);
        };
        let fold = |conv: &Conv2d, norm: &BatchNorm| norm.fold(scope, &conv.kernel, conv.bias.as_ref());
        let ((kernel1, bias1), (kernel2, bias2)) =
            (fold(&self.conv1, &norms[0])?, fold(&self.conv2, &norms[1])?);
        let inputs = [images.clone(), kernel1, bias1, kernel2, bias2];
        scope.op(self.ops.features, "features").inputs(&inputs).output()
    }

    /// The same in training; with batch norms by the statistics of the batch, towards which the moving averages are moved
    /// ([`Scope::update_ops`]). A dense layer's dropout draws its masks by `step`, int64 [].
    pub fn train(&self, scope: &Scope, images: &Output, step: Option<&Output>) -> Result<TrainedHead> {
        // Its pattern says that each has a bias.
        let [conv1, conv2] = [&self.conv1, &self.conv2]
            .map(|conv| std::iter::once(&conv.kernel).chain(&conv.bias).cloned().collect::<Vec<_>>());
        let images_and = |variables: &[Variable]| {
            let reads = variables.iter().map(|variable| variable.read().clone());
            std::iter::once(images.clone()).chain(reads).collect::<Vec<_>>()
        };
        let Some(norms) = &self.norms else {
            let variables = [conv1, conv2].concat();
            let inputs = images_and(&variables);
            let made = scope.op(self.ops.baseline_features, "features").inputs(&inputs).build()?;
            // All inputs but the last, conv2's bias.
            let takes = [&[made.output(1)], &inputs[..4]].concat();
            let op = self.ops.baseline_features_grad;
            let way_back = vec![Gradient { op, name: "features", takes, variables: variables.clone() }];
            let features = made.output(0);
            return Ok(TrainedHead { output: features.clone(), features, variables, way_back });
        };
        let [norm1, norm2] = norms.each_ref().map(|norm| vec![norm.gamma.clone(), norm.beta.clone()]);
        // None in the biases: the batch norms behind take those out again.
        let learned = [&conv1[..1], &norm1, &conv2[..1], &norm2].concat();
        let mut variables = [conv1, norm1, conv2, norm2].concat();
        let inputs = images_and(&variables);
        let made = scope.op(self.ops.layers, "layers").inputs(&inputs).build()?;
        // Behind what the gradients are taken from.
        norms[0].update_moving_averages(scope, [&made.output(4), &made.output(8)], 4)?;
        norms[1].update_moving_averages(scope, [&made.output(6), &made.output(9)], 4)?;
        let takes = inputs.into_iter().chain((0..8).map(|port| made.output(port))).collect();
        let op = self.ops.layers_grad;
        let mut way_back = vec![Gradient { op, name: "features", takes, variables: learned }];
        let features = made.output(0);
        let Some((dropout, dense)) = &self.dense else {
            return Ok(TrainedHead { output: features.clone(), features, variables, way_back });
        };

        let inner = scope.name_scope("dense");
        let key = match step {
            Some(step) => dropout.key(&inner, step)?,
            None => dropout.key(&inner, &inner.scalar("no_step", 0i64)?)?,
        };
        // The ops take float32 alone: these hold the key's bits.
        let key = inner.op("Bitcast", "key_bits").input(&key).data_type("type", DataType::Float).output()?;
        let kernel = &dense.kernel;
        let takes = vec![features, kernel.read().clone(), inner.scalar("rate", dropout.rate)?, key];
        let features = inner.op(self.ops.dense, "products").inputs(&takes).output()?;
        variables.push(kernel.clone());
        let (op, name) = (self.ops.dense_grad, "dense");
        way_back.push(Gradient { op, name, takes, variables: vec![kernel.clone()] });
        let output = dense.complete(scope, features.clone())?;
        Ok(TrainedHead { output, features, variables, way_back })
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
    ) -> Result<Vec<(Output, Variable)>> {
        let is_own = |variable: &&Variable| self.variables.iter().any(|own| own.name() == variable.name());
        let behind: Vec<_> = variables.iter().filter(|variable| !is_own(variable)).cloned().collect();
        let mut ends: Vec<_> = behind.iter().map(|variable| variable.read().clone()).collect();
        ends.push(self.features.clone());
        let mut gradients = gradients_at(scope, loss, &ends)?;
        let mut in_features = gradients.swap_remove(behind.len()); // the last
        let scope = scope.name_scope("conv");
        let mut own = Vec::new();
        for (before, Gradient { op, name, takes, variables }) in self.way_back.iter().enumerate().rev() {
            let found = scope.op(op, name).input(&in_features).inputs(takes).build()?;
            let in_variables = (usize::from(before > 0)..).map(|port| found.output(port));
            own.splice(0..0, in_variables.zip(variables.iter().cloned()));
            in_features = found.output(0);
        }
        Ok(gradients.into_iter().zip(behind).chain(own).collect())
    }
}
