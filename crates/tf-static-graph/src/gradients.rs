//! Symbolic gradients, by TensorFlow's C++ gradient registry.

use crate::error::{GraphError, Result};
use crate::loss::Loss;
use crate::scope::Scope;
use crate::variable::Variable;
use tensorflow::Output;

/// As [`gradients_at`], with respect to each of `variables`; `tf.gradients`.
pub fn gradients(scope: &Scope, loss: &Loss, variables: &[Variable]) -> Result<Vec<Output>> {
    let reads: Vec<_> = variables.iter().map(|variable| variable.read().clone()).collect();
    gradients_at(scope, loss, &reads)
}

/// The gradient of `loss` with respect to each of `outputs`, of the output's shape, in their order. They may lie anywhere
/// between the variables and the loss; the loss is followed back no further than to them.
///
/// # Errors
/// An op on the way has no gradient in TensorFlow's C++ registry ([`GraphError::Gradient`]), or the loss does not depend on an output
/// ([`GraphError::Unconnected`]).
pub fn gradients_at(scope: &Scope, loss: &Loss, outputs: &[Output]) -> Result<Vec<Output>> {
    let inner = scope.name_scope("gradients");
    // Starting values of one's own (`dx`) would be freed by the crate before TensorFlow reads them; the surrogate in
    // `Loss` does without.
    let found = inner.graph_mut().add_gradients(Some(inner.path()), &loss.differentiable, outputs, None);
    let found = found.map_err(|status| match unreachable(&status.to_string()) {
        Some(output) => GraphError::Unconnected { output },
        None => GraphError::Gradient { of: loss.value.operation.name().unwrap_or_default(), status },
    })?;
    found
        .into_iter()
        .zip(outputs)
        .map(|(gradient, output)| {
            gradient.ok_or_else(|| GraphError::Unconnected {
                output: output.operation.name().unwrap_or_default(),
            })
        })
        .collect()
}

/// The node that no gradient comes to, if that is what TensorFlow complains of.
fn unreachable(message: &str) -> Option<String> {
    let (name, rest) = message.split_once("for node '")?.1.split_once('\'')?;
    rest.contains("unreachable").then(|| name.to_owned())
}
