//! The same function by fewer and cheaper ops: rewrites of a list of parts, wherever their pattern occurs.

use super::part::{Part, Step};
use crate::graph::{BatchNorm, Pool, Variable};

/// Pools before it activates: the greatest value stays the greatest behind an increasing function, and a part of the
/// values is left for it.
pub(super) fn pool_first(mut steps: Vec<Step>) -> Vec<Step> {
    for at in 1..steps.len() {
        if let (Part::Activation(_), Part::Pool(Pool::Max, _)) = (&steps[at - 1].part, &steps[at].part) {
            steps.swap(at - 1, at);
        }
    }
    steps
}

/// Folds each batch norm, in use, into the layer right before it, and adds the bias behind a max pool, to a part of the
/// values. Not the last: the sums of the layer before it may be asked for too.
pub(super) fn fold_norms(steps: Vec<Step>) -> Vec<Step> {
    let last = steps.len().saturating_sub(1);
    let mut folded: Vec<Step> = Vec::new();
    for (at, step) in steps.into_iter().enumerate() {
        let before = folded.last_mut().map(|before| &mut before.part);
        let both = before.as_deref().and_then(|before| match (before, &step.part) {
            (layer, Part::BatchNorm(norm)) if at < last => fold(layer, norm),
            (Part::FoldedConv2d(conv, norm, None), Part::Pool(Pool::Max, window)) => {
                Some(Part::FoldedConv2d(conv.clone(), norm.clone(), Some(*window)))
            }
            _ => None,
        });
        match (before, both) {
            (Some(before), Some(both)) => *before = both,
            _ => folded.push(step),
        }
    }
    folded
}

/// `norm` folded into `layer`, where that pays: the kernel is multiplied once a run, and each value of the output needs
/// less. A dense layer uses each factor of its kernel once a row: there it pays for as many rows as it has inputs.
fn fold(layer: &Part, norm: &BatchNorm) -> Option<Part> {
    const FEW_INPUTS: u64 = 256;
    match layer {
        Part::Conv2d(conv) if conv.is_linear() => Some(Part::FoldedConv2d(conv.clone(), norm.clone(), None)),
        Part::Dense(dense) if dense.is_linear() && dense.kernel.shape()[0] <= FEW_INPUTS => {
            Some(Part::FoldedDense(dense.clone(), norm.clone()))
        }
        _ => None,
    }
}

/// Makes each batch norm one of all replicas'.
pub(super) fn synchronize(mut steps: Vec<Step>) -> Vec<Step> {
    for Step { part, .. } in &mut steps {
        if let Part::BatchNorm(norm) = part {
            *part = Part::SynchronizedNorm(norm.clone());
        }
    }
    steps
}

/// The biases that a batch norm right behind takes out again. Their gradient is zero but for rounding, of which Adam,
/// which divides by its size, would make a random walk. Of the last layer, only if nobody looks at its own sums.
pub(super) fn biases_before_norms<'a>(steps: &'a [Step], sums_of_the_last_show: bool) -> Vec<&'a Variable> {
    let steps = match sums_of_the_last_show {
        true => &steps[..steps.len().saturating_sub(1)],
        false => steps,
    };
    let pairs = steps.windows(2).map(|pair| (&pair[0].part, &pair[1].part));
    let before_norms = pairs.filter(|(_, behind)| matches!(behind, Part::BatchNorm(_)));
    let bias_of_sums = |layer: &'a Part| match layer {
        Part::Conv2d(conv) if conv.is_linear() => conv.bias.as_ref(),
        Part::Dense(dense) if dense.is_linear() => dense.bias.as_ref(),
        _ => None,
    };
    before_norms.filter_map(|(layer, _)| bias_of_sums(layer)).collect()
}
