//! From a loss to a step of Adam.

use super::forms::{AccuracyOn, BuildOptions, Towers};
use super::lower::Tower;
use super::part::Step;
use super::rewrites;
use crate::graph::{AdamOptimizer, GraphError, Loss, Result, Scope, Variable, gradients};
use crate::networks::Table;
use tensorflow::{Operation, Output};

/// The gradients of `loss`, that of the tower `learning`, in the variables of the graph that are to be trained.
pub(super) fn differentiate(
    options: &BuildOptions,
    scope: &Scope,
    steps: &[Step],
    learning: &Tower,
    loss: &Loss,
) -> Result<Vec<(Output, Variable)>> {
    let mut variables = scope.trainable_variables();
    if options.towers != Towers::AsPublished {
        let frozen = rewrites::biases_before_norms(steps, options.accuracy_on == AccuracyOn::Logits);
        variables.retain(|variable| frozen.iter().all(|other| other.name() != variable.name()));
    }
    match &learning.head {
        Some(head) => head.gradients(scope, loss, &variables),
        None => Ok(gradients(scope, loss, &variables)?.into_iter().zip(variables).collect()),
    }
}

/// One step of Adam with the table's numbers, which waits for the control dependencies of `scope`, with slots for all
/// trainable variables so far; and what its learning rate is fed through, where that changes from step to step.
pub(super) fn optimize(
    table: &Table,
    scope: &Scope,
    gradients: &[(Output, Variable)],
) -> Result<(Operation, Option<Output>)> {
    let adam = &table.training.adam;
    let adam = AdamOptimizer {
        learning_rate: adam.learning_rate.initial(),
        beta1: adam.beta_1,
        beta2: adam.beta_2,
        epsilon: adam.epsilon,
        feeds_learning_rate: !adam.learning_rate.is_constant(),
    };
    let step = adam.apply_gradients(scope, gradients, &scope.trainable_variables())?;
    let learning_rate = match adam.feeds_learning_rate {
        true => {
            // The scope's own path: a name that was taken already has a number behind it.
            let name = format!("{}/Adam/learning_rate", scope.path());
            let operation = scope.graph().operation_by_name_required(&name);
            Some(operation.map_err(GraphError::run(format!("find {name}")))?.output(0))
        }
        false => None,
    };
    Ok((step, learning_rate))
}
