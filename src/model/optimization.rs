//! From a loss to a step of Adam.

use super::forms::{AccuracyOn, BuildOptions, Towers};
use super::lower::Tower;
use super::part::Step;
use super::rewrites;
use crate::graph::{AdamOptimizer, GraphError, Loss, Result, Scope, Variable, gradients};
use crate::networks::Table;
use tensorflow::{Operation, Output};

/// Variables, and the gradient of a loss in each.
pub(super) struct Gradients {
    pub variables: Vec<Variable>,
    pub values: Vec<Output>,
}

/// The gradients of `loss`, that of the tower `learning`, in the variables of the graph that are to be trained.
pub(super) fn differentiate(
    options: &BuildOptions,
    scope: &Scope,
    steps: &[Step],
    learning: &Tower,
    loss: &Loss,
) -> Result<Gradients> {
    let frozen = match options.towers {
        Towers::AsPublished => Vec::new(),
        Towers::Fast { .. } => {
            rewrites::biases_before_norms(steps, options.accuracy_on == AccuracyOn::Logits)
        }
    };
    let mut variables = scope.trainable_variables();
    variables.retain(|variable| frozen.iter().all(|other| other.name() != variable.name()));
    let (variables, values) = match &learning.head {
        Some(head) => head.gradients(scope, loss, &variables)?,
        None => {
            let values = gradients(scope, loss, &variables)?;
            (variables, values)
        }
    };
    Ok(Gradients { variables, values })
}

/// One step of training, and what its learning rate is fed through, where that changes from step to step.
pub(super) struct Optimizer {
    pub step: Operation,
    pub learning_rate: Option<Output>,
}

impl Optimizer {
    /// Adam with the table's numbers, which waits for the control dependencies of `scope`, with slots for all trainable
    /// variables so far.
    pub fn new(table: &Table, scope: &Scope, gradients: &Gradients) -> Result<Self> {
        let adam = &table.training.adam;
        let adam = AdamOptimizer {
            learning_rate: adam.learning_rate.initial(),
            beta1: adam.beta_1,
            beta2: adam.beta_2,
            epsilon: adam.epsilon,
            feeds_learning_rate: !adam.learning_rate.is_constant(),
        };
        let variables = scope.trainable_variables();
        let step = adam.apply_gradients_to(scope, &gradients.values, &gradients.variables, &variables)?;
        let learning_rate = match adam.feeds_learning_rate {
            true => {
                // The scope's own path: a name that was taken already has a number behind it.
                let name = format!("{}/Adam/learning_rate", scope.path());
                let operation = scope.graph().operation_by_name_required(&name);
                Some(operation.map_err(GraphError::run(format!("find {name}")))?.output(0))
            }
            false => None,
        };
        Ok(Self { step, learning_rate })
    }
}
