//! Symbolic gradients, by TensorFlow's C++ gradient registry.

use super::error::{GraphError, Result};
use super::loss::Loss;
use super::scope::Scope;
use super::variable::Variable;
use tensorflow::Output;

/// The gradient of `loss` with respect to each of `variables`, of the variable's shape, in their order;
/// `tf.gradients`.
///
/// # Errors
/// An op on the way has no gradient in TensorFlow's C++ registry, or the loss does not depend on a variable.
pub fn gradients(scope: &Scope, loss: &Loss, variables: &[Variable]) -> Result<Vec<Output>> {
    let inner = scope.name_scope("gradients");
    let reads: Vec<_> = variables.iter().map(|variable| variable.read().clone()).collect();
    // Starting values of one's own (`dx`) would be freed by the crate before TensorFlow reads them; the surrogate in
    // `Loss` does without.
    let found = inner
        .graph_mut()
        .add_gradients(
            Some(inner.path()),
            std::slice::from_ref(&loss.differentiable),
            &reads,
            None,
        )
        .map_err(|status| GraphError::Gradient {
            of: loss.value.operation.name().unwrap_or_default(),
            status,
        })?;
    found
        .into_iter()
        .zip(variables)
        .map(|(gradient, variable)| {
            gradient.ok_or_else(|| GraphError::Unconnected {
                variable: variable.name().to_owned(),
            })
        })
        .collect()
}
