//! The Adam optimizer.

use crate::error::{GraphError, Result};
use crate::get_variable::assign;
use crate::gradients::gradients;
use crate::initializer::Initializer;
use crate::loss::Loss;
use crate::scope::Scope;
use crate::variable::Variable;
use std::collections::BTreeMap;
use tensorflow::{Operation, Output};

/// Adam (Kingma and Ba, 2014, the form before section 2.1), as `tf.train.AdamOptimizer` computes it:
///
/// ```text
/// t        = t + 1
/// m        = beta1 · m + (1 - beta1) · g
/// v        = beta2 · v + (1 - beta2) · g²
/// variable = variable - learning_rate · sqrt(1 - beta2^t) / (1 - beta1^t) · m / (sqrt(v) + epsilon)
/// ```
///
/// The slots m and v are the variables `NAME/Adam` and `NAME/Adam_1`; beta1^t and beta2^t are `beta1_power` and
/// `beta2_power` in the scope of the optimizer. All four kinds are saved and restored like any other variable.
///
/// The crate's `Optimizer` trait is not used: it takes the crate's own `Variable`, which has no `read` identity and no
/// TF1 name, and its gradients cannot start from a [`Loss`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamOptimizer {
    /// The step size.
    pub learning_rate: f32,
    /// Decay of the mean of the gradients.
    pub beta1: f32,
    /// Decay of the mean of their squares.
    pub beta2: f32,
    /// Keeps the division from zero.
    pub epsilon: f32,
    /// Whether a run may feed another step size through `scope/Adam/learning_rate`, float32 [].
    pub feeds_learning_rate: bool,
}

impl Default for AdamOptimizer {
    fn default() -> Self {
        Self { learning_rate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, feeds_learning_rate: false }
    }
}

impl AdamOptimizer {
    /// Adam with TensorFlow's defaults but for the step size.
    pub fn new(learning_rate: f32) -> Self {
        Self { learning_rate, ..Self::default() }
    }

    /// Whether the variable `name` is one that Adam keeps for itself, and no weight: a slot, or a power of a beta.
    pub fn keeps(name: &str) -> bool {
        let last = name.rsplit('/').next().unwrap_or_default();
        ["Adam", "Adam_1", "beta1_power", "beta2_power"].contains(&last)
    }

    /// An operation, `scope/Adam`, that takes one step down the gradient of `loss` in `variables`.
    ///
    /// # Errors
    /// The loss cannot be differentiated with respect to every variable.
    pub fn minimize(&self, scope: &Scope, loss: &Loss, variables: &[Variable]) -> Result<Operation> {
        let gradients = gradients(scope, loss, variables)?.into_iter().zip(variables.iter().cloned());
        self.apply_gradients(scope, &gradients.collect::<Vec<_>>(), variables)
    }

    /// An operation, `scope/Adam`, that applies each gradient to its variable. It runs after the control dependencies of
    /// `scope`, such as its update ops. All of `variables` get slots: those without a gradient stay as they are, and
    /// checkpoints are alike.
    ///
    /// # Errors
    /// A gradient's variable is not among `variables`; or TensorFlow refuses a node, for example for a gradient whose shape is
    /// not its variable's.
    pub fn apply_gradients(
        &self,
        scope: &Scope,
        gradients: &[(Output, Variable)],
        variables: &[Variable],
    ) -> Result<Operation> {
        // TF1 keeps the powers with the variable that comes first by name.
        let beside = variables.iter().map(Variable::name).min().unwrap_or_default();
        let beta1_power = power(scope, "beta1_power", self.beta1, beside)?;
        let beta2_power = power(scope, "beta2_power", self.beta2, beside)?;
        let slots = variables
            .iter()
            .map(|variable| Ok((variable.name(), slots(scope, variable)?)))
            .collect::<Result<BTreeMap<_, _>>>()?;

        let adam = scope.name_scope("Adam").without_control_dependencies();
        let learning_rate = match self.feeds_learning_rate {
            true => adam.placeholder_with_default("learning_rate", self.learning_rate)?,
            false => adam.scalar("learning_rate", self.learning_rate)?,
        };
        let beta1 = adam.scalar("beta1", self.beta1)?;
        let beta2 = adam.scalar("beta2", self.beta2)?;
        let epsilon = adam.scalar("epsilon", self.epsilon)?;

        // A variable's `read` aliases the buffer that ApplyAdam overwrites, so no update may begin before the last
        // gradient is done: otherwise a gradient is computed from half-updated weights, differently in every run.
        let gradients_done = gradients.iter().map(|(gradient, _)| &gradient.operation);
        let computed = adam.group("gradients_computed", gradients_done.chain(&scope.control_inputs))?;
        let after = adam.control_dependencies([&computed]);

        let mut updates = Vec::new();
        for (gradient, variable) in gradients {
            let [m, v] = slots.get(variable.name()).ok_or_else(|| {
                GraphError::unfit(variable.name(), "it is to be trained, but not among the variables")
            })?;
            let scope = after.within(&format!("{}/update_{}", adam.path(), variable.name()));
            let update = scope
                .op("ApplyAdam", "ApplyAdam")
                .inputs([&variable.reference, &m.reference, &v.reference])
                .inputs([beta1_power.read(), beta2_power.read()])
                .inputs([&learning_rate, &beta1, &beta2, &epsilon, gradient])
                .boolean("use_locking", false)
                .boolean("use_nesterov", false)
                .colocate_with(variable.name());
            updates.push(update.build()?);
        }
        let applied = adam.control_dependencies(&updates);
        updates.push(advance(&applied, &beta1_power, &beta1, beside)?);
        updates.push(advance(&applied, &beta2_power, &beta2, beside)?);
        adam.op_named_as_scope("NoOp").control_inputs(&updates).build()
    }
}

/// The two running averages of one variable.
fn slots(scope: &Scope, variable: &Variable) -> Result<[Variable; 2]> {
    let slot = |name: &str| {
        let name = format!("{}/{name}", variable.name());
        Variable::untrainable(scope, &name, variable.shape(), Initializer::Zeros)
    };
    Ok([slot("Adam")?, slot("Adam_1")?])
}

/// The variable `scope/NAME`, beta^t for the step t that comes next, on the device of the variable `beside`.
fn power(scope: &Scope, name: &str, beta: f32, beside: &str) -> Result<Variable> {
    let name = scope.full_name(name);
    Variable::with_value(scope, &name, &[], false, beside, |root| {
        root.within(&name)
            .op("Const", "initial_value")
            .tensor("value", &[], &[beta])
            .colocate_with(beside)
            .output()
    })
}

fn advance(scope: &Scope, power: &Variable, beta: &Output, beside: &str) -> Result<Operation> {
    let product = scope.op("Mul", "mul").input(power.read()).input(beta).colocate_with(beside).output()?;
    assign(scope, &power.reference, &product, false, beside)
}
